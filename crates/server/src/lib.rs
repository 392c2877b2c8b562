//! The `mosquitto` broker around its core: event loops, listeners, signals and logs.
//!
//! A broker is as many [`Shard`](mosquitto_broker::Shard)s as there are worker threads, each driven by the event loop in
//! `worker`, the mailboxes between them in `mailbox`, and the main thread, which starts them, waits for a signal and
//! stops them (`broker`). The log has a thread of its own, so that a reader of it who is slow stops nobody
//! (`log`).
//!
//! Invariant: no worker ever waits for anything but its own events: not for the log, not for another worker.

mod broker;
mod endpoint;
mod error_text;
mod log;
mod mailbox;
mod seats;
mod startup;
mod worker;

pub use startup::run;

/// The version of the broker.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
