//! The socket of a client.

use super::input::Input;
use crate::{Moment, Session};
use mio::event::Event;
use mio::{Registry, Token};
use mosquitto_transport::{ClientLayers, Read, SocksFailure, Stream, Written};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(super) const CONNECTION: Token = Token(0);
pub(super) const WAKER: Token = Token(1);

/// What stands between a socket and MQTT (a proxy, TLS, a WebSocket) has to be open so long after the socket is connected.
const OPENING: Duration = Duration::from_mins(1);

/// Where a server may be.
#[derive(Debug)]
pub(super) enum Target {
    Tcp(SocketAddr),
    /// A host whose addresses are looked up when it is its turn, and what then stands between the socket and MQTT.
    Named {
        host: String,
        port: u16,
        layers: Box<ClientLayers>,
    },
    Unix(PathBuf),
}

/// The attempt to connect, one target after the other.
#[derive(Debug)]
pub(super) struct Attempt {
    targets: VecDeque<Target>,
    /// The own address to connect from.
    local: Option<IpAddr>,
    /// What stands between the socket and MQTT.
    layers: ClientLayers,
    stream: Option<Stream>,
    /// When what stands above the socket has to be open, once that is connected.
    until: Option<Instant>,
    /// The server has closed its side meanwhile.
    ends: bool,
}

impl Attempt {
    pub(super) fn new(targets: VecDeque<Target>, local: Option<IpAddr>, layers: ClientLayers) -> Self {
        Self { targets, local, layers, stream: None, until: None, ends: false }
    }

    pub(super) fn ready(&mut self, event: &Event) {
        self.ends |= event.is_read_closed() || event.is_error();
    }

    /// When to look at it again, though nothing has happened.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// The connection, if there is one now; an error when no target is left, or when the one that was reached does not
    /// open what stands above its socket.
    pub(super) fn proceed(&mut self, registry: &Registry, nodelay: bool) -> io::Result<Option<Connection>> {
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        loop {
            let Some(mut stream) = self.stream.take() else {
                let Some(target) = self.targets.pop_front() else { return Err(failure) };
                match self.open(target, registry) {
                    Ok(stream) => self.stream = stream,
                    Err(error) => failure = error,
                }
                continue;
            };
            if self.until.is_none() {
                match stream.connected() {
                    Ok(true) => {
                        stream.set_nodelay(nodelay)?;
                        stream.set_client_layers(&self.layers)?;
                        self.until = Some(Instant::now() + OPENING);
                    }
                    Ok(false) => {
                        self.stream = Some(stream);
                        return Ok(None);
                    }
                    Err(error) => {
                        failure = error;
                        continue;
                    }
                }
            }
            match stream.open() {
                Ok(true) => return Ok(Some(Connection::new(stream, self.ends))),
                Ok(false) => {}
                // Behind a proxy that works, another host may be there.
                Err(error)
                    if SocksFailure::of(&error) == Some(SocksFailure::Unreachable) && !self.targets.is_empty() =>
                {
                    (failure, self.until, self.ends) = (error, None, false);
                    continue;
                }
                Err(error) => return Err(error),
            }
            if self.until.is_some_and(|until| until <= Instant::now()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream = Some(stream);
            return Ok(None);
        }
    }

    /// Begins a connection to the target; none where it stands for others, which are to be tried next.
    fn open(&mut self, target: Target, registry: &Registry) -> io::Result<Option<Stream>> {
        let mut stream = match target {
            Target::Tcp(address) => Stream::connect_tcp(address, self.local.map(|local| SocketAddr::new(local, 0)))?,
            Target::Named { host, port, layers } => {
                let found: Vec<_> = (host.as_str(), port).to_socket_addrs()?.collect();
                for address in found.into_iter().rev() {
                    self.targets.push_front(Target::Tcp(address));
                }
                self.layers = *layers;
                return Ok(None);
            }
            Target::Unix(path) => Stream::connect_unix(&path)?,
        };
        stream.register(registry, CONNECTION)?;
        Ok(Some(stream))
    }
}

/// A connection that is made.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    pub(super) input: Input,
    /// Not known to be drained.
    readable: bool,
    /// The server has closed its side: behind its last bytes there is an end to be read, of which no event tells.
    ends: bool,
    /// Not known to be full.
    writable: bool,
    /// Why nothing more can be read or written, where that is not the server's doing.
    pub(super) failure: Option<io::Error>,
}

impl Connection {
    fn new(stream: Stream, ends: bool) -> Self {
        Self { stream, input: Input::default(), readable: true, ends, writable: true, failure: None }
    }

    pub(super) fn ready(&mut self, event: &Event) {
        self.ends |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.ends;
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// There may be something to read, though no event has told so. False where an event is waited for to write.
    pub(super) fn try_to_read(&mut self) -> bool {
        self.readable |= self.writable;
        self.writable
    }

    /// Handles a packet, or else sends and reads what can be. False when there is nothing more to do but wait.
    pub(super) fn proceed(&mut self, session: &mut Session, now: Moment) -> bool {
        let len = session.received(now, self.input.unhandled());
        if len > 0 {
            self.input.handled(len);
            return true;
        }
        // Answers to all packets that came together are sent together.
        if !self.flush(session) {
            session.closed(now);
            return true;
        }
        if !self.readable || session.is_congested() {
            return false;
        }
        match self.stream.read(self.input.room()) {
            Ok(Read::Some(len)) => self.input.filled(len),
            Ok(Read::Drained(len)) => {
                self.input.filled(len);
                // An end is read as an end, unless it is an error that has been reported before.
                self.readable = self.ends && len > 0;
                return len > 0;
            }
            // A client is never introduced to its server.
            Ok(Read::End | Read::Introduced | Read::Request) => session.closed(now),
            Err(error) => {
                self.failure = Some(error);
                session.closed(now);
            }
        }
        true
    }

    /// Sends what the socket takes. False if it takes nothing ever again.
    pub(super) fn flush(&mut self, session: &mut Session) -> bool {
        match self.try_flush(session) {
            Ok(()) => true,
            Err(error) => {
                self.failure = Some(error);
                false
            }
        }
    }

    fn try_flush(&mut self, session: &mut Session) -> io::Result<()> {
        if self.writable && self.stream.has_unsent() {
            self.stream.flush()?;
            self.writable = !self.stream.has_unsent();
        }
        while self.writable && !session.output().is_empty() {
            match self.stream.write(&[IoSlice::new(session.output())])? {
                Written::Some(len) => session.sent(len),
                Written::Blocked(len) => {
                    session.sent(len);
                    self.writable = false;
                }
            }
        }
        Ok(())
    }

    /// Whether there are bytes that the session has got rid of, and the socket has not taken.
    pub(super) fn has_unsent(&self) -> bool {
        self.stream.has_unsent()
    }

    /// Says that nothing more will come. False if there is nobody to be told.
    pub(super) fn finish(&mut self) -> bool {
        self.stream.say_goodbye();
        self.stream.finish().is_ok()
    }

    /// Throws away what is read. False when the server has closed the connection.
    pub(super) fn linger(&mut self) -> bool {
        while self.readable {
            self.input.clear();
            match self.stream.read(self.input.room()) {
                Ok(Read::Some(_)) => {}
                Ok(Read::Drained(len)) => self.readable = self.ends && len > 0,
                Ok(Read::End | Read::Introduced | Read::Request) | Err(_) => return false,
            }
        }
        true
    }
}
