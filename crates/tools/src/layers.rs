//! From settings to what stands between the socket and MQTT.

use crate::settings::{ConnectionSettings, TlsSettings};
use mosquitto_transport::{
    ClientLayers, KeyLogFile, SocksRequest, TlsClient, TlsClientOptions, TlsSetupError, TlsVerification, TlsVersion,
    WebSocketRequest,
};
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
    Option(&'static str),
    /// TLS cannot be set up.
    Tls(TlsSetupError),
}

/// What the settings ask for.
pub(crate) fn layers(connection: &ConnectionSettings) -> Result<ClientLayers, LayersError> {
    let tls = if connection.uses_tls() {
        let options = tls_options(connection).map_err(LayersError::Option)?;
        let client = TlsClient::open(&options).map_err(LayersError::Tls)?;
        // A Unix socket has no name that a certificate could be for.
        let host = if connection.unix_path.is_some() { "localhost" } else { &connection.host };
        Some((client, host.to_owned()))
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

/// The first option that only means something to TLS, where there is none.
pub(crate) fn without_effect(connection: &ConnectionSettings) -> Option<&'static str> {
    if connection.uses_tls() || connection.no_tls {
        return None;
    }
    let TlsSettings { certfile, ciphers, version, alpn, insecure, keylog, .. } = &connection.tls;
    let options = [
        ("--cert", certfile.is_some()),
        ("--insecure", *insecure),
        ("--ciphers", ciphers.is_some()),
        ("--tls-version", version.is_some()),
        ("--tls-alpn", alpn.is_some()),
        ("--tls-keylog", keylog.is_some()),
    ];
    options.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
}

fn tls_options(connection: &ConnectionSettings) -> Result<TlsClientOptions, &'static str> {
    let settings = &connection.tls;
    if settings.cafile.as_ref().is_some_and(|path| File::open(path).is_err()) {
        return Err("Error: Problem setting TLS options: File not found.");
    }
    let version = match settings.version.as_ref().map(|version| version.to_ascii_lowercase()).as_deref() {
        None | Some("tlsv1.2") => TlsVersion::V12,
        Some("tlsv1.3") => TlsVersion::V13,
        Some(_) => return Err("Error: Problem setting TLS options, check the options are valid."),
    };
    if settings.alpn.as_ref().is_some_and(|protocol| protocol.is_empty() || protocol.len() > 255) {
        return Err("Error: Problem setting TLS ALPN protocol.");
    }
    let key_log = match &settings.keylog {
        Some(path) => {
            // Who can read it can read the connection.
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            let file = file.map_err(|_| "Error: Unable to open the file for --tls-keylog.")?;
            Some(Arc::new(KeyLogFile::new(file)))
        }
        None => None,
    };
    let for_tls13 = version == TlsVersion::V13;
    Ok(TlsClientOptions {
        cafile: settings.cafile.clone(),
        capath: settings.capath.clone(),
        use_os_certs: settings.use_os_certs || settings.cafile.is_none() && settings.capath.is_none(),
        certificate: settings.certfile.clone().zip(settings.keyfile.clone()),
        tls_version: version,
        ciphers: settings.ciphers.clone().filter(|_| !for_tls13),
        ciphers_tls13: settings.ciphers.clone().filter(|_| for_tls13),
        alpn: settings.alpn.clone(),
        verification: verification(connection),
        key_log,
    })
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
