//! The client of `rumqttc` for MQTT 3.1.1.

use super::rust_clients::{Peer, Seen};
use crate::harness::{Broker, PATIENCE};
use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS, qos};

pub(super) struct V4(Client, Connection);

impl Peer for V4 {
    fn start(broker: &Broker, id: &str, persistent: bool, will: Option<(&str, &str)>) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", broker.port());
        options.set_clean_session(!persistent);
        // MQTT 3.1.1 cannot tell a client how many exchanges of QoS 2 the broker keeps open, which is
        // `max_inflight_messages`; MQTT 5 does, and the client heeds it.
        options.set_inflight(20);
        if let Some((topic, payload)) = will {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, false));
        }
        let (client, connection) = Client::new(options, 100);
        Self(client, connection)
    }

    fn subscribe(&self, filter: &str, level: u8) {
        self.0.subscribe(filter, qos(level).unwrap()).unwrap();
    }

    fn publish(&self, topic: &str, payload: &str, level: u8, retain: bool) {
        self.0.publish(topic, qos(level).unwrap(), retain, payload).unwrap();
    }

    fn disconnect(&self) {
        self.0.disconnect().unwrap();
    }

    fn next(&mut self) -> Seen {
        match self.1.recv_timeout(PATIENCE).expect("something happens").unwrap() {
            Event::Outgoing(Outgoing::Disconnect) => Seen::Disconnected,
            Event::Incoming(Packet::ConnAck(ack)) => Seen::Connected { present: ack.session_present },
            Event::Incoming(Packet::SubAck(_)) => Seen::Subscribed,
            Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => Seen::Acknowledged,
            Event::Incoming(Packet::Publish(publish)) => Seen::Message {
                topic: publish.topic,
                text: String::from_utf8(publish.payload.to_vec()).unwrap(),
                qos: publish.qos as u8,
                retain: publish.retain,
            },
            _ => Seen::Nothing,
        }
    }
}
