//! A broker that may crash at any moment: what its clients have seen must follow from what is safe by then.

use crate::harness::{Net, Peer, connect};
use crate::random::Random;
use mosquitto_broker::{Persistence, Settings};
use std::collections::{BTreeMap, BTreeSet};

/// A client whose session outlives the broker, and what it has seen.
struct Subscriber {
    id: String,
    peer: Peer,
    /// Payloads that it has, by identifier, and at which QoS: not yet acknowledged to the end.
    open: BTreeMap<u16, (String, u8)>,
    /// All payloads that it ever had, and those of QoS 2 that it was told to be at their end.
    had: BTreeSet<String>,
    released: BTreeSet<String>,
}

struct Crash {
    net: Net,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Peer>,
    /// The first of them, whose session outlives the broker.
    publisher: String,
    /// Payloads under way, by publisher and identifier.
    under_way: BTreeMap<(usize, u16), String>,
    /// Those of them that the first publisher was told to be there.
    received: BTreeSet<u16>,
    /// Payloads that were acknowledged to the end.
    acknowledged: BTreeSet<String>,
    published: u64,
    /// Frames that are safe.
    safe: usize,
    random: Random,
}

impl Crash {
    fn new(seed: u64) -> Self {
        let settings = Settings { persistence: Persistence::Synced, max_inflight_messages: 3, ..Settings::default() };
        let mut net = Net::with(3, settings);
        let subscribers = (0..3).map(|shard| {
            let id = net.id_at_home_on("sub", shard);
            let peer = connect(&id).keep_session(10_000).on(&mut net);
            net.subscribe(peer, "t", 2);
            Subscriber { id, peer, open: BTreeMap::new(), had: BTreeSet::new(), released: BTreeSet::new() }
        });
        let subscribers = subscribers.collect();
        let publishers = (0..3).map(|shard| {
            let options = connect(&net.id_at_home_on("pub", shard));
            if shard == 0 { options.keep_session(10_000) } else { options }.on(&mut net)
        });
        let publishers = publishers.collect();
        let publisher = net.id_at_home_on("pub", 0);
        net.disk.hold = true;
        let (under_way, received, acknowledged) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let (safe, random) = (net.disk.len(), Random(seed));
        Self { subscribers, publishers, publisher, under_way, received, acknowledged, published: 0, safe, random, net }
    }

    fn pick(&mut self, bound: u64) -> usize {
        self.random.below(bound) as usize
    }

    fn publish(&mut self) {
        let (at, qos) = (self.pick(3), 1 + self.pick(2) as u8);
        self.published += 1;
        let (payload, id) = (self.published.to_string(), self.published as u16);
        if self.under_way.keys().filter(|(publisher, _)| *publisher == at).count() < 3 {
            self.net.publish(self.publishers[at], "t", &payload, qos, id);
            self.under_way.insert((at, id), payload);
        }
    }

    /// Publishers and subscribers read what came, and answer.
    fn read(&mut self) {
        for at in 0..3 {
            for line in self.net.got(self.publishers[at]) {
                let mut words = line.split(' ');
                let (kind, id) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
                match kind {
                    "PUBREC" => {
                        if at == 0 {
                            self.received.insert(id);
                            self.check();
                        }
                        self.net.pubrel(self.publishers[at], id);
                    }
                    _ => _ = self.acknowledged.insert(self.under_way.remove(&(at, id)).unwrap()),
                }
            }
        }
        for at in 0..3 {
            for line in self.net.got(self.subscribers[at].peer) {
                self.take(at, &line);
            }
        }
    }

    fn take(&mut self, at: usize, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let subscriber = &mut self.subscribers[at];
        match words[0] {
            "PUBLISH" => {
                let (qos, id) = (words[1][1..].parse().unwrap(), words[2][3..].parse().unwrap());
                let payload = words.last().unwrap().trim_matches('"').to_owned();
                let is_again = words[3] == "dup";
                assert!(subscriber.had.insert(payload.clone()) || is_again, "{line} came twice");
                subscriber.open.insert(id, (payload, qos));
            }
            "PUBREL" => {
                let payload = subscriber.open.remove(&words[1].parse().unwrap()).map(|(payload, _)| payload);
                subscriber.released.extend(payload);
                self.net.pubcomp(subscriber.peer, words[1].parse().unwrap());
            }
            _ => {}
        }
    }

