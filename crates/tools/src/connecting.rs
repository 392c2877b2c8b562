//! From settings to a client.

use crate::layers::{LayersError, layers, without_effect};
use crate::report::Report;
use crate::settings::{ConnectionSettings, Settings};
use mosquitto_client::mqtt::{Property, ProtocolVersion};
use mosquitto_client::{Client, Options, Service, WillMessage};
use std::io;
use std::net::ToSocketAddrs;
use std::time::Duration;

/// The pause before a lost connection is made again.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Random characters of a client id where MQTT 3.1 demands one.
const RANDOM_ID_LEN: usize = 18;

/// The most bytes of a text or data in a packet.
const FIELD_BYTES_MAX: usize = 65_535;

/// A client that is not connected. An error is the exit status, and has been shown.
pub(crate) fn client(settings: &Settings, report: Report) -> Result<Client, u8> {
    let options = options(settings).map_err(|text| {
        report.error(text);
        crate::report::FAILURE
    })?;
    let mut client = Client::new(options).map_err(|error| report.unreachable(&error))?;
    client.set_nodelay(settings.connection.nodelay);
    if let Some(warning) = without_effect(&settings.connection) {
        report.error(&warning);
    }
    match layers(&settings.connection) {
        Ok(layers) => client.set_layers(layers),
        Err(LayersError::Option(text)) => {
            report.error(&text);
            return Err(crate::report::FAILURE);
        }
        Err(LayersError::Tls(error)) => return Err(report.no_tls(&error)),
    }
    if let Some(name) = &settings.connection.bind_address {
        let found = (name.as_str(), 0).to_socket_addrs().ok().and_then(|mut found| found.next());
        let Some(address) = found else { return Err(report.lookup(None)) };
        client.set_local_address(Some(address.ip()));
    }
    Ok(client)
}

/// Begins a connection to the server, or to the proxy. An error is one of looking up its name, or its service.
pub(crate) fn connect(client: &mut Client, settings: &ConnectionSettings) -> io::Result<()> {
    match (&settings.unix_path, &settings.proxy) {
        (Some(path), _) => {
            client.connect_unix(path);
            Ok(())
        }
        (None, proxy) if settings.looks_up_service => client.connect_service(Service {
            proxy: proxy.as_ref().map(|proxy| (proxy.host.clone(), proxy.port)),
            // Authorities that the machine trusts give a certificate to anybody for a host of his own, and an answer
            // that is forged names such a host.
            names_certificate: !crate::layers::trusts_os_certs(&settings.tls),
            ..Service::new(&settings.host, settings.uses_tls() || settings.uses_psk())
        }),
        (None, Some(proxy)) => client.connect(&proxy.host, proxy.port),
        (None, None) => client.connect(&settings.host, settings.port()),
    }
}

fn options(settings: &Settings) -> Result<Options, &'static str> {
    let connection = &settings.connection;
    if connection.password.is_some() && connection.username.is_none() && !connection.version.is_v5() {
        return Err("Error: Problem setting username and/or password.");
    }
    let too_long = |len: Option<usize>| len.is_some_and(|len| len > FIELD_BYTES_MAX);
    if too_long(connection.username.as_ref().map(String::len)) || too_long(connection.password.as_ref().map(Vec::len)) {
        return Err("Error: Problem setting username and/or password.");
    }
    if too_long(Some(connection.will.payload.len())) {
        return Err("Error: Problem setting will.");
    }
    match connection.tls.keyform.as_deref() {
        None | Some("pem") => {}
        Some("engine") => return Err("Error: The '--keyform engine' option is not supported yet."),
        Some(_) => return Err("Error: Problem setting key form, it must be one of 'pem' or 'engine'."),
    }
    let id = client_id(connection)?;
    if too_long(Some(id.len())) {
        return Err("Error: Invalid id.");
    }
    let mut options = Options::new(connection.version, id);
    options.clean_start = connection.clean_start;
    options.keep_alive_s = connection.keep_alive_s;
    options.username.clone_from(&connection.username);
    options.password.clone_from(&connection.password);
    let properties = settings.properties.will.clone();
    options.will =
        connection.will_topic.clone().map(|topic| WillMessage { topic, properties, ..connection.will.clone() });
    // 0 is what a server takes where nothing is said.
    options.session_expiry_s = connection.session_expiry_s.filter(|&seconds| seconds > 0);
    // With -C, no more is to be under way than will be printed.
    let count = settings.subscribe.count.map_or(u32::MAX, u32::from);
    options.receive_maximum = u16::try_from(count.min(u32::from(Settings::INFLIGHT_MAX))).ok();
    for property in settings.properties.connect.as_properties().iter() {
        match property {
            Property::SessionExpiryInterval(seconds) => options.session_expiry_s = Some(seconds),
            Property::ReceiveMaximum(maximum) => options.receive_maximum = Some(maximum),
            Property::MaximumPacketSize(bytes) => options.maximum_packet_size = Some(bytes),
            Property::TopicAliasMaximum(maximum) => options.topic_alias_maximum = maximum,
            other => options.properties.push(other),
        }
    }
    options.inflight_max = connection.inflight_max;
    options.log_packets = settings.debug;
    Ok(options)
}

fn client_id(connection: &ConnectionSettings) -> Result<String, &'static str> {
    match (&connection.client_id, &connection.client_id_prefix) {
        (Some(id), _) => Ok(id.clone()),
        (None, Some(prefix)) => Ok(format!("{prefix}{}", std::process::id())),
        // MQTT 3.1 knows no client without a name.
        (None, None) if connection.version == ProtocolVersion::V31 => random_id(),
        (None, None) => Ok(String::new()),
    }
}

fn random_id() -> Result<String, &'static str> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = [0; RANDOM_ID_LEN];
    getrandom::fill(&mut bytes).map_err(|_| "Error: No random numbers to make a client id of.")?;
    let letters = bytes.iter().filter_map(|&byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()));
    Ok(format!("mosq-{}", letters.map(|&letter| char::from(letter)).collect::<String>()))
}
