//! Whether two listeners are to be at one place.

use crate::endpoint;
use mosquitto_transport::{Listener, error_text};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

/// Where the listeners to be listen, by port.
#[derive(Debug, Default)]
pub(super) struct Taken(HashMap<u16, Vec<SocketAddr>>);

impl Taken {
    /// By one that is kept.
    pub(super) fn insert(&mut self, addresses: &[SocketAddr]) {
        for address in addresses {
            self.0.entry(address.port()).or_default().push(*address);
        }
    }

    /// Sockets of one more listener, with where they listen, unless another one listens there as well: sockets that replace
    /// others share their port, and the system would let each have a part of the clients.
    pub(super) fn add(&mut self, sockets: Vec<Listener>) -> Result<(Vec<Listener>, Vec<SocketAddr>), String> {
        let mut addresses = Vec::new();
        for socket in &sockets {
            let address = socket.local_address();
            // A Unix socket has none, and nobody else's path: the system sees to that.
            addresses.extend(address.map_err(|error| format!("Error: Unable to listen: {}.", error_text(&error)))?);
        }
        // Those of all workers stand one after the other.
        addresses.dedup();
        let is_taken = |address: &&SocketAddr| {
            self.0.get(&address.port()).is_some_and(|others| others.iter().any(|other| overlap(address, other)))
        };
        if let Some(address) = addresses.iter().find(is_taken) {
            return Err(endpoint::failed(*address, &io::Error::from_raw_os_error(libc::EADDRINUSE)));
        }
        self.insert(&addresses);
        Ok((sockets, addresses))
    }
}

/// Whether a client can mean either of these, which have the same port.
fn overlap(a: &SocketAddr, b: &SocketAddr) -> bool {
    a == b || (a.is_ipv4() == b.is_ipv4() && (a.ip().is_unspecified() || b.ip().is_unspecified()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_a_version_of_ip_are_each_of_them() {
        let overlap = |a: &str, b: &str| overlap(&a.parse().unwrap(), &b.parse().unwrap());
        for (a, b) in [("127.0.0.1:1", "127.0.0.1:1"), ("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1")] {
            assert!(overlap(a, b) && overlap(b, a), "{a} {b}");
        }
        // A link-local address belongs to one interface.
        for (a, b) in [("127.0.0.1:1", "127.0.0.2:1"), ("0.0.0.0:1", "[::]:1"), ("[fe80::1%1]:1", "[fe80::1%2]:1")] {
            assert!(!overlap(a, b) && !overlap(b, a), "{a} {b}");
        }
    }
}
