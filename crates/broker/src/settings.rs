//! What the operator can set, in the broker's own terms.

use crate::{AccessLists, CertificateUsername};
use mosquitto_auth::acl::AccessList;
use mosquitto_auth::password::PasswordFile;
use mosquitto_mqtt::{ProtocolVersion, QoS};
use std::sync::{Arc, LazyLock};

/// Settings of the whole broker. Options of mosquitto.conf(5) bear the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Settings {
    /// The most sessions, those of clients that are away included; 0 is no limit.
    pub global_max_clients: u32,
    /// The most QoS 1 and 2 messages in flight towards a client that names no Receive Maximum, and the Receive
    /// Maximum announced to clients; 0 is no limit.
    pub max_inflight_messages: u16,
    /// The most messages queued for a client that is away, and the most unsent packets before QoS 0 messages towards one that
    /// is here are dropped; 0 is no limit. For a client that is here, as many more are queued as it takes at once.
    pub max_queued_messages: u32,
    /// Bytes of payload in flight towards a client with which no further QoS 1 or 2 message is started; 0 is no limit.
    pub max_inflight_bytes: u32,
    /// Bytes of payload queued for a client that is away with which no further message is; 0 is no limit. For a client that is
    /// here, `max_inflight_bytes` more.
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
    /// Whether requests on `$CONTROL/broker/v1` are answered.
    pub enable_control_api: bool,
    /// Whether a client of MQTT 3 gets a copy of a message for each of its subscriptions that match; if not, one copy
    /// with the highest QoS among them. Clients of MQTT 5 always get one for each. Neither what is retained for a new
    /// subscription nor the share of a member of a group is a duplicate.
    pub allow_duplicate_messages: bool,
    /// What client ids have to begin with, also those that the broker makes up; none is any. Held against each CONNECT.
    pub clientid_prefixes: Option<Box<str>>,
    /// Seconds after which unacknowledged QoS 1 and 2 messages are sent again to a client of MQTT 3 that stays
    /// connected; 0 is never. Where there is none, after 20 s to clients of MQTT 3.1, and not to others. Never to clients of
    /// MQTT 5, which forbids it `[MQTT-4.4.0-1]`.
    pub retry_interval_s: Option<u32>,
    /// Whether QoS 0 messages are queued, too, for a client that is away, within the same limits as others.
    pub queue_qos0_messages: bool,
    /// Seconds for which a session outlives its connection at the most; 0 is as long as its client says. It counts from
    /// the end of the connection, with what is set then.
    pub persistent_client_expiration_s: u32,
    /// Minutes after which all retained messages are looked through for those that have expired; 0 is never: they are
    /// forgotten when somebody subscribes to them, or their topic is written to.
    pub retain_expiry_interval_min: u32,
    /// Whether connecting and disconnecting clients are logged.
    pub connection_messages: bool,
    /// The settings of each listener, by the number a connection is opened with.
    pub listeners: Vec<ListenerSettings>,
    /// Where the rules are that say which topics a client may publish to, and which it gets. They are held against every
    /// message, also for clients and sessions that were there before the rules.
    pub access_lists: AccessLists,
    /// Whether a retained message is sent only while its publisher may publish to its topic. Known of those that were
    /// published while this was set; what the broker itself has published is always sent.
    pub check_retain_source: bool,
    /// Whether changes of what outlives the broker are written down. Fixed for a shard when it is made.
    pub persistence: Persistence,
    /// Which levels are logged.
    pub log: crate::LogMask,
}

/// The number of the listener that this broker's own bridges come through. It has no socket and is in no list: bridges are
/// let in whoever they are, may do everything, and the log has no lines of their own about their coming and going here.
pub const BRIDGE_LISTENER: u16 = u16::MAX - 1;

static OF_BRIDGES: LazyLock<ListenerSettings> =
    LazyLock::new(|| ListenerSettings { port: 0, ..ListenerSettings::default() });

impl Settings {
    /// What is set for the listener of this number, if there is one.
    pub(crate) fn listener(&self, number: u16) -> Option<&ListenerSettings> {
        if number == BRIDGE_LISTENER { Some(&OF_BRIDGES) } else { self.listeners.get(usize::from(number)) }
    }

    /// At which QoS a message goes to a subscription `[MQTT-3.8.4-8]`: the lower of the two, unless told otherwise.
    #[inline]
    pub(crate) fn delivery_qos(&self, message: QoS, granted: QoS) -> QoS {
        if self.upgrade_outgoing_qos { granted } else { message.min(granted) }
    }

