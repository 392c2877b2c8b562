//! One network connection, from its first byte to its last.

use crate::alias::{AliasesIn, AliasesOut};
use crate::authenticate::Proof;
use crate::name::Name;
use crate::output::Output;
use crate::slots::Slots;
use crate::time::Due;
use crate::{ConnectionId, Moment, Secured, Statistics};
use mosquitto_mqtt::ProtocolVersion;
use std::cell::Cell;

/// Replies may pile up to this many bytes before reading from a client that does not take them is stopped: it asks
/// faster than it listens.
pub(crate) const REPLY_BACKLOG_BYTES: u32 = 1 << 20;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// CONNECT has not come yet.
    Opening,
    /// It belongs to the session in this slot.
    Open(u32),
    /// What is left of its output may still be sent; nothing is read any more.
    Ending,
}

#[derive(Debug, Default, Clone, Copy)]
struct Waiting {
    packets: u32,
    bytes: usize,
}

/// A connection.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, known from another event")]
pub(crate) struct Connection {
    /// As logged: `ADDRESS:PORT`.
    pub(crate) peer: Name,
    pub(crate) listener: u16,
    pub(crate) version: ProtocolVersion,
    /// A bridge of another Mosquitto: no message comes back to it, and retain flags stay.
    pub(crate) bridge: bool,
    pub(crate) phase: Phase,
    /// How far it is proved that its client is who it says.
    pub(crate) proof: Proof,
    /// Whether its client has ended it with a DISCONNECT.
    pub(crate) goodbye: bool,
    /// Milliseconds of silence after which it is closed; 0: never.
    pub(crate) silence_ms: u32,
    pub(crate) heard_at: Moment,
    /// The armed look at its silence.
    pub(crate) silence_at: Due,
    /// Bytes of the largest packet that the client takes; `u32::MAX` for any.
    pub(crate) max_packet_size: u32,
    /// QoS 2 messages from the client that may be unreleased at once, as it was told; 0 is any number.
    pub(crate) receive_maximum: u16,
    /// Reply bytes that may be unsent still. They are forgotten in lots, when all is sent that waited when a lot was
    /// closed: never too early, and at the latest when twice as much was sent as waits.
    pub(crate) reply_bytes: u32,
    /// Those of the closed lot.
    replies_closed: u32,
    /// Bytes of the output up to the end of the closed lot.
    replies_closed_within: usize,
    /// Whether it stands in the list of connections with new output.
    pub(crate) touched: bool,
    /// Bytes of the output that were last offered to its socket.
    pub(crate) offered: Cell<usize>,
    /// Whether its socket has refused some of the output since that was empty.
    pub(crate) refusing: bool,
    pub(crate) output: Output,
    /// What of the output was counted as waiting last.
    waiting: Waiting,
    /// What is known of its TLS, until its client is let in; none without TLS.
    pub(crate) secured: Option<Box<Secured>>,
    /// Whether its client's username is that of a certificate.
    pub(crate) is_certified: bool,
    /// The largest topic alias that the client was told it may use.
    pub(crate) max_topic_alias: u16,
    /// None where topics are called what they are, as on most connections.
    pub(crate) naming: Option<Box<Naming>>,
}

/// How topics are called on a connection.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    /// What stands before all of them, as it was when the client came.
    pub(crate) mount_point: Option<Box<str>>,
    pub(crate) aliases_in: AliasesIn,
    pub(crate) aliases_out: Option<AliasesOut>,
}

impl Connection {
    pub(crate) fn new(peer: &str, listener: u16, now: Moment) -> Self {
        Self {
            peer: peer.into(),
            listener,
            version: ProtocolVersion::V311,
            bridge: false,
            phase: Phase::Opening,
            proof: Proof::default(),
            goodbye: false,
            silence_ms: 0,
            heard_at: now,
            silence_at: Due::NOT,
            max_packet_size: u32::MAX,
            receive_maximum: 0,
            reply_bytes: 0,
            replies_closed: 0,
            replies_closed_within: 0,
            touched: false,
            offered: Cell::new(0),
            refusing: false,
            output: Output::default(),
            waiting: Waiting::default(),
            secured: None,
            is_certified: false,
            max_topic_alias: 0,
            naming: None,
        }
    }

