//! From sockets to the shard.

use super::Worker;
use super::socket::Socket;
use crate::log::Logger;
use mosquitto_broker::{ConnectionId, LogLevel, Received, Shard, Then};
use mosquitto_transport::{Read, Secured, TlsFailure, WebSocketRefusal, error_text};
use std::io;

/// Bytes of the buffer that all connections of a worker are read into.
pub(super) const READ_BUFFER_BYTES: usize = 128 * 1024;

/// Bytes read from one connection in a tick before the others get their turn.
pub(super) const READ_BUDGET_BYTES: usize = 256 * 1024;

/// A packet that is longer than this is gathered in a buffer of its own, as it comes.
const GATHERED_FROM_BYTES: usize = 32 * 1024;

/// What a read costs of the budget that brought nothing but what carries the bytes.
const CARRIER_BYTES: usize = 4 * 1024;
/// How the log says that a connection has ended for its TLS: EPROTO, as in Mosquitto.
const TLS_FAILED: &str = "Protocol error";

/// What to do with a connection after some of its bytes were handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Read more.
    Read,
    /// Nothing more in this tick.
    Stop,
}

impl Worker {
    /// Gives every connection that has something its turn.
    pub(super) fn read_ready(&mut self) {
        self.long_packets.begin_tick();
        // What is not finished is put into the same list again, for the next tick.
        for id in std::mem::take(&mut self.ready) {
            if let Some(socket) = self.sockets.get_mut(id)
                && socket.pass.is_none()
            {
                socket.queued = false;
                self.serve(id, READ_BUDGET_BYTES);
            }
        }
    }

    /// Lets a connection whose bytes had to wait be read again.
    pub(super) fn resume_reading(&mut self, id: ConnectionId) {
        if let Some(socket) = self.sockets.get_mut(id)
            && std::mem::take(&mut socket.held)
        {
            self.line_up(id);
        }
    }

