//! Who is at the other end.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// The other end of a stream, as the log writes it: `ADDRESS:PORT`, or for a Unix socket `PATH:0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(Name);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Address(SocketAddr),
    /// Shared by all connections through one socket.
    Path(Arc<str>),
}

impl Peer {
    /// Who has this address.
    pub fn of_address(address: SocketAddr) -> Self {
        // An IPv4 client of a socket that takes both versions is an IPv4 client.
        Self(Name::Address(SocketAddr::new(address.ip().to_canonical(), address.port())))
    }

    pub(crate) fn at_path(path: &Path) -> Self {
        Self(Name::Path(path.to_string_lossy().into()))
    }

    /// The network address, if it has one.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Name::Address(address) => Some(*address),
            Name::Path(_) => None,
        }
    }

    /// What stands before the port: `ADDRESS` or `PATH`.
    pub fn host(&self) -> String {
        match &self.0 {
            Name::Address(address) => address.ip().to_string(),
            Name::Path(path) => path.to_string(),
        }
    }
}

impl fmt::Display for Peer {
    /// As Mosquitto has it: no brackets around IPv6, and port 0 for what has no port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Address(address) => write!(f, "{}:{}", address.ip(), address.port()),
            Name::Path(path) => write!(f, "{path}:0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_without_brackets_and_mapped_ones_as_ipv4() {
        for (address, shown) in
            [("127.0.0.1:1883", "127.0.0.1:1883"), ("[::1]:1883", "::1:1883"), ("[::ffff:10.0.0.1]:7", "10.0.0.1:7")]
        {
            assert_eq!(Peer::of_address(address.parse().unwrap()).to_string(), shown);
        }
    }

    #[test]
    fn a_path_has_port_0() {
        assert_eq!(Peer::at_path(Path::new("/run/x.sock")).to_string(), "/run/x.sock:0");
        assert_eq!(Peer::at_path(Path::new("/run/x.sock")).host(), "/run/x.sock");
    }
}
