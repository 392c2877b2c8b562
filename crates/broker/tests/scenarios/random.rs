//! Whatever happens to connections and mail, every message of QoS 2 arrives once and in order.
//!
//! Clients that behave well but are unlucky: their connections break at any point, acknowledgements are late, mail
//! lies around. Which of it happens when comes from a seed, so that a failure can be repeated.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::{FixedHeader, Packet, Property, ProtocolVersion};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const MESSAGES: u32 = 60;

/// A small generator of numbers that look random (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// What a client of either role remembers from one connection to the next.
struct Client {
    id: String,
    peer: Peer,
    /// Publisher: what is not finished, by identifier, and whether its PUBREC came.
    open: BTreeMap<u16, (u32, bool)>,
    next: u32,
    /// Subscriber: identifiers between PUBLISH and PUBREL, answers that it has not sent yet, and what it got.
    held: BTreeSet<u16>,
    answers: VecDeque<[u8; 4]>,
    got: Vec<String>,
}

impl Client {
    fn new(net: &mut Net, id: String) -> Self {
        let peer = connect(&id).keep_session(10_000).on(net);
        let (open, held, answers) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        Self { id, peer, open, next: 0, held, answers, got: Vec::new() }
    }

    fn reconnect(&mut self, net: &mut Net, random: &mut Random) {
        if random.below(2) == 0 {
            net.cut(self.peer);
        }
        self.look(net);
        self.answers.clear();
        let maximum = 1 + random.below(20) as u16;
        self.peer = connect(&self.id).keep_session(10_000).with(Property::ReceiveMaximum(maximum)).on(net);
        for (&id, &(number, received)) in &self.open {
            if received {
                net.pubrel(self.peer, id);
            } else {
                net.publish_again(self.peer, &self.topic(number), &self.payload(number), 2, id);
            }
        }
    }

    fn topic(&self, number: u32) -> String {
        format!("t/{}", number % 3)
    }

    fn payload(&self, number: u32) -> String {
        format!("{} {number}", self.id)
    }

    fn publish(&mut self, net: &mut Net) {
        let id = (self.next % 500) as u16 + 1;
        if self.next == MESSAGES || self.open.len() >= 20 {
            return;
        }
        self.open.insert(id, (self.next, false));
        net.publish(self.peer, &self.topic(self.next), &self.payload(self.next), 2, id);
        self.next += 1;
    }

    /// Takes in what came, and notes what is to be answered.
    fn look(&mut self, net: &mut Net) {
        let bytes = net.got_bytes(self.peer);
        let mut rest = bytes.as_slice();
        while let Some(header) = FixedHeader::parse(rest).unwrap() {
            let (packet, behind) = rest.split_at(header.packet_len());
            rest = behind;
            let answer = |first: u8, id: u16| [first, 2, id.to_be_bytes()[0], id.to_be_bytes()[1]];
            match Packet::decode(header, &packet[usize::from(header.header_len)..], ProtocolVersion::V5).unwrap() {
                Packet::Publish(publish) => {
                    // A message under an identifier that is held is the same one again.
                    if self.held.insert(publish.packet_id) {
                        self.got.push(String::from_utf8(publish.payload.to_vec()).unwrap());
                    }
                    self.answers.push_back(answer(0x50, publish.packet_id));
                }
                Packet::PubRel(ack) => {
                    self.held.remove(&ack.packet_id);
                    self.answers.push_back(answer(0x70, ack.packet_id));
                }
                Packet::PubRec(ack) => {
                    assert!(!ack.reason.is_error(), "{ack:?}");
                    if let Some(message) = self.open.get_mut(&ack.packet_id) {
                        message.1 = true;
                        self.answers.push_back(answer(0x62, ack.packet_id));
                    }
                }
                Packet::PubComp(ack) => _ = self.open.remove(&ack.packet_id),
                other => panic!("{other:?}"),
            }
        }
    }

    fn answer(&mut self, net: &mut Net) {
        self.look(net);
        if let Some(answer) = self.answers.pop_front() {
            net.send_bytes(self.peer, &answer);
        }
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let mut net = Net::with(3, Settings { max_queued_messages: 0, ..Settings::default() });
    let mut clients: Vec<Client> = Vec::new();
    for name in ["p0", "p1", "s0", "s1"] {
        clients.push(Client::new(&mut net, format!("{name}-{seed}")));
    }
    net.subscribe(clients[2].peer, "t/#", 2);
    net.subscribe(clients[3].peer, "t/+", 2);
    let mut steps = 0;
    while clients[..2].iter().any(|p| p.next < MESSAGES || !p.open.is_empty()) || unfinished(&clients[2..]) {
        steps += 1;
        assert!(steps < 20_000, "seed {seed}: {:?}", clients.iter().map(|c| c.got.len()).collect::<Vec<_>>());
        let at = random.below(4) as usize;
        match random.below(12) {
            0 => clients[at].reconnect(&mut net, &mut random),
            1 => net.hold_mail = true,
            2 => net.deliver_mail(),
            3..6 if at < 2 => clients[at].publish(&mut net),
            _ => clients[at].answer(&mut net),
        }
    }
    for subscriber in &clients[2..] {
        for publisher in &clients[..2] {
            let own = |text: &String| Some(text.strip_prefix(&publisher.id)?.trim().parse().unwrap());
            let numbers: Vec<u32> = subscriber.got.iter().filter_map(own).collect();
            assert_eq!(numbers, (0..MESSAGES).collect::<Vec<u32>>(), "seed {seed}");
        }
    }
}

fn unfinished(subscribers: &[Client]) -> bool {
    subscribers.iter().any(|s| s.got.len() < 2 * MESSAGES as usize || !s.held.is_empty() || !s.answers.is_empty())
}

#[test]
fn messages_of_qos_2_arrive_once_and_in_order_whatever_happens() {
    // [MQTT-4.3.3-1] [MQTT-4.3.3-10] [MQTT-4.4.0-1] [MQTT-4.6.0-5]
    (0..20).for_each(run);
}
