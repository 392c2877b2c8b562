//! The programs against the broker of this workspace, all as real processes.

mod certificates;
mod encrypted_key;
mod ends;
mod harness;
mod lost_connection;
mod messages;
mod mixture;
#[path = "../../../dns/tests/name_server/mod.rs"]
#[allow(clippy::expect_used, clippy::indexing_slicing, reason = "a harness fails the test that it serves")]
mod name_server;
mod options;
mod proxy;
mod psk;
mod requests;
mod services;
#[path = "../../../server/tests/it/harness/terminal.rs"]
#[allow(clippy::unwrap_used, reason = "a harness fails the test that it serves")]
mod sitter;
mod standard_input;
mod terminal;
mod tls;
mod websockets;