    /// Reads and handles what a connection has, until this many bytes were read.
    pub(super) fn serve(&mut self, id: ConnectionId, mut budget: usize) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // What waits comes first. A packet that is known not to be whole need not be looked at again.
        if !socket.pending.is_empty()
            && (socket.packet_len == 0 || socket.pending.len() >= socket.packet_len as usize)
            && self.handle_pending(id) == Next::Stop
        {
            return;
        }
        while let Some(socket) = self.sockets.get_mut(id) {
            if !socket.readable && !socket.at_end {
                return;
            }
            if budget == 0 {
                return self.line_up(id);
            }
            match self.read(id) {
                Ok(None) => return,
                Ok(Some(len)) => budget = budget.saturating_sub(len),
                Err(error) => return self.fail(id, &error),
            }
        }
    }

    /// Reads once and handles what came. None: this was all for this tick.
    fn read(&mut self, id: ConnectionId) -> io::Result<Option<usize>> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(None) };
        if socket.packet_len as usize > GATHERED_FROM_BYTES {
            return self.gather(id);
        }
        // The rest of what came before and what comes now are handled together.
        let before = socket.pending.len();
        let Some((head, room)) = self.buffer.split_at_mut_checked(before) else { return self.gather(id) };
        if room.is_empty() {
            return self.gather(id);
        }
        let read = socket.stream.read(room)?;
        let len = socket.note_read(read);
        if len == 0 {
            return Ok(self.nothing_came(id, read));
        }
        if !socket.secured {
            log_forwarded_for(&self.shard, &self.logger, socket);
            tell_secured(&mut self.shard, socket, id);
        }
        head.copy_from_slice(&socket.pending);
        let total = before + len;
        let bytes = self.buffer.get(..total).unwrap_or_default();
        let Received { consumed, then } = self.shard.received(id, bytes);
        let rest = bytes.get(consumed..).unwrap_or_default();
        if let Then::HandOver(to) = then {
            let rest = rest.to_vec();
            self.let_go(id, to, rest);
            return Ok(None);
        }
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(None) };
        socket.pending.clear();
        socket.pending.extend_from_slice(rest);
        if rest.is_empty() && socket.pending.capacity() > 0 {
            socket.pending = Vec::new();
        }
        Ok((self.go_on(id, then) == Next::Read).then_some(len))
    }

    /// A read that brought no bytes: whether to go on reading, and what that one counts for.
    fn nothing_came(&mut self, id: ConnectionId, read: Read) -> Option<usize> {
        match read {
            Read::End => {
                self.shard.closed(id, None);
                None
            }
            Read::Introduced => self.introduce(id).then_some(0),
            Read::Request => {
                self.give_away(id);
                None
            }
            Read::Some(_) | Read::Drained(_) => {
                if let Some(socket) = self.sockets.get_mut(id) {
                    log_forwarded_for(&self.shard, &self.logger, socket);
                }
                matches!(read, Read::Some(_)).then_some(CARRIER_BYTES)
            }
        }
    }

    /// Tells the shard what a connection's TLS came to, if it has any and is so far.
    pub(super) fn tell_secured(&mut self, id: ConnectionId) {
        if let Some(socket) = self.sockets.get_mut(id) {
            tell_secured(&mut self.shard, socket, id);
        }
    }

    /// Reads more of a long packet into the connection's own buffer, which grows with what has come, not with what was
    /// announced.
    fn gather(&mut self, id: ConnectionId) -> io::Result<Option<usize>> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(None) };
        let missing = (socket.packet_len as usize).saturating_sub(socket.pending.len());
        let room = if missing == 0 { self.buffer.len() } else { missing.min(self.buffer.len()) };
        let Some(room) = self.buffer.get_mut(..room) else { return Ok(None) };
        let read = socket.stream.read(room)?;
        let len = socket.note_read(read);
        if len == 0 {
            return Ok(self.nothing_came(id, read));
        }
        if !socket.secured {
            tell_secured(&mut self.shard, socket, id);
        }
        make_room(&mut socket.pending, len, missing);
        socket.pending.extend_from_slice(room.get(..len).unwrap_or_default());
        if socket.packet_len > 0 && socket.pending.len() < socket.packet_len as usize {
            self.shard.heard(id);
            return Ok(Some(len));
        }
        Ok((self.handle_pending(id) == Next::Read).then_some(len))
    }

    /// Presents what waits to the shard.
    fn handle_pending(&mut self, id: ConnectionId) -> Next {
        let Some(socket) = self.sockets.get_mut(id) else { return Next::Stop };
        if !self.long_packets.may_handle(socket.packet_len as usize) {
            self.line_up(id);
            return Next::Stop;
        }
        let pending = std::mem::take(&mut socket.pending);
        let (Received { then, .. }, pending) = self.shard.received_whole(id, pending);
        if let Then::HandOver(to) = then {
            self.let_go(id, to, pending);
            return Next::Stop;
        }
        let Some(socket) = self.sockets.get_mut(id) else { return Next::Stop };
        if !pending.is_empty() {
            socket.pending = pending;
        }
        self.go_on(id, then)
    }

    /// Does what the shard said.
    fn go_on(&mut self, id: ConnectionId, then: Then) -> Next {
        let Some(socket) = self.sockets.get_mut(id) else { return Next::Stop };
        socket.packet_len = 0;
        match then {
            Then::Wait { packet_len } => {
                // No packet is longer than 256 MiB and a few bytes.
                socket.packet_len = packet_len as u32;
                return Next::Read;
            }
            Then::Busy => self.line_up(id),
            Then::Full => {
                socket.held = true;
                if !std::mem::replace(&mut socket.listed, true) {
                    self.held.push(id);
                }
            }
            // Until the answer comes.
            Then::Checking => socket.held = true,
            Then::Ended { by_client } => {
                socket.gone |= by_client;
                socket.pending = Vec::new();
                socket.readable = false;
                socket.at_end = false;
            }
            // Such a connection is not here any more.
            Then::HandOver(_) => {}
        }
        Next::Stop
    }

    /// Says why there is no TLS: in OpenSSL's own lines, as Mosquitto does, where it was asked, and in one that names the peer.
    fn log_failure(&mut self, id: ConnectionId, failure: &TlsFailure) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let peer = &socket.peer;
        if failure.is_not_tls() {
            if self.shard.settings().connection_messages {
                let text = format!("Client from {peer} appears not to be using TLS to connect to a TLS listener.");
                self.logger.log(LogLevel::Notice, text);
            }
        } else {
            for (at, error) in failure.openssl_errors().iter().enumerate() {
                let text = format!("OpenSSL Error while trying to get the error[{at}]: {error}");
                self.logger.log(LogLevel::Error, text);
            }
            self.logger.log(LogLevel::Information, format!("TLS error of {peer}: {failure}."));
        }
    }

    /// Names a client that has come to the wrong door.
    fn log_what_it_is_instead(&mut self, id: ConnectionId, refusal: Option<WebSocketRefusal>) {
        let what = match refusal {
            Some(WebSocketRefusal::Mqtt) => "not to be using WebSockets to connect to a websockets listener",
            Some(WebSocketRefusal::Tls) => "to be using TLS to connect to a non-TLS listener",
            Some(WebSocketRefusal::Faulty | WebSocketRefusal::Origin) | None => return,
        };
        if let Some(peer) = self.sockets.get_mut(id).map(|socket| socket.peer.clone()) {
            self.log_connection(format!("Client from {peer} appears {what}."));
        }
    }

    fn fail(&mut self, id: ConnectionId, error: &io::Error) {
        if let Some(socket) = self.sockets.get_mut(id) {
            // Who broke the rules of what carries the bytes has been told so, and is given the time to read it.
            let is_there = error.kind() == io::ErrorKind::InvalidData;
            socket.told |= is_there;
            socket.gone |= !is_there;
        }
        if let Some(failure) = TlsFailure::of(error) {
            self.log_failure(id, failure);
            return self.shard.closed(id, Some(TLS_FAILED));
        }
        self.log_what_it_is_instead(id, WebSocketRefusal::of(error));
        match text_of(error) {
            None => self.shard.closed(id, None),
            Some(text) => self.shard.closed(id, Some(&text)),
        }
    }
}

