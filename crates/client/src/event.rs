//! What a session tells its owner.

use mosquitto_mqtt::{PropertiesBuf, QoS, ReasonCode};

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server has accepted the connection.
    Connected {
        /// Whether it kept a session of this client, subscriptions included.
        session_present: bool,
        /// Those of CONNACK; empty in MQTT 3.
        properties: PropertiesBuf,
    },
    /// A message from the server. It is acknowledged already, but for [`Options::acknowledge_later`](crate::Options::acknowledge_later).
    Message(Message),
    /// The server has a message of QoS 2, and keeps it until it is released; only with
    /// [`Options::release_later`](crate::Options::release_later).
    Received {
        /// As [`Session::publish_as`](crate::Session::publish_as) was told.
        packet_id: u16,
    },
    /// The server releases a message of QoS 2, and waits for the end; only with
    /// [`Options::complete_later`](crate::Options::complete_later). It may be one of which this session knows nothing.
    Released {
        /// Of the message.
        packet_id: u16,
    },
    /// A message of QoS 1 or 2 is through, or has failed: see the reason. Nothing tells of QoS 0.
    Published {
        /// As [`Session::publish`](crate::Session::publish) returned it.
        packet_id: u16,
        /// The server's, or where the server would not have taken the message, the one that it would have given. In
        /// MQTT 3 always success unless the message was not sent.
        reason: ReasonCode,
        /// Reason string and user properties; empty in MQTT 3.
        properties: PropertiesBuf,
    },
    /// The answer to a SUBSCRIBE.
    Subscribed {
        /// As [`Session::subscribe`](crate::Session::subscribe) returned it.
        packet_id: u16,
        /// One for each filter, in order: the granted QoS or why there is no subscription. Empty where a server of MQTT 5
        /// names none, which it should not.
        reasons: Vec<ReasonCode>,
    },
    /// The answer to an UNSUBSCRIBE.
    Unsubscribed {
        /// As [`Session::unsubscribe`](crate::Session::unsubscribe) returned it.
        packet_id: u16,
        /// One for each filter, in order; empty in MQTT 3.
        reasons: Vec<ReasonCode>,
    },
    /// The connection is over: send what is left of the output, and close it.
    Disconnected(End),
    /// A packet was received or made, in the words of `mosquitto_sub -d` without the client's name; only if
    /// [`Options::log_packets`](crate::Options::log_packets) is set.
    Log(String),
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// A valid topic name, also where an alias stood for it.
    pub topic: String,
    /// May be empty.
    pub payload: Vec<u8>,
    /// At which it was delivered.
    pub qos: QoS,
    /// Whether it comes from the server's store of retained messages (or as the subscription asked for the flag).
    pub retain: bool,
    /// Whether this may be a repetition.
    pub dup: bool,
    /// 0 for QoS 0.
    pub packet_id: u16,
    /// All properties; empty in MQTT 3.
    pub properties: PropertiesBuf,
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// [`Session::disconnect`](crate::Session::disconnect) asked for it.
    Requested,
    /// The server refused the connection in its CONNACK: a reason code of MQTT 5, or a return code of MQTT 3.
    Refused {
        /// Why.
        reason: ReasonCode,
        /// Empty in MQTT 3.
        properties: PropertiesBuf,
    },
    /// The server sent a DISCONNECT (MQTT 5).
    ByServer {
        /// Why.
        reason: ReasonCode,
        /// Reason string, server reference and user properties.
        properties: PropertiesBuf,
    },
    /// The transport was closed.
    Lost,
    /// The server has not answered in the time that the keep alive allows.
    KeepAlive,
    /// The server sent what it must not send.
    ServerMisbehaved {
        /// What an MQTT 5 server is told.
        reason: ReasonCode,
        /// What was wrong, as a sentence without a full stop.
        what: String,
    },
}
