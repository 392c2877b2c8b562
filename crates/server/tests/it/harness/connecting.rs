//! A CONNECT, and what comes of it.

use super::{Broker, Client, Got};
use mosquitto_mqtt::packet::{Connect, Will};
use mosquitto_mqtt::{PropertiesBuf, Property, ProtocolVersion, QoS};
use std::net::TcpStream;

/// A CONNECT under construction.
#[derive(Debug, Clone)]
pub(crate) struct Connecting {
    version: ProtocolVersion,
    client_id: String,
    clean_start: bool,
    keep_alive_s: u16,
    properties: Vec<Property<'static>>,
    will: Option<(String, String, QoS)>,
    will_delay_s: u32,
    username: Option<String>,
    password: Option<Vec<u8>>,
    second: bool,
}

/// A client of MQTT 5 that starts clean. Change it with the methods, then call [`Connecting::to`].
pub(crate) fn client(client_id: &str) -> Connecting {
    Connecting {
        version: ProtocolVersion::V5,
        client_id: client_id.to_owned(),
        clean_start: true,
        keep_alive_s: 60,
        properties: Vec::new(),
        will: None,
        will_delay_s: 0,
        username: None,
        password: None,
        second: false,
    }
}

impl Connecting {
    pub(crate) fn version(mut self, version: ProtocolVersion) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn v311(self) -> Self {
        self.version(ProtocolVersion::V311)
    }

    /// Goes on with the session that there is, and leaves one behind.
    pub(crate) fn persistent(mut self) -> Self {
        self.clean_start = false;
        if self.version.is_v5() { self.with(Property::SessionExpiryInterval(u32::MAX)) } else { self }
    }

    pub(crate) fn with(mut self, property: Property<'static>) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn will(mut self, topic: &str, payload: &str, qos: u8) -> Self {
        self.will = Some((topic.to_owned(), payload.to_owned(), QoS::from_bits(qos).unwrap()));
        self
    }

    pub(crate) fn will_delay(mut self, seconds: u32) -> Self {
        self.will_delay_s = seconds;
        self
    }

    pub(crate) fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive_s = seconds;
        self
    }

    pub(crate) fn username(mut self, username: &str) -> Self {
        self.username = Some(username.to_owned());
        self
    }

    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = Some(password.as_bytes().to_vec());
        self
    }

    /// Through the second of two listeners.
    pub(crate) fn second(mut self) -> Self {
        self.second = true;
        self
    }

    /// The packet.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let properties: PropertiesBuf = self.properties.iter().copied().collect();
        let delay = (self.will_delay_s > 0).then_some(Property::WillDelayInterval(self.will_delay_s));
        let will_properties: PropertiesBuf = delay.into_iter().collect();
        let will = self.will.as_ref().map(|(topic, payload, qos)| Will {
            topic,
            payload: payload.as_bytes(),
            qos: *qos,
            retain: false,
            properties: will_properties.as_properties(),
        });
        let packet = Connect {
            version: self.version,
            bridge: false,
            clean_start: self.clean_start,
            keep_alive_s: self.keep_alive_s,
            properties: properties.as_properties(),
            client_id: &self.client_id,
            will,
            username: self.username.as_deref(),
            password: self.password.as_deref(),
        };
        let mut out = Vec::new();
        packet.encode(&mut out);
        out
    }

    /// Connects, and expects to be accepted.
    pub(crate) fn to(&self, broker: &Broker) -> Client {
        let (client, present) = self.resume(broker);
        assert!(!present || !self.clean_start, "a session where none was asked for");
        client
    }

    /// Connects, expects to be accepted, and tells whether there was a session.
    pub(crate) fn resume(&self, broker: &Broker) -> (Client, bool) {
        let mut client = self.attempt(broker);
        match client.next() {
            Got::ConnAck { present, reason: 0 } => (client, present),
            other => panic!("{other:?} instead of a good CONNACK"),
        }
    }

    /// Connects, and expects not to be let in: all that comes before the connection is closed.
    pub(crate) fn refused(&self, broker: &Broker) -> Vec<Got> {
        self.attempt(broker).rest()
    }

    /// Connects. The answer is still to be read.
    pub(crate) fn attempt_to(&self, broker: &Broker) -> Client {
        self.attempt(broker)
    }

    fn attempt(&self, broker: &Broker) -> Client {
        self.over(if self.second { broker.dial_second() } else { broker.dial() })
    }

    /// Sends the CONNECT over this connection. Its answer is still to be read.
    pub(crate) fn over(&self, stream: TcpStream) -> Client {
        let mut client = Client::new(stream, self.version);
        client.send_bytes(&self.bytes());
        client
    }
}
