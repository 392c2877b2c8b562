//! The client of `rumqttc` for MQTT 5.

use super::rust_clients::{Peer, Seen};
use crate::harness::{Broker, PATIENCE};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet};
use rumqttc::v5::mqttbytes::{QoS, qos};
use rumqttc::v5::{Client, Connection, Event, MqttOptions};

pub(super) struct V5(Client, Connection);

impl Peer for V5 {
    fn start(broker: &Broker, id: &str, persistent: bool, will: Option<(&str, &str)>) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", broker.port());
        options.set_clean_start(!persistent);
        options.set_session_expiry_interval(persistent.then_some(3600));
        if let Some((topic, payload)) = will {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, false, None));
        }
        let (client, connection) = Client::new(options, 100);
        Self(client, connection)
    }

    fn subscribe(&self, filter: &str, level: u8) {
        self.0.subscribe(filter, qos(level).unwrap()).unwrap();
    }

    fn publish(&self, topic: &str, payload: &str, level: u8, retain: bool) {
        self.0.publish(topic, qos(level).unwrap(), retain, payload.to_owned()).unwrap();
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
                topic: String::from_utf8(publish.topic.to_vec()).unwrap(),
                text: String::from_utf8(publish.payload.to_vec()).unwrap(),
                qos: publish.qos as u8,
                retain: publish.retain,
            },
            _ => Seen::Nothing,
        }
    }
}