    /// `len` bytes of the output were sent: the replies among them pile up no more.
    pub(crate) fn forget_replies(&mut self, len: usize) {
        self.replies_closed_within = self.replies_closed_within.saturating_sub(len);
        if self.replies_closed_within == 0 {
            self.reply_bytes -= self.replies_closed;
            self.replies_closed = self.reply_bytes;
            self.replies_closed_within = self.output.bytes();
        }
        // Nor can more replies be unsent than there are bytes.
        let unsent = u32::try_from(self.output.bytes()).unwrap_or(u32::MAX);
        self.reply_bytes = self.reply_bytes.min(unsent);
        self.replies_closed = self.replies_closed.min(self.reply_bytes);
    }

    /// Brings the shard's count of what waits to be sent up to date.
    #[inline]
    pub(crate) fn count_waiting(&mut self, all: &mut Statistics) {
        let now = Waiting { packets: self.output.packets(), bytes: self.output.bytes() };
        let before = std::mem::replace(&mut self.waiting, now);
        all.packets_waiting += u64::from(now.packets);
        all.packets_waiting -= u64::from(before.packets);
        all.bytes_waiting += now.bytes as u64;
        all.bytes_waiting -= before.bytes as u64;
    }

    /// What stands before all of its topics, if anything does.
    #[inline]
    pub(crate) fn mount_point(&self) -> Option<&str> {
        self.naming.as_ref()?.mount_point.as_deref()
    }

    /// The peer's address without its port.
    pub(crate) fn address(&self) -> &str {
        self.peer.rsplit_once(':').map_or(&self.peer, |(address, _)| address)
    }
}

/// The connections of a shard.
#[derive(Debug, Default)]
pub(crate) struct Connections(Slots<Connection>);

impl Connections {
    pub(crate) fn insert(&mut self, connection: Connection) -> ConnectionId {
        ConnectionId(self.0.insert(connection) as u32)
    }

    #[inline]
    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.0.get(id.index())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.0.get_mut(id.index())
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.0.remove(id.index())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All numbers in use are below this one.
    pub(crate) fn numbers(&self) -> usize {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::BufferPool;

    /// A broker has one for each client, busy or not; what few of them need is boxed.
    #[test]
    fn a_connection_without_anything_is_small() {
        assert!(size_of::<Connection>() <= 216, "{}", size_of::<Connection>());
    }

    #[test]
    fn replies_are_forgotten_once_sent_though_other_output_never_ends() {
        let (mut pool, mut pending) = (BufferPool::default(), std::collections::VecDeque::new());
        let mut connection = Connection::new("a:1", 0, Moment::default());
        let mut write = |connection: &mut Connection, len: u32, is_reply: bool| {
            connection.output.packet(&mut pool, |out| out.resize(out.len() + len as usize, 0));
            connection.reply_bytes += if is_reply { len } else { 0 };
            (len, is_reply)
        };
        // 2 MiB wait all the time; a tenth of all that is sent are replies.
        pending.push_back(write(&mut connection, 2 << 20, false));
        let mut sent_pool = BufferPool::default();
        let mut most = 0;
        for _ in 0..20_000 {
            pending.push_back(write(&mut connection, 100, true));
            pending.push_back(write(&mut connection, 900, false));
            connection.output.advance(1000, &mut sent_pool);
            connection.forget_replies(1000);
            let mut left = 1000;
            while left > 0 {
                let Some((len, _)) = pending.front_mut() else { break };
                let part = left.min(*len);
                (*len, left) = (*len - part, left - part);
                if *len == 0 {
                    pending.pop_front();
                }
            }
            let unsent: u32 = pending.iter().filter(|(_, is_reply)| *is_reply).map(|(len, _)| len).sum();
            assert!(connection.reply_bytes >= unsent, "none is forgotten before it is sent");
            most = most.max(connection.reply_bytes);
        }
        assert!(most < REPLY_BACKLOG_BYTES / 2, "{most}");
    }
}