    /// How long a session that wants to outlive its connection for so many seconds does so.
    pub(crate) fn session_expiry_s(&self, wanted: u32) -> u32 {
        match self.persistent_client_expiration_s {
            0 => wanted,
            most => wanted.min(most),
        }
    }
}

/// Whether the changes of what outlives the broker are written down, and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// Nothing outlives the broker.
    #[default]
    Off,
    /// They are written down, and nobody waits until they are safe.
    Unsynced,
    /// They are written down, and nothing that rests on one is acknowledged, or sent, before it is safe: see
    /// [`Shard::durable`](crate::Shard::durable). That is: PUBACK, PUBREC, PUBCOMP, CONNACK, SUBACK and UNSUBACK, where the
    /// packet that they answer has changed anything that is written down; QoS 2 messages to a session that outlives the
    /// broker, and their PUBREL, since what is forgotten of them would make them come twice; and whatever stands behind
    /// these on the same connection.
    Synced,
}

/// Settings of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct ListenerSettings {
    /// The port that the log names.
    pub port: u16,
    /// The address or host name that it was asked to listen at; none: all addresses.
    pub host: Option<Box<str>>,
    /// The path of its Unix socket; none: it is no such socket.
    pub unix_path: Option<Box<str>>,
    /// Whether its clients speak in WebSockets.
    pub websockets: bool,
    /// Whether it is there for HTTP: no client of MQTT comes through it.
    pub http: bool,
    /// Whether it is there no more: its number stays, as long as it may have connections.
    pub closed: bool,
    /// Whether clients without a user name are let in; and those with one, where there is no password file.
    pub allow_anonymous: bool,
    /// The users among which a client with a user name has to be. None: there is no password file.
    pub passwords: Option<Arc<PasswordFile>>,
    /// The highest QoS that its clients may use.
    pub max_qos: QoS,
    /// The versions of MQTT that its clients may speak.
    pub versions: Versions,
    /// How the client ids that the broker makes up for its clients begin.
    pub auto_id_prefix: Box<str>,
    /// Whether a client may leave it to the broker to make up its client id.
    pub allow_zero_length_clientid: bool,
    /// Whether a client's user name takes the place of its client id; then a client without one is not let in.
    pub use_username_as_clientid: bool,
    /// Whether its connections are inside TLS.
    pub tls: bool,
    /// What of a client's certificate is its username, whatever name the client gives; a client without one is not let
    /// in. None: the client's own word counts.
    pub certificate_username: Option<CertificateUsername>,
    /// What stands before all topics of its clients: added to what they publish and subscribe to, and taken away from what
    /// they get. Of a session, it is that of the listener that its client has last come through.
    pub mount_point: Option<Box<str>>,
    /// The rules for its clients, for as long as their sessions last; none: they may do everything. It counts with
    /// [`AccessLists::OfListeners`] only.
    pub access_list: Option<Arc<AccessList>>,
    /// The largest number of topic aliases that a client may use; fixed for a connection when it is made.
    pub max_topic_alias: u16,
    /// The largest number of topic aliases that the broker uses towards a client; fixed for a connection when it is made.
    pub max_topic_alias_broker: u16,
}

impl ListenerSettings {
    /// The mount point, unless it changes nothing.
    pub(crate) fn mount_point(&self) -> Option<&str> {
        self.mount_point.as_deref().filter(|mount_point| !mount_point.is_empty())
    }
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
            host: None,
            unix_path: None,
            websockets: false,
            http: false,
            closed: false,
            allow_anonymous: true,
            passwords: None,
            max_qos: QoS::ExactlyOnce,
            versions: Versions::ALL,
            auto_id_prefix: "auto-".into(),
            allow_zero_length_clientid: true,
            use_username_as_clientid: false,
            tls: false,
            certificate_username: None,
            mount_point: None,
            access_list: None,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
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
            enable_control_api: false,
            allow_duplicate_messages: true,
            clientid_prefixes: None,
            retry_interval_s: None,
            queue_qos0_messages: false,
            persistent_client_expiration_s: 0,
            retain_expiry_interval_min: 0,
            connection_messages: true,
            listeners: vec![ListenerSettings::default()],
            access_lists: AccessLists::Nowhere,
            check_retain_source: false,
            persistence: Persistence::Off,
            log: crate::LogMask::DEFAULT,
        }
    }
}
