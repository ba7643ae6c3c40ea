//! Implicit scheduling (RFC 6638) and iTIP (RFC 5546): who changes what, who hears of it.
//!
//! The deciding part is pure: `classify`, `normalise`, `instance_diff`, `organizer`, `attendee`,
//! `itip`, `view`, `process`, `process_reply`. The part that works on the store is in `delivery`.
//! docs/scheduling.md has the table of changes and messages.
//!
//! Order of a write: [`lock`] the UID, ask [`on_put`] or [`on_delete`] inside the transaction,
//! store what the plan says with its spool entries, commit, [`deliver`].

pub mod agreement;
pub mod attendee;
pub mod attendees;
mod called_off;
pub mod changes;
pub mod classify;
pub mod delegation;
mod delivery;
pub mod instance_diff;
pub mod itip;
mod lost_properties;
pub mod normalise;
pub mod object;
pub mod organizer;
mod others_answers;
pub mod own_data;
pub mod process;
pub mod process_reply;
pub mod reschedule;
pub mod smart_merge;
pub mod split;
pub mod uninvited;
pub mod users;
pub mod view;

#[cfg(test)]
mod tests;

pub use delivery::{
    Agreement, Committed, DamagedCopies, Delete, Disagreement, Env, Host, Options, Orphans, Plan,
    Post, Put, Relocation, Resident, Right, Split, SplitPlan, Stored, Users, check_agreement,
    default_calendar, deliver, is_scheduling_object, lock, on_copy, on_delete, on_move, on_put,
    on_split, post, refresh_groups, replay, right_to_post, schedule_tag,
};