    /// A subscriber answers one of the messages that it has.
    fn answer(&mut self) {
        let at = self.pick(3);
        let peer = self.subscribers[at].peer;
        let Some((&id, &(_, qos))) = self.subscribers[at].open.iter().next() else { return };
        if qos == 2 {
            return self.net.pubrec(peer, id);
        }
        self.subscribers[at].open.remove(&id);
        self.net.puback(peer, id);
    }

    fn come_again(&mut self) {
        let at = self.pick(3);
        self.net.cut(self.subscribers[at].peer);
        let (peer, _) = connect(&self.subscribers[at].id).keep_session(10_000).attempt(&mut self.net);
        self.subscribers[at].peer = peer;
    }

    fn flush(&mut self) {
        let all = self.net.disk.len() as u64;
        self.safe += self.pick(all - self.safe as u64 + 1);
        self.net.make_all_safe(self.safe);
    }

    /// If the broker had crashed now.
    fn check(&self) {
        let replay = self.net.disk.replay(self.safe);
        let sessions = replay.sessions();
        for Subscriber { id, open, had, released, .. } in &self.subscribers {
            let kept = sessions[id.as_str()];
            let queued: BTreeSet<&str> = kept.queue.iter().map(|(message, _)| replay.payload(*message)).collect();
            let in_flight: BTreeMap<u16, &str> =
                kept.in_flight.iter().map(|(id, message, _)| (*id, replay.payload(*message))).collect();
            // What was acknowledged comes to each, or has come.
            let incoming: BTreeMap<u16, &str> = sessions[self.publisher.as_str()]
                .incoming
                .iter()
                .map(|(id, message)| (*id, replay.payload(*message)))
                .collect();
            let received = self.received.iter().filter_map(|id| Some((id, self.under_way.get(&(0, *id))?)));
            let received = received.filter(|(id, payload)| incoming.get(id) != Some(&payload.as_str()));
            let taken = self.acknowledged.iter().chain(received.map(|(_, payload)| payload));
            for payload in taken.filter(|payload| !had.contains(*payload)) {
                let is_there = queued.contains(payload.as_str()) || in_flight.values().any(|known| known == payload);
                assert!(is_there, "{payload} is lost for {id}");
            }
            // What has come at QoS 2 can come again under the same identifier only.
            for (packet_id, (payload, _)) in open.iter().filter(|(_, (_, qos))| *qos == 2) {
                assert_eq!(in_flight.get(packet_id), Some(&payload.as_str()), "{id}");
                assert!(!queued.contains(payload.as_str()), "{payload} comes to {id} twice");
            }
            // What was released does not come again at all.
            for (_, message, is_theirs) in &kept.in_flight {
                assert!(*is_theirs || !released.contains(replay.payload(*message)), "{message} comes to {id} twice");
            }
        }
    }
}

#[test]
fn what_clients_have_seen_follows_from_what_is_safe() {
    // [MQTT-4.3.2-4] [MQTT-4.3.3-8]: who acknowledges a message owns it; [MQTT-4.3.3-6] [MQTT-4.4.0-1]
    for seed in 0..10 {
        let mut crash = Crash::new(seed);
        for _ in 0..300 {
            match crash.random.below(12) {
                0..4 => crash.publish(),
                4..7 => crash.answer(),
                7 => crash.come_again(),
                8 => crash.net.hold_mail = true,
                9 => crash.net.deliver_mail(),
                _ => crash.flush(),
            }
            crash.check();
            crash.read();
            crash.check();
        }
        assert!(crash.acknowledged.len() > 10, "{}", crash.acknowledged.len());
    }
}
