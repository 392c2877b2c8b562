//! Whatever clients do, what was written down comes to what the broker has at the end: from the beginning, and from a
//! snapshot that was taken meanwhile, a step at a time. The harness makes the comparison; here is the traffic.

use crate::harness::{Net, Peer, connect};
use crate::random::Random;
use mosquitto_broker::{Persistence, Settings};
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{FixedHeader, Packet, Property, ProtocolVersion, QoS};

const FILTERS: [&str; 6] = ["t/#", "t/0", "t/+", "$share/g/t/#", "$share/h/t/1", "#"];

struct Client {
    name: String,
    peer: Peer,
    next_id: u16,
    /// What it has not answered yet: PUBACK, PUBREC, PUBREL, PUBCOMP, in any order that it likes.
    answers: Vec<[u8; 4]>,
}

impl Client {
    fn new(net: &mut Net, name: &str, random: &mut Random) -> Self {
        let peer = Self::connect(net, name, random);
        Self { name: name.to_owned(), peer, next_id: 1, answers: Vec::new() }
    }

    fn connect(net: &mut Net, name: &str, random: &mut Random) -> Peer {
        let options = connect(name).with(Property::ReceiveMaximum(1 + random.below(4) as u16));
        match random.below(8) {
            0 => options.on(net),
            1 => options.with(Property::SessionExpiryInterval(1000)).on(net),
            _ => options.keep_session(1 + random.below(2) as u32 * 1000).on(net),
        }
    }

    fn look(&mut self, net: &mut Net) {
        let bytes = net.got_bytes(self.peer);
        let mut rest = bytes.as_slice();
        while let Some(header) = FixedHeader::parse(rest).unwrap() {
            let (packet, behind) = rest.split_at(header.packet_len());
            rest = behind;
            let mut answer = |first: u8, id: u16| self.answers.push([first, 2, (id >> 8) as u8, id as u8]);
            match Packet::decode(header, &packet[usize::from(header.header_len)..], ProtocolVersion::V5).unwrap() {
                Packet::Publish(publish) if publish.qos.bits() == 1 => answer(0x40, publish.packet_id),
                Packet::Publish(publish) if publish.qos.bits() == 2 => answer(0x50, publish.packet_id),
                Packet::PubRel(ack) => answer(0x70, ack.packet_id),
                Packet::PubRec(ack) if !ack.reason.is_error() => answer(0x62, ack.packet_id),
                _ => {}
            }
        }
    }

    fn act(&mut self, net: &mut Net, random: &mut Random) {
        if !net.is_open(self.peer) {
            self.answers.clear();
            self.peer = Self::connect(net, &self.name, random);
            return;
        }
        self.look(net);
        self.next_id = self.next_id % 2000 + 1;
        let (qos, topic) = (random.below(3) as u8, format!("t/{}", random.below(3)));
        match random.below(20) {
            0 => net.cut(self.peer),
            1 => net.disconnect(self.peer),
            2 => {
                self.answers.clear();
                self.peer = Self::connect(net, &self.name, random);
            }
            3 | 4 => {
                let filter = FILTERS[random.below(FILTERS.len() as u64) as usize];
                // The same for all subscriptions of a client: a record says that a session does not get a copy of a
                // message, and not which.
                let qos = if self.name == "c0" { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                let options = SubscriptionOptions { qos, retain_as_published: self.name != "c1", ..Default::default() };
                let identifier = [Property::SubscriptionIdentifier(self.name.len() as u32)];
                net.subscribe_with(self.peer, self.next_id, filter, options, &identifier);
            }
            5 => net.unsubscribe(self.peer, self.next_id, &[FILTERS[random.below(FILTERS.len() as u64) as usize]]),
            // While mail is held, a new subscription may bring a message that is on its way for an older one: records do
            // not tell these two copies apart.
            6 if !net.hold_mail => net.publish_retained(
                self.peer,
                &topic,
                ["", "kept"][random.below(2) as usize],
                qos.min(1),
                self.next_id,
            ),
            7..12 => net.publish(self.peer, &topic, "x", qos, self.next_id),
            _ if !self.answers.is_empty() => {
                let answer = self.answers.remove(random.below(2).min(self.answers.len() as u64 - 1) as usize);
                net.send_bytes(self.peer, &answer);
            }
            _ => {}
        }
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let max_queued_messages = [0, 3][random.below(2) as usize];
    let settings = Settings { max_queued_messages, persistence: Persistence::Synced, ..Settings::default() };
    let mut net = Net::with(1 + seed as u16 % 3, settings);
    let mut clients: Vec<_> = (0..5).map(|n| Client::new(&mut net, &format!("c{n}"), &mut random)).collect();
    for _ in 0..300 {
        match random.below(60) {
            0 => net.hold_mail = true,
            1..4 => net.deliver_mail(),
            4 => net.advance(1),
            _ => clients[random.below(5) as usize].act(&mut net, &mut random),
        }
    }
    net.deliver_mail();
}

#[test]
fn random_traffic_is_restored_as_it_was_whenever_the_snapshot_was_taken() {
    (0..if cfg!(debug_assertions) { 60 } else { 2000 }).for_each(run);
}

#[test]
fn what_is_on_its_way_between_shards_when_the_snapshot_begins_is_in_it() {
    let mut net = Net::with(3, Settings { persistence: Persistence::Synced, ..Settings::default() });
    net.begin_snapshot_in(u64::MAX);
    let publisher = connect("publisher").on(&mut net);
    let peers: Vec<Peer> = (0..10).map(|n| connect(&format!("s{n}")).keep_session(100).on(&mut net)).collect();
    for &peer in &peers {
        net.subscribe(peer, "t", 1);
        net.cut(peer);
    }
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 1, 1);
    // The record is written by now, and the message is in the queues of one shard only.
    net.begin_snapshot_in(0);
    net.run();
    net.run();
    net.deliver_mail();
}
