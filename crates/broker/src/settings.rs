//! What the operator can set, in the broker's own terms.

/// Settings of the whole broker. Options of mosquitto.conf(5) bear the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The most QoS 1 and 2 messages in flight towards a client that names no Receive Maximum, and the Receive
    /// Maximum announced to clients; 0 is no limit.
    pub max_inflight_messages: u16,
    /// The most messages queued for a client beyond those in flight, and the most unsent packets before QoS 0 messages
    /// towards it are dropped; 0 is no limit.
    pub max_queued_messages: u32,
    /// Seconds; the largest keep alive allowed; 0 allows any.
    pub max_keepalive_s: u16,
    /// Bytes of the largest packet taken, fixed header included.
    pub max_packet_size: u32,
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

/// Settings of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSettings {
    /// The port that the log names.
    pub port: u16,
    /// Whether clients without a user name are let in.
    pub allow_anonymous: bool,
}

impl Default for Settings {
    /// Mosquitto's defaults, and one listener that lets everybody in.
    fn default() -> Self {
        Self {
            max_inflight_messages: 20,
            max_queued_messages: 1000,
            max_keepalive_s: 0,
            max_packet_size: 2_000_000,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
            connection_messages: true,
            listeners: vec![ListenerSettings { port: 1883, allow_anonymous: true }],
            log: crate::LogMask::DEFAULT,
        }
    }
}
