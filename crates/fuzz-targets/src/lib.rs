//! The bodies of the fuzz targets: each is a function from bytes to a verdict, which is a panic or nothing.
//!
//! A target stands for one place where bytes come in from outside. It checks what has to hold for any bytes: not only
//! that nothing panics, but what accepted input has to look like afterwards, what may come out, and that nothing is
//! left behind. The fuzzer's side of it is in `fuzz/` at the top of the repository, the corpora too; the tests here
//! replay them without a fuzzer. `docs/fuzzing.md` says how to run either.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a target says that something does not hold"
)]

mod acl_text;
mod chance;
mod client_answers;
mod client_session;
mod config_text;
mod db_file;
mod decode;
mod http_head;
mod journal;
mod key_file;
mod name_server;
mod passwd_lines;
mod password_file;
mod proxy_header;
mod psk_file;
mod psk_stream;
mod target;
mod text;
mod tls;
mod tls_files;
mod tls_stream;
mod tool_text;
mod two_clients;
mod websocket;

pub use target::{TARGETS, Target, run, watch_memory};
