//! The one integration binary: everything that needs the real server, its binary or the tree.
#![allow(clippy::unwrap_used)]

mod access;
mod agreement;
mod attachments;
mod attributes;
mod backup;
mod behind_proxy;
mod busy_threads;
mod command_line;
mod configuration;
mod conformance;
mod crash;
mod damaged_input;
mod demo;
mod discovery_walk;
mod existence;
mod external_edits;
mod external_scheduling;
mod failing_disk;
mod guessing;
mod harness;
mod large_meeting;
mod listening;
mod many_homes;
mod odd_names;
mod policy;
mod principals;
mod put;
mod restarts;
mod sign_in;
mod tidy;
mod torture;
mod transcripts;
mod transfer;
mod transport;
mod transport_inside;
