//! From settings to TLS with a pre-shared key.

use super::{LayersError, TlsFields, fields};
use crate::settings::{PreSharedKey, TlsSettings};
use mosquitto_auth::psk::key_of_hex;
use mosquitto_tls_psk::{ClientOptions, KeyLines, OpenSsl, PskClient, SetupError};
use mosquitto_transport::{TlsSetupError, TlsVersion};
use std::path::Path;
use std::sync::Arc;

/// The environment variable that says in which directory OpenSSL is.
const OPENSSL_DIRECTORY: &str = "MOSQUITTO_OPENSSL_DIR";

const OF_NO_USE: &str = "Error: Problem setting TLS-PSK options.";

/// What the connection needs, where this key is given.
pub(super) fn client(settings: &TlsSettings, key: &PreSharedKey) -> Result<PskClient, LayersError> {
    let key = key_of_hex(&key.0).ok_or(LayersError::Option(OF_NO_USE.into()))?;
    let TlsFields { version, protocol, key_log } = fields(settings)?;
    if version == TlsVersion::V13 {
        return Err(LayersError::Option("Error: --tls-version tlsv1.3 cannot be used with --psk.".into()));
    }
    let directory = std::env::var_os(OPENSSL_DIRECTORY).filter(|directory| !directory.is_empty());
    let openssl = OpenSsl::load(directory.as_deref().map(Path::new))
        .map_err(|error| LayersError::Option(format!("Error: --psk needs OpenSSL. {error}.").into()))?;
    let identity = settings.psk_identity.clone().unwrap_or_default();
    let key_log = key_log.map(|log| Arc::new(log) as Arc<dyn KeyLines>);
    let options = ClientOptions { identity, key, ciphers: settings.ciphers.clone(), protocol, key_log };
    PskClient::open(openssl, &options).map_err(|error| refused(&error, settings))
}

fn refused(error: &SetupError, settings: &TlsSettings) -> LayersError {
    let text = match error {
        SetupError::Identity | SetupError::Key => return LayersError::Option(format!("{OF_NO_USE}\n{error}").into()),
        SetupError::Ciphers(_) | SetupError::NoPskCiphers => {
            let list = settings.ciphers.as_deref().unwrap_or_default();
            format!("Error: Unable to set TLS ciphers. Check cipher list \"{list}\".")
        }
        _ => "Error: Unable to create TLS context.".to_owned(),
    };
    LayersError::Tls(TlsSetupError { text, why: error.to_string() })
}
