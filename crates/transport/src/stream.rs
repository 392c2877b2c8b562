//! A non-blocking byte stream.

use crate::introducing::Introducing;
use crate::security::{ClientSecurity, Secure, Security};
use crate::socket::{Socket, is_in_progress};
use crate::socks::{Socks, SocksRequest};
use crate::tls::Secured;
use crate::upper::Upper;
use crate::websocket::{WebSocket, WebSocketRequest};
use crate::{Introduction, Layers, Peer};
use mio::net::{TcpStream, UnixStream};
use mio::{Registry, Token};
use socket2::TcpKeepalive;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// A connected stream, or one that is being connected.
///
/// Streams are watched edge-triggered: after an event, read until [`Read::Drained`] or [`Read::End`], and write until
/// [`Written::Blocked`] or nothing is left. Where the event says that the peer has closed its half, read on until
/// [`Read::End`]: an end that arrived together with the last bytes has no event of its own. No call ever waits.
///
/// Inside TLS, reading also brings the handshake on, and both reading and writing may leave bytes that the socket did not
/// take: while there are [`unsent`](Self::has_unsent) ones, [`flush`](Self::flush) after an event of writing.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    /// What stands above the socket; nothing on a plain connection.
    upper: Option<Box<Upper>>,
}

/// What stands between a client's socket and its bytes, the lowest first.
#[derive(Debug, Clone, Default)]
pub struct ClientLayers {
    /// A proxy that connects to the server.
    pub socks: Option<SocksRequest>,
    /// TLS, of one kind or the other.
    pub tls: Option<ClientSecurity>,
    /// The bytes come and go in a WebSocket.
    pub websocket: Option<WebSocketRequest>,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, and there may be more. None where only what carries them has come.
    Some(usize),
    /// So many bytes, perhaps none; an event will tell when there is more.
    Drained(usize),
    /// The PROXY header has come: [`Stream::introduction`] has what it says. There may be more to read.
    Introduced,
    /// Where a WebSocket was to be opened, the client asks for something else: [`Stream::take_request`] has it.
    Request,
    /// The peer sends nothing any more.
    End,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// So many bytes, and more can be tried.
    Some(usize),
    /// So many bytes, perhaps none; an event will tell when more can be taken.
    Blocked(usize),
}

