//! A network connection as the simulator sees it: what is under way in both directions.

use crate::message::Message;
use mosquitto_broker::{ConnectionId, Moment};
use mosquitto_mqtt::ProtocolVersion;
use mosquitto_mqtt::packet::SubscriptionOptions;
use std::collections::VecDeque;
use std::rc::Rc;

/// A packet that a client has sent, as far as the model cares.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Connect(Box<ConnectInfo>),
    Publish {
        message: Rc<Message>,
        packet_id: u16,
    },
    PubAck(u16),
    PubRec {
        packet_id: u16,
        refused: bool,
    },
    PubRel(u16),
    PubComp(u16),
    Subscribe {
        packet_id: u16,
        identifier: Option<u32>,
        list: Vec<(Rc<str>, SubscriptionOptions)>,
    },
    Unsubscribe {
        packet_id: u16,
        filters: Vec<Rc<str>>,
    },
    Ping,
    Disconnect {
        keep_will: bool,
        expiry_s: Option<u32>,
    },
    /// Bytes that are no packet: the broker has to close the connection.
    Garbage,
}

/// What a CONNECT asks for.
#[derive(Debug, Clone)]
pub(crate) struct ConnectInfo {
    pub(crate) client: usize,
    pub(crate) version: ProtocolVersion,
    pub(crate) clean: bool,
    pub(crate) expiry_s: u32,
    pub(crate) keep_alive_s: u16,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) max_packet_size: Option<u32>,
    pub(crate) alias_maximum: u16,
    pub(crate) will: Option<WillInfo>,
}

/// A will and its delay.
#[derive(Debug, Clone)]
pub(crate) struct WillInfo {
    pub(crate) message: Rc<Message>,
    pub(crate) delay_s: u32,
}

/// An answer that the broker owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    ConnAck { present: bool },
    PubAck { packet_id: u16, reason: u8 },
    PubRec { packet_id: u16, reason: u8 },
    PubRel(u16),
    PubComp(u16),
    SubAck { packet_id: u16, codes: Vec<u8> },
    UnsubAck { packet_id: u16, codes: Vec<u8> },
    PingResp,
}

/// Where a connection is on the broker's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this shard, under this number.
    On(usize, ConnectionId),
    /// On its way to this shard, which does not know it yet: accepted, or handed over by another shard.
    Arriving {
        shard: usize,
        handed_over: bool,
    },
    Gone,
}

/// How a client ended its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    No,
    /// What it sent still arrives.
    Orderly,
    /// What is under way is lost.
    Reset,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) place: Place,
    pub(crate) version: ProtocolVersion,
    /// Sent by the client, not taken by the broker: bytes, and the packets in them with their lengths.
    pub(crate) inbox: Vec<u8>,
    pub(crate) packets: VecDeque<(usize, Sent)>,
    /// Bytes at the end of the inbox that are half a packet.
    pub(crate) tail: usize,
    /// Taken by the network, not read by the client.
    pub(crate) outbox: Vec<u8>,
    /// Bytes that the network holds for a client that does not read.
    pub(crate) capacity: usize,
    /// The model's view: the CONNECT was accepted, the connection has ended.
    pub(crate) open: bool,
    pub(crate) ended: bool,
    /// Whether the broker wants it closed.
    pub(crate) closing: bool,
    pub(crate) closed: Closed,
    /// Nobody at the other end reads any more.
    pub(crate) abandoned: bool,
    pub(crate) replies: VecDeque<Reply>,
    /// Reason code of the DISCONNECT that has to be the last packet (MQTT 5).
    pub(crate) goodbye: Option<u8>,
    pub(crate) heard_at: Moment,
    pub(crate) silence_ms: u64,
    pub(crate) receive_maximum: u16,
    pub(crate) max_packet_size: usize,
    pub(crate) alias_maximum: u16,
    pub(crate) aliases: Vec<(u16, Rc<str>)>,
}

impl Link {
    pub(crate) fn new(client: usize, place: Place, version: ProtocolVersion, now: Moment) -> Self {
        Self {
            client,
            place,
            version,
            inbox: Vec::new(),
            packets: VecDeque::new(),
            tail: 0,
            outbox: Vec::new(),
            capacity: 16 * 1024,
            open: false,
            ended: false,
            closing: false,
            closed: Closed::No,
            abandoned: false,
            replies: VecDeque::new(),
            goodbye: None,
            heard_at: now,
            silence_ms: 30_000,
            receive_maximum: u16::MAX,
            max_packet_size: usize::MAX,
            alias_maximum: 0,
            aliases: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8], packet: Sent) {
        if self.closed == Closed::No {
            self.inbox.extend_from_slice(bytes);
            self.packets.push_back((bytes.len(), packet));
        }
    }

    /// Takes out the packets in the first `len` bytes, which the broker has used up. None where it took half a packet.
    pub(crate) fn used_up(&mut self, len: usize) -> Option<Vec<Sent>> {
        self.inbox.drain(..len);
        let (mut left, mut packets) = (len, Vec::new());
        while left > 0 {
            let (packet_len, packet) = self.packets.pop_front()?;
            left = left.checked_sub(packet_len)?;
            packets.push(packet);
        }
        Some(packets)
    }
}
