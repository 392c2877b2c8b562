//! The files of a server: certificates, authorities, revocations. All in PEM.

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes of the longest file that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Files of a directory of authorities that are looked at.
const DIRECTORY_MAX: usize = 100_000;

/// Why a file is of no use: the rest of a sentence.
pub(super) type Why = String;

/// A chain of certificates, the server's own first.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Why> {
    let contents = read(path)?;
    let certificates =
        CertificateDer::pem_slice_iter(&contents).collect::<Result<Vec<_>, _>>().map_err(|error| why(&error))?;
    if certificates.is_empty() { Err("it holds no certificate in PEM".to_owned()) } else { Ok(certificates) }
}

/// The certificates of a directory whose files are named by hash (openssl-rehash(1)). What in it is of no use is left out,
/// as nobody would ask for it.
pub(super) fn directory(path: &Path) -> Result<Vec<CertificateDer<'static>>, Why> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| crate::error_text(&error))?.take(DIRECTORY_MAX) {
        let entry = entry.map_err(|error| crate::error_text(&error))?;
        if entry.file_name().to_str().is_some_and(is_hash) {
            found.extend(certificates(&entry.path()).unwrap_or_default());
        }
    }
    Ok(found)
}

/// Eight hex digits, a dot, and a number.
fn is_hash(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Lists of revoked certificates.
pub(super) fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Why> {
    let contents = read(path)?;
    let lists = CertificateRevocationListDer::pem_slice_iter(&contents)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| why(&error))?;
    if lists.is_empty() { Err("it holds no revocation list in PEM".to_owned()) } else { Ok(lists) }
}

/// All of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Why> {
    let mut contents = Vec::new();
    let read = open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut contents));
    match read.map_err(|error| crate::error_text(&error))? {
        len if len as u64 > FILE_BYTES_MAX => Err("it is too large".to_owned()),
        _ => Ok(contents),
    }
}

/// A pipe that nobody writes is not waited for.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

/// What is wrong, without what stands there: where line feeds are lost, the line that begins a key is the key.
fn why(error: &PemError) -> Why {
    match error {
        PemError::IllegalSectionStart { .. } => {
            "it is no PEM: a line that begins with -----BEGIN does not end with -----".to_owned()
        }
        PemError::MissingSectionEnd { .. } => "it is no PEM: the line that ends a section is missing".to_owned(),
        error => format!("it is no PEM: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_key_does_not_show_the_key() {
        // A certificate's file may hold the key as well.
        let of = |text: &str| why(&CertificateDer::pem_slice_iter(text.as_bytes()).find_map(Result::err).unwrap());
        let key = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
        for text in [
            format!("-----BEGIN PRIVATE KEY-----{key}-----END PRIVATE KEY----\n"),
            format!("-----BEGIN PRIVATE KEY----- {key}\n-----END PRIVATE KEY-----\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{key}\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END OTHER KEY-----\n"),
            format!("-----BEGIN PRIVATE KEY-----\n!{key}\n-----END PRIVATE KEY-----\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{key}=\n-----END PRIVATE KEY-----\n"),
        ] {
            let why = of(&text);
            assert!(why.starts_with("it is no PEM: ") && why.len() < 100, "{why}");
            assert!(!why.contains("c2Vj") && !why.contains("99, 50"), "{why}");
        }
    }
}
