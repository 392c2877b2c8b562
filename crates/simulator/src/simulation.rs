//! One broker, its clients and the checker: a step at a time.

use crate::client::{Client, Stage};
use crate::link::{Closed, Link, Place, Reply, Sent};
use crate::model::Model;
use crate::network::Network;
use crate::observe::reply_of;
use crate::random::Random;
use crate::violation::{Checked, Violation, must, violated};
use mosquitto_broker::{ConnectionId, DropReason, LogMask, Settings, Then};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, ProtocolVersion};

/// Milliseconds that a connection has for its CONNECT.
const OPENING_MS: u64 = 30_000;

/// What is shown of a line of the record.
const TRACE_LINE_CHARS: usize = 600;

/// What is counted while a simulation runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Steps taken.
    pub steps: u64,
    /// PUBLISH packets that clients have seen.
    pub deliveries: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Wills published.
    pub wills: u64,
    /// Times at which everything was brought to rest and checked as a whole.
    pub settled: u64,
}

#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) random: Random,
    pub(crate) network: Network,
    pub(crate) model: Model,
    pub(crate) clients: Vec<Client>,
    pub(crate) settings: Settings,
    /// Whether clients go beyond the window that they are told.
    pub(crate) exceeds: bool,
    pub(crate) counts: Counts,
    /// The number of the last message.
    pub(crate) last_number: u32,
    /// Drops for want of room that were counted since the last check as a whole.
    pub(crate) room_drops: u64,
    pub(crate) trace: Option<Vec<String>>,
}

impl Simulation {
    pub(crate) fn new(seed: u64, traced: bool) -> Self {
        let mut random = Random::new(seed);
        let shards = 1 + random.below(4);
        let narrow = random.one_in(3);
        let settings = Settings {
            max_queued_messages: if narrow { 15 } else { 0 },
            max_inflight_messages: if narrow { 6 } else { 20 },
            // Not by chance, so that seeds keep their meaning.
            retry_interval_s: Some(if seed % 4 == 1 { 2 } else { 0 }),
            queue_qos0_messages: matches!(seed % 8, 5 | 6),
            allow_duplicate_messages: !matches!(seed % 8, 4 | 5),
            // The record shows what the broker says, too.
            log: if traced { LogMask::ALL } else { LogMask::NONE },
            ..Settings::default()
        };
        let network = Network::new(shards, &settings);
        let count = 3 + random.below(10);
        let (mut clients, mut homes) = (Vec::new(), Vec::new());
        for number in 0..count {
            let home = random.below(shards);
            // Ids of one length, so that a seed means the same bytes although the broker hashes with a secret.
            let ids = (0..100_000).map(|n| format!("client-{number:02}-{n:05}"));
            let id = ids.into_iter().find(|id| network.shared.home_of(id).index() == home).unwrap_or_default();
            clients.push(Client::new(id));
            homes.push(home);
        }
        let model = Model::new(homes, network.now, &settings);
        let counts = Counts::default();
        Self {
            random,
            network,
            model,
            clients,
            settings,
            exceeds: seed % 8 == 1,
            counts,
            last_number: 0,
            room_drops: 0,
            trace: traced.then(Vec::new),
        }
    }

