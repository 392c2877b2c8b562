//! What one shard owns: connections, sessions, deadlines, and the way of a message into a session.

use crate::alias::Alias;
use crate::changes::{Changes, Launch, terms_of};
use crate::connection::{Connection, Connections, Phase};
use crate::id::SessionId;
use crate::log::{Log, log};
use crate::mail::SHARED_PAYLOAD_BYTES;
use crate::message::{MessageRef, Outgoing};
use crate::mount_point::name_behind;
use crate::output::BufferPool;
use crate::publish_out::Head;
use crate::retained::STREAM_LOW_WATER;
use crate::session::Sessions;
use crate::subscriber::{Grant, Subscriber};
use crate::timers::Timers;
use crate::window::{Awaiting, Queued, Unsent};
use crate::{AccessLists, ConnectionId, DropReason, Moment, Settings, Statistics};
use mosquitto_auth::acl::Access;
use mosquitto_mqtt::packet::Ack;
use mosquitto_mqtt::{PacketType, QoS, ReasonCode};
use std::collections::VecDeque;
use std::sync::Arc;

/// QoS 0 messages towards a client are dropped while this many bytes wait for it, whatever the options say.
const OUTPUT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The same for what a client with a limited queue was not yet given the chance to take.
const FRESH_OUTPUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where `log_dest topic` publishes the lines of the log.
const LOG_TOPICS: &[u8] = b"$SYS/broker/log/";

#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) settings: Arc<Settings>,
    pub(crate) now: Moment,
    /// When the last tick was.
    pub(crate) previous_now: Moment,
    pub(crate) connections: Connections,
    pub(crate) sessions: Sessions,
    pub(crate) timers: Timers,
    pub(crate) pool: BufferPool,
    pub(crate) log: Log,
    pub(crate) statistics: Statistics,
    /// Whether no new work is taken.
    pub(crate) memory_full: bool,
    /// Whether nothing is taken that would have to be kept.
    pub(crate) storage_full: bool,
    pub(crate) changes: Changes,
    /// Connections with new output, each once.
    pub(crate) touched: Vec<ConnectionId>,
    /// Connections to close when their output is sent.
    pub(crate) closing: Vec<ConnectionId>,
    /// Sessions to stream retained messages and queued ones of QoS 0 to, each once.
    pub(crate) streaming: VecDeque<u32>,
}

/// What came of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Yes,
    /// Not worth sending any more.
    Expired,
    /// More than the client takes.
    TooLarge,
    /// Its topic has no name behind the client's mount point.
    Nameless,
}

impl Home {
    pub(crate) fn new(settings: Arc<Settings>, changes: Changes) -> Self {
        let log = Log::new(settings.log, settings.connection_messages);
        Self {
            settings,
            now: Moment::default(),
            previous_now: Moment::default(),
            connections: Connections::default(),
            sessions: Sessions::default(),
            timers: Timers::default(),
            pool: BufferPool::default(),
            log,
            statistics: Statistics::default(),
            memory_full: false,
            storage_full: false,
            changes,
            touched: Vec::new(),
            closing: Vec::new(),
            streaming: VecDeque::new(),
        }
    }

    /// The client id of a connection for the log, or the peer's address, without its port, while there is none.
    pub(crate) fn name_of(&self, id: ConnectionId) -> &str {
        let Some(connection) = self.connections.get(id) else { return "" };
        match connection.phase {
            Phase::Open(slot) => self.sessions.get(slot).map_or(connection.address(), |s| &s.client_id),
            _ => connection.address(),
        }
    }

    /// Appends a packet that answers the client; what piles up of these bounds how much is read from it.
    #[inline]
    pub(crate) fn reply(&mut self, id: ConnectionId, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let before = connection.output.bytes();
        connection.output.packet(&mut self.pool, write);
        connection.reply_bytes = connection.reply_bytes.saturating_add((connection.output.bytes() - before) as u32);
        self.statistics.packets_sent += 1;
        touch(connection, id, &mut self.touched);
    }

    /// Appends a packet of any length, unless the client does not take one so long `[MQTT-3.1.2-24]`.
    pub(crate) fn reply_if_taken(&mut self, id: ConnectionId, packet: &[u8]) -> bool {
        let limit = self.connections.get(id).map_or(0, |connection| connection.max_packet_size as usize);
        if packet.len() > limit {
            return false;
        }
        self.reply(id, |out| out.extend_from_slice(packet));
        true
    }

