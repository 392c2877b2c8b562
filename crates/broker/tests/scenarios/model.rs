//! The broker beside a model of it: who subscribes to what, and what is retained, in plain maps.

use crate::harness::{Net, Peer, connect};
use crate::random::Random;
use mosquitto_mqtt::{TopicFilter, TopicName};
use std::collections::{BTreeMap, BTreeSet};

const LEVELS: [&str; 5] = ["a", "b", "", "$x", "a-level-too-long-to-be-kept-inline"];

struct Client {
    id: String,
    peer: Peer,
    filters: BTreeSet<String>,
}

struct Model {
    net: Net,
    clients: Vec<Client>,
    retained: BTreeMap<String, String>,
    random: Random,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut net = Net::new();
        let mut clients = Vec::new();
        for n in 0..6 {
            let id = net.id_at_home_on(&format!("c{n}-"), n % 3);
            clients.push(Client { peer: connect(&id).on(&mut net), id, filters: BTreeSet::new() });
        }
        Self { net, clients, retained: BTreeMap::new(), random: Random(seed) }
    }

    fn pick(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    fn topic(&mut self) -> String {
        let levels: Vec<&str> = (0..=self.pick(3)).map(|_| LEVELS[self.pick(LEVELS.len())]).collect();
        let topic = levels.join("/");
        if topic.is_empty() { "/".to_owned() } else { topic }
    }

    fn filter(&mut self) -> String {
        let topic = self.topic();
        let mut levels: Vec<&str> = topic.split('/').collect();
        for level in &mut levels {
            if self.random.below(3) == 0 {
                *level = "+";
            }
        }
        match self.random.below(4) {
            0 => levels.push("#"),
            1 => *levels.last_mut().unwrap() = "#",
            _ => {}
        }
        levels.join("/")
    }

    fn publish(&mut self) {
        let (at, topic, payload) = (self.pick(6), self.topic(), self.random.below(1000).to_string());
        let peer = self.clients[at].peer;
        match self.random.below(4) {
            0 => {
                self.net.publish_retained(peer, &topic, &payload, 0, 0);
                self.retained.insert(topic.clone(), payload.clone());
            }
            1 => {
                self.net.publish_retained(peer, &topic, "", 0, 0);
                self.retained.remove(&topic);
            }
            _ => self.net.publish(peer, &topic, &payload, 0, 0),
        }
        let name = TopicName::new(&topic).unwrap();
        for client in &self.clients {
            let expected = client.filters.iter().filter(|f| TopicFilter::new(f).unwrap().matches(name)).count();
            assert_eq!(self.net.got(client.peer).len(), expected, "{topic} to {:?}", client.filters);
        }
    }

    fn subscribe(&mut self) {
        let (at, filter) = (self.pick(6), self.filter());
        let client = &mut self.clients[at];
        self.net.subscribe(client.peer, &filter, 0);
        let matching = TopicFilter::new(&filter).unwrap();
        let all = self.retained.iter().filter(|(topic, _)| matching.matches(TopicName::new(topic).unwrap()));
        let expected: BTreeSet<String> =
            all.map(|(topic, payload)| format!("PUBLISH q0 retain {topic} {payload:?}")).collect();
        let got = self.net.got(client.peer);
        assert_eq!(got.len(), expected.len(), "{filter}");
        assert_eq!(got.into_iter().collect::<BTreeSet<String>>(), expected, "{filter}");
        client.filters.insert(filter);
    }

    fn unsubscribe(&mut self) {
        let (at, other) = (self.pick(6), self.filter());
        let client = &mut self.clients[at];
        let filter = client.filters.first().cloned().unwrap_or(other);
        let code = if client.filters.remove(&filter) { 0 } else { 17 };
        self.net.unsubscribe(client.peer, 1, &[&filter]);
        assert_eq!(self.net.got(client.peer), [format!("UNSUBACK 1 [{code}]")]);
    }

    fn reconnect(&mut self) {
        let at = self.pick(6);
        let client = &mut self.clients[at];
        client.peer = connect(&client.id).on(&mut self.net);
        client.filters.clear();
    }
}

#[test]
fn messages_reach_exactly_those_whose_filters_match() {
    for seed in 0..4 {
        let mut model = Model::new(seed);
        for _ in 0..400 {
            match model.random.below(16) {
                0..4 => model.subscribe(),
                4..6 => model.unsubscribe(),
                6 => model.reconnect(),
                _ => model.publish(),
            }
        }
        let subscriptions: usize = model.clients.iter().map(|client| client.filters.len()).sum();
        assert_eq!(model.net.shared.subscription_count(), subscriptions);
        assert_eq!(model.net.shared.retained_count(), model.retained.len());
    }
}
