//! From settings to what stands between the socket and MQTT.

mod passphrase;
mod psk;

use crate::settings::{ConnectionSettings, TlsSettings};
use mosquitto_transport::{
    ClientLayers, ClientSecurity, KeyLogFile, SocksRequest, TlsClient, TlsClientOptions, TlsSetupError,
    TlsVerification, TlsVersion, WebSocketRequest,
};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::net::Ipv6Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

/// Where MQTT is at a server of WebSockets.
const PATH: &str = "/mqtt";

/// Why there is no connection with these settings.
#[derive(Debug)]
pub(crate) enum LayersError {
    /// An option is wrong: what to say of it.
    Option(Cow<'static, str>),
    /// TLS cannot be set up.
    Tls(TlsSetupError),
}

/// What the settings ask for.
pub(crate) fn layers(connection: &ConnectionSettings) -> Result<ClientLayers, LayersError> {
    let tls = if let Some(key) = connection.tls.psk.as_ref().filter(|_| connection.uses_psk()) {
        Some(ClientSecurity::Psk(psk::client(&connection.tls, key)?))
    } else if connection.uses_tls() {
        let options = tls_options(connection)?;
        let client = TlsClient::open(&options).map_err(LayersError::Tls)?;
        // A Unix socket has no name that a certificate could be for.
        let host = if connection.unix_path.is_some() { "localhost" } else { &connection.host };
        Some(ClientSecurity::Tls { client, host: host.to_owned() })
    } else {
        None
    };
    let proxy = connection.proxy.as_ref().filter(|_| connection.unix_path.is_none());
    let socks = proxy.map(|proxy| SocksRequest {
        host: connection.host.clone(),
        port: connection.port(),
        login: proxy.login.clone(),
    });
    let websocket = connection.websocket.then(|| WebSocketRequest {
        host: http_host(connection),
        path: PATH.to_owned(),
        protocol: "mqtt",
    });
    Ok(ClientLayers { socks, tls, websocket })
}

/// Whether the authorities are trusted that this machine trusts.
pub(crate) fn trusts_os_certs(settings: &TlsSettings) -> bool {
    settings.use_os_certs || settings.cafile.is_none() && settings.capath.is_none()
}

/// What is said of the first option that has no effect together with the others.
pub(crate) fn without_effect(connection: &ConnectionSettings) -> Option<String> {
    if connection.looks_up_service && connection.unix_path.is_some() {
        return Some("Warning: -S has no effect: --unix says where the server is.".to_owned());
    }
    if connection.uses_tls() || connection.no_tls {
        return None;
    }
    let TlsSettings { certfile, psk_identity, ciphers, version, alpn, insecure, keylog, .. } = &connection.tls;
    let first = |options: &[(&'static str, bool)]| options.iter().find(|(_, given)| *given).map(|(name, _)| *name);
    let of_certificates = [("--cert", certfile.is_some()), ("--insecure", *insecure)];
    if connection.uses_psk() {
        let option = first(&of_certificates)?;
        return Some(format!("Warning: {option} has no effect: with --psk nobody shows a certificate."));
    }
    let others = [
        ("--psk-identity", psk_identity.is_some()),
        ("--ciphers", ciphers.is_some()),
        ("--tls-version", version.is_some()),
        ("--tls-alpn", alpn.is_some()),
        ("--tls-keylog", keylog.is_some()),
    ];
    let option = first(&of_certificates).or_else(|| first(&others))?;
    Some(format!(
        "Warning: {option} has no effect: there is no TLS without --cafile, --capath, --tls-use-os-certs, --psk or port 8883."
    ))
}

/// What means the same with certificates and with a key.
struct TlsFields {
    version: TlsVersion,
    protocol: Option<String>,
    key_log: Option<KeyLogFile>,
}

fn fields(settings: &TlsSettings) -> Result<TlsFields, LayersError> {
    let version = match settings.version.as_ref().map(|version| version.to_ascii_lowercase()).as_deref() {
        None | Some("tlsv1.2") => TlsVersion::V12,
        Some("tlsv1.3") => TlsVersion::V13,
        Some(_) => return Err(wrong("Error: Problem setting TLS options, check the options are valid.")),
    };
    if settings.alpn.as_ref().is_some_and(|protocol| protocol.is_empty() || protocol.len() > 255) {
        return Err(wrong("Error: Problem setting TLS ALPN protocol."));
    }
    let key_log = match &settings.keylog {
        Some(path) => {
            // Who can read it can read the connection.
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            let file = file.map_err(|_| wrong("Error: Unable to open the file for --tls-keylog."))?;
            Some(KeyLogFile::new(file))
        }
        None => None,
    };
    Ok(TlsFields { version, protocol: settings.alpn.clone(), key_log })
}

fn tls_options(connection: &ConnectionSettings) -> Result<TlsClientOptions, LayersError> {
    let settings = &connection.tls;
    if settings.cafile.as_ref().is_some_and(|path| File::open(path).is_err()) {
        return Err(wrong("Error: Problem setting TLS options: File not found."));
    }
    let TlsFields { version, protocol, key_log } = fields(settings)?;
    let for_tls13 = version == TlsVersion::V13;
    let passphrase = match &settings.keyfile {
        Some(keyfile) => passphrase::of(keyfile).map_err(|text| LayersError::Option(text.into()))?,
        None => None,
    };
    Ok(TlsClientOptions {
        cafile: settings.cafile.clone(),
        capath: settings.capath.clone(),
        use_os_certs: trusts_os_certs(settings),
        certificate: settings.certfile.clone().zip(settings.keyfile.clone()),
        passphrase,
        tls_version: version,
        ciphers: settings.ciphers.clone().filter(|_| !for_tls13),
        ciphers_tls13: settings.ciphers.clone().filter(|_| for_tls13),
        alpn: protocol,
        verification: verification(connection),
        key_log: key_log.map(Arc::new),
    })
}

fn wrong(text: &'static str) -> LayersError {
    LayersError::Option(text.into())
}

fn verification(connection: &ConnectionSettings) -> TlsVerification {
    let settings = &connection.tls;
    if settings.insecure && (settings.version.is_some() || settings.ciphers.is_some()) {
        // So it is with the original. That other options turn off more may be no intention, but its manual says that all is.
        TlsVerification::Nothing
    } else if settings.insecure || connection.unix_path.is_some() {
        TlsVerification::AnyName
    } else {
        TlsVerification::Full
    }
}

/// The server in a request over HTTP.
fn http_host(connection: &ConnectionSettings) -> String {
    let host = &connection.host;
    if connection.unix_path.is_some() {
        return "localhost".to_owned();
    }
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{}", connection.port()),
        Err(_) => format!("{host}:{}", connection.port()),
    }
}
