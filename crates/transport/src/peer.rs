//! Who is at the other end.

use std::fmt;
use std::net::SocketAddr;

/// The other end of a stream, as the log writes it: `ADDRESS:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(SocketAddr);

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // An IPv4 client of a socket that takes both versions is an IPv4 client.
        Self(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The network address.
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for Peer {
    /// As Mosquitto has it: no brackets around IPv6.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.ip(), self.0.port())
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
            assert_eq!(Peer::new(address.parse().unwrap()).to_string(), shown);
        }
    }
}
