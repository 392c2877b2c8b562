//! From a bridge's options to what its worker needs.

use crate::passphrases::Passphrases;
use crate::psk::load_openssl;
use mosquitto_auth::psk::key_of_hex;
use mosquitto_bridge::Limits;
use mosquitto_config::{Bridge, BridgeTls, BridgeTlsVersion, Referent, ReloadType, Settings};
use mosquitto_tls_psk::{ClientOptions, PskClient, SetupError};
use mosquitto_transport::{
    ClientLayers, ClientSecurity, Passphrase, TlsClient, TlsClientOptions, TlsSetupError, TlsVerification, TlsVersion,
};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// All bridges of a configuration.
pub(crate) type Setups = Arc<[Arc<Setup>]>;

/// A bridge, and what of the rest of the configuration holds for it.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) config: Arc<Bridge>,
    /// The name of this machine, of which client ids are made.
    pub(crate) hostname: Arc<str>,
    pub(crate) limits: Limits,
    /// `set_tcp_nodelay`.
    pub(crate) nodelay: bool,
    /// Whether there are topics below `$SYS`.
    pub(crate) publishes: bool,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Tls {
    Certificates(TlsClient),
    Psk(PskClient),
}

impl Setup {
    /// The client id at this broker.
    pub(crate) fn local_clientid(&self) -> String {
        self.config.local_clientid(&self.hostname)
    }

    /// Whether a bridge that was made for one goes by the other as well. Files of certificates are for connections to come.
    pub(crate) fn is_same_bridge(&self, other: &Self) -> bool {
        self.config == other.config && self.limits == other.limits
    }

    /// What stands between the socket of a connection to `host` and MQTT.
    pub(crate) fn layers(&self, host: &str) -> ClientLayers {
        let tls = self.tls.as_ref().map(|tls| match tls {
            Tls::Certificates(client) => ClientSecurity::Tls { client: client.clone(), host: host.to_owned() },
            Tls::Psk(client) => ClientSecurity::Psk(client.clone()),
        });
        ClientLayers { tls, ..ClientLayers::default() }
    }
}

/// Reads the files of all bridges. The error is the lines that say what is wrong. Without passphrases, what is inside of encrypted
/// keys remains to be seen.
pub(crate) fn prepare(settings: &Settings, passphrases: Option<&Passphrases>) -> Result<Setups, Vec<String>> {
    let global = &settings.config.global;
    let hostname: Arc<str> = rustix::system::uname().nodename().to_string_lossy().into();
    let limits =
        Limits { max_inflight_messages: global.max_inflight_messages, max_packet_size: global.max_packet_size };
    let (mut setups, mut errors) = (Vec::new(), Vec::new());
    for config in &settings.config.bridges {
        match open(&config.tls, passphrases) {
            Ok(tls) => setups.push(Arc::new(Setup {
                config: Arc::new(config.clone()),
                hostname: Arc::clone(&hostname),
                limits,
                nodelay: global.set_tcp_nodelay,
                publishes: global.sys_interval > 0,
                tls,
            })),
            Err(lines) => {
                errors.extend(lines);
                let of_this = |text: &str| text == config.name;
                let mut named = settings.config.references.iter();
                let place = named.find(|named| named.referent == Referent::Bridge && of_this(&named.name));
                errors.push(match place {
                    Some(place) => format!("{}: connection {}", place.location, config.name),
                    None => format!("Connection: {}.", config.name),
                });
            }
        }
    }
    if errors.is_empty() { Ok(setups.into()) } else { Err(errors) }
}

/// What the log says about bridges that are different: a line each.
pub(crate) fn changes(before: &[Bridge], now: &[Bridge]) -> Vec<String> {
    let by_name = |bridges: &'_ [Bridge]| bridges.iter().map(|bridge| bridge.name.clone()).collect::<HashSet<_>>();
    let (were, are) = (by_name(before), by_name(now));
    let ended = before.iter().filter(|bridge| !are.contains(&bridge.name));
    let started = now.iter().filter(|bridge| !were.contains(&bridge.name));
    let old: HashMap<_, _> = before.iter().map(|bridge| (&bridge.name, bridge)).collect();
    let changed = now.iter().filter(|bridge| old.get(&bridge.name).is_some_and(|old| old != bridge));
    let changed = changed.map(|bridge| match bridge.reload_type {
        ReloadType::Immediate => format!("Bridge {}: changed.", bridge.name),
        ReloadType::Lazy => format!("Bridge {}: changed (when it connects again).", bridge.name),
    });
    let ended = ended.map(|bridge| format!("Bridge {}: ended.", bridge.name));
    let started = started.map(|bridge| format!("Bridge {}: started.", bridge.name));
    ended.chain(changed).chain(started).collect()
}

