//! What clients get, held against their books.

use super::broker::Mark;
use super::client::{Answer, Book, FILTERS, Kind, Session, qos_of};
use super::world::{World, number_of};
use crate::violation::{Checked, must, violated};
use mosquitto_mqtt::packet::{Ack, ConnAck, Publish};
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, QoS};

impl World {
    /// A client reads all that has come.
    pub(crate) fn read(&mut self, at: usize) -> Checked {
        let Some(link) = self.clients[at].link else { return Ok(()) };
        let bytes = std::mem::take(&mut self.broker.links[link].outbox);
        let version = self.clients[at].version;
        let mut rest = bytes.as_slice();
        while let Ok(Some(header)) = FixedHeader::parse(rest) {
            if rest.len() < header.packet_len() {
                break;
            }
            let (packet, behind) = rest.split_at(header.packet_len());
            rest = behind;
            let body = &packet[usize::from(header.header_len)..];
            let Ok(packet) = Packet::decode(header, body, version) else {
                violated!("client {at} cannot read {packet:?}")
            };
            self.note(|_| format!("client {at} gets {packet:?}"));
            self.got(at, &packet)?;
            if self.clients[at].link != Some(link) {
                return Ok(());
            }
        }
        must!(rest.is_empty(), "half a packet: {rest:?}");
        Ok(())
    }

    fn got(&mut self, at: usize, packet: &Packet<'_>) -> Checked {
        match packet {
            Packet::ConnAck(connack) => self.got_connack(at, connack),
            Packet::Publish(publish) => self.got_publish(at, publish),
            Packet::PubAck(ack) => self.got_ack(at, PacketType::PubAck, ack),
            Packet::PubRec(ack) => self.got_ack(at, PacketType::PubRec, ack),
            Packet::PubComp(ack) => self.got_ack(at, PacketType::PubComp, ack),
            Packet::PubRel(ack) => {
                let client = &mut self.clients[at];
                client.held.remove(&ack.packet_id);
                let answer = Answer { kind: PacketType::PubComp, packet_id: ack.packet_id, mark: None };
                client.answers.push_back(answer);
                Ok(())
            }
            Packet::SubAck(suback) => {
                let is_error = suback.reasons.iter().any(|reason| *reason >= 0x80);
                self.got_answer(at, suback.packet_id, is_error)
            }
            Packet::UnsubAck(unsuback) => self.got_answer(at, unsuback.packet_id, false),
            Packet::Disconnect(_) => Ok(()),
            other => violated!("{other:?} came to client {at}"),
        }
    }

    fn got_connack(&mut self, at: usize, connack: &ConnAck<'_>) -> Checked {
        if connack.reason.0 != 0 {
            self.lost(at);
            return Ok(());
        }
        self.counts.connections += 1;
        let wall_ms = self.broker.wall_ms();
        let client = &mut self.clients[at];
        let is_over = match client.kind {
            Kind::Mortal(seconds) => wall_ms.saturating_sub(client.left_at_ms) + 1000 >= u64::from(seconds) * 1000,
            _ => false,
        };
        let (present, session) = (connack.session_present, client.session);
        must!(!(client.sent_clean && present), "client {at} begins anew, and has a session");
        if !client.sent_clean {
            must!(present || session != Session::Yes || is_over, "the session of client {at} is lost");
            must!(!present || session != Session::No, "client {at} has a session that has ended");
        }
        client.connected = true;
        client.wants_clean = false;
        if !present {
            self.forget(at);
        } else if session == Session::Maybe {
            self.doubt(at);
        }
        let client = &mut self.clients[at];
        client.session = if client.is_brief() { Session::No } else { Session::Yes };
        for out in client.outgoing.clone() {
            if out.released {
                let bytes =
                    self.clients[at].encode(Answer { kind: PacketType::PubRel, packet_id: out.packet_id, mark: None });
                self.send(at, &bytes);
            } else {
                self.send_publish(at, out.number, out.packet_id, true);
            }
        }
        Ok(())
    }

    fn got_ack(&mut self, at: usize, kind: PacketType, ack: &Ack<'_>) -> Checked {
        let client = &mut self.clients[at];
        let Some(place) = client.outgoing.iter().position(|out| out.packet_id == ack.packet_id) else {
            violated!("{kind:?} {} came to client {at}, and nothing is under way", ack.packet_id);
        };
        let out = &mut client.outgoing[place];
        let qos = self.messages[out.number as usize - 1].qos;
        must!((qos == QoS::AtLeastOnce) == (kind == PacketType::PubAck), "{kind:?} came for {qos:?}");
        if kind == PacketType::PubRec && !ack.reason.is_error() {
            out.released = true;
            client.answers.push_back(Answer { kind: PacketType::PubRel, packet_id: ack.packet_id, mark: None });
            return Ok(());
        }
        let number = client.outgoing.remove(place).number;
        self.done(number, !ack.reason.is_error() || kind == PacketType::PubComp);
        Ok(())
    }

    /// SUBACK or UNSUBACK.
    fn got_answer(&mut self, at: usize, packet_id: u16, is_error: bool) -> Checked {
        let client = &mut self.clients[at];
        let Some(place) = client.requests.iter().position(|request| request.packet_id == packet_id) else {
            violated!("client {at} has not asked for {packet_id}");
        };
        let request = client.requests.remove(place);
        let subscribed = &mut client.filters[request.filter];
        match (request.is_subscribe, is_error) {
            (true, false) => subscribed.definite = client.kind != Kind::Brief || client.connected,
            (true, true) => subscribed.possible = request.was_possible,
            (false, _) => (subscribed.possible, subscribed.definite) = (false, false),
        }
        Ok(())
    }

