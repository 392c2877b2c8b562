//! Bridges without I/O: a session at a remote broker beside one at this broker, and what passes between them.
mod addresses;
mod bridge;
mod ledger;
mod pause;
mod remote;
mod report;
mod topics;

pub use bridge::{Action, Bridge};
pub use remote::{Backlog, Effect, Limits, Passed, Passing, Remote, RemoteEvent};
pub use report::{Counters, Report, State};
pub use topics::Topics;
