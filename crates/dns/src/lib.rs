//! Where a service is: SRV records (RFC 2782), asked of the name servers that the system's resolver asks.
//!
//! The resolver of the C library does not ask for SRV records, and the libraries that do bring an asynchronous runtime with
//! them. This one blocks: [`services`] sends a question over UDP, and over TCP where the answer does not fit into a
//! datagram, and returns after a time that [`Resolvers`] bound.
//!
//! What comes from the network is held against the question (`message`): source, identifier, name and type. Identifier and
//! source port are random. That keeps out who cannot see the question; who can, may answer it, as with any DNS that is not
//! signed.

mod exchange;
mod message;
mod order;
mod resolvers;

pub use resolvers::Resolvers;

use std::fmt;
use std::io;

/// So many targets are returned at most: the first in the order in which they are to be tried.
pub const TARGETS_MAX: usize = 32;

/// A host that offers the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name: letters, digits, `-`, `_` and dots.
    pub host: String,
    /// The port of the service there.
    pub port: u16,
}

/// Why it is not known where a service is.
#[derive(Debug)]
pub enum LookupError {
    /// This can be no name in the DNS.
    NoName,
    /// There is no such name, or it has no SRV records.
    NotFound,
    /// There is one record, and it says that the service is not offered.
    NotOffered,
    /// No name server has answered in time.
    TimedOut,
    /// The last name server has answered with this code (RCODE).
    Failed(u8),
    /// The last name server could not be asked.
    Io(io::Error),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("this can be no name in the DNS"),
            Self::NotFound => f.write_str("there are no SRV records of this name"),
            Self::NotOffered => f.write_str("the SRV record says that the service is not offered"),
            Self::TimedOut => f.write_str("no name server has answered in time"),
            Self::Failed(code) => write!(f, "the name server has answered with code {code}"),
            Self::Io(error) => write!(f, "the name server could not be asked: {error}"),
        }
    }
}

impl std::error::Error for LookupError {}

/// Where the service called `name` is, e.g. `_mqtt._tcp.example.com`, in the order in which the targets are to be tried: by
/// priority, and by chance according to their weights among those of one priority. At least one.
///
/// Like the system's resolver, it looks into the domains of the search list too, before or after the name itself, as
/// `ndots` has it; a name with a dot at its end is looked up as it is.
pub fn services(resolvers: &Resolvers, name: &str) -> Result<Vec<Target>, LookupError> {
    let mut failure = LookupError::NotFound;
    for candidate in resolvers.candidates(name) {
        match exchange::ask(resolvers, &candidate) {
            Ok(records) => {
                let mut ordered = order::ordered(records, random_up_to);
                ordered.truncate(TARGETS_MAX);
                return Ok(ordered.into_iter().map(|record| record.target).collect());
            }
            // Only then the next domain may know more.
            Err(error @ (LookupError::NotFound | LookupError::NoName)) => failure = error,
            Err(error) => return Err(error),
        }
    }
    Err(failure)
}

/// What a message from a name server says about the service called `name`, where it was asked with this identifier: none
/// if it is no whole answer to that question. Targets stand in the order of the message.
pub fn answer(bytes: &[u8], id: u16, name: &str) -> Option<Result<Vec<Target>, LookupError>> {
    let name = message::name(name).ok()?;
    match message::reply(bytes, id, &name) {
        message::Reply::Answer(answer) => {
            Some(answer.map(|records| records.into_iter().map(|record| record.target).collect()))
        }
        message::Reply::Foreign | message::Reply::Truncated => None,
    }
}

/// A random number from 0 to `max`.
fn random_up_to(max: u64) -> u64 {
    // Without random numbers the choice is the same each time, which is no harm.
    getrandom::u64().unwrap_or_default() % max.saturating_add(1)
}
