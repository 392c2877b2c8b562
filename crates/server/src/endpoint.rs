//! From the configuration's endpoints to sockets that listen.

use crate::interface;
use crate::log::Logger;
use crate::seats::Seats;
use mosquitto_broker::LogLevel;
use mosquitto_config::{Endpoint, Protocol, SocketDomain};
use mosquitto_transport::{BindOptions, Listener, Security, error_text};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;

/// One listening socket of one worker.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) socket: Listener,
    /// The number of the endpoint, which is that of the broker's listener settings.
    pub(crate) listener: u16,
    pub(crate) seats: Seats,
    /// What its connections need for TLS; none: they are without.
    pub(crate) tls: Option<Security>,
}

/// The sockets of one endpoint, those of one address after another, as many for each as there are workers, or the one of
/// a path; or the line that says what went wrong.
pub(crate) fn open(
    endpoint: &Endpoint,
    workers: usize,
    options: BindOptions,
    logger: &Logger,
) -> Result<Vec<Listener>, String> {
    warn_of_options_without_effect(endpoint, logger);
    if let Some(path) = &endpoint.unix_path {
        let socket = open_unix(path, logger)?;
        tell_directory(endpoint, logger);
        return Ok(vec![socket]);
    }
    let mut sockets = Vec::new();
    let mut unavailable = None;
    for address in addresses(endpoint, logger)? {
        let what = match endpoint.protocol {
            Protocol::Mqtt => version(address.is_ipv4()),
            Protocol::WebSockets => "websockets",
            Protocol::HttpApi => "http api",
        };
        let opening = format!("Opening {what} listen socket on port {}.", address.port());
        if endpoint.protocol != Protocol::HttpApi {
            logger.log(LogLevel::Information, opening.as_str());
        }
        let opened = Listener::bind_tcp(address, workers, options);
        // Of this kind, Mosquitto tells once it is open.
        if endpoint.protocol == Protocol::HttpApi && opened.is_ok() {
            logger.log(LogLevel::Information, opening);
        }
        match opened {
            Ok(opened) => sockets.extend(opened),
            // A machine need not have both versions of IP, where none was asked for.
            Err(error) if endpoint.host.is_none() && is_no_such_protocol(&error) => unavailable = Some(error),
            Err(error) => return Err(failed(address, &error)),
        }
    }
    if let (Some(error), true) = (unavailable, sockets.is_empty()) {
        return Err(format!("Error: {}", error_text(&error)));
    }
    tell_directory(endpoint, logger);
    Ok(sockets)
}

fn tell_directory(endpoint: &Endpoint, logger: &Logger) {
    let directory = endpoint.http_dir.as_ref().filter(|_| endpoint.protocol == Protocol::HttpApi);
    if let Some(real) = directory.and_then(|directory| Path::new(directory).canonicalize().ok()) {
        logger.log(LogLevel::Information, format!("Using http_dir {}/", real.display()));
    }
}

/// Options that mean nothing to a listener of this kind.
fn warn_of_options_without_effect(endpoint: &Endpoint, logger: &Logger) {
    let is_unix = endpoint.unix_path.is_some();
    let is_http = endpoint.protocol == Protocol::HttpApi;
    let tls = &endpoint.tls;
    for (option, is_idle) in [
        ("require_certificate", tls.is_psk() && tls.require_certificate),
        ("use_subject_as_username", tls.is_psk() && tls.use_subject_as_username && tls.use_identity_as_username),
        ("ciphers_tls1.3", tls.is_psk() && tls.ciphers_tls13.is_some()),
        ("crlfile", tls.is_psk() && tls.crlfile.is_some()),
        ("bind_interface", is_unix && endpoint.bind_interface.is_some()),
        ("socket_domain", is_unix && endpoint.socket_domain.is_some()),
        ("websockets_origin", endpoint.protocol != Protocol::WebSockets && !endpoint.websockets_origins.is_empty()),
        ("http_dir", endpoint.protocol == Protocol::Mqtt && endpoint.http_dir.is_some()),
        ("enable_proxy_protocol", is_http && endpoint.proxy_protocol.is_some()),
        ("max_connections", is_http && endpoint.max_connections.is_some()),
        ("keyfile_passphrase_command", !endpoint.tls.is_on() && endpoint.tls.keyfile_passphrase_command.is_some()),
        ("proxy_protocol_v2_require_tls", endpoint.proxy_protocol_v2_require_tls && endpoint.proxy_protocol != Some(2)),
    ] {
        if is_idle {
            let text = format!("Warning: The '{option}' option has no effect on listener {}.", endpoint.place());
            logger.log(LogLevel::Warning, text);
        }
    }
    if tls.is_psk() && endpoint.psk_file.is_none() {
        let text =
            format!("Warning: Listener {} has a psk_hint and no psk_file: nobody can connect.", endpoint.place());
        logger.log(LogLevel::Warning, text);
    }
}

