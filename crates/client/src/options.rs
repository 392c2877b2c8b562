//! How a client connects.

use mosquitto_mqtt::{PropertiesBuf, ProtocolVersion, QoS};

/// What a session says in each of its CONNECT packets, and the limits that it keeps itself.
///
/// Fields of CONNECT hold 65,535 bytes; what is beyond them is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub struct Options {
    /// The protocol version.
    pub version: ProtocolVersion,
    /// MQTT 3: say that this is a bridge of Mosquitto, by bit 7 of the protocol level. A server that knows the bit sends no
    /// message back where it came from, and leaves retain flags as they are; another may refuse the connection.
    pub bridge: bool,
    /// May be empty where the server then chooses one (MQTT 5) or knows the client without (MQTT 3.1.1, only with
    /// `clean_start`).
    pub client_id: String,
    /// Begin without the state that the server kept (Clean Session in MQTT 3), at every connection.
    pub clean_start: bool,
    /// Seconds of silence after which a PINGREQ is sent; 0 sends none. A server of MQTT 5 can overrule it.
    pub keep_alive_s: u16,
    /// The user name.
    pub username: Option<String>,
    /// The password: any bytes. MQTT 3 needs a user name with it.
    pub password: Option<Vec<u8>>,
    /// What the server publishes when the client is gone without a word.
    pub will: Option<WillMessage>,
    /// MQTT 5: for how many seconds the server keeps the session after the connection; not sent if there is none.
    pub session_expiry_s: Option<u32>,
    /// MQTT 5: how many messages of QoS 1 and 2 the server may have under way to us at a time; not sent if there is
    /// none, which means 65,535.
    pub receive_maximum: Option<u16>,
    /// The largest packet in bytes that is taken; in MQTT 5 the server is told. None takes what MQTT can express.
    pub maximum_packet_size: Option<u32>,
    /// MQTT 5: how many topic aliases the server may use.
    pub topic_alias_maximum: u16,
    /// MQTT 5: how many topic aliases are used towards a server that takes so many, for messages that bring none.
    pub topic_aliases_out: u16,
    /// A packet that would have more bytes with its alias is sent without.
    pub aliased_packet_max: usize,
    /// MQTT 5: further properties of CONNECT, none of those that have a field here.
    pub properties: PropertiesBuf,
    /// How many messages of QoS 1 and 2 are sent before one of them has to be acknowledged: at least 1. The Receive
    /// Maximum of an MQTT 5 server can lower it.
    pub inflight_max: u16,
    /// How many messages of QoS 1 and 2 wait at most, for a connection or for the acknowledgement of others.
    pub queue_messages_max: usize,
    /// How many bytes the packets of messages of QoS 1 and 2 that are not through have at most; a single message may have
    /// more.
    pub queue_bytes_max: usize,
    /// Whether messages of QoS 1 and 2 are acknowledged only by [`Session::acknowledge`](crate::Session::acknowledge), by who
    /// answers for them until then. Those of QoS 2 are told when they arrive, not when they are released.
    pub acknowledge_later: bool,
    /// Together with `acknowledge_later`: whether a release of the server is answered only by
    /// [`Session::complete`](crate::Session::complete), after an [`Event::Released`](crate::Event::Released) has told of it.
    pub complete_later: bool,
    /// Whether a message of QoS 2 that was published under an identifier of the owner's is released only by
    /// [`Session::release`](crate::Session::release), after an [`Event::Received`](crate::Event::Received) has told that the
    /// server has it.
    pub release_later: bool,
    /// Whether it does what bridges of Mosquitto do where the specification leaves it open: a server that has no session is sent
    /// what was under way all the same, as what it may know; a PINGREQ is answered; a PUBREC or PUBREL that is none
    /// of its own is answered without a reason; and a server that misbehaves is not told so.
    pub as_bridge: bool,
    /// Whether messages that were under way on an earlier connection wait for [`Session::resend`](crate::Session::resend): there
    /// may be something to be said first.
    pub resend_later: bool,
    /// Whether the server is told of `maximum_packet_size`. If not, what is larger costs the connection all the same.
    pub announces_packet_size: bool,
    /// Whether an [`Event::Log`](crate::Event::Log) tells of each packet.
    pub log_packets: bool,
}

/// The message that the server publishes when the client is gone without a word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WillMessage {
    /// A valid topic name.
    pub topic: String,
    /// May be empty.
    pub payload: Vec<u8>,
    /// At which it is published.
    pub qos: QoS,
    /// Whether it is published as a retained message.
    pub retain: bool,
    /// MQTT 5: properties of the message, and the Will Delay Interval.
    pub properties: PropertiesBuf,
}

impl Options {
    /// Messages in flight, where nothing else is asked for.
    pub const INFLIGHT_MAX: u16 = 20;

    /// Messages that wait, where nothing else is asked for.
    pub const QUEUE_MESSAGES_MAX: usize = 1000;

    /// Bytes of messages that are not through, where nothing else is asked for.
    pub const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

    /// A clean session with a keep alive of a minute.
    pub fn new(version: ProtocolVersion, client_id: impl Into<String>) -> Self {
        Self {
            version,
            bridge: false,
            client_id: client_id.into(),
            clean_start: true,
            keep_alive_s: 60,
            username: None,
            password: None,
            will: None,
            session_expiry_s: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: 0,
            topic_aliases_out: 0,
            aliased_packet_max: usize::MAX,
            properties: PropertiesBuf::new(),
            inflight_max: Self::INFLIGHT_MAX,
            queue_messages_max: Self::QUEUE_MESSAGES_MAX,
            queue_bytes_max: Self::QUEUE_BYTES_MAX,
            acknowledge_later: false,
            complete_later: false,
            release_later: false,
            as_bridge: false,
            resend_later: false,
            announces_packet_size: true,
            log_packets: false,
        }
    }
}
