//! A shard with what its worker would do for it: bytes go in, what comes out is counted and forgotten.

use mosquitto_broker::{ConnectionId, ListenerSettings, Mail, Moment, Settings, Shard, ShardId, Shared, Then};
use mosquitto_mqtt::packet::{Connect, Publish, Subscribe, Subscription, SubscriptionOptions, Unsubscribe};
use mosquitto_mqtt::{Packet, Properties, ProtocolVersion, QoS};
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::mem;
use std::sync::Arc;

const V311: ProtocolVersion = ProtocolVersion::V311;

/// A shard, and its clients.
pub(crate) struct Station {
    shard: Shard,
    shared: Arc<Shared>,
    now: Moment,
    /// What its clients have sent.
    inbox: BTreeMap<ConnectionId, Vec<u8>>,
    touched: Vec<ConnectionId>,
    /// Bytes that have gone to clients.
    pub(crate) sent_len: usize,
}

/// As many as there are to be shards of one broker.
pub(crate) fn broker(shards: u16) -> Vec<Station> {
    let settings = Settings {
        max_queued_messages: 0,
        listeners: vec![ListenerSettings { allow_anonymous: true, ..ListenerSettings::default() }],
        ..Settings::default()
    };
    let (shared, settings) = (Shared::new(shards), Arc::new(settings));
    let station = |number| Station {
        shard: Shard::new(ShardId(number), Arc::clone(&shared), Arc::clone(&settings), [1; 32]),
        shared: Arc::clone(&shared),
        now: Moment(1_000_000),
        inbox: BTreeMap::new(),
        touched: Vec::new(),
        sent_len: 0,
    };
    (0..shards).map(station).collect()
}

impl Station {
    /// Which one is the home of a client's session.
    pub(crate) fn home_of(&self, client_id: &str) -> usize {
        self.shared.home_of(client_id).index()
    }

    /// A client comes, whose session's home this has to be.
    pub(crate) fn client(&mut self, client_id: &str) -> ConnectionId {
        self.shard.begin(self.now);
        let id = self.shard.open("127.0.0.1:50000", 0);
        self.shard.end();
        let connect = Connect {
            version: V311,
            bridge: false,
            clean_start: true,
            keep_alive_s: 0,
            properties: Properties::EMPTY,
            client_id,
            will: None,
            username: None,
            password: None,
        };
        Packet::Connect(connect).encode(V311, self.inbox.entry(id).or_default());
        id
    }

    pub(crate) fn subscribe(&mut self, id: ConnectionId, filters: &[String]) {
        let options = SubscriptionOptions::qos(QoS::AtMostOnce);
        let subscriptions = filters.iter().map(|filter| Subscription { filter, options });
        Subscribe::write(1, Properties::EMPTY, subscriptions, V311, self.inbox.entry(id).or_default());
    }

    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, filters: &[String]) {
        let filters = filters.iter().map(String::as_str);
        Unsubscribe::write(1, Properties::EMPTY, filters, V311, self.inbox.entry(id).or_default());
    }

    pub(crate) fn publish(&mut self, id: ConnectionId, retain: bool, topic: &str) {
        let (qos, properties) = (QoS::AtMostOnce, Properties::EMPTY);
        let publish = Publish { dup: false, qos, retain, topic, packet_id: 0, properties, payload: &[b'x'; 64] };
        Packet::Publish(publish).encode(V311, self.inbox.entry(id).or_default());
    }

    /// Whether a tick would find something to do.
    pub(crate) fn has_work(&self) -> bool {
        !self.inbox.is_empty() || self.shard.next_deadline().is_some_and(|at| at <= self.now)
    }

    /// A tick with this mail.
    pub(crate) fn tick(&mut self, mail: &[Mail]) {
        self.now = Moment(self.now.0 + 1);
        self.shard.begin(self.now);
        for mail in mail {
            self.shard.mail(mail);
        }
        for (id, mut bytes) in mem::take(&mut self.inbox) {
            let received = self.shard.received(id, &bytes);
            bytes.drain(..received.consumed);
            if !bytes.is_empty() {
                assert!(matches!(received.then, Then::Busy | Then::Full), "{:?}", received.then);
                self.inbox.insert(id, bytes);
            }
        }
        self.shard.end();
    }

    /// What is to go to other shards; to be called after each tick.
    pub(crate) fn mail(&mut self, mut post: impl FnMut(ShardId, Mail)) {
        for to in self.shard.mail_waiting().collect::<Vec<_>>() {
            post(to, self.shard.exchange_mail(to, Mail::default()));
        }
        self.shard.touched(&mut self.touched);
        for id in mem::take(&mut self.touched) {
            loop {
                let mut slices = [IoSlice::new(&[]); 16];
                let filled = self.shard.output(id, &mut slices);
                let len = slices[..filled].iter().map(|slice| slice.len()).sum();
                self.shard.sent(id, len);
                self.sent_len += len;
                if len == 0 {
                    break;
                }
            }
        }
        self.shard.log_lines(&mut Vec::new());
    }
}
