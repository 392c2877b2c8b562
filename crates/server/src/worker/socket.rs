//! The sockets of a worker's connections.

use super::Worker;
use crate::http::Visitor;
use crate::lobby::Pass;
use crate::mailbox::Arrival;
use crate::seats::Seat;
use mio::Token;
use mosquitto_broker::{ConnectionId, Moment, ShardId};
use mosquitto_transport::{Peer, Stream};

/// Places for sockets that are kept in any case.
const KEPT_PLACES: usize = 512;

/// A connection as the event loop sees it. An idle one owns no buffer.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, known from another event")]
pub(super) struct Socket {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    pub(super) listener: u16,
    pub(super) seat: Seat,
    /// While it is not known who it is.
    pub(super) pass: Option<Box<Newcomer>>,
    /// Bytes that were read and not handled yet.
    pub(super) pending: Vec<u8>,
    /// Bytes of the packet that `pending` begins with; 0 where that is not known.
    pub(super) packet_len: u32,
    /// Whether there may be more to read.
    pub(super) readable: bool,
    /// Whether the peer, or the network, has ended its half: reading goes on until that is met.
    pub(super) at_end: bool,
    /// Whether it stands in the list of connections to read, in that of the fresh ones, or in that of the lobby.
    pub(super) queued: bool,
    /// Whether its client has only come: nothing was read of it since it has said who it is.
    pub(super) fresh: bool,
    /// Whether its bytes wait until output was sent, mail was taken, or a password was looked at.
    pub(super) held: bool,
    /// Whether it stands in the list of connections that may wait for mail to be taken.
    pub(super) listed: bool,
    /// Whether it takes nothing more until an event says so.
    pub(super) blocked: bool,
    /// Whether the shard knows all that is to be known of its TLS.
    pub(super) secured: bool,
    /// Whether its events are reported.
    pub(super) watched: bool,
    /// Whether anything was ever sent to it.
    pub(super) told: bool,
    /// Whether its client has gone by itself, and waits for nothing.
    pub(super) gone: bool,
    /// Whether writing to it has failed.
    pub(super) dead: bool,
    /// When it is closed at the latest, with output unsent or without; never while it is open.
    pub(super) close_by: Moment,
}

/// What a connection has besides while it is not known who it is.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) pass: Pass,
    /// The common name of the certificate that its client has shown to a proxy.
    pub(super) common_name: Option<Box<str>>,
}

/// The sockets by connection.
pub(super) type Sockets = Numbered<Socket>;

/// Values by the number of their connection, in a table that gives its room back.
#[derive(Debug)]
pub(super) struct Numbered<T>(Vec<Option<Box<T>>>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Numbered<T> {
    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        self.0.get_mut(id.index())?.as_deref_mut()
    }

    fn insert(&mut self, id: ConnectionId, value: T) {
        if self.0.len() <= id.index() {
            self.0.resize_with(id.index() + 1, || None);
        }
        if let Some(place) = self.0.get_mut(id.index()) {
            *place = Some(Box::new(value));
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<T> {
        let value = self.0.get_mut(id.index())?.take()?;
        // As in the shard's own tables: what is behind the last one is cut off, each place at most once for each time that it
        // was added, and room is given back where less than a quarter is used.
        while self.0.pop_if(|place| place.is_none()).is_some() {}
        if self.0.capacity() > KEPT_PLACES && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to((2 * self.0.len()).max(KEPT_PLACES));
        }
        Some(*value)
    }
}

impl Worker {
    /// Begins to serve a connection that the shard has opened: one in the lobby, if it has a pass.
    pub(super) fn take_in(&mut self, id: ConnectionId, arrival: Arrival, pass: Option<Pass>) {
        let Arrival { stream, peer, common_name, listener, seat, bytes: pending } = arrival;
        // What has been read from the socket already is announced by nothing.
        let readable = stream.has_unread();
        let has_work = readable || !pending.is_empty();
        self.sockets.insert(
            id,
            Socket {
                stream,
                peer,
                listener,
                seat,
                pass: pass.map(|pass| Box::new(Newcomer { pass, common_name })),
                pending,
                packet_len: 0,
                readable,
                at_end: false,
                queued: false,
                fresh: true,
                held: false,
                listed: false,
                blocked: false,
                secured: false,
                watched: false,
                told: false,
                gone: false,
                dead: false,
                close_by: Moment::NEVER,
            },
        );
        if has_work {
            self.line_up(id);
        }
    }

    /// Has the events of a connection reported, from now on and what there is already.
    pub(super) fn watch(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if std::mem::replace(&mut socket.watched, true) {
            return;
        }
        if let Err(error) = socket.stream.register(self.poll.registry(), Token(id.index())) {
            self.shard.closed(id, Some(&mosquitto_transport::error_text(&error)));
        }
    }

    /// Lets a connection that asks for a file go to where files are.
    pub(super) fn give_away(&mut self, id: ConnectionId) {
        self.shard.release(id);
        let Some(mut socket) = self.take_out(id) else { return };
        let _ = socket.stream.deregister(self.poll.registry());
        let Some(head) = socket.stream.take_request() else { return };
        self.log_connection(format!("Connection from {} asks for a file.", socket.peer));
        let Socket { stream, listener, seat, .. } = socket;
        self.http.visit(Visitor { stream, listener, seat, head });
    }

    /// Lets a connection go to the worker where its session lives, with what was read from it.
    pub(super) fn let_go(&mut self, id: ConnectionId, to: ShardId, bytes: Vec<u8>) {
        self.shard.release(id);
        let Some(mut socket) = self.take_out(id) else { return };
        if socket.watched {
            // A stream that cannot be taken off here is broken, and will be found so there.
            let _ = socket.stream.deregister(self.poll.registry());
        }
        let Socket { stream, peer, pass, listener, seat, .. } = socket;
        let common_name = pass.and_then(|newcomer| newcomer.common_name);
        self.departures.push((to, Arrival { stream, peer, common_name, listener, seat, bytes }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is one for each client, busy or not. Where assertions are on, mio keeps more in each socket.
    #[test]
    fn a_socket_without_anything_is_small() {
        let most = if cfg!(debug_assertions) { 136 } else { 120 };
        assert!(size_of::<Socket>() <= most, "{}", size_of::<Socket>());
    }

    #[test]
    fn a_crowd_that_has_left_leaves_no_places_behind() {
        const COUNT: u32 = 10_000;
        let mut numbered = Numbered::default();
        for n in 0..COUNT {
            numbered.insert(ConnectionId(n), n);
        }
        for n in (0..COUNT).filter(|n| *n != 700) {
            assert_eq!(numbered.remove(ConnectionId(n)), Some(n));
            assert_eq!(numbered.remove(ConnectionId(n)), None);
        }
        assert_eq!((numbered.0.len(), numbered.get_mut(ConnectionId(700))), (701, Some(&mut 700)));
        assert!(numbered.0.capacity() <= 4 * 701, "{}", numbered.0.capacity());
        assert_eq!(numbered.remove(ConnectionId(700)), Some(700));
        assert!(numbered.0.capacity() <= KEPT_PLACES, "{}", numbered.0.capacity());
    }
}
