//! The socket beneath a stream.

use crate::{Read, Written};
use mio::net::TcpStream;
use std::io::{self, IoSlice, Write};
use std::net::Shutdown;

/// What a stream runs over.
#[derive(Debug)]
pub(crate) enum Wire {
    Tcp(TcpStream),
}

impl Wire {
    /// Reads what there is into `buffer`, which must not be empty.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let Self::Tcp(stream) = self;
        loop {
            return match io::Read::read(stream, buffer) {
                Ok(0) => Ok(Read::End),
                // A read that did not fill the buffer has emptied the socket.
                Ok(len) if len < buffer.len() => Ok(Read::Drained(len)),
                Ok(len) => Ok(Read::Some(len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Drained(0)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Writes as much of the slices, in order, as the socket takes.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let Self::Tcp(stream) = self;
        loop {
            let result = match slices {
                [one] => stream.write(one),
                many => stream.write_vectored(many),
            };
            return match result {
                Ok(len) => Ok(Written::Some(len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Written::Blocked(0)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let Self::Tcp(stream) = self;
        stream.shutdown(Shutdown::Write)
    }
}