/// Makes room for some of the bytes that a long packet misses: twice as much as there is, and no more than it will have, since the
/// buffer may become its message's.
fn make_room(pending: &mut Vec<u8>, more: usize, missing: usize) {
    if pending.capacity() - pending.len() < more {
        pending.reserve_exact(pending.len().min(missing).max(more));
    }
}

/// Says for whom a WebSocket says that it was passed on. It is said and no more: nothing makes it true.
fn log_forwarded_for(shard: &Shard, logger: &Logger, socket: &mut Socket) {
    if let Some(forwarded_for) = socket.stream.forwarded_for()
        && shard.settings().connection_messages
    {
        let peer = &socket.peer;
        logger.log(LogLevel::Notice, format!("Connection from {peer} says X-Forwarded-For: {forwarded_for}"));
    }
}

fn tell_secured(shard: &mut Shard, socket: &mut Socket, id: ConnectionId) {
    socket.secured = true;
    if let Some(Secured { protocol, cipher, certificate, identity }) = socket.stream.secured() {
        let names = certificate.map(|names| (names.common_name, names.subject));
        let (common_name, subject) = names.unwrap_or_default();
        let (common_name, subject) = (common_name.or(identity).map(Into::into), subject.map(Into::into));
        shard.secured(id, mosquitto_broker::Secured { protocol, cipher, common_name, subject });
    } else if let Some(name) = socket.pass.as_ref().and_then(|newcomer| newcomer.common_name.as_ref()) {
        let common_name = Some(name.clone());
        shard.secured(id, mosquitto_broker::Secured { common_name, ..mosquitto_broker::Secured::default() });
    }
}

/// What the log says of a socket error; nothing of one that means that the peer has gone.
pub(super) fn text_of(error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => None,
        _ => Some(error_text(error)),
    }
}

impl Socket {
    /// Keeps in mind what a read said, and returns how many bytes came.
    pub(super) fn note_read(&mut self, read: Read) -> usize {
        match read {
            Read::Some(len) => len,
            Read::Drained(len) => {
                // Where the peer has ended its half, the end itself is still to be read.
                self.readable = false;
                if len == 0 {
                    self.at_end = false;
                }
                len
            }
            Read::Introduced | Read::Request => 0,
            Read::End => {
                self.readable = false;
                self.at_end = false;
                self.gone = true;
                0
            }
        }
    }
}
