//! The part of scheduling that works on the store: operations inside the owner's transaction, the
//! queue, delivery to recipients, answers of rooms, the outbox (RFC 6638 §3.2, §4, §5).
//!
//! Holds one home's transaction at a time; what to store and send is decided by the pure files
//! beside this folder.

mod agree;
mod alike;
mod attendee_operation;
mod auto_respond;
mod booking_details;
mod busy;
mod damaged;
pub mod default_calendar;
mod deliver;
mod env;
mod groups;
mod inbox;
mod operation;
mod outbox;
mod outbox_messages;
mod queue;
mod refresh;
mod relocate;
mod reply;
mod route;
pub mod schedule_tag;
mod split;
mod unique;

pub use agree::{Agreement, Disagreement, check_agreement};
pub use deliver::{Committed, deliver, replay};
pub use env::{DamagedCopies, Env, Host, Options, Orphans, Resident, Right, Users};
pub use groups::refresh_groups;
pub use operation::{Delete, Plan, Put, Stored, is_scheduling_object, on_delete, on_put};
pub use outbox::{Post, post, right_to_post};
pub use relocate::{Relocation, on_copy, on_move};
pub use split::{Split, SplitPlan, on_split};

use crate::store::{Store, StoreError, UidGuard};

/// Keeps other scheduling operations on a UID out, from reading the stored copy until delivery.
pub fn lock(store: &Store, uid: &str) -> Result<UidGuard, StoreError> {
    store.uid_lock(uid)
}