fn open(tls: &BridgeTls, passphrases: Option<&Passphrases>) -> Result<Option<Tls>, Vec<String>> {
    if !tls.is_on() {
        return Ok(None);
    }
    if tls.alpn.as_ref().is_some_and(|protocol| protocol.is_empty() || protocol.len() > 255) {
        let expected = "Expected: a name of 1 to 255 bytes for bridge_alpn.".to_owned();
        return Err(vec!["Error: Problem setting TLS ALPN protocol.".to_owned(), expected]);
    }
    if let Some(key) = &tls.psk {
        return psk(tls, key).map(|client| Some(Tls::Psk(client)));
    }
    let client = match (passphrases, &tls.keyfile) {
        (None, _) => TlsClient::check(&certificates(tls, None)),
        (Some(passphrases), Some(keyfile)) => TlsClient::open(&certificates(tls, passphrases.of_bridge(keyfile)?)),
        (Some(_), None) => TlsClient::open(&certificates(tls, None)),
    };
    client.map(|client| Some(Tls::Certificates(client))).map_err(refused)
}

fn certificates(tls: &BridgeTls, passphrase: Option<Passphrase>) -> TlsClientOptions {
    let path = |name: &Option<String>| name.as_ref().map(PathBuf::from);
    TlsClientOptions {
        cafile: path(&tls.cafile),
        capath: path(&tls.capath),
        use_os_certs: tls.use_os_certs,
        certificate: path(&tls.certfile).zip(path(&tls.keyfile)),
        passphrase,
        tls_version: match tls.version {
            None | Some(BridgeTlsVersion::Tls12) => TlsVersion::V12,
            Some(BridgeTlsVersion::Tls13) => TlsVersion::V13,
        },
        ciphers: tls.ciphers.clone(),
        ciphers_tls13: tls.ciphers_tls13.clone(),
        alpn: tls.alpn.clone(),
        verification: if tls.insecure { TlsVerification::AnyName } else { TlsVerification::Full },
        key_log: None,
    }
}

/// With the names that the options of bridges have.
fn refused(TlsSetupError { text, why }: TlsSetupError) -> Vec<String> {
    let text = [
        ("check cafile", "check bridge_cafile"),
        ("check capath", "check bridge_capath"),
        ("client certificate \"", "client certificate, check bridge_certfile \""),
        ("client key file \"", "client key file, check bridge_keyfile \""),
    ]
    .into_iter()
    .fold(text, |text, (from, to)| text.replace(from, to));
    vec![text, format!("Reason: {why}.")]
}

fn psk(tls: &BridgeTls, key: &str) -> Result<PskClient, Vec<String>> {
    let of_no_use = |expected: &str| vec!["Error: Problem setting TLS-PSK options.".to_owned(), expected.to_owned()];
    if tls.version == Some(BridgeTlsVersion::Tls13) {
        return Err(of_no_use("Expected: no bridge_tls_version, or tlsv1.2, with bridge_psk."));
    }
    let key = key_of_hex(key.as_bytes())
        .ok_or_else(|| of_no_use("Expected: a key of 1 to 256 bytes in hexadecimal digits."))?;
    let openssl =
        load_openssl().map_err(|error| vec![format!("Error: The 'bridge_psk' option needs OpenSSL. {error}.")])?;
    let options = ClientOptions {
        identity: tls.identity.clone().unwrap_or_default(),
        key,
        ciphers: tls.ciphers.clone(),
        protocol: tls.alpn.clone(),
        key_log: None,
    };
    PskClient::open(openssl, &options).map_err(|error| {
        let text = match &error {
            SetupError::Ciphers(_) | SetupError::NoPskCiphers => {
                let list = tls.ciphers.as_deref().unwrap_or_default();
                format!("Error: Unable to set TLS ciphers. Check cipher list \"{list}\".")
            }
            _ => "Error: Problem setting TLS-PSK options.".to_owned(),
        };
        vec![text, format!("Reason: {error}.")]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options of which no test of the program sees the effect.
    #[test]
    fn options_of_tls_get_to_where_it_is_made() {
        let options = certificates(
            &BridgeTls { use_os_certs: true, alpn: Some("mqtt".to_owned()), ..BridgeTls::default() },
            None,
        );
        assert!(options.use_os_certs && options.alpn.as_deref() == Some("mqtt"));
        assert!(!certificates(&BridgeTls::default(), None).use_os_certs);
        assert_eq!(options.verification, TlsVerification::Full);
    }
}
