//! What is written is read again.

use crate::layout::write;
use crate::samples::recover;
use mosquitto_mqtt::{PropertiesBuf, Property, QoS};
use mosquitto_storage::{
    BaseMessage, Chunk, Client, ClientMessage, Config, Direction, MessageState, Retained, Subscription,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Store id, time, interval, packet identifier, port, and bits.
type Numbers = (u64, i64, u32, u16, u16, u8);

/// Where the texts and bytes of a chunk are kept, with numbers to make the rest of.
#[derive(Debug, Clone)]
struct Seed {
    kind: u8,
    id: String,
    name: String,
    topic: String,
    payload: Vec<u8>,
    properties: PropertiesBuf,
    numbers: Numbers,
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let texts = ("\\PC{1,20}", "\\PC{0,20}", "\\PC{1,40}");
    let seed = (0..5u8, texts, vec(any::<u8>(), 0..300), any::<(Option<u16>, Option<bool>)>(), any::<Numbers>());
    let seed = seed.prop_map(|(kind, (id, name, topic), payload, (identifier, utf8), numbers)| {
        let mut properties = PropertiesBuf::new();
        identifier.inspect(|id| properties.push(Property::SubscriptionIdentifier(u32::from(*id) + 1)));
        utf8.inspect(|utf8| properties.push(Property::PayloadFormatIndicator((*utf8).into())));
        Seed { kind, id, name, topic, payload, properties, numbers }
    });
    vec(seed, 0..20)
}

impl Seed {
    fn chunk(&self) -> Chunk<'_> {
        let (store_id, time, interval, mid, port, bits) = self.numbers;
        let qos = QoS::from_bits(bits % 3).unwrap();
        let username = Some(self.name.as_str()).filter(|name| !name.is_empty());
        match self.kind {
            0 => Chunk::BaseMessage(BaseMessage {
                store_id,
                expiry_time: time,
                source_id: &self.id,
                source_username: username,
                source_port: port,
                source_mid: mid,
                topic: &self.topic,
                qos,
                retain: bits & 4 != 0,
                payload: &self.payload,
                properties: self.properties.as_properties(),
            }),
            1 => Chunk::Client(Client {
                client_id: &self.id,
                username,
                session_expiry_time: time,
                session_expiry_interval: interval,
                last_mid: mid,
                listener_port: port,
            }),
            2 => Chunk::ClientMessage(ClientMessage {
                client_id: &self.id,
                store_id,
                mid,
                qos,
                state: MessageState::from_number(bits % 12).unwrap(),
                retain: bits & 4 != 0,
                dup: bits & 8 != 0,
                direction: Direction::from_number(bits >> 7).unwrap(),
                properties: self.properties.as_properties(),
            }),
            3 => Chunk::Subscription(Subscription {
                client_id: &self.id,
                filter: &self.topic,
                qos,
                options: bits & 0x2c,
                identifier: interval,
            }),
            _ => Chunk::Retained(Retained { store_id }),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(seeds in seeds(), last_store_id: u64, shutdown: bool) {
        let mut values = vec![Chunk::Config(Config { last_store_id, shutdown })];
        values.extend(seeds.iter().map(Seed::chunk));
        let bytes = write(&values);
        let mut expected = values.iter();
        let (_, errors) = recover(&bytes, |chunk| assert_eq!(Some(&chunk), expected.next())).unwrap();
        prop_assert_eq!(expected.next(), None);
        prop_assert!(errors.is_empty());
    }

    #[test]
    fn any_bytes_come_to_an_end(version in 2..=6u8, chunks in vec((0..8u8, vec(any::<u8>(), 0..64)), 0..8)) {
        let mut bytes = [b"\0\xb5\0mosquitto db\0\0\0\0\0\0\0".as_slice(), &[version]].concat();
        for (number, body) in chunks {
            let head: &[u8] = if version >= 5 { &[0, 0, 0, number, 0, 0, 0] } else { &[0, number, 0, 0, 0] };
            bytes.extend_from_slice(head);
            bytes.push(body.len() as u8);
            bytes.extend_from_slice(&body);
        }
        recover(&bytes, |_| ()).unwrap();
    }
}
