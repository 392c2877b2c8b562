//! A non-blocking byte stream.

use crate::introducing::Introducing;
use crate::socket::{Socket, is_in_progress};
use crate::websocket::{Lower, WebSocket};
use crate::{Introduction, Layers, Peer};
use mio::net::{TcpStream, UnixStream};
use mio::{Registry, Token};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::path::Path;

/// A connected stream, or one that is being connected.
///
/// Streams are watched edge-triggered: after an event, read until [`Read::Drained`] or [`Read::End`], and write until
/// [`Written::Blocked`] or nothing is left. Where the event says that the peer has closed its half, read on until
/// [`Read::End`]: an end that arrived together with the last bytes has no event of its own. No call ever waits.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    /// What stands above the socket; nothing on a plain connection.
    upper: Option<Box<Upper>>,
}

/// Layers above the socket, the lowest first. One that has done its work is gone.
#[derive(Debug)]
struct Upper {
    header: Option<Introducing>,
    websocket: Option<WebSocket>,
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
            self.upper = Some(Box::new(Upper { header, websocket }));
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

    /// Reads what there is into `buffer`, which must not be empty.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        match &mut self.upper {
            None => self.socket.read(buffer),
            Some(upper) => upper.read(&mut self.socket, buffer),
        }
    }

    /// Whether it is known who is at the other end: not while a PROXY header is to come.
    pub fn is_introduced(&self) -> bool {
        self.upper.as_ref().is_none_or(|upper| upper.header.is_none())
    }

    /// What the PROXY header says, once after [`Read::Introduced`].
    pub fn introduction(&mut self) -> Option<Introduction> {
        let upper = self.upper.as_mut()?;
        let said = upper.header.take_if(|header| header.is_done())?;
        if upper.websocket.is_none() {
            self.upper = None;
        }
        said.into_introduction()
    }

    /// Writes as much of the slices, in order, as the stream takes.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        match self.upper.as_mut().and_then(|upper| upper.websocket.as_mut()) {
            None => self.socket.write(slices),
            Some(websocket) => websocket.write(&mut self.socket, slices),
        }
    }

    /// Says goodbye where what carries the bytes has a word for it: when all is written, before the end.
    pub fn say_goodbye(&mut self) {
        if let Some(websocket) = self.upper.as_mut().and_then(|upper| upper.websocket.as_mut()) {
            websocket.say_goodbye(&mut self.socket);
        }
    }

    /// Says that nothing more will be written; the peer's bytes can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        self.socket.finish()
    }

    /// Whether small writes leave at once (TCP_NODELAY). Without effect on what is not TCP.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.set_nodelay(on)
    }

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

impl Upper {
    fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Read> {
        match (&mut self.header, &mut self.websocket) {
            (Some(header), _) => header.read(socket),
            (None, Some(websocket)) => websocket.read(socket, buffer),
            (None, None) => socket.read(buffer),
        }
    }
}

impl Lower for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        Self::read(self, buffer)
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        Self::write(self, slices)
    }
}
