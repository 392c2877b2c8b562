//! The programs against the broker of this workspace, all as real processes.

mod certificates;
mod encrypted_key;
mod ends;
mod harness;
mod lost_connection;
mod messages;
mod mixture;
mod proxy;
mod psk;
mod requests;
#[path = "../../../server/tests/it/harness/terminal.rs"]
#[allow(clippy::unwrap_used, reason = "a harness fails the test that it serves")]
mod sitter;
mod standard_input;
mod terminal;
mod tls;
mod websockets;
