//! The programs against the broker of this workspace, all as real processes.

mod ends;
mod harness;
mod lost_connection;
mod messages;
mod requests;
mod standard_input;