impl Stream {
    /// A TCP connection that a listener accepted.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self { socket: Socket::Tcp(stream), upper: None }
    }

    /// A connection over a Unix socket that a listener accepted.
    pub(crate) fn unix(stream: UnixStream) -> Self {
        Self { socket: Socket::Unix(stream), upper: None }
    }

    /// Puts these layers above the socket.
    pub(crate) fn with_layers(mut self, layers: &Layers) -> Self {
        if layers.proxy.is_some() || layers.websocket.is_some() {
            let header = layers.proxy.map(Introducing::new);
            let websocket = layers.websocket.clone().map(WebSocket::new);
            self.upper = Some(Box::new(Upper { header, websocket, ..Upper::default() }));
        }
        self
    }

    /// Begins a TCP connection to `address`, from the local address `from` if one is given. The stream becomes writable
    /// when it is made or has failed; [`connected`](Self::connected) tells which.
    pub fn connect_tcp(address: SocketAddr, from: Option<SocketAddr>) -> io::Result<Self> {
        let Some(from) = from else { return TcpStream::connect(address).map(Self::tcp) };
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(Self::tcp(TcpStream::from_std(socket.into())))
    }

    /// Connects to the Unix socket at `path`. That is done at once or fails at once, also where too many others wait to
    /// be accepted there.
    pub fn connect_unix(path: &Path) -> io::Result<Self> {
        UnixStream::connect(path).map(Self::unix)
    }

    /// Whether a connection that was begun is made: false while it is under way.
    pub fn connected(&self) -> io::Result<bool> {
        self.socket.connected()
    }

    /// Has events of this stream reported under `token`: readable and writable, for its whole life.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.register(registry, token)
    }

    /// Ends the reporting, so that the stream can be registered elsewhere.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }

    /// What follows a PROXY header, or all where there is none, is inside TLS, of which this is the server's end. Nothing
    /// may have been read or written before.
    pub fn secure(&mut self, server: &Security) -> io::Result<()> {
        let tls = Some(Secure::accept(server)?);
        match &mut self.upper {
            Some(upper) => upper.tls = tls,
            None => self.upper = Some(Box::new(Upper { tls, ..Upper::default() })),
        }
        Ok(())
    }

    /// Puts a client's layers above the socket of a connection that is made or being made. Nothing may have been read or
    /// written before; [`open`](Self::open) opens them. An error is that a name is none, or too long.
    pub fn set_client_layers(&mut self, layers: &ClientLayers) -> io::Result<()> {
        let ClientLayers { socks, tls, websocket } = layers;
        let mut upper = Upper::default();
        if let Some(request) = socks {
            upper.socks = Some(Socks::new(request.clone())?);
        }
        if let Some(security) = tls {
            upper.tls = Some(Secure::connect(security)?);
        }
        if let Some(request) = websocket {
            upper.websocket = Some(WebSocket::request(request)?);
        }
        let any = upper.socks.is_some() || upper.tls.is_some() || upper.websocket.is_some();
        self.upper = any.then(|| Box::new(upper));
        Ok(())
    }

    /// Brings the opening of a client's layers on, once the socket is [`connected`](Self::connected): at once, and after each
    /// event until it is true. Only then there is something to read, and writing is of any use.
    ///
    /// An error is one of the system, or of a layer: [`TlsFailure`](crate::TlsFailure),
    /// [`SocksFailure`](crate::SocksFailure), [`WebSocketFailure`](crate::WebSocketFailure).
    pub fn open(&mut self) -> io::Result<bool> {
        match &mut self.upper {
            None => Ok(true),
            Some(upper) => upper.open(&mut self.socket),
        }
    }

    /// What TLS came to. None where there is no TLS, and before its handshake is done.
    pub fn secured(&self) -> Option<Secured> {
        self.tls()?.secured()
    }

    /// Reads what there is into `buffer`, which must not be empty.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        match &mut self.upper {
            None => self.socket.read(buffer),
            Some(upper) => upper.read(&mut self.socket, buffer),
        }
    }

    /// Whether there is nothing between the socket and its bytes, so that reading costs no more than a system call.
    pub fn is_plain(&self) -> bool {
        self.upper.is_none()
    }

    /// Whether there are bytes to read that the socket tells nothing about any more.
    pub fn has_unread(&self) -> bool {
        let early = self.upper.as_ref().and_then(|upper| upper.websocket.as_ref()).is_some_and(WebSocket::has_unread);
        early || self.tls().is_some_and(Secure::has_unread)
    }

    /// Bytes held for records and messages of TLS that are not whole, or were not taken. Layers of other kinds hold little.
    pub fn held(&self) -> usize {
        self.tls().map_or(0, Secure::held)
    }

    /// Whether it is known who is at the other end: not while a PROXY header is to come.
    pub fn is_introduced(&self) -> bool {
        self.upper.as_ref().is_none_or(|upper| upper.header.is_none())
    }

    /// What the PROXY header says, once after [`Read::Introduced`].
    pub fn introduction(&mut self) -> Option<Introduction> {
        let upper = self.upper.as_mut()?;
        let said = upper.header.take_if(|header| header.is_done())?;
        if upper.tls.is_none() && upper.websocket.is_none() {
            self.upper = None;
        }
        said.into_introduction()
    }

    /// What the request that has opened a WebSocket says in `X-Forwarded-For`, once: 256 characters at most, none of which is
    /// more than a character. Anybody can say anything there.
    pub fn forwarded_for(&mut self) -> Option<Box<str>> {
        self.upper.as_mut()?.websocket.as_mut()?.forwarded_for()
    }

    /// What has come of a request, once after [`Read::Request`]: its whole head, and perhaps more. From then on, what is read
    /// follows that, and there is no WebSocket.
    pub fn take_request(&mut self) -> Option<Vec<u8>> {
        let upper = self.upper.as_mut()?;
        let request = upper.websocket.as_mut()?.take_request()?;
        upper.websocket = None;
        Some(request)
    }

    /// Writes as much of the slices, in order, as the stream takes.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        match &mut self.upper {
            None => self.socket.write(slices),
            Some(upper) => upper.write(&mut self.socket, slices),
        }
    }

    /// Whether there are bytes that count as written and that the socket has not taken yet.
    pub fn has_unsent(&self) -> bool {
        self.tls().is_some_and(Secure::has_unsent)
    }

    /// Writes those bytes, as many as the socket takes.
    pub fn flush(&mut self) -> io::Result<()> {
        match self.upper.as_mut().and_then(|upper| upper.tls.as_mut()) {
            Some(tls) => tls.flush(&mut self.socket),
            None => Ok(()),
        }
    }

    /// Says goodbye where what carries the bytes has a word for it: when all is written, before the end.
    pub fn say_goodbye(&mut self) {
        if let Some(upper) = &mut self.upper {
            upper.say_goodbye(&mut self.socket);
        }
    }

    /// Says that nothing more will be written; the peer's bytes can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = self.upper.as_mut().and_then(|upper| upper.tls.as_mut()) {
            tls.finish(&mut self.socket);
        }
        self.socket.finish()
    }

    fn tls(&self) -> Option<&Secure> {
        self.upper.as_ref()?.tls.as_ref()
    }

    /// Has the system look whether the peer of a silent connection is still there: after so much silence, at this interval, and
    /// so often before the connection counts as lost. For TCP.
    pub fn set_keepalive(&self, idle: Duration, interval: Duration, probes: u32) -> io::Result<()> {
        let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
        self.socket.system().set_tcp_keepalive(&keepalive)
    }

    /// For how long sent bytes may stay unacknowledged before the connection counts as lost (TCP_USER_TIMEOUT).
    pub fn set_user_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.socket.system().set_tcp_user_timeout(Some(timeout))
    }

    /// What [`set_keepalive`](Self::set_keepalive) has set; none where the system does not look.
    pub fn keepalive(&self) -> io::Result<Option<(Duration, Duration, u32)>> {
        let socket = self.socket.system();
        let values = (socket.tcp_keepalive_time()?, socket.tcp_keepalive_interval()?, socket.tcp_keepalive_retries()?);
        Ok(socket.keepalive()?.then_some(values))
    }

    /// What [`set_user_timeout`](Self::set_user_timeout) has set; none where it is as the system has it.
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.system().tcp_user_timeout()?.filter(|timeout| !timeout.is_zero()))
    }

    /// Whether small writes leave at once (TCP_NODELAY). Without effect on what is not TCP.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.set_nodelay(on)
    }

    /// Whether small writes leave at once.
    #[cfg(test)]
    pub(crate) fn nodelay(&self) -> io::Result<bool> {
        self.socket.system().tcp_nodelay()
    }

    /// The other end. That of a Unix socket is called by the path that it is bound to; a client's mostly has none.
    pub fn peer(&self) -> io::Result<Peer> {
        let address = self.socket.system().peer_addr()?;
        Ok(match address.as_socket() {
            Some(address) => Peer::of_address(address),
            None => Peer::at_path(address.as_pathname().unwrap_or(Path::new(""))),
        })
    }
}