    /// Appends a PUBACK, PUBREC, PUBREL or PUBCOMP.
    #[inline]
    pub(crate) fn acknowledge(&mut self, id: ConnectionId, kind: PacketType, packet_id: u16, reason: ReasonCode) {
        let Some(connection) = self.connections.get(id) else { return };
        let version = connection.version;
        match kind {
            PacketType::PubRel | PacketType::PubComp => {
                log!(self.log, Debug, "Sending {} to {} (m{packet_id})", kind.name(), self.name_of(id));
            }
            _ => {
                // A client of MQTT 3 is not told either, but what is refused is seen in the log.
                let code = if version.is_v5() || reason.is_error() { reason.0 } else { 0 };
                log!(self.log, Debug, "Sending {} to {} (m{packet_id}, rc{code})", kind.name(), self.name_of(id));
            }
        }
        self.close_gate_for_answer(id);
        self.reply(id, |out| Ack::new(packet_id, reason).encode(kind, version, out));
    }

    /// Whether the client of a session may publish to a topic, or get what is published there.
    #[inline]
    pub(crate) fn may(&mut self, slot: u32, access: Access, topic: &[u8]) -> bool {
        matches!(self.settings.access_lists, AccessLists::Nowhere) || self.is_allowed(slot, access, topic)
    }

    /// Not cold, but what comes before it is to be as fast as without it.
    #[cold]
    fn is_allowed(&mut self, slot: u32, access: Access, topic: &[u8]) -> bool {
        let Self { settings, sessions, log, .. } = self;
        sessions.get_mut(slot).is_some_and(|session| session.may(settings, log, access, topic))
    }

    /// Brings a message to one session: at once where its client can take it, into its queue where it has to wait.
    #[inline]
    pub(crate) fn deliver(&mut self, to: Subscriber, outgoing: &mut Outgoing<'_>) {
        let Some(session) = self.sessions.find_mut(to.session) else {
            self.statistics.dropped.add(DropReason::SessionEnded, 1);
            return;
        };
        let mut is_kept = to.is_durable && is_target(&self.settings, to.grant, &outgoing.view);
        if (to.is_repeated && session.gets_one_copy(&self.settings))
            || !session.may(&self.settings, &mut self.log, Access::Read, outgoing.view.topic)
        {
            if is_kept {
                self.drop_target(to, &outgoing.view);
            }
            return;
        }
        let qos = self.settings.delivery_qos(outgoing.view.qos, to.grant.qos()).min(session.max_qos);
        // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
        let retain = outgoing.view.retain && to.grant.retain_as_published();
        if is_kept && qos == QoS::AtMostOnce {
            // Its listener allows it no more.
            let terms = terms_of(&self.settings, to.grant, &outgoing.view);
            self.changes.dropped(to.session, outgoing.view.number, terms);
            is_kept = false;
        }
        match session.connection {
            Some(_) if qos == QoS::AtMostOnce && !session.window.has_queued_qos_0() => {
                self.send_at_most_once(to, retain, outgoing);
            }
            Some(_) if session.window.is_open() => {
                self.launch(to.session.slot, outgoing, qos, retain, to.grant.identifier(), is_kept);
            }
            // MQTT 5, 4.1: QoS 0 need not wait for a client that is away.
            None if qos == QoS::AtMostOnce && !self.settings.queue_qos0_messages && !session.keeps_qos_0 => {}
            _ => self.enqueue(to, outgoing, qos, retain, is_kept),
        }
    }

    /// A session does not get a message that was addressed to it.
    pub(crate) fn withhold(&mut self, to: Subscriber, message: &MessageRef<'_>) {
        if to.is_durable && is_target(&self.settings, to.grant, message) {
            self.drop_target(to, message);
        }
    }

    /// A target of a message does not get it.
    #[cold]
    fn drop_target(&mut self, to: Subscriber, message: &MessageRef<'_>) {
        self.changes.dropped(to.session, message.number, terms_of(&self.settings, to.grant, message));
    }

    #[inline]
    fn send_at_most_once(&mut self, to: Subscriber, retain: bool, outgoing: &mut Outgoing<'_>) {
        let Some(session) = self.sessions.get(to.session.slot) else { return };
        let Some(id) = session.connection else { return };
        let Some(connection) = self.connections.get_mut(id) else { return };
        let limit = self.settings.max_queued_messages;
        // A tick may bring more packets than the limit: only what the client has refused to take counts as queued.
        let full = match (limit, connection.refusing) {
            (0, _) => connection.output.bytes() >= OUTPUT_BYTES_MAX,
            (_, false) => connection.output.bytes() >= FRESH_OUTPUT_BYTES_MAX,
            (_, true) => connection.output.packets() >= limit || connection.output.bytes() >= OUTPUT_BYTES_MAX,
        };
        let reason = if full { Some(DropReason::OutputFull) } else { None };
        if let Some(reason) = reason.or(session.window.holds_up_qos_0().then_some(DropReason::QueueBytes)) {
            self.drop_for(to.session.slot, reason);
            return;
        }
        let head =
            PublishTo { qos: QoS::AtMostOnce, retain, packet_id: 0, identifier: to.grant.identifier(), dup: false };
        let sent = self.send_now(id, outgoing, head);
        self.count_unsent(to.session.slot, sent, outgoing.view);
    }

