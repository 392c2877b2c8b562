//! `key_file`: the file of a private key. The first byte of the input says whether the rest is the file, or what is in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mosquitto_transport::{KeyError, KeyFile, TlsSetupError};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;

/// Bytes of what the log says of a file.
const WHY_BYTES_MAX: usize = 1_000;

/// OIDs of scrypt, and of PBKDF2, in DER.
const SCRYPT: &[u8] = b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";
const PBKDF2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";

pub(crate) fn run(bytes: &[u8]) {
    let [kind, rest @ ..] = bytes else { return };
    let label = match kind % 5 {
        0 => return reads(rest, rest),
        1 => "ENCRYPTED PRIVATE KEY",
        2 => "PRIVATE KEY",
        3 => "RSA PRIVATE KEY",
        _ => "EC PRIVATE KEY",
    };
    let body = STANDARD.encode(rest);
    let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    reads(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")).as_bytes(), rest);
}

fn reads(contents: &[u8], der: &[u8]) {
    let mut file = File::from(memfd_create("key", MemfdFlags::CLOEXEC).expect("a file in memory"));
    file.write_all(contents).expect("room");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let key = match KeyFile::read(path.as_ref()) {
        Ok(key) => key,
        Err(error) => return can_be_told(&error),
    };
    assert!(!key.unusable().contains(char::is_control));
    if !key.is_encrypted() {
        // Nobody is asked.
        assert!(key.open(b"").is_ok() && key.open(b"secret").is_ok());
        return;
    }
    if takes_long(contents, der) {
        return;
    }
    for passphrase in [&b"secret"[..], b""] {
        match key.open(passphrase) {
            Ok(_) => {}
            Err(KeyError::WrongPassphrase(error) | KeyError::Unusable(error)) => can_be_told(&error),
        }
    }
}

/// Whether it is not to be opened here. A passphrase may take seconds to be looked at, as the broker's own bounds have it:
/// that many rounds are of no interest. In a file with base64, the one encrypted key of the corpus is good for all.
fn takes_long(contents: &[u8], der: &[u8]) -> bool {
    let has = |part: &[u8]| der.windows(part.len()).any(|window| window == part);
    let pkcs8 = contents.windows(9).any(|window| window == b"ENCRYPTED");
    let is_der = contents.len() != der.len();
    // An INTEGER of three bytes or more.
    let many = (3..9).any(|len| has(&[2, len]));
    pkcs8 && (!is_der || has(SCRYPT) || !has(PBKDF2) || many)
}

fn can_be_told(error: &TlsSetupError) {
    assert!(error.text.starts_with("Error: ") && !error.why.is_empty());
    for line in [&error.text, &error.why] {
        assert!(line.len() <= WHY_BYTES_MAX && !line.contains(char::is_control), "{line:?}");
    }
}
