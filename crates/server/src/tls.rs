//! From a listener's options of TLS to what its connections need.

use crate::passphrases::{Passphrases, lines};
use crate::psk::PskFiles;
use crate::sensitive;
use mosquitto_config::{Endpoint, Settings};
use mosquitto_transport::{KeyFile, KeyLogFile, Security, TlsOptions, TlsServer, TlsVersion, error_text};
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the connections of a listener need; none where they are not inside TLS. All files of certificates are
/// read; those of pre-shared keys were. The error is the lines
/// that say what is wrong.
pub(crate) fn open(
    endpoint: &Endpoint,
    key_log: Option<&Arc<KeyLogFile>>,
    psk: &PskFiles,
    passphrases: &mut Passphrases,
) -> Result<Option<Security>, Vec<String>> {
    if endpoint.tls.is_psk() {
        return open_psk(endpoint, key_log, psk);
    }
    let Some((options, keyfile)) = options(endpoint, key_log)? else { return Ok(None) };
    let key = passphrases.open(&endpoint.tls, keyfile)?;
    TlsServer::open(&options, key).map(|server| Some(Security::Tls(server))).map_err(lines)
}

fn open_psk(
    endpoint: &Endpoint,
    key_log: Option<&Arc<KeyLogFile>>,
    psk: &PskFiles,
) -> Result<Option<Security>, Vec<String>> {
    version(endpoint.tls.version.as_deref())?;
    Ok(psk.server(endpoint, key_log)?.map(Security::Psk))
}

/// Whether the files of a listener are of use, without asking anybody for anything: what is inside of an encrypted key
/// remains to be seen. The error is the lines that say what is wrong.
pub(crate) fn check(endpoint: &Endpoint, psk: &PskFiles) -> Result<(), Vec<String>> {
    if endpoint.tls.is_psk() {
        return open_psk(endpoint, None, psk).map(drop);
    }
    let Some((options, keyfile)) = options(endpoint, None)? else { return Ok(()) };
    if KeyFile::read(keyfile.as_ref()).map_err(lines)?.is_encrypted() {
        return TlsServer::check(&options).map_err(lines);
    }
    open(endpoint, None, psk, &mut Passphrases::default()).map(drop)
}

/// The options of a listener inside TLS, and the path of its key.
fn options<'e>(
    endpoint: &'e Endpoint,
    key_log: Option<&Arc<KeyLogFile>>,
) -> Result<Option<(TlsOptions, &'e str)>, Vec<String>> {
    let tls = &endpoint.tls;
    let (Some(certfile), Some(keyfile)) = (&tls.certfile, &tls.keyfile) else { return Ok(None) };
    let path = |name: &Option<String>| name.as_ref().map(PathBuf::from);
    let options = TlsOptions {
        certfile: certfile.into(),
        keyfile: keyfile.into(),
        cafile: path(&tls.cafile),
        capath: path(&tls.capath),
        crlfile: path(&tls.crlfile),
        require_certificate: tls.require_certificate,
        disable_client_cert_date_checks: tls.disable_client_cert_date_checks,
        tls_version: version(tls.version.as_deref())?,
        ciphers: tls.ciphers.clone(),
        ciphers_tls13: tls.ciphers_tls13.clone(),
        key_log: key_log.cloned(),
    };
    Ok(Some((options, keyfile)))
}

fn version(name: Option<&str>) -> Result<TlsVersion, Vec<String>> {
    match name {
        None | Some("tlsv1.2") => Ok(TlsVersion::V12),
        Some("tlsv1.3") => Ok(TlsVersion::V13),
        Some(other) => {
            let about = if other == "tlsv1.1" { "; there is no TLS 1.1 here, as it is not secure" } else { "" };
            Err(vec![
                format!("Error: Unsupported tls_version \"{other}\"."),
                format!("Expected: tlsv1.2 or tlsv1.3{about}."),
            ])
        }
    }
}

/// The file of `--tls-keylog`, if it was asked for. The error is a line.
pub(crate) fn key_log(settings: &Settings) -> Result<Option<Arc<KeyLogFile>>, String> {
    let Some(path) = &settings.tls_keylog else { return Ok(None) };
    match open_key_log(path) {
        Ok(file) => Ok(Some(Arc::new(KeyLogFile::new(file)))),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            Err("Error: keylog file must not be a symbolic link".to_owned())
        }
        Err(error) => Err(format!("Error: Unable to open keylog file: {}", error_text(&error))),
    }
}

fn open_key_log(path: &Path) -> io::Result<File> {
    const OF_OTHERS: u32 = 0o077;
    let file = sensitive::append(path)?;
    match file.metadata()?.permissions().mode() & OF_OTHERS {
        0 => Ok(file),
        _ => Err(io::Error::other(format!("{} may be read or written by others than its owner", path.display()))),
    }
}
