//! The layer of a stream that asks a SOCKS5 proxy (RFC 1928, RFC 1929) for a connection to a server.
//!
//! It reads no byte beyond what belongs to it, since what follows belongs to another layer.

use crate::socket::Socket;
use crate::{Read, Written};
use std::fmt;
use std::io::{self, IoSlice};
use std::net::IpAddr;

const VERSION: u8 = 5;
/// That of the login.
const LOGIN_VERSION: u8 = 1;

// Ways to say who one is.
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;

const CONNECT: u8 = 1;

// Kinds of addresses.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Bytes of an answer to the request up to where its length is known.
const ANSWER_HEAD_BYTES: usize = 5;

/// Bytes of the longest answer: a name of 255 bytes, its length, four bytes before and a port behind it.
const ANSWER_BYTES_MAX: usize = 4 + 1 + 255 + 2;

/// What a proxy is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct SocksRequest {
    /// The server's name or address: the proxy looks names up. At most 255 bytes.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The user and the password for the proxy itself, of at most 255 bytes each.
    pub login: Option<(String, String)>,
}

impl fmt::Debug for SocksRequest {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocksRequest({}:{})", self.host, self.port)
    }
}

/// Why a proxy makes no connection; the source of such an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocksFailure {
    /// It does not let us, or not there.
    NotAllowed,
    /// The server cannot be reached, or refuses the connection.
    Unreachable,
    /// It failed, or cannot do what it is asked for, or is no such proxy.
    Faulty,
    /// A reason that nobody knows.
    Unknown(u8),
}

impl SocksFailure {
    /// If this is why an input or output failed.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    fn of_answer(code: u8) -> Self {
        match code {
            2 => Self::NotAllowed,
            3..=5 => Self::Unreachable,
            1 | 6..=8 => Self::Faulty,
            code => Self::Unknown(code),
        }
    }
}

impl fmt::Display for SocksFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str("the proxy does not allow the connection"),
            Self::Unreachable => f.write_str("the proxy cannot reach the server"),
            Self::Faulty => f.write_str("the proxy cannot make the connection"),
            Self::Unknown(code) => write!(f, "the proxy makes no connection, with the unknown reason {code}"),
        }
    }
}

impl std::error::Error for SocksFailure {}

impl From<SocksFailure> for io::Error {
    fn from(failure: SocksFailure) -> Self {
        Self::other(failure)
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// How to say who we are.
    Methods,
    /// Whether we may come in.
    Login,
    /// The beginning of the answer to the request.
    AnswerHead,
    /// The rest of it.
    Answer,
    Open,
}

/// A connection that a proxy is asked for.
#[derive(Debug)]
pub(crate) struct Socks {
    request: SocksRequest,
    stage: Stage,
    /// What is to be sent, from `sent` on.
    outgoing: Vec<u8>,
    sent: usize,
    /// What has come of the message that is waited for: never more than one.
    incoming: Vec<u8>,
    /// Bytes of that message.
    expected: usize,
}

impl Socks {
    /// An error is that a name or a password is too long.
    pub(crate) fn new(request: SocksRequest) -> io::Result<Self> {
        let login = request.login.as_ref();
        let lens = login.map(|(user, password)| [user.len(), password.len()]);
        if request.host.len() > 255 || lens.is_some_and(|lens| lens.iter().any(|len| *len > 255)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the proxy takes at most 255 bytes of a name"));
        }
        let outgoing = if login.is_some() { vec![VERSION, 2, NO_LOGIN, PASSWORD] } else { vec![VERSION, 1, NO_LOGIN] };
        Ok(Self { request, stage: Stage::Methods, outgoing, sent: 0, incoming: Vec::new(), expected: 2 })
    }

    /// Brings it on. True when the connection is there; otherwise an event will tell of more to be done.
    pub(crate) fn open(&mut self, socket: &mut Socket) -> io::Result<bool> {
        loop {
            while let Some(rest) = self.outgoing.get(self.sent..).filter(|rest| !rest.is_empty()) {
                let (Written::Some(len) | Written::Blocked(len)) = socket.write(&[IoSlice::new(rest)])?;
                self.sent += len;
                if len == 0 {
                    return Ok(false);
                }
            }
            if self.stage == Stage::Open {
                return Ok(true);
            }
            let mut room = [0; ANSWER_BYTES_MAX];
            let missing = self.expected.saturating_sub(self.incoming.len());
            let (Read::Some(len) | Read::Drained(len)) = socket.read(room.get_mut(..missing).unwrap_or_default())?
            else {
                return Err(SocksFailure::Faulty.into());
            };
            self.incoming.extend_from_slice(room.get(..len).unwrap_or_default());
            if self.incoming.len() == self.expected {
                self.take()?;
            } else if len == 0 {
                return Ok(false);
            }
        }
    }

    /// Takes the message that has come.
    fn take(&mut self) -> Result<(), SocksFailure> {
        let [first, second, ..] = *self.incoming.as_slice() else { return Err(SocksFailure::Faulty) };
        let version = if self.stage == Stage::Login { LOGIN_VERSION } else { VERSION };
        if first != version {
            return Err(SocksFailure::Faulty);
        }
        match (self.stage, second) {
            (Stage::Methods, NO_LOGIN) | (Stage::Login, 0) => self.ask(),
            (Stage::Methods, PASSWORD) if self.request.login.is_some() => self.log_in(),
            (Stage::Methods, _) => return Err(SocksFailure::NotAllowed),
            (Stage::AnswerHead, 0) => {
                self.expected = match self.incoming.as_slice() {
                    [_, _, _, IPV4, _] => 4 + 4 + 2,
                    [_, _, _, IPV6, _] => 4 + 16 + 2,
                    [_, _, _, NAME, len] => 4 + 1 + usize::from(*len) + 2,
                    _ => return Err(SocksFailure::Faulty),
                };
                self.stage = Stage::Answer;
            }
            (Stage::Login | Stage::AnswerHead, code) => return Err(SocksFailure::of_answer(code)),
            // Which of its addresses the proxy has connected from means nothing here.
            (Stage::Answer | Stage::Open, _) => self.stage = Stage::Open,
        }
        Ok(())
    }

    fn log_in(&mut self) {
        let (user, password) = self.request.login.clone().unwrap_or_default();
        let mut message = vec![LOGIN_VERSION];
        for part in [user, password] {
            message.push(part.len() as u8);
            message.extend_from_slice(part.as_bytes());
        }
        self.say(message, Stage::Login, 2);
    }

    fn ask(&mut self) {
        let SocksRequest { host, port, .. } = &self.request;
        let mut message = vec![VERSION, CONNECT, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                message.push(IPV4);
                message.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                message.push(IPV6);
                message.extend_from_slice(&address.octets());
            }
            Err(_) => {
                message.extend_from_slice(&[NAME, host.len() as u8]);
                message.extend_from_slice(host.as_bytes());
            }
        }
        message.extend_from_slice(&port.to_be_bytes());
        self.say(message, Stage::AnswerHead, ANSWER_HEAD_BYTES);
    }

    fn say(&mut self, message: Vec<u8>, stage: Stage, expected: usize) {
        (self.outgoing, self.sent) = (message, 0);
        self.incoming.clear();
        (self.stage, self.expected) = (stage, expected);
    }
}

#[cfg(test)]
mod tests;
