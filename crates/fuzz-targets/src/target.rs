//! All targets by name.

use crate::{
    acl_text, client_answers, client_session, config_text, db_file, decode, http_head, journal, key_file, name_server,
    passwd_lines, password_file, proxy_header, psk_file, psk_stream, tls_files, tls_stream, tool_text, two_clients,
    websocket,
};
use mosquitto_mqtt::ProtocolVersion;
use std::sync::OnceLock;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the name of its corpus in `fuzz/corpus` and of its binary in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Panics where something does not hold for these bytes.
    pub run: fn(&[u8]),
}

/// How many bytes the process has allocated, where its allocator counts them.
static ALLOCATED: OnceLock<fn() -> usize> = OnceLock::new();

/// Lets the targets look at how many bytes the process has allocated. Nothing else may allocate while they run.
pub fn watch_memory(allocated: fn() -> usize) {
    ALLOCATED.get_or_init(|| allocated);
}

/// Every target there is.
pub const TARGETS: &[Target] = &[
    Target { name: "decode_v31", run: |bytes| decode::run(bytes, ProtocolVersion::V31) },
    Target { name: "decode_v311", run: |bytes| decode::run(bytes, ProtocolVersion::V311) },
    Target { name: "decode_v5", run: |bytes| decode::run(bytes, ProtocolVersion::V5) },
    Target { name: "two_clients", run: |bytes| two_clients::run(bytes, ALLOCATED.get().copied()) },
    Target { name: "config_text", run: config_text::run },
    Target { name: "psk_file", run: psk_file::run },
    Target { name: "db_file", run: db_file::run },
    Target { name: "client_session", run: client_session::run },
    Target { name: "tool_text", run: tool_text::run },
    Target { name: "password_file", run: password_file::run },
    Target { name: "acl_text", run: acl_text::run },
    Target { name: "websocket", run: |bytes| websocket::run(bytes, ALLOCATED.get().copied()) },
    Target { name: "proxy_header", run: proxy_header::run },
    Target { name: "passwd_lines", run: passwd_lines::run },
    Target { name: "tls_files", run: tls_files::run },
    Target { name: "tls_stream", run: tls_stream::run },
    Target { name: "http_head", run: http_head::run },
    Target { name: "key_file", run: key_file::run },
    Target { name: "client_answers", run: client_answers::run },
    Target { name: "name_server", run: name_server::run },
    Target { name: "psk_stream", run: psk_stream::run },
    Target { name: "journal", run: journal::run },
];

/// Runs the target of this name.
///
/// # Panics
///
/// Where there is no such target, or where something does not hold for these bytes.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(bytes);
}