    /// Puts a message in flight and sends it. One that is too large for the client gets no packet identifier; one that
    /// has expired uses one up, as in Mosquitto, which gives them out before it looks.
    /// `is_target`: records say that the session is to get it.
    fn launch(
        &mut self,
        slot: u32,
        outgoing: &mut Outgoing<'_>,
        qos: QoS,
        retain: bool,
        identifier: u32,
        is_target: bool,
    ) {
        let number = outgoing.view.number;
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(id) = session.connection else { return };
        let packet_id = session.window.launch(outgoing.stored(), qos, retain, identifier);
        let is_kept = Changes::speak_of(session, number);
        let launch = Launch { qos, retain, identifier, packet_id, was_queued: is_target };
        if is_kept && qos == QoS::ExactlyOnce && self.changes.is_synced() {
            // It must not come twice under two identifiers.
            self.close_gate(id);
        }
        let sent = self.send(id, outgoing, PublishTo { qos, retain, packet_id, identifier, dup: false });
        if sent != Sent::Yes {
            self.count_unsent(slot, sent, outgoing.view);
            let Some(session) = self.sessions.get_mut(slot) else { return };
            match sent {
                Sent::TooLarge | Sent::Nameless => session.window.take_back(packet_id),
                Sent::Expired | Sent::Yes => session.window.finish(packet_id),
            }
            if is_target {
                let session = SessionId { slot, epoch: session.epoch };
                self.changes.dropped(session, number, (qos, retain, identifier));
            } else if is_kept {
                // There may be a gate, and without a record there would be no frame that opens it.
                self.changes.launched(slot, session, number, launch);
                self.changes.finished(slot, session, number, packet_id);
            }
            return;
        }
        if is_kept && let Some(session) = self.sessions.get(slot) {
            self.changes.launched(slot, session, number, launch);
        }
        self.expect_acknowledgement(id, slot, packet_id);
    }

    fn enqueue(&mut self, to: Subscriber, outgoing: &mut Outgoing<'_>, qos: QoS, retain: bool, is_target: bool) {
        let Some(session) = self.sessions.find_mut(to.session) else { return };
        let (limit, is_here) = (self.settings.max_queued_messages as usize, session.connection.is_some());
        let of_messages = session.window.has_too_many(limit, is_here);
        if of_messages || session.window.has_too_many_bytes(is_here) {
            let reason = if of_messages { DropReason::QueueFull } else { DropReason::QueueBytes };
            self.drop_for(to.session.slot, reason);
            if is_target {
                self.drop_target(to, &outgoing.view);
            }
            return;
        }
        session.window.enqueue(Queued::new(outgoing.stored(), qos, retain, to.grant));
    }

    #[inline]
    fn count_unsent(&mut self, slot: u32, sent: Sent, message: MessageRef<'_>) {
        if sent != Sent::Yes {
            self.count_failed(slot, sent, message);
        }
    }

    #[cold]
    fn count_failed(&mut self, slot: u32, sent: Sent, message: MessageRef<'_>) {
        match sent {
            Sent::Yes | Sent::Nameless => {}
            Sent::Expired => self.drop_for(slot, DropReason::Expired),
            Sent::TooLarge => {
                self.drop_for(slot, DropReason::TooLarge);
                // A line of the log that is itself too large for its reader must not bring forth the next one.
                if !message.topic.starts_with(LOG_TOPICS) {
                    let (name, len) = (self.sessions.get(slot).map_or("", |s| &s.client_id), message.payload.len());
                    log!(self.log, Notice, "Dropping too large outgoing PUBLISH for {name} ({len} bytes)");
                }
            }
        }
    }

    /// [`send_now`](Self::send_now) where it is not the common case.
    fn send(&mut self, id: ConnectionId, outgoing: &mut Outgoing<'_>, to: PublishTo) -> Sent {
        self.send_now(id, outgoing, to)
    }

