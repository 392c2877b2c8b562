//! The core type: one client's session, without I/O.

mod aliases;
mod handshake;
mod incoming;
mod keep_alive;
mod limits;
mod log;
mod outgoing;
mod output;
mod packet_ids;
mod requests;

pub use outgoing::Publication;

use crate::{End, Event, Moment, Options, WillMessage};
use aliases::Aliases;
use incoming::Incoming;
use keep_alive::KeepAlive;
use limits::ServerLimits;
use mosquitto_mqtt::packet::Disconnect;
use mosquitto_mqtt::{
    DecodeError, FixedHeader, MAX_REMAINING_LENGTH, Packet, PacketType, Properties, ProtocolVersion, ReasonCode,
};
use outgoing::{DUP, Outgoing};
use output::Output;
use packet_ids::PacketIds;
use requests::Request;
use std::collections::{HashMap, VecDeque};

/// Unsent bytes from which on the session takes neither messages of QoS 0 nor packets of the server: answers to a
/// server that does not read must not pile up.
const OUTPUT_MAX: usize = 256 * 1024;

/// One client's session with a server, over any number of connections that follow each other.
///
/// # Contract
///
/// The session does nothing by itself and never asks what time it is. Time is an argument that only goes forward: a
/// moment before the last one counts as the last one. Its owner
///
/// 1. opens a transport, and then calls [`connect`](Self::connect);
/// 2. feeds it: [`received`](Self::received) with bytes that came in, which handles one packet at most;
///    [`publish`](Self::publish), [`subscribe`](Self::subscribe), [`unsubscribe`](Self::unsubscribe) and
///    [`acknowledge`](Self::acknowledge) where the options ask for it; [`disconnect`](Self::disconnect); [`tick`](Self::tick) not later than [`next_deadline`](Self::next_deadline);
///    [`closed`](Self::closed) when the transport was closed by the peer or the network;
/// 3. after each of these drains it: [`poll_event`](Self::poll_event) until there is none, then
///    [`output`](Self::output), confirmed by [`sent`](Self::sent).
///
/// After [`Event::Disconnected`] the owner sends what is left of the output and closes the transport; what the server
/// still sends is of no use. [`connect`](Self::connect) over a new transport goes on with the session: messages of QoS 1
/// and 2 that are not through are sent again, in their order, whether they were sent before or only queued. Subscriptions
/// are not repeated: [`Event::Connected`] says whether the server still has them, and
/// [`Subscriptions`](crate::Subscriptions) repeats them.
///
/// Nothing here blocks or panics for what came from outside. What it keeps is bounded: unsent output, queued messages,
/// requests without an answer, and messages of QoS 2 that the server has not released. Where a bound is reached, requests
/// fail with [`RequestError::Full`](crate::RequestError::Full), and [`received`](Self::received) waits for the output to
/// be sent.
#[derive(Debug)]
pub struct Session {
    options: Options,
    /// The client's name: of the options, or as the server assigned it.
    client_id: String,
    phase: Phase,
    now: Moment,
    output: Output,
    events: VecDeque<Event>,
    ids: PacketIds,
    limits: ServerLimits,
    outgoing: Outgoing,
    requests: HashMap<u16, Request>,
    incoming: Incoming,
    /// Towards the server.
    aliases: Aliases,
    keep_alive: KeepAlive,
    /// Whether messages wait for [`resend`](Self::resend).
    is_holding: bool,
}

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Closed,
    /// CONNECT is sent.
    AwaitingConnAck,
    /// The server has accepted it.
    Open,
}

/// What the server did that it must not do.
#[derive(Debug)]
struct Misbehaviour {
    reason: ReasonCode,
    what: String,
}

impl Misbehaviour {
    fn protocol(what: impl Into<String>) -> Self {
        Self { reason: ReasonCode::PROTOCOL_ERROR, what: what.into() }
    }
}