    fn got_publish(&mut self, at: usize, publish: &Publish<'_>) -> Checked {
        self.counts.deliveries += 1;
        let number = number_of(publish.payload);
        let (client, packet_id) = (&mut self.clients[at], publish.packet_id);
        let is_group = publish.topic.starts_with("s/");
        // Of QoS 2 copies the number that come is known without.
        let is_counted = !publish.retain && publish.qos == QoS::AtLeastOnce;
        let mark = Some(Mark { client: at, number: if is_counted { number } else { 0 }, group: is_group });
        let mut answer = |kind| client.answers.push_back(Answer { kind, packet_id, mark });
        let mut is_again = false;
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => answer(PacketType::PubAck),
            QoS::ExactlyOnce => {
                answer(PacketType::PubRec);
                if let Some(before) = client.held.insert(packet_id, number) {
                    must!(
                        before == number || self.has_damage,
                        "client {at} gets {number} under the identifier of {before}"
                    );
                    is_again = true;
                }
            }
        }
        // A database has no checksums: there is no saying what damage makes of a message.
        if number == 0 || is_again || self.has_damage {
            return Ok(());
        }
        let message = &self.messages[number as usize - 1];
        must!(message.topic == publish.topic, "{number} has another topic: {}", publish.topic);
        if publish.retain {
            must!(message.retain, "{number} is not retained");
            return Ok(());
        }
        if message.is_lenient {
            return Ok(());
        }
        if is_group { self.got_share(at, number, publish.qos) } else { self.got_copy(at, number, publish.qos) }
    }

    fn got_copy(&mut self, at: usize, number: u32, qos: QoS) -> Checked {
        let message = &self.messages[number as usize - 1];
        let client = &mut self.clients[at];
        let Some(book) = client.books.get_mut(&number).filter(|book| book.possible != 0) else {
            violated!("client {at} gets {number}, and has no subscription");
        };
        if book.is_lenient {
            return Ok(());
        }
        let copies = copies(book.possible, |filter| message.qos.min(qos_of(at, filter)) == qos);
        must!(copies > 0, "client {at} gets {number} at {qos:?}, and has no subscription like that");
        book.seen[usize::from(qos.bits())] += 1;
        match qos {
            QoS::AtMostOnce => return Ok(()),
            QoS::AtLeastOnce => {
                let all = copies * message.times();
                let settled = book.settled;
                must!(settled < all, "{number} comes to client {at}, which has finished {settled} of {all} copies");
            }
            QoS::ExactlyOnce => {
                let seen = book.seen[2];
                must!(seen <= copies, "{number} comes to client {at} for the {seen}th time, at QoS 2");
            }
        }
        let is_first = book.seen[usize::from(qos.bits())] == 1;
        if is_first && message.has_place() {
            let lane = (message.publisher, message.qos.bits(), qos.bits());
            let lane = client.lanes.entry(lane).or_default();
            // QoS 1 goes out before what led to it is on disk. Where a crash costs that, it comes again, behind what may come for
            // the first time: what is released again finds a subscription that was made meanwhile, and what arrived behind an
            // unsubscription is there still. Behind QoS 2, and behind a PUBACK that is on disk, nothing like that is left.
            let last = lane.sure.max(lane.here);
            must!(last <= number, "{number} comes to client {at} behind {last}");
            lane.here = number;
            if qos == QoS::ExactlyOnce {
                lane.sure = number;
            }
        }
        Ok(())
    }

    fn got_share(&mut self, at: usize, number: u32, qos: QoS) -> Checked {
        if self.clients[at].is_brief() {
            // Nothing waits for the disk there: what such a member got may go to another one after a crash.
            return Ok(());
        }
        let message = &mut self.messages[number as usize - 1];
        let copies = copies(message.groups, |filter| message.qos.min(qos_of(at, filter)) == qos);
        must!(copies > 0, "client {at} gets {number}, and there is no group");
        message.group_seen[usize::from(qos.bits())] += 1;
        let (seen, settled) = (message.group_seen[2], message.group_settled);
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                let all = message.groups.count_ones() * message.times();
                must!(settled < all, "{number} comes to client {at}, and {settled} of {all} copies are finished");
            }
            QoS::ExactlyOnce => must!(seen <= copies, "{number} comes for the {seen}th time, to client {at}"),
        }
        Ok(())
    }

    /// What everybody had to get has come.
    pub(crate) fn check_owed(&mut self) -> Checked {
        let is_lossy = self.settings.max_queued_messages > 0;
        for (number, message) in (1..).zip(&self.messages) {
            if !message.is_acknowledged || message.is_lenient || is_lossy {
                continue;
            }
            for (at, client) in self.clients.iter().enumerate() {
                let Some(Book { owed, seen, .. }) = client.books.get(&number) else { continue };
                let got = seen[1] + seen[2];
                must!(got >= owed.count_ones(), "client {at} got {got} copies of {number}, not {}", owed.count_ones());
            }
            let (got, owed) = (message.group_seen[1] + message.group_seen[2], message.owed_groups.count_ones());
            must!(got >= owed, "groups got {got} copies of {number}, not {owed}");
        }
        Ok(())
    }
}

/// Of the filters in `bits`, how many are such.
fn copies(bits: u16, is: impl Fn(usize) -> bool) -> u32 {
    (0..FILTERS.len()).filter(|filter| bits & (1 << filter) != 0 && is(*filter)).count() as u32
}
