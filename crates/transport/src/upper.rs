//! The layers of a stream above its socket.

use crate::introducing::Introducing;
use crate::security::Secure;
use crate::socket::Socket;
use crate::socks::Socks;
use crate::websocket::{Lower, WebSocket};
use crate::{Read, Written};
use std::io::{self, IoSlice};

/// Layers above the socket, the lowest first. One that has done its work is gone.
#[derive(Debug, Default)]
pub(crate) struct Upper {
    pub(crate) header: Option<Introducing>,
    pub(crate) socks: Option<Socks>,
    pub(crate) tls: Option<Secure>,
    pub(crate) websocket: Option<WebSocket>,
}

/// What a WebSocket runs over where there is TLS.
struct Inside<'s> {
    tls: &'s mut Secure,
    socket: &'s mut Socket,
}

impl Upper {
    /// Opens a client's layers, one after the other. True when all are open.
    pub(crate) fn open(&mut self, socket: &mut Socket) -> io::Result<bool> {
        if let Some(socks) = &mut self.socks {
            if !socks.open(socket)? {
                return Ok(false);
            }
            self.socks = None;
        }
        if let Some(tls) = &mut self.tls
            && !tls.open(socket)?
        {
            return Ok(false);
        }
        match (&mut self.tls, &mut self.websocket) {
            (Some(tls), Some(websocket)) => websocket.open(&mut Inside { tls, socket }),
            (None, Some(websocket)) => websocket.open(socket),
            (_, None) => Ok(true),
        }
    }

    pub(crate) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Read> {
        match (&mut self.header, &mut self.tls, &mut self.websocket) {
            (Some(header), _, _) => header.read(socket),
            (None, Some(tls), Some(websocket)) => websocket.read(&mut Inside { tls, socket }, buffer),
            (None, Some(tls), None) => tls.read(socket, buffer),
            (None, None, Some(websocket)) => websocket.read(socket, buffer),
            (None, None, None) => socket.read(buffer),
        }
    }

    pub(crate) fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        match (&mut self.tls, &mut self.websocket) {
            (Some(tls), Some(websocket)) => websocket.write(&mut Inside { tls, socket }, slices),
            (Some(tls), None) => tls.write(socket, slices),
            (None, Some(websocket)) => websocket.write(socket, slices),
            (None, None) => socket.write(slices),
        }
    }

    pub(crate) fn say_goodbye(&mut self, socket: &mut Socket) {
        match (&mut self.tls, &mut self.websocket) {
            (Some(tls), Some(websocket)) => websocket.say_goodbye(&mut Inside { tls, socket }),
            (None, Some(websocket)) => websocket.say_goodbye(socket),
            (_, None) => {}
        }
    }
}

impl Lower for Inside<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        self.tls.read(self.socket, buffer)
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        self.tls.write(self.socket, slices)
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