impl From<DecodeError> for Misbehaviour {
    fn from(error: DecodeError) -> Self {
        let reason = error.fault.reason();
        // What is wrong in a CONNECT has reasons of its own, which no DISCONNECT can give [MQTT-3.14.2-1]; a server must
        // not send one at all.
        let known = reason.belongs_in(PacketType::Disconnect);
        Self { reason: if known { reason } else { ReasonCode::PROTOCOL_ERROR }, what: error.to_string() }
    }
}

impl Session {
    /// A session that is not connected.
    pub fn new(options: Options) -> Self {
        Self {
            client_id: options.client_id.clone(),
            options,
            phase: Phase::Closed,
            now: Moment::default(),
            output: Output::default(),
            events: VecDeque::new(),
            ids: PacketIds::default(),
            limits: ServerLimits::default(),
            outgoing: Outgoing::default(),
            requests: HashMap::new(),
            incoming: Incoming::default(),
            aliases: Aliases::default(),
            keep_alive: KeepAlive::default(),
            is_holding: false,
        }
    }

    /// Handles the first packet of `bytes`, which follow the bytes that were handled before. Returns how many bytes it
    /// took: 0 while the packet is not whole, or while so much output is unsent that it has to wait.
    pub fn received(&mut self, now: Moment, bytes: &[u8]) -> usize {
        self.advance(now);
        if self.phase == Phase::Closed {
            return bytes.len();
        }
        if self.has_to_wait(bytes) {
            return 0;
        }
        match self.first_packet(bytes) {
            Ok(None) => 0,
            Ok(Some((header, body))) => {
                self.keep_alive.heard(self.now);
                let packet = Packet::decode(header, body, self.options.version).map_err(Misbehaviour::from);
                let packet = packet.or_else(|error| self.bare_suback(header, body).ok_or(error));
                if let Err(misbehaviour) = packet.and_then(|packet| self.packet(packet)) {
                    self.misbehaved(misbehaviour);
                }
                header.packet_len()
            }
            Err(misbehaviour) => {
                self.misbehaved(misbehaviour);
                bytes.len()
            }
        }
    }

    /// The transport was closed, or could not be used any more.
    pub fn closed(&mut self, now: Moment) {
        self.advance(now);
        self.end(End::Lost);
    }

    /// Lets the deadlines fire that have passed.
    pub fn tick(&mut self, now: Moment) {
        self.advance(now);
        self.check_keep_alive();
    }

