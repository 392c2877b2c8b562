//! Sockets that clients connect to.

use crate::unix_path::UnixPath;
use crate::{Peer, ProxyRules, Stream, WebSocketRules};
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Type};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Connections that wait to be accepted, at most: those beyond it have to try again.
const BACKLOG: i32 = 1024;

/// One socket that accepts streams.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    layers: Layers,
}

/// What stands between the sockets of accepted connections and their bytes.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// A PROXY header comes first.
    pub proxy: Option<ProxyRules>,
    /// The bytes come and go in a WebSocket.
    pub websocket: Option<Arc<WebSocketRules>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix {
        socket: UnixListener,
        /// What its connections are called.
        peer: Peer,
        /// The file, which goes with the listener.
        _file: UnixPath,
    },
}

/// How a listener is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct BindOptions {
    /// Whether small writes on its connections leave at once (TCP_NODELAY).
    pub nodelay: bool,
    /// Whether sockets of this process that are about to be closed may listen where these are to.
    pub replacing: bool,
}

impl Listener {
    /// Listens at a TCP address, with as many sockets as asked for (at least one), among which the system spreads the
    /// connections. An IPv6 address takes IPv6 only, so that both versions can have the same port.
    ///
    /// The address must be free: another process that listens there, even in the same manner, is an error. With
    /// [`BindOptions::replacing`] only one that does not share its port with this process is.
    pub fn bind_tcp(address: SocketAddr, sockets: usize, options: BindOptions) -> io::Result<Vec<Listener>> {
        if options.replacing {
            return (0..sockets.max(1)).map(|_| Self::listen(open(address, true)?, options)).collect();
        }
        // Sockets that share their port share it with anybody who asks. This one does not share.
        let first = open(address, false)?;
        // Port 0 is whichever the system chose.
        let address = first.local_addr()?.as_socket().unwrap_or(address);
        if sockets <= 1 {
            // From now on it does, for others that are to replace it.
            first.set_reuse_port(true)?;
            return Ok(vec![Self::listen(first, options)?]);
        }
        drop(first);
        (0..sockets).map(|_| Self::listen(open(address, true)?, options)).collect()
    }

    /// Listens at the path of a Unix socket, which its owner and group may connect to (mode 0770). A socket there at which
    /// nobody listens any more is replaced. The file is removed with the listener.
    ///
    /// It is one socket, and cannot be several: whoever wants to share the work has to hand connections on.
    pub fn bind_unix(path: &Path) -> io::Result<Listener> {
        let (socket, file) = UnixPath::bind(path, BACKLOG)?;
        let (socket, peer) = (UnixListener::from_std(socket), Peer::at_path(path));
        Ok(Self { socket: Socket::Unix { socket, peer, _file: file }, layers: Layers::default() })
    }

    /// Whether small writes on connections that are made from now on leave at once (TCP_NODELAY). They have it from the
    /// socket that listens, so that it costs none of them a system call. Without effect on what is not TCP.
    pub fn set_nodelay(&mut self, on: bool) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(socket) => SockRef::from(socket).set_tcp_nodelay(on),
            Socket::Unix { .. } => Ok(()),
        }
    }

    /// What there is between the socket and the bytes of connections accepted from now on.
    pub fn set_layers(&mut self, layers: Layers) {
        self.layers = layers;
    }

    fn listen(socket: socket2::Socket, options: BindOptions) -> io::Result<Listener> {
        socket.set_tcp_nodelay(options.nodelay)?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket: Socket::Tcp(TcpListener::from_std(socket.into())), layers: Layers::default() })
    }

    /// Has waiting connections reported under `token`. Edge-triggered: accept until there is none.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(socket) => registry.register(socket, token, Interest::READABLE),
            Socket::Unix { socket, .. } => registry.register(socket, token, Interest::READABLE),
        }
    }

    /// The next waiting connection; none if there is none now.
    pub fn accept(&self) -> io::Result<Option<(Stream, Peer)>> {
        loop {
            return match self.accept_one() {
                Ok((stream, peer)) => Ok(Some((stream.with_layers(&self.layers), peer))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) if is_the_peers(&error) => continue,
                Err(error) => Err(error),
            };
        }
    }

    fn accept_one(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept()?;
                Ok((Stream::tcp(stream), Peer::of_address(address)))
            }
            Socket::Unix { socket, peer, .. } => Ok((Stream::unix(socket.accept()?.0), peer.clone())),
        }
    }

    /// The address that the socket listens at; none if it is no TCP socket.
    pub fn local_address(&self) -> io::Result<Option<SocketAddr>> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().map(Some),
            Socket::Unix { .. } => Ok(None),
        }
    }
}

