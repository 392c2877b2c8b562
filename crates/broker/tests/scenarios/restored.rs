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
                // Copies of one message that differ from each other, and some that do not.
                let qos = QoS::from_bits(random.below(3) as u8).unwrap();
                let retain_as_published = random.below(2) == 0;
                let options = SubscriptionOptions { qos, retain_as_published, ..Default::default() };
                let identifier = [Property::SubscriptionIdentifier(1 + random.below(2) as u32)];
                let properties = &identifier[..random.below(2) as usize];
                net.subscribe_with(self.peer, self.next_id, filter, options, properties);
            }
            5 => net.unsubscribe(self.peer, self.next_id, &[FILTERS[random.below(FILTERS.len() as u64) as usize]]),
            // While mail is held, a new subscription may bring a message that is on its way for an older one.
            6 => {
                let payload = ["", "kept"][random.below(2) as usize];
                net.publish_retained(self.peer, &topic, payload, qos.min(1), self.next_id);
            }
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
fn a_retained_message_may_be_launched_before_its_publication_is_written_down() {
    for (qos, answers) in [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)] {
        let mut net = Net::with(2, Settings { persistence: Persistence::Synced, ..Settings::default() });
        let [publisher, subscriber] = [0, 1].map(|shard| net.id_at_home_on("c", shard));
        let publisher = connect(&publisher).on(&mut net);
        let subscriber = connect(&subscriber).keep_session(100).on(&mut net);
        net.disk.news();
        net.publish_retained(publisher, "t", "x", qos, 1);
        if qos == 2 {
            net.pubrel(publisher, 1);
        }
        net.subscribe(subscriber, "t", qos);
        match (qos, answers) {
            (1, 1) => net.puback(subscriber, 1),
            (2, 1..) => net.pubrec(subscriber, 1),
            _ => {}
        }
        if answers > 1 {
            net.pubcomp(subscriber, 1);
        }
        // As if the subscriber's shard had been the faster one in the tick in which it found the message.
        let (published, launched) = (net.disk.frame_with("Published"), net.disk.frame_with("on top"));
        assert_eq!(published.map(|frame| frame + 1), launched);
        net.disk.swap(published.unwrap(), launched.unwrap());
    }
}

#[test]
fn a_retained_message_on_top_of_one_in_the_mail_takes_nothing_from_it() {
    // The more sessions there are before its own, the later it is handed over: at some number just in between.
    for sessions in 0..40 {
        let mut net = Net::with(2, Settings { persistence: Persistence::Synced, ..Settings::default() });
        net.begin_snapshot_in(u64::MAX);
        let publisher = net.id_at_home_on("publisher", 0);
        let publisher = connect(&publisher).on(&mut net);
        for n in 0..=sessions {
            let id = net.id_at_home_on(&format!("c{n}-"), 1);
            connect(&id).keep_session(100).on(&mut net);
        }
        let client = net.id_at_home_on("client", 1);
        let client = connect(&client).keep_session(100).with(Property::ReceiveMaximum(1)).on(&mut net);
        // Both are delivered in the same way: only what was in the queue is different.
        let options = SubscriptionOptions { retain_as_published: true, ..SubscriptionOptions::qos(QoS::AtLeastOnce) };
        net.subscribe_with(client, 1, "t", options, &[]);
        net.begin_snapshot_in(0);
        net.run();
        net.hold_mail = true;
        net.publish_retained(publisher, "t", "x", 1, 1);
        net.subscribe_with(client, 2, "t", options, &[]);
        assert_eq!(net.got(client).iter().filter(|line| line.starts_with("PUBLISH")).count(), 1);
        net.run();
        net.deliver_mail();
    }
}

#[test]
fn a_session_that_ends_while_it_is_handed_over_is_not_mixed_with_the_next_one() {
    for messages in 0..12 {
        let mut net = Net::with(1, Settings { persistence: Persistence::Synced, ..Settings::default() });
        net.begin_snapshot_in(u64::MAX);
        let publisher = connect("p").on(&mut net);
        let client = connect("c").keep_session(100).on(&mut net);
        net.subscribe(client, "t", 1);
        net.disconnect(client);
        for id in 0..=messages {
            net.publish(publisher, "t", "x", 1, 1 + id);
        }
        net.begin_snapshot_in(0);
        net.run();
        connect("c").with(Property::SessionExpiryInterval(100)).on(&mut net);
    }
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
