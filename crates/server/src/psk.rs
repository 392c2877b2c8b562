//! TLS with pre-shared keys: the files that the configuration names, and the OpenSSL that it needs.

use crate::failure::Failure;
use crate::sensitive;
use mosquitto_auth::psk::{FILE_BYTES_MAX, Ineffective, PskFile};
use mosquitto_broker::{LogLevel, LogLine};
use mosquitto_config::{Endpoint, Referent, Settings};
use mosquitto_tls_psk::{KeyLines, Keys, LoadError, OpenSsl, PskServer, ServerOptions, SetupError};
use mosquitto_transport::{KeyLogFile, error_text};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// If this is in the environment, OpenSSL is looked for in that directory, and not where the system looks for libraries.
pub(crate) const OPENSSL_DIRECTORY: &str = "MOSQUITTO_OPENSSL_DIR";

/// The contents of all PSK files, by path: several listeners may go by the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PskFiles {
    files: BTreeMap<String, Arc<PskFile>>,
    /// Loaded where a listener needs it.
    openssl: Option<&'static OpenSsl>,
}

impl PskFiles {
    /// Reads the files of all listeners, and finds OpenSSL if one has a `psk_hint`. What there is to say about the files is
    /// added to `lines`.
    pub(crate) fn read(settings: &Settings, lines: &mut Vec<LogLine>) -> Result<Self, Failure> {
        let endpoints = settings.endpoints();
        let mut files = BTreeMap::new();
        for path in endpoints.iter().filter_map(|endpoint| endpoint.psk_file.as_ref()) {
            if !files.contains_key(path) {
                files.insert(path.clone(), Arc::new(read(Path::new(path), lines)?));
            }
        }
        let needed = endpoints.iter().any(|endpoint| endpoint.tls.is_psk());
        let openssl = needed.then(|| load(settings)).transpose()?;
        Ok(Self { files, openssl })
    }

    /// What the connections of a listener with a `psk_hint` need. The error is the lines that say what is wrong.
    pub(crate) fn server(
        &self,
        endpoint: &Endpoint,
        key_log: Option<&Arc<KeyLogFile>>,
    ) -> Result<Option<PskServer>, Vec<String>> {
        let (Some(hint), Some(openssl)) = (&endpoint.tls.psk_hint, self.openssl) else { return Ok(None) };
        if endpoint.tls.version.as_deref() == Some("tlsv1.3") {
            return Err(vec![
                "Error: tls_version \"tlsv1.3\" cannot be used with psk_hint.".to_owned(),
                format!("Expected: no tls_version, or tlsv1.2, for listener {}.", endpoint.place()),
            ]);
        }
        // Of a listener without a file, nobody is known.
        let file = endpoint.psk_file.as_ref().and_then(|path| self.files.get(path)).cloned().unwrap_or_default();
        let key_log = key_log.map(|log| Arc::clone(log) as Arc<dyn KeyLines>);
        let ciphers = endpoint.tls.ciphers.clone();
        let options = ServerOptions { hint: hint.clone(), ciphers, keys: Arc::new(KeysOf(file)), key_log };
        PskServer::new(openssl, &options).map(Some).map_err(|error| refused(&error, endpoint))
    }

    /// What the log says about files that were read before, too, and had other contents then: a line each.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let changed = |(path, file): &(&String, &Arc<PskFile>)| before.files.get(*path).is_some_and(|old| old != *file);
        let changed = self.files.iter().filter(changed);
        changed.map(|(path, _)| format!("The contents of psk_file {path} have changed.")).collect()
    }
}

/// Whoever is in the file.
struct KeysOf(Arc<PskFile>);

impl Keys for KeysOf {
    fn key(&self, identity: &[u8]) -> Option<&[u8]> {
        self.0.key(identity)
    }
}

/// The system's OpenSSL, or that of [`OPENSSL_DIRECTORY`].
pub(crate) fn load_openssl() -> Result<&'static OpenSsl, LoadError> {
    let directory = std::env::var_os(OPENSSL_DIRECTORY).filter(|directory| !directory.is_empty());
    OpenSsl::load(directory.as_deref().map(Path::new))
}

/// The error names the option, and where it stands.
fn load(settings: &Settings) -> Result<&'static OpenSsl, Failure> {
    load_openssl().map_err(|error| {
        let hints = settings.config.references.iter().filter(|reference| reference.referent == Referent::PskHint);
        let place = hints.map(|reference| format!("\n{}", reference.location)).next();
        Failure::from(format!("Error: The 'psk_hint' option needs OpenSSL. {error}.{}", place.unwrap_or_default()))
    })
}

fn refused(error: &SetupError, endpoint: &Endpoint) -> Vec<String> {
    let tls = &endpoint.tls;
    let text = match error {
        SetupError::Ciphers(_) | SetupError::NoPskCiphers => {
            let list = tls.ciphers.as_deref().unwrap_or_default();
            format!("Error: Unable to set TLS ciphers. Check cipher list \"{list}\".")
        }
        SetupError::Hint => {
            let hint = tls.psk_hint.as_deref().unwrap_or_default();
            format!("Error: Unable to set the PSK identity hint. Check psk_hint \"{hint}\".")
        }
        _ => "Error: Unable to set up TLS.".to_owned(),
    };
    vec![text, format!("Reason: {error}.")]
}

fn read(path: &Path, lines: &mut Vec<LogLine>) -> Result<PskFile, Failure> {
    let shown = path.display();
    let opening = format!("Error opening psk file \"{shown}\".");
    let bytes = sensitive::read(path, FILE_BYTES_MAX, lines).map_err(|error| Failure {
        code: Failure::UNREADABLE,
        text: format!("Error: Unable to open pwfile \"{shown}\".\nError: {}.\n{opening}", error_text(&error)),
    })?;
    let file = PskFile::parse(&bytes).map_err(|error| Failure::invalid(format!("{}\n{opening}", error.text(path))))?;
    lines.extend(file.notes().iter().map(|note| {
        let is_duplicate = matches!(note.why, Ineffective::Duplicate(_));
        let level = if is_duplicate { LogLevel::Error } else { LogLevel::Warning };
        LogLine { level, text: note.text(path) }
    }));
    Ok(file)
}
