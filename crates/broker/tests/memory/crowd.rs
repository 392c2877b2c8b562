//! A broker of one shard, and many who come and go.

use mosquitto_broker::{ConnectionId, LogMask, Moment, Settings, Shard, ShardId, Shared};
use mosquitto_mqtt::packet::{Connect, Disconnect, Publish, Subscribe, Subscription, SubscriptionOptions, Will};
use mosquitto_mqtt::{Packet, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};
use std::io::IoSlice;
use std::sync::Arc;

const V5: ProtocolVersion = ProtocolVersion::V5;

/// Who comes.
pub(crate) struct Visitor {
    pub(crate) client_id: String,
    pub(crate) expiry_s: u32,
    pub(crate) will: Option<String>,
}

impl Visitor {
    pub(crate) fn clean(client_id: &str) -> Self {
        Self { client_id: client_id.to_owned(), expiry_s: 0, will: None }
    }
}

pub(crate) struct Crowd {
    shard: Shard,
    now: Moment,
    touched: Vec<ConnectionId>,
    /// What was written for the broker to read.
    bytes: Vec<u8>,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        let settings = Settings { log: LogMask::NONE, ..Settings::default() };
        let shard = Shard::new(ShardId(0), Shared::new(1), Arc::new(settings), [1; 32]);
        Self { shard, now: Moment(1_000_000), touched: Vec::new(), bytes: Vec::new() }
    }

    pub(crate) fn sessions(&self) -> usize {
        self.shard.session_count()
    }

    pub(crate) fn come(&mut self, visitor: &Visitor) -> ConnectionId {
        let mut id = None;
        self.tick(|shard| id = Some(shard.open("127.0.0.1:50000", 0)));
        let (id, mut properties) = (id.unwrap(), PropertiesBuf::new());
        if visitor.expiry_s > 0 {
            properties.push(Property::SessionExpiryInterval(visitor.expiry_s));
        }
        let will = visitor.will.as_ref().map(|topic| Will {
            topic,
            payload: b"gone",
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::EMPTY,
        });
        let connect = Connect {
            version: V5,
            bridge: false,
            clean_start: true,
            keep_alive_s: 60,
            properties: properties.as_properties(),
            client_id: &visitor.client_id,
            will,
            username: None,
            password: None,
        };
        self.send(id, |bytes| connect.encode(bytes));
        id
    }

    /// So many, each with a clean session.
    pub(crate) fn come_all(&mut self, count: usize) -> Vec<ConnectionId> {
        (0..count).map(|n| self.come(&Visitor::clean(&format!("client-{n}")))).collect()
    }

    pub(crate) fn subscribe_all(&mut self, ids: &[ConnectionId], filter: &str) {
        for &id in ids {
            self.subscribe(id, &[filter]);
        }
    }

    pub(crate) fn disconnect_all(&mut self, ids: impl IntoIterator<Item = ConnectionId>) {
        for id in ids {
            self.disconnect(id);
        }
    }

    pub(crate) fn subscribe(&mut self, id: ConnectionId, filters: &[&str]) {
        let options = SubscriptionOptions::qos(QoS::AtLeastOnce);
        let all = filters.iter().map(|filter| Subscription { filter, options });
        self.send(id, |bytes| Subscribe::write(1, Properties::EMPTY, all, V5, bytes));
    }

    pub(crate) fn publish(&mut self, id: ConnectionId, topic: &str, payload: &[u8], retain: bool) {
        let (qos, properties) = (QoS::AtLeastOnce, Properties::EMPTY);
        let publish = Publish { dup: false, qos, retain, topic, packet_id: 1, properties, payload };
        self.send(id, |bytes| publish.encode(V5, bytes));
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        self.send(id, |bytes| Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)).encode(V5, bytes));
    }

    /// The network connection ends without a word.
    pub(crate) fn cut(&mut self, id: ConnectionId) {
        self.tick(|shard| shard.closed(id, None));
    }

    pub(crate) fn wait_s(&mut self, seconds: u64) {
        self.now = self.now + seconds * 1000;
        while self.shard.next_deadline().is_some_and(|due| due <= self.now) {
            self.tick(|_| {});
        }
    }

    fn send(&mut self, id: ConnectionId, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        write(&mut bytes);
        self.tick(|shard| assert_eq!(shard.received(id, &bytes).consumed, bytes.len()));
        self.bytes = bytes;
    }

    /// What comes out is taken at once.
    fn tick(&mut self, event: impl FnOnce(&mut Shard)) {
        self.shard.begin(self.now);
        event(&mut self.shard);
        self.shard.end();
        self.shard.touched(&mut self.touched);
        for &id in &self.touched {
            loop {
                let mut slices = [IoSlice::new(&[]); 16];
                let filled = self.shard.output(id, &mut slices);
                let len: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
                if len == 0 {
                    break;
                }
                self.shard.sent(id, len);
            }
        }
        self.shard.closing(&mut self.touched);
        self.touched.iter().for_each(|&id| self.shard.release(id));
    }
}