    /// Writes a PUBLISH into a connection's output.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "nearly all that is sent at QoS 0 goes this way; left to itself, it is a call"
    )]
    fn send_now(&mut self, id: ConnectionId, outgoing: &mut Outgoing<'_>, to: PublishTo) -> Sent {
        let Some(connection) = self.connections.get_mut(id) else { return Sent::Yes };
        let view = &outgoing.view;
        let (mut topic, mut alias) = (view.topic, Alias::None);
        if let Some(naming) = &connection.naming {
            if let Some(mount_point) = &naming.mount_point {
                match name_behind(mount_point, topic) {
                    Some(name) => topic = name,
                    None => return Sent::Nameless,
                }
            }
            alias = naming.aliases_out.as_ref().map_or(Alias::None, |aliases| aliases.of(topic));
        }
        let mut expiry_s = None;
        if view.expires_at != Moment::NEVER {
            // [MQTT-3.3.2-5], but not where the client may have begun the exchange [MQTT-4.3.3-7].
            let is_begun = to.dup && to.qos == QoS::ExactlyOnce;
            if view.expires_at <= self.now && !is_begun {
                return Sent::Expired;
            }
            // [MQTT-3.3.2-6]
            expiry_s = Some(view.expires_at.left_s(self.now));
        }
        let v5 = connection.version.is_v5();
        let PublishTo { qos, retain, packet_id, identifier, dup } = to;
        let mut head = Head { topic, v5, dup, qos, retain, packet_id, alias, identifier, expiry_s };
        // [MQTT-3.1.2-24]
        if head.is_too_large(view, connection.max_packet_size) {
            // A new alias makes this one packet longer; that must not be what is too much.
            if matches!(alias, Alias::New(_)) {
                alias = Alias::None;
                head.alias = alias;
            }
            if head.is_too_large(view, connection.max_packet_size) {
                return Sent::TooLarge;
            }
        }
        let payload = view.payload;
        if payload.len() >= SHARED_PAYLOAD_BYTES {
            connection.output.packet(&mut self.pool, |out| head.encode(view, out));
        } else {
            connection.output.packet(&mut self.pool, |out| {
                head.encode(view, out);
                out.extend_from_slice(payload);
            });
        }
        if let (Alias::New(alias), Some(naming)) = (alias, &mut connection.naming)
            && let Some(aliases) = &mut naming.aliases_out
        {
            aliases.told(topic, alias);
        }
        if payload.len() >= SHARED_PAYLOAD_BYTES {
            connection.output.share_payload(outgoing.stored(), payload.len());
        }
        self.statistics.packets_sent += 1;
        self.statistics.publish_sent += 1;
        self.statistics.publish_bytes_sent += payload.len() as u64;
        touch(connection, id, &mut self.touched);
        if self.log.wants(crate::LogLevel::Debug) {
            self.log_sending(id, topic, payload.len(), to);
        }
        Sent::Yes
    }

    #[cold]
    fn log_sending(&mut self, id: ConnectionId, topic: &[u8], payload_len: usize, to: PublishTo) {
        let PublishTo { qos, retain, packet_id, dup, .. } = to;
        let line = crate::log::line(format_args!(
            "Sending PUBLISH to {} ({})",
            self.name_of(id),
            crate::publish::describe(dup, qos, retain, packet_id, topic, payload_len)
        ));
        self.log.write(crate::LogLevel::Debug, line);
    }

    /// Sends what waits, as far as the client's window allows: first what an earlier connection left in flight, then
    /// the queue.
    pub(crate) fn pump(&mut self, slot: u32) {
        loop {
            let Some(session) = self.sessions.get_mut(slot) else { return };
            let Some(id) = session.connection else { return };
            if let Some(entry) = session.window.next_unsent() {
                self.resend(slot, id, &entry);
                continue;
            }
            let is_qos_0 = session.window.next_is_qos_0();
            if session.window.has_unsent() || !(is_qos_0 || session.window.has_room()) {
                return;
            }
            // These are not acknowledged, so it is the output that says when there is room.
            if is_qos_0 && self.connections.get(id).is_none_or(|c| c.output.bytes() >= STREAM_LOW_WATER) {
                return;
            }
            let Some(queued) = session.window.next_queued() else { break };
            let Queued { message, qos, retain, identifier } = queued;
            let is_target = qos != QoS::AtMostOnce && Changes::speak_of(session, message.number());
            if !session.may(&self.settings, &mut self.log, Access::Read, message.view().topic) {
                // What its client may not get any more goes unseen. It uses up a packet identifier, as in Mosquitto, where
                // it got one when it was queued.
                if is_target {
                    let session = SessionId { slot, epoch: session.epoch };
                    self.changes.dropped(session, message.number(), (qos, retain, identifier));
                }
                if !is_qos_0 {
                    let packet_id = session.window.launch(message, qos, retain, identifier);
                    session.window.finish(packet_id);
                }
                continue;
            }
            let mut outgoing = Outgoing::of(&message);
            if is_qos_0 {
                self.send_qos_0(slot, id, &mut outgoing, retain, identifier);
            } else {
                self.launch(slot, &mut outgoing, qos, retain, identifier, is_target);
            }
        }
        self.resume_streaming(slot);
    }

    /// `[MQTT-4.4.0-1]`: under the same identifier, PUBLISH with DUP `[MQTT-3.3.1-1]`.
    pub(crate) fn resend(&mut self, slot: u32, id: ConnectionId, entry: &Unsent) {
        let &Unsent { packet_id, retain, identifier, .. } = entry;
        let qos = match entry.awaiting {
            Awaiting::PubAck => QoS::AtLeastOnce,
            Awaiting::PubRec => QoS::ExactlyOnce,
            Awaiting::PubComp | Awaiting::Nothing => {
                self.acknowledge(id, PacketType::PubRel, packet_id, ReasonCode::SUCCESS);
                return self.expect_acknowledgement(id, slot, packet_id);
            }
        };
        let Some(message) = &entry.message else { return };
        if !self.may(slot, Access::Read, message.view().topic) {
            return self.finish(slot, packet_id);
        }
        let to = PublishTo { qos, retain, packet_id, identifier, dup: true };
        let sent = self.send(id, &mut Outgoing::of(message), to);
        if sent != Sent::Yes {
            self.count_unsent(slot, sent, message.view());
            return self.finish(slot, packet_id);
        }
        self.expect_acknowledgement(id, slot, packet_id);
    }

    /// A message in flight is at its end.
    #[inline]
    pub(crate) fn finish(&mut self, slot: u32, packet_id: u16) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.is_durable
            && let Some(number) = session.window.find(packet_id).map(|entry| entry.number)
        {
            self.changes.finished(slot, session, number, packet_id);
        }
        session.window.finish(packet_id);
    }

    /// Puts a session back in line that has retained messages under way, or queued ones of QoS 0: these are sent as fast
    /// as its client takes them.
    pub(crate) fn resume_streaming(&mut self, slot: u32) {
        if let Some(session) = self.sessions.get_mut(slot)
            && (session.retained.is_some() || session.window.next_is_qos_0())
            && session.connection.is_some()
            && !std::mem::replace(&mut session.streaming, true)
        {
            self.streaming.push_back(slot);
        }
    }

    /// Sends a message at QoS 0 that has waited for room.
    fn send_qos_0(&mut self, slot: u32, id: ConnectionId, outgoing: &mut Outgoing<'_>, retain: bool, identifier: u32) {
        let to = PublishTo { qos: QoS::AtMostOnce, retain, packet_id: 0, identifier, dup: false };
        let sent = self.send(id, outgoing, to);
        self.count_unsent(slot, sent, outgoing.view);
    }

    /// Sends a retained message to a new subscription, or says that there is no room for it now.
    pub(crate) fn deliver_retained(&mut self, slot: u32, grant: Grant, outgoing: &mut Outgoing<'_>) -> bool {
        let Some(session) = self.sessions.get_mut(slot) else { return true };
        let Some(id) = session.connection else { return false };
        if !session.may(&self.settings, &mut self.log, Access::Read, outgoing.view.topic) {
            return true;
        }
        let qos = self.settings.delivery_qos(outgoing.view.qos, grant.qos()).min(session.max_qos);
        // [MQTT-3.3.1-8]: these keep the flag.
        if qos != QoS::AtMostOnce {
            if !session.window.is_open() {
                return false;
            }
            self.launch(slot, outgoing, qos, true, grant.identifier(), false);
            return true;
        }
        self.send_qos_0(slot, id, outgoing, true, grant.identifier());
        true
    }
}

/// Whether records say that the one who subscribes like this, and outlives the broker, is to get a message.
#[inline]
fn is_target(settings: &Settings, grant: Grant, message: &MessageRef<'_>) -> bool {
    message.number != 0 && settings.delivery_qos(message.qos, grant.qos()) != QoS::AtMostOnce
}

/// The part of a PUBLISH that differs from one receiver to the next.
#[derive(Debug, Clone, Copy)]
struct PublishTo {
    qos: QoS,
    retain: bool,
    packet_id: u16,
    identifier: u32,
    dup: bool,
}

#[inline]
pub(crate) fn touch(connection: &mut Connection, id: ConnectionId, touched: &mut Vec<ConnectionId>) {
    if !connection.touched {
        connection.touched = true;
        touched.push(id);
    }
}
