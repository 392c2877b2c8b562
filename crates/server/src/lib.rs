//! The `mosquitto` broker around its core: event loops, listeners, signals and logs.
//!
//! A broker is as many [`Shard`](mosquitto_broker::Shard)s as there are worker threads, each driven by the event loop in
//! `worker`, the mailboxes between them in `mailbox`, and the main thread, which starts them (`broker`), waits for signals
//! and does what they and the clock ask for (`operator`), and stops them. The log has a thread of its own, so that a reader of it who is slow stops nobody
//! (`log`).
//!
//! Invariant: a worker waits for its own events, and for the locks of the two trees that all shards share, which nobody
//! holds for longer than a tick; for nothing else: not for the log, not for a mailbox, not for a client.

mod access_lists;
mod auth_files;
mod bridges;
mod broker;
mod check;
mod endpoint;
mod evictions;
mod failure;
mod http;
mod interface;
mod launch;
mod listeners;
mod lobby;
mod log;
mod mailbox;
mod operator;
mod order;
pub mod outside;
mod passphrases;
mod password_checks;
mod password_files;
mod persistence;
mod pid_file;
mod privileges;
mod psk;
mod reload;
#[cfg(test)]
mod scratch;
mod seats;
mod sensitive;
mod settings;
mod startup;
mod supervisor;
mod sys_tree;
mod sys_updates;
mod tls;
mod tree_print;
mod worker;

pub use startup::run;

/// The version of the broker.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