    pub(crate) fn note(&mut self, text: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let mut line = format!("{:>9} ms  {}", self.network.now.0, text(self));
            if let Some((end, _)) = line.char_indices().nth(TRACE_LINE_CHARS) {
                line.replace_range(end.., "...");
            }
            if let Some(trace) = &mut self.trace {
                trace.push(line);
            }
        }
    }

    /// Something happens.
    pub(crate) fn step(&mut self) -> Checked {
        self.counts.steps += 1;
        match self.random.below(100) {
            0..40 => {
                let client = self.random.below(self.clients.len());
                self.act(client);
                Ok(())
            }
            40..60 => {
                let client = self.random.below(self.clients.len());
                let packets = 1 + self.random.below(8);
                self.read(client, packets)
            }
            60..97 => {
                let shard = self.random.below(self.network.shards.len());
                self.run_shard(shard, false).map(|_| ())
            }
            _ => {
                let most = *self.random.pick(&[20, 20, 300, 2000, 9000]);
                let ms = self.random.below(most) as u64;
                self.pass(ms);
                Ok(())
            }
        }
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.network.now = self.network.now + ms;
        self.model.now = self.network.now;
    }

    /// One tick of a shard. Calmly: it is given everything, and everything is taken from it. Says whether anything
    /// moved.
    pub(crate) fn run_shard(&mut self, at: usize, calm: bool) -> Checked<bool> {
        let dropped_before = self.network.statistics(at);
        let previous_run = std::mem::replace(&mut self.network.last_run[at], self.network.now);
        self.network.shards[at].begin(self.network.now);
        self.timed_out(at, previous_run.0)?;
        self.model.time_passed(at);
        let mut moved = self.take_in(at, calm);
        moved |= self.hear(at, calm)?;
        self.network.shards[at].end();
        moved |= self.network.post(at, self.model.seq);
        moved |= self.send_out(at, calm);
        self.close(at, calm)?;
        if self.trace.is_some() {
            let mut lines = Vec::new();
            self.network.shards[at].log_lines(&mut lines);
            for line in &lines {
                self.note(|_| format!("    shard {at} says: {}", line.text));
            }
        }
        let dropped = self.network.statistics(at);
        for reason in [DropReason::QueueFull, DropReason::OutputFull] {
            self.room_drops += dropped.dropped_for(reason) - dropped_before.dropped_for(reason);
        }
        self.check_counts(at)?;
        Ok(moved || self.network.shards[at].next_deadline().is_some_and(|due| due <= self.network.now))
    }

    /// Connections that the shard has ended for their silence: rightly, and all of them that have to be.
    fn timed_out(&mut self, at: usize, previous_run: u64) -> Checked {
        let mut closing = Vec::new();
        self.network.shards[at].closing(&mut closing);
        for id in closing {
            let Some(link) = self.network.link_of(at, id) else { continue };
            self.note(|s| format!("{} timed out", s.name(link)));
            let now = self.network.now.0;
            let entry = &mut self.network.links[link];
            let silence = if entry.open { entry.silence_ms } else { OPENING_MS };
            let due = entry.heard_at.0 + silence;
            must!(silence > 0 && due <= now, "link {link} was ended for its silence too early [MQTT-3.1.2-22]");
            entry.closing = true;
            self.model.connection_ended(link, &mut self.network.links);
        }
        for link in self.network.links_on(at) {
            let entry = &self.network.links[link];
            let silence = if entry.open { entry.silence_ms } else { OPENING_MS };
            let overdue = silence > 0 && !entry.ended && entry.heard_at.0 + silence <= previous_run;
            must!(!overdue, "link {link} has been silent for too long, and is still open [MQTT-3.1.2-22]");
        }
        Ok(())
    }

    /// New and handed-over connections, and mail.
    fn take_in(&mut self, at: usize, calm: bool) -> bool {
        let mut moved = false;
        for link in std::mem::take(&mut self.network.arriving[at]) {
            if calm || self.random.one_in(2) {
                self.network.arrive(link);
                moved = true;
            } else {
                self.network.arriving[at].push(link);
            }
        }
        for from in 0..self.network.shards.len() {
            while calm || self.random.one_in(2) {
                let Some(seq) = self.network.read_mail(from, at) else { break };
                self.note(|_| format!("shard {at} reads mail from {from} up to {seq}"));
                self.model.mail_read(from, at, seq);
                moved = true;
            }
        }
        moved
    }

    /// Bytes and ends that have come in.
    fn hear(&mut self, at: usize, calm: bool) -> Checked<bool> {
        let mut moved = false;
        let mut links = self.network.links_on(at);
        if !links.is_empty() {
            let turn = self.random.below(links.len());
            links.rotate_left(turn);
        }
        for link in links {
            if (calm || self.random.one_in(2)) && !self.network.links[link].ended {
                moved |= self.feed(link, calm)?;
            }
        }
        Ok(moved)
    }

    fn feed(&mut self, at: usize, calm: bool) -> Checked<bool> {
        let Place::On(shard, id) = self.network.links[at].place else { return Ok(false) };
        let link = &mut self.network.links[at];
        if link.inbox.len() <= link.tail || link.closed == Closed::Reset {
            return Ok(self.hang_up(at, shard, id));
        }
        let whole = calm || self.random.below(4) > 0;
        let len = if whole { link.inbox.len() } else { 1 + self.random.below(link.inbox.len()) };
        if link.open {
            link.heard_at = self.network.now;
        }
        let received = self.network.shards[shard].received(id, &link.inbox[..len]);
        must!(received.consumed <= len, "more bytes were used up than there were");
        let Some(packets) = link.used_up(received.consumed) else { violated!("half a packet was used up") };
        let moved = !packets.is_empty();
        for sent in packets {
            self.note(|s| format!("shard {shard} handled {} {sent:?}", s.name(at)));
            if matches!(sent, Sent::Connect(_)) {
                self.counts.connections += 1;
            }
            self.model.handled(at, sent, &mut self.network.links)?;
        }
        match received.then {
            Then::HandOver(to) => {
                let home = self.model.homes[self.network.links[at].client];
                must!(to.index() == home, "handed over to shard {to:?} and not to {home}");
                self.network.send_to(at, home, true);
                return Ok(true);
            }
            Then::Ended { .. } if !self.network.links[at].ended => {
                let link = &mut self.network.links[at];
                must!(
                    matches!(link.packets.front(), Some((_, Sent::Garbage))),
                    "a connection was ended at {:?}",
                    link.packets.front()
                );
                link.goodbye = Some(0x81);
                self.note(|s| format!("shard {shard} ended {} for garbage", s.name(at)));
                self.model.connection_ended(at, &mut self.network.links);
                return Ok(true);
            }
            Then::Ended { .. } | Then::Wait { .. } | Then::Busy | Then::Full | Then::Checking => {}
        }
        Ok(moved || received.then == Then::Busy)
    }

    /// The end of the stream, if the client has closed its side.
    fn hang_up(&mut self, at: usize, shard: usize, id: ConnectionId) -> bool {
        let reason = match self.network.links[at].closed {
            Closed::No => return false,
            Closed::Orderly => None,
            Closed::Reset => Some("Connection reset by peer"),
        };
        self.note(|s| format!("shard {shard} learns that {} is gone", s.name(at)));
        self.network.shards[shard].closed(id, reason);
        self.model.connection_ended(at, &mut self.network.links);
        true
    }

    /// Output to the network.
    fn send_out(&mut self, at: usize, calm: bool) -> bool {
        let mut touched = Vec::new();
        self.network.shards[at].touched(&mut touched);
        let mut moved = false;
        for link in self.network.links_on(at) {
            let is_touched = matches!(self.network.links[link].place, Place::On(_, id) if touched.contains(&id));
            let waits = self.network.output_len(link) > 0;
            if !is_touched && !(waits && (calm || self.random.one_in(2))) {
                continue;
            }
            let entry = &self.network.links[link];
            let mut room = entry.capacity.saturating_sub(entry.outbox.len());
            if calm || Model::is_left(entry) {
                room = usize::MAX;
            } else if self.random.one_in(5) {
                room = room.min(self.random.below(200));
            }
            moved |= self.network.write(link, room) > 0;
        }
        moved
    }

    /// Connections that the shard wants closed, and those that are at their end.
    fn close(&mut self, at: usize, calm: bool) -> Checked {
        let mut closing = Vec::new();
        self.network.shards[at].closing(&mut closing);
        for id in closing {
            let Some(link) = self.network.link_of(at, id) else { continue };
            must!(self.network.links[link].ended, "{} is to be closed, and nothing was wrong with it", self.name(link));
            self.network.links[link].closing = true;
        }
        for link in self.network.links_on(at) {
            let entry = &self.network.links[link];
            must!(!entry.ended || entry.closing, "{} has ended, and is not to be closed", self.name(link));
            let gone = Model::is_left(entry) || entry.abandoned || self.network.output_len(link) == 0;
            if entry.closing && (gone || (!calm && self.random.one_in(20))) {
                self.network.release(link, Place::Gone);
            }
        }
        Ok(())
    }

    /// What can be counted from outside is what the model has.
    fn check_counts(&mut self, at: usize) -> Checked {
        let known = self.model.sessions.keys().filter(|client| self.model.homes[**client] == at).count();
        let sessions = self.network.shards[at].session_count();
        must!(sessions == known, "shard {at} has {sessions} sessions, and should have {known}");
        let (has, should) = (self.network.shared.subscription_count(), self.model.subscription_count());
        must!(has == should, "there are {has} subscriptions, and should be {should}");
        let now = self.network.now;
        let kept = self.network.shared.retained_count();
        let most = self.model.retained.len();
        let least = self.model.retained.values().filter(|retained| retained.expires_at > now).count();
        must!((least..=most).contains(&kept), "{kept} messages are retained, and should be {least} to {most}");
        Ok(())
    }

    /// A client takes in packets, at most so many. Returns an error for what it should not see.
    pub(crate) fn read(&mut self, at: usize, most: usize) -> Checked {
        let Some(link) = self.clients[at].link else { return Ok(()) };
        if self.clients[at].stalled {
            return Ok(());
        }
        for _ in 0..most {
            let entry = &mut self.network.links[link];
            let header = FixedHeader::parse(&entry.outbox).map_err(|e| Violation(format!("bad packet: {e:?}")))?;
            let Some(header) = header.filter(|header| header.packet_len() <= entry.outbox.len()) else {
                // Half a packet, or nothing: if nothing follows, that is the end.
                if entry.place == Place::Gone {
                    self.clients[at].lost();
                }
                return Ok(());
            };
            must!(header.packet_len() <= entry.max_packet_size, "a packet is larger than allowed [MQTT-3.1.2-24]");
            let packet: Vec<u8> = entry.outbox.drain(..header.packet_len()).collect();
            let version = if entry.open { entry.version } else { ProtocolVersion::V311 };
            let body = &packet[usize::from(header.header_len)..];
            let packet = Packet::decode(header, body, version).map_err(|e| Violation(format!("bad packet: {e:?}")))?;
            self.note(|s| match &packet {
                Packet::Publish(p) => format!(
                    "{} sees #{} {:?} q{} r{} dup {} id {} {:?}",
                    s.name(link),
                    crate::message::Message::number_of(p.payload).unwrap_or_default(),
                    p.topic,
                    p.qos.bits(),
                    p.retain,
                    p.dup,
                    p.packet_id,
                    p.properties.iter().collect::<Vec<_>>()
                ),
                packet => format!("{} sees {packet:?}", s.name(link)),
            });
            self.see(at, link, &packet)?;
        }
        Ok(())
    }

    fn see(&mut self, at: usize, link: usize, packet: &Packet<'_>) -> Checked {
        let ended = self.network.links[link].ended;
        if let Packet::Disconnect(goodbye) = packet {
            let expected = self.network.links[link].goodbye;
            must!(ended && expected == Some(goodbye.reason.0), "DISCONNECT {goodbye:?} came, expected {expected:?}");
            return Ok(());
        }
        if ended {
            // The session may have gone on elsewhere.
            return Ok(());
        }
        let entry = &mut self.network.links[link];
        let client = &mut self.clients[at];
        match packet {
            Packet::Publish(publish) => {
                must!(client.connected, "PUBLISH came before CONNACK [MQTT-3.2.0-1]");
                self.counts.deliveries += 1;
                self.delivered(at, link, publish)?;
            }
            Packet::ConnAck(ack) => {
                Model::answered(entry, &Reply::ConnAck { present: ack.session_present })?;
                self.begin_session(at, ack.session_present);
            }
            Packet::PubAck(ack) => {
                Model::answered(entry, &reply_of("PUBACK", ack))?;
                client.acknowledged(PacketType::PubAck, ack);
            }
            Packet::PubRec(ack) => {
                Model::answered(entry, &reply_of("PUBREC", ack))?;
                client.acknowledged(PacketType::PubRec, ack);
            }
            Packet::PubComp(ack) => {
                Model::answered(entry, &reply_of("PUBCOMP", ack))?;
                client.acknowledged(PacketType::PubComp, ack);
            }
            Packet::PubRel(ack) => {
                self.model.saw_pubrel(entry, ack.packet_id)?;
                client.held.remove(&ack.packet_id);
                client.answers.push_back(crate::client::Answer::PubComp(ack.packet_id));
            }
            Packet::SubAck(ack) => {
                let (packet_id, codes) = (ack.packet_id, ack.reasons.to_vec());
                Model::answered(entry, &Reply::SubAck { packet_id, codes })?;
            }
            Packet::UnsubAck(ack) => {
                let (packet_id, codes) = (ack.packet_id, ack.reasons.to_vec());
                Model::answered(entry, &Reply::UnsubAck { packet_id, codes })?;
            }
            Packet::PingResp => Model::answered(entry, &Reply::PingResp)?,
            other => violated!("a server does not send {other:?}"),
        }
        Ok(())
    }

    fn delivered(&mut self, at: usize, link: usize, publish: &Publish<'_>) -> Checked {
        self.model.saw_publish(link, &mut self.network.links, publish)?;
        let refuse = self.clients[at].version.is_v5() && self.random.one_in(30);
        self.clients[at].received(publish, refuse);
        Ok(())
    }

    /// CONNACK has come: what the last connection left open is sent again `[MQTT-4.4.0-1]`.
    fn begin_session(&mut self, at: usize, present: bool) {
        self.clients[at].connected = true;
        let version = self.clients[at].version;
        if !present && version != ProtocolVersion::V31 {
            self.clients[at].forget();
            return;
        }
        for out in self.clients[at].outgoing.clone() {
            match out.stage {
                Stage::Published => self.send_publish(at, &out.message, out.packet_id, true),
                Stage::Released => self.send_answer(at, crate::client::Answer::PubRel(out.packet_id)),
            }
        }
    }

    pub(crate) fn link_mut(&mut self, client: usize) -> Option<&mut Link> {
        let link = self.clients[client].link?;
        self.network.links.get_mut(link)
    }

    pub(crate) fn name(&self, link: usize) -> String {
        format!("client {} (link {link}, {:?})", self.network.links[link].client, self.network.links[link].version)
    }
}
