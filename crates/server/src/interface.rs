//! Network interfaces, and their addresses.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// The addresses of the interface of this name, with port 0; none: there is no such interface.
pub(crate) fn addresses(name: &str) -> io::Result<Option<Vec<SocketAddr>>> {
    let (mut exists, mut found) = (false, Vec::new());
    // There is one entry for each address, and one for the hardware.
    for entry in getifaddrs()?.filter(|entry| entry.interface_name == name) {
        exists = true;
        found.extend(entry.address.as_ref().and_then(ip_address));
    }
    Ok(exists.then_some(found))
}

fn ip_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    // With the number of the interface, which a link-local address needs.
    address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn the_loopback_interface_has_its_address_and_one_that_is_not_there_has_none() {
        let addresses = addresses("lo").unwrap().unwrap();
        assert!(addresses.contains(&(Ipv4Addr::LOCALHOST, 0).into()), "{addresses:?}");
        assert_eq!(super::addresses("no-such-interface").unwrap(), None);
    }
}
