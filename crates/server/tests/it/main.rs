//! End to end: the real `mosquitto` over real sockets, one module a theme.
//!
//! Nothing here waits for a time to pass: a test waits for what has to happen, for [`harness::PATIENCE`] at most, and
//! fails if it does not.
#![allow(missing_docs, reason = "the names of the tests say what they show")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod access_lists;
mod admission;
mod background;
mod bad_input;
mod bridges;
mod broken_configurations;
mod command_line;
mod delivery;
mod descriptors;
mod early_packets;
mod foreign;
mod harness;
mod http;
mod listeners;
mod log_topics;
mod logging;
mod max_connections;
mod memory;
mod memory_limit;
mod options;
mod passwords;
mod persistence;
mod pid_file;
mod privileges;
mod proxy_protocol;
mod psk;
mod reload;
mod reload_options;
mod security_guide;
mod sessions;
mod slow_subscribers;
mod stopping;
mod supervision;
mod sys_topics;
#[cfg(target_os = "linux")]
mod threads;
mod timers;
mod tls;
mod tree_print;
mod unix_sockets;
mod websockets;
mod wire_cases;