/// One socket for all workers.
fn open_unix(path: &str, logger: &Logger) -> Result<Listener, String> {
    logger.log(LogLevel::Information, format!("Opening unix listen socket on path {path}."));
    Listener::bind_unix(path.as_ref())
        .map_err(|error| format!("Error: Unable to listen on {path}: {}.", error_text(&error)))
}

/// The line that says that an endpoint could not be opened.
pub(crate) fn failed(address: SocketAddr, error: &io::Error) -> String {
    format!("Error: Unable to listen on {}, port {}: {}.", address.ip(), address.port(), error_text(error))
}

fn is_no_such_protocol(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

/// Where to listen: the addresses of the host, or all; of the one version of IP, and of the one interface, if only one is
/// meant.
fn addresses(endpoint: &Endpoint, logger: &Logger) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = host_addresses(endpoint)?;
    addresses.dedup();
    if let Some(domain) = endpoint.socket_domain {
        addresses.retain(|address| address.is_ipv4() == (domain == SocketDomain::Ipv4));
        if let (Some(host), true) = (&endpoint.host, addresses.is_empty()) {
            let version = version(domain == SocketDomain::Ipv4);
            return Err(format!("Error: Listener '{host}' has no {version} address."));
        }
    }
    match &endpoint.bind_interface {
        None => Ok(addresses),
        Some(name) => of_interface(name, endpoint, &addresses, logger),
    }
}

fn host_addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let port = endpoint.port;
    let Some(host) = &endpoint.host else {
        return Ok(vec![
            (IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into(),
            (IpAddr::from(Ipv6Addr::UNSPECIFIED), port).into(),
        ]);
    };
    let found = (host.as_str(), port).to_socket_addrs();
    let failed = |error| format!("Error: Unable to find the address of listener '{host}': {}.", error_text(&error));
    Ok(found.map_err(failed)?.collect())
}

/// Those of an interface's addresses that are meant: of the versions of IP that `wanted` has and, where there is a host,
/// of the host.
fn of_interface(
    name: &str,
    endpoint: &Endpoint,
    wanted: &[SocketAddr],
    logger: &Logger,
) -> Result<Vec<SocketAddr>, String> {
    let own = interface::addresses(name)
        .map_err(|error| format!("Error: Unable to look up interface {name}: {}.", error_text(&error)))?
        .ok_or_else(|| format!("Error: Interface {name} does not exist."))?;
    let mut found = Vec::new();
    for is_ipv4 in [true, false] {
        if !wanted.iter().any(|address| address.is_ipv4() == is_ipv4) {
            continue;
        }
        let mut of_version = own.iter().filter(|address| address.is_ipv4() == is_ipv4).peekable();
        if of_version.peek().is_none() {
            let version = version(is_ipv4);
            logger.log(LogLevel::Warning, format!("Warning: Interface {name} has no {version} address."));
            continue;
        }
        let before = found.len();
        for mut address in of_version.copied() {
            address.set_port(endpoint.port);
            if endpoint.host.is_none() || wanted.iter().any(|wanted| wanted.ip() == address.ip()) {
                found.push(address);
            }
        }
        if let (Some(host), true) = (&endpoint.host, found.len() == before) {
            return Err(format!("Error: Interface {name} does not have the address of listener '{host}'."));
        }
    }
    if found.is_empty() { Err(format!("Error: Interface {name} has no address to listen on.")) } else { Ok(found) }
}

fn version(is_ipv4: bool) -> &'static str {
    if is_ipv4 { "ipv4" } else { "ipv6" }
}
