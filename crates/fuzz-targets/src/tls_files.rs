//! `tls_files`: what a listener's TLS is made of. The first byte of the input says what the rest is: one of the files, or a
//! list of cipher suites. All else is good.

use crate::tls::{Files, Papers};
use mosquitto_transport::TlsServer;
use mosquitto_transport::bare::certificate_names;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Bytes of what the log says of a file or list, without the list.
const WHY_BYTES_MAX: usize = 1_000;

pub(crate) fn run(bytes: &[u8]) {
    let [kind, rest @ ..] = bytes else { return };
    // DER is easier to change than PEM.
    let as_pem = |label: &str| pem(label, rest);
    let good = Files::good(true);
    match kind % 12 {
        0 => of_one_file(rest),
        1 => opens(Files { certfile: rest, ..good }),
        2 => opens(Files { keyfile: rest, ..good }),
        3 => opens(Files { cafile: rest, ..good }),
        4 => opens(Files { crlfile: Some(rest), ..good }),
        5 => {
            names(rest);
            opens(Files { certfile: as_pem("CERTIFICATE").as_bytes(), ..good });
        }
        6 => opens(Files { keyfile: as_pem("PRIVATE KEY").as_bytes(), ..good }),
        7 => opens(Files { keyfile: as_pem("RSA PRIVATE KEY").as_bytes(), ..good }),
        8 => opens(Files { keyfile: as_pem("EC PRIVATE KEY").as_bytes(), ..good }),
        9 => {
            let above = [as_pem("CERTIFICATE"), Papers::get().authority.clone()].concat();
            opens(Files { cafile: above.as_bytes(), ..good });
        }
        10 => opens(Files { crlfile: Some(as_pem("X509 CRL").as_bytes()), ..good }),
        _ => ciphers(rest),
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        for three in line.chunks(3) {
            let number =
                three.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte)) << (8 * (3 - three.len()));
            for at in 0..4 {
                let digit = (number >> (18 - 6 * at)) as usize & 63;
                let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                text.push(if at <= three.len() { char::from(alphabet[digit]) } else { '=' });
            }
        }
        text.push('\n');
    }
    // Writing into a String cannot fail.
    let _ = writeln!(text, "-----END {label}-----");
    text
}

/// The same files say the same again; what is wrong with them can stand in the log.
fn opens(files: Files<'_>) {
    let opened = files.open();
    let error = |opened: &Result<TlsServer, _>| opened.as_ref().err().cloned();
    assert_eq!(error(&files.open()), error(&opened));
    let Some(error) = error(&opened) else {
        holds_what_it_has_to(files);
        return;
    };
    assert!(error.text.starts_with("Error: ") && !error.why.is_empty());
    let list = files.ciphers.or(files.ciphers_tls13).unwrap_or_default();
    for line in [&error.text, &error.why] {
        assert!(line.len() <= WHY_BYTES_MAX + list.len() && !line.contains(char::is_control), "{line:?}");
    }
}

/// A server that can be opened has a certificate and a key, and whom it trusts.
fn holds_what_it_has_to(files: Files<'_>) {
    let certificates = |contents| CertificateDer::pem_slice_iter(contents).filter_map(Result::ok).count();
    assert!(certificates(files.certfile) > 0 && certificates(files.cafile) > 0);
    assert!(PrivateKeyDer::from_pem_slice(files.keyfile).is_ok());
    assert!(files.crlfile.is_none_or(|contents| contents.windows(20).any(|part| part == b"-----BEGIN X509 CRL-")));
}

/// All in one file, as some have it.
fn of_one_file(contents: &[u8]) {
    let good = Files::good(false);
    opens(Files { certfile: contents, keyfile: contents, ..good });
    opens(Files { certfile: contents, keyfile: contents, cafile: contents, crlfile: Some(contents), ..good });
    for certificate in CertificateDer::pem_slice_iter(contents).filter_map(Result::ok).take(10) {
        names(&certificate);
    }
}

/// A name is text that can become a username, and a subject is printable and not out of proportion.
fn names(certificate: &[u8]) {
    let names = certificate_names(certificate);
    assert_eq!(certificate_names(certificate), names);
    assert!(names.common_name.as_ref().is_none_or(|name| !name.is_empty() && !name.contains('\0')));
    if let Some(subject) = &names.subject {
        assert!(subject.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{subject:?}");
        assert!(subject.len() <= 8 * certificate.len());
        let parts = subject.matches('=').count();
        assert!(names.common_name.is_none() || parts > 0);
    }
    assert!(names.common_name.is_none() || names.subject.is_some());
}

/// As the list for TLS 1.2, and as that for TLS 1.3; and what a bar divides, as both. Control characters are none of a
/// configuration.
fn ciphers(text: &[u8]) {
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| !text.contains(char::is_control)) else { return };
    let good = Files::good(false);
    opens(Files { ciphers: Some(text), ..good });
    opens(Files { ciphers_tls13: Some(text), ..good });
    if let Some((older, newer)) = text.split_once('|') {
        let with = |ciphers, ciphers_tls13| Files { ciphers, ciphers_tls13, ..good };
        let both = with(Some(older), Some(newer)).open().is_ok();
        let each = with(Some(older), None).open().is_ok() && with(None, Some(newer)).open().is_ok();
        assert_eq!(both, each, "each list is for itself");
    }
}