    /// When [`tick`](Self::tick) has something to do, whatever happens.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.phase == Phase::Closed { None } else { self.keep_alive.deadline() }
    }

    /// Ends the connection with a DISCONNECT. `reason` and `properties` (of DISCONNECT) count in MQTT 5 only.
    pub fn disconnect(&mut self, now: Moment, reason: ReasonCode, properties: Properties<'_>) {
        self.advance(now);
        if self.phase == Phase::Open {
            self.send_disconnect(Disconnect { reason, properties });
        }
        self.end(End::Requested);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends the messages that wait for this, see [`Options::resend_later`].
    pub fn resend(&mut self, now: Moment) {
        self.advance(now);
        self.is_holding = false;
        self.send_queued();
    }

    /// Whether an event waits.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The bytes to send.
    pub fn output(&self) -> &[u8] {
        self.output.unsent()
    }

    /// The first `len` bytes of the output are sent.
    pub fn sent(&mut self, len: usize) {
        self.output.advance(len);
    }

    /// The client's name: that of the options, or the one that the server of MQTT 5 has assigned; else empty.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What the session was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes [`Options::clean_start`] from the next connection on.
    pub fn set_clean_start(&mut self, on: bool) {
        self.options.clean_start = on;
    }

    /// Changes [`Options::bridge`] from the next connection on.
    pub fn set_bridge(&mut self, on: bool) {
        self.options.bridge = on;
    }

    /// Changes [`Options::will`] from the next connection on.
    pub fn set_will(&mut self, will: Option<WillMessage>) {
        self.options.will = will;
    }

    /// Whether the server has accepted a connection that is not over.
    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether so much output is unsent that packets of the server have to wait.
    pub fn is_congested(&self) -> bool {
        self.output.unsent().len() >= OUTPUT_MAX
    }

    /// Whether so much output is unsent that this packet has to wait. Where the owner acknowledges, acknowledgements and new
    /// messages bring little or no answer, and they may be what the server waits for before it reads on: for these there is
    /// as much room again.
    fn has_to_wait(&self, bytes: &[u8]) -> bool {
        let kind = bytes.first().map_or(0, |first_byte| first_byte >> 4);
        let is_ack = [PacketType::PubAck, PacketType::PubRec, PacketType::PubComp].iter().any(|ack| kind == *ack as u8);
        let is_new = kind == PacketType::Publish as u8 && bytes.first().is_some_and(|first_byte| first_byte & DUP == 0);
        let brings_little = self.options.acknowledge_later && (is_ack || is_new);
        self.output.unsent().len() >= if brings_little { 2 * OUTPUT_MAX } else { OUTPUT_MAX }
    }

    fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    fn first_packet<'b>(&self, bytes: &'b [u8]) -> Result<Option<(FixedHeader, &'b [u8])>, Misbehaviour> {
        let Some(header) = FixedHeader::parse(bytes)? else { return Ok(None) };
        let limit = self.options.maximum_packet_size.map_or(MAX_REMAINING_LENGTH as usize + 5, |max| max as usize);
        let len = header.packet_len();
        if len > limit {
            let what = format!("a packet of {len} bytes is larger than {limit}");
            return Err(Misbehaviour { reason: ReasonCode::PACKET_TOO_LARGE, what });
        }
        Ok(bytes.get(usize::from(header.header_len)..len).map(|body| (header, body)))
    }

    fn packet(&mut self, packet: Packet<'_>) -> Result<(), Misbehaviour> {
        match (self.phase, packet) {
            (Phase::AwaitingConnAck, Packet::ConnAck(packet)) => self.on_connack(packet),
            (Phase::AwaitingConnAck, _) => Err(Misbehaviour::protocol("the first packet is no CONNACK")),
            (_, Packet::ConnAck(_)) => Err(Misbehaviour::protocol("a second CONNACK")),
            (_, Packet::Publish(packet)) => self.on_publish(&packet),
            (_, Packet::PubRel(ack)) => self.on_pubrel(ack),
            (_, Packet::PubAck(ack)) => self.on_puback(ack),
            (_, Packet::PubRec(ack)) => self.on_pubrec(ack),
            (_, Packet::PubComp(ack)) => self.on_pubcomp(ack),
            (_, Packet::SubAck(packet)) => self.on_suback(packet),
            (_, Packet::UnsubAck(packet)) => self.on_unsuback(packet),
            (_, Packet::PingResp) => {
                self.on_pingresp();
                Ok(())
            }
            (_, Packet::Disconnect(packet)) => self.on_disconnect(packet),
            (_, Packet::Auth(_)) => Err(Misbehaviour::protocol("an AUTH without an authentication method")),
            (Phase::Open, Packet::PingReq) if self.options.as_bridge => {
                self.send(|out| Packet::PingResp.encode(ProtocolVersion::V5, out));
                Ok(())
            }
            (_, Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq) => {
                Err(Misbehaviour::protocol("a packet that only clients send"))
            }
        }
    }

    /// Appends a packet to the output.
    fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.output.append(write);
        self.keep_alive.sent(self.now);
    }

    fn misbehaved(&mut self, Misbehaviour { reason, what }: Misbehaviour) {
        if self.phase == Phase::Open && self.options.version.is_v5() && !self.options.as_bridge {
            self.send_disconnect(Disconnect::new(reason));
        }
        self.end(End::ServerMisbehaved { reason, what });
    }

    /// The connection is over: what has to be sent again waits for the next one.
    fn end(&mut self, end: End) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.outgoing.queue_again();
        for (packet_id, _) in self.requests.drain() {
            self.ids.free(packet_id);
        }
        self.events.push_back(Event::Disconnected(end));
    }
}
