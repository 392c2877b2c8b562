//! What the operator can set, in the broker's own terms.

use mosquitto_mqtt::{ProtocolVersion, QoS};

/// Settings of the whole broker. Options of mosquitto.conf(5) bear the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The most sessions, those of clients that are away included; 0 is no limit.
    pub global_max_clients: u32,
    /// The most QoS 1 and 2 messages in flight towards a client that names no Receive Maximum, and the Receive
    /// Maximum announced to clients; 0 is no limit.
    pub max_inflight_messages: u16,
    /// The most messages queued for a client beyond those in flight, and the most unsent packets before QoS 0 messages
    /// towards it are dropped; 0 is no limit.
    pub max_queued_messages: u32,
    /// Bytes of payload in flight towards a client with which no further QoS 1 or 2 message is started; 0 is no limit.
    pub max_inflight_bytes: u32,
    /// Bytes of payload queued for a client, beyond those in flight, with which no further message is; 0 is no limit.
    pub max_queued_bytes: u32,
    /// Seconds; the largest keep alive allowed; 0 allows any.
    pub max_keepalive_s: u16,
    /// Bytes of the largest packet taken, fixed header included.
    pub max_packet_size: u32,
    /// Bytes of the largest payload that is passed on; 0 is no limit.
    pub message_size_limit: u32,
    /// Bytes of heap in use above which no new work is taken; 0 is no limit. Who drives the shards measures them.
    pub memory_limit: u64,
    /// Whether messages may be retained.
    pub retain_available: bool,
    /// Whether a message is delivered at a subscription's QoS where its own is lower.
    pub upgrade_outgoing_qos: bool,
    /// The largest number of topic aliases that a client may use.
    pub max_topic_alias: u16,
    /// The largest number of topic aliases that the broker uses towards a client.
    pub max_topic_alias_broker: u16,
    /// Whether connecting and disconnecting clients are logged.
    pub connection_messages: bool,
    /// The settings of each listener, by the number a connection is opened with.
    pub listeners: Vec<ListenerSettings>,
    /// Which levels are logged.
    pub log: crate::LogMask,
}

impl Settings {
    /// At which QoS a message goes to a subscription `[MQTT-3.8.4-8]`: the lower of the two, unless told otherwise.
    #[inline]
    pub(crate) fn delivery_qos(&self, message: QoS, granted: QoS) -> QoS {
        if self.upgrade_outgoing_qos { granted } else { message.min(granted) }
    }
}

/// Settings of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSettings {
    /// The port that the log names.
    pub port: u16,
    /// Whether clients without a user name are let in.
    pub allow_anonymous: bool,
    /// The highest QoS that its clients may use.
    pub max_qos: QoS,
    /// The versions of MQTT that its clients may speak.
    pub versions: Versions,
    /// How the client ids that the broker makes up for its clients begin.
    pub auto_id_prefix: Box<str>,
}

/// Which versions of MQTT are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// MQTT 3.1.
    pub v31: bool,
    /// MQTT 3.1.1.
    pub v311: bool,
    /// MQTT 5.0.
    pub v5: bool,
}

impl Versions {
    /// All that there are.
    pub const ALL: Versions = Versions { v31: true, v311: true, v5: true };

    /// Whether this one is among them.
    pub fn contain(self, version: ProtocolVersion) -> bool {
        match version {
            ProtocolVersion::V31 => self.v31,
            ProtocolVersion::V311 => self.v311,
            ProtocolVersion::V5 => self.v5,
        }
    }
}

impl Default for ListenerSettings {
    /// Mosquitto's port and limits, and everybody is let in.
    fn default() -> Self {
        Self {
            port: 1883,
            allow_anonymous: true,
            max_qos: QoS::ExactlyOnce,
            versions: Versions::ALL,
            auto_id_prefix: "auto-".into(),
        }
    }
}

impl Default for Settings {
    /// Mosquitto's defaults, and one listener that lets everybody in.
    fn default() -> Self {
        Self {
            global_max_clients: 0,
            max_inflight_messages: 20,
            max_queued_messages: 1000,
            max_inflight_bytes: 0,
            max_queued_bytes: 0,
            max_keepalive_s: 0,
            max_packet_size: 2_000_000,
            message_size_limit: 0,
            memory_limit: 0,
            retain_available: true,
            upgrade_outgoing_qos: false,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
            connection_messages: true,
            listeners: vec![ListenerSettings::default()],
            log: crate::LogMask::DEFAULT,
        }
    }
}
