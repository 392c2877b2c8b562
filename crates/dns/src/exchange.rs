//! Question and answer over the network.

use crate::message::{self, Reply};
use crate::order::Record;
use crate::{LookupError, Resolvers};
use simple_dns::Name;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// After so many datagrams that are no answer, the next server is asked: somebody is guessing.
const FOREIGN_MAX: u32 = 64;

/// More than any answer to a question that does not ask for more (RFC 1035: 512).
const DATAGRAM_BYTES_MAX: usize = 4096;

/// Asks one server after the other, until one knows.
pub(crate) fn ask(resolvers: &Resolvers, name: &str) -> Result<Vec<Record>, LookupError> {
    let name = message::name(name)?;
    let mut failure = LookupError::TimedOut;
    for _ in 0..resolvers.attempts {
        for &server in &resolvers.servers {
            let until = Instant::now() + resolvers.timeout;
            match ask_one(server, &name, until) {
                Err(error @ (LookupError::TimedOut | LookupError::Failed(_) | LookupError::Io(_))) => failure = error,
                known => return known,
            }
        }
    }
    Err(failure)
}

fn ask_one(server: SocketAddr, name: &Name<'_>, until: Instant) -> Result<Vec<Record>, LookupError> {
    let id = random_id()?;
    let question = message::question(id, name)?;
    match over_udp(server, &question, until, |bytes| message::reply(bytes, id, name))? {
        Reply::Answer(answer) => answer,
        Reply::Foreign => Err(LookupError::TimedOut),
        Reply::Truncated => {
            let bytes = over_tcp(server, &question, until).map_err(of_io)?;
            match message::reply(&bytes, id, name) {
                Reply::Answer(answer) => answer,
                Reply::Foreign | Reply::Truncated => Err(of_io(ErrorKind::InvalidData.into())),
            }
        }
    }
}

fn random_id() -> Result<u16, LookupError> {
    // An identifier that can be guessed lets others answer.
    getrandom::u32().map(|number| number as u16).map_err(|error| LookupError::Io(error.into()))
}

fn of_io(error: io::Error) -> LookupError {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => LookupError::TimedOut,
        _ => LookupError::Io(error),
    }
}

/// The first reply that is not foreign.
fn over_udp(
    server: SocketAddr,
    question: &[u8],
    until: Instant,
    read: impl Fn(&[u8]) -> Reply,
) -> Result<Reply, LookupError> {
    // The system chooses a random port.
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).map_err(of_io)?;
    // Connected: datagrams of others are dropped by the system, and a closed port is an error.
    socket.connect(server).map_err(of_io)?;
    socket.send(question).map_err(of_io)?;
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    for _ in 0..FOREIGN_MAX {
        socket.set_read_timeout(Some(left(until).map_err(of_io)?)).map_err(of_io)?;
        match socket.recv(&mut buffer).map(|len| read(buffer.get(..len).unwrap_or_default())) {
            Ok(Reply::Foreign) => {}
            Ok(reply) => return Ok(reply),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(of_io(error)),
        }
    }
    Ok(Reply::Foreign)
}

/// The reply, whatever it is. Over TCP two bytes of length stand before each message.
fn over_tcp(server: SocketAddr, question: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, left(until)?)?;
    stream.set_write_timeout(Some(left(until)?))?;
    let len = u16::try_from(question.len()).map_err(|_| ErrorKind::InvalidInput)?;
    let message = [&len.to_be_bytes(), question].concat();
    stream.write_all(&message)?;
    let mut len = [0; 2];
    fill(&mut stream, &mut len, until)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
    fill(&mut stream, &mut reply, until)?;
    Ok(reply)
}

/// Fills the buffer in time, in however small pieces it comes.
fn fill(stream: &mut TcpStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => buffer = buffer.get_mut(len..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The time that is left, at least a bit; an error if there is none.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}
