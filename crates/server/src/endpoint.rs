//! From the configuration's endpoints to sockets that listen.

use crate::log::Logger;
use crate::seats::Seats;
use mosquitto_broker::LogLevel;
use mosquitto_config::Endpoint;
use mosquitto_transport::{BindOptions, Listener, error_text};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// One listening socket of one worker.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) socket: Listener,
    /// The number of the endpoint, which is that of the broker's listener settings.
    pub(crate) listener: u16,
    pub(crate) seats: Seats,
}

/// The sockets of one endpoint, those of one address after another, as many for each as there are workers; or the line
/// that says what went wrong.
pub(crate) fn open(
    endpoint: &Endpoint,
    workers: usize,
    options: BindOptions,
    logger: &Logger,
) -> Result<Vec<Listener>, String> {
    let mut sockets = Vec::new();
    let mut unavailable = None;
    for address in addresses(endpoint)? {
        let version = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        logger.log(LogLevel::Information, format!("Opening {version} listen socket on port {}.", address.port()));
        match Listener::bind_tcp(address, workers, options) {
            Ok(opened) => sockets.extend(opened),
            // A machine need not have both versions of IP, where none was asked for.
            Err(error) if endpoint.host.is_none() && is_no_such_protocol(&error) => unavailable = Some(error),
            Err(error) => return Err(failed(address, &error)),
        }
    }
    match unavailable {
        Some(error) if sockets.is_empty() => Err(format!("Error: {}", error_text(&error))),
        _ => Ok(sockets),
    }
}

fn failed(address: SocketAddr, error: &io::Error) -> String {
    format!("Error: Unable to listen on {}, port {}: {}.", address.ip(), address.port(), error_text(error))
}

fn is_no_such_protocol(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let port = endpoint.port;
    let Some(host) = &endpoint.host else {
        return Ok(vec![
            (IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into(),
            (IpAddr::from(Ipv6Addr::UNSPECIFIED), port).into(),
        ]);
    };
    let mut found: Vec<SocketAddr> = (host.as_str(), port)
        .to_socket_addrs()
        .map_err(|error| format!("Error: Unable to find the address of listener '{host}': {}.", error_text(&error)))?
        .collect();
    found.dedup();
    Ok(found)
}