/// Whether an error of accepting is that of one connection, which has gone away again or never quite came: on to the
/// next (accept(2), "Error handling").
fn is_the_peers(error: &io::Error) -> bool {
    let of_the_network = matches!(
        error.raw_os_error(),
        Some(
            libc::EPROTO
                | libc::EPERM
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::EOPNOTSUPP
        )
    );
    let kinds = [io::ErrorKind::Interrupted, io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
    of_the_network || kinds.contains(&error.kind())
}

fn open(address: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Old connections of an earlier run do not stand in the way.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    fn local() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn several_sockets_share_one_port() {
        let sockets = Listener::bind_tcp(local(), 3, BindOptions::default()).unwrap();
        let addresses: Vec<_> = sockets.iter().map(|s| s.local_address().unwrap().unwrap()).collect();
        assert!(addresses.iter().all(|a| *a == addresses[0] && a.port() != 0));
    }

    #[test]
    fn a_port_that_somebody_listens_at_is_not_shared_with_a_second_broker() {
        for sockets in [1, 2] {
            let first = Listener::bind_tcp(local(), sockets, BindOptions::default()).unwrap();
            // `bind` succeeds while nobody listens, so the system may only tell at `listen`.
            let second = Listener::bind_tcp(first[0].local_address().unwrap().unwrap(), 2, BindOptions::default());
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn sockets_that_are_to_be_closed_can_be_replaced_before_they_are() {
        for (before, after) in [(1, 1), (1, 3), (3, 1), (2, 2)] {
            let old = Listener::bind_tcp(local(), before, BindOptions::default()).unwrap();
            let address = old[0].local_address().unwrap().unwrap();
            let replacing = BindOptions { replacing: true, ..BindOptions::default() };
            let new = Listener::bind_tcp(address, after, replacing).unwrap();
            drop(old);
            let client = TcpStream::connect(address).unwrap();
            assert_eq!((new.len(), client.peer_addr().unwrap()), (after, address));
        }
    }

    #[test]
    fn the_port_of_somebody_who_does_not_share_it_cannot_be_taken_over() {
        let strangers = std::net::TcpListener::bind(local()).unwrap();
        let replacing = BindOptions { replacing: true, ..BindOptions::default() };
        let taken = Listener::bind_tcp(strangers.local_addr().unwrap(), 2, replacing);
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn accepting_ends_when_nobody_waits() {
        let sockets = Listener::bind_tcp(local(), 1, BindOptions { nodelay: true, ..BindOptions::default() }).unwrap();
        let client = TcpStream::connect(sockets[0].local_address().unwrap().unwrap()).unwrap();
        let (stream, peer) = sockets[0].accept().unwrap().unwrap();
        assert_eq!(peer.address(), Some(client.local_addr().unwrap()));
        assert_eq!(stream.peer().unwrap(), peer);
        assert!(sockets[0].accept().unwrap().is_none());
    }

    #[test]
    fn small_writes_leave_at_once_on_connections_made_after_it_was_said() {
        let mut sockets = Listener::bind_tcp(local(), 1, BindOptions::default()).unwrap();
        let address = sockets[0].local_address().unwrap().unwrap();
        for on in [false, true, false] {
            sockets[0].set_nodelay(on).unwrap();
            let _client = TcpStream::connect(address).unwrap();
            let (stream, _) = sockets[0].accept().unwrap().unwrap();
            assert_eq!(stream.nodelay().unwrap(), on);
        }
    }
}
