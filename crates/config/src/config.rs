//! A configuration as typed values, and what follows from them together.

use crate::bridge::Bridge;
use crate::error::{ConfigErrors, Notice};
use crate::log::Log;
use crate::persistence::Persistence;
use crate::reader::Reader;
use crate::reference::Reference;
use crate::tls::Tls;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};

/// The port of MQTT.
pub(crate) const PORT: u16 = 1883;

/// The port of the HTTP API in local only mode.
pub(crate) const HTTP_PORT: u16 = 9883;

/// `max_unauthenticated_connections` where it is not said.
const UNAUTHENTICATED_MAX: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// What the configuration files say. The default is what holds without any.
///
/// Options and their meaning are those of `mosquitto.conf(5)`; every one is listed in [`crate::options`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Options of the broker as a whole.
    pub global: Global,
    /// The listeners, in the order in which they are to be opened. In local only mode none of them is;
    /// [`Config::endpoints`] knows.
    pub listeners: Vec<Listener>,
    /// The bridges, in the order in which they stand in the files.
    pub bridges: Vec<Bridge>,
    /// What is logged, and where.
    pub log: Log,
    /// What the files name that lies outside of them: what is in force.
    pub references: Vec<Reference>,
    /// What the log should say about the files, in order: deprecated options, included files.
    pub notices: Vec<Notice>,
}

/// Options of the broker as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Global {
    /// `allow_duplicate_messages`: whether a client of MQTT 3 gets a copy of a message for each of its subscriptions
    /// that match. Default: true.
    pub allow_duplicate_messages: bool,
    /// `check_retain_source`: whether a retained message is sent only while its publisher may publish it. Default: false.
    pub check_retain_source: bool,
    /// `clientid_prefixes`: what client ids must begin with. `None`: anything.
    pub clientid_prefixes: Option<String>,
    /// `enable_control_api`: whether requests on `$CONTROL/broker/v1` are answered. Default: false.
    pub enable_control_api: bool,
    /// `global_max_clients`: sessions, those of clients that are away included. `None`: no limit.
    pub global_max_clients: Option<NonZeroU32>,
    /// `global_max_connections`: connections at once, over all listeners. `None`: no limit.
    pub global_max_connections: Option<NonZeroU32>,
    /// `max_inflight_bytes`: no further QoS 1 or 2 message is started towards a client with so many bytes of payload under
    /// way. 0: no limit. Default: 0.
    pub max_inflight_bytes: u32,
    /// `max_inflight_messages`: QoS 1 and 2 messages under way at once, per client and direction, 0 to 65534.
    /// 0: no limit. Default: 20.
    pub max_inflight_messages: u16,
    /// `max_keepalive`: the longest keepalive that a client may ask for, in seconds. 0: any. Default: 0.
    pub max_keepalive: u16,
    /// `max_packet_size`: the largest whole packet accepted from a client, in bytes, at least 20. Default: 2000000.
    pub max_packet_size: u32,
    /// `max_queued_bytes`: bytes of payload that may wait for one client, beyond those under way. 0: no limit. Default: 0.
    pub max_queued_bytes: u32,
    /// `max_queued_messages`: messages that may wait for one client, beyond those under way. 0: no limit.
    /// Default: 1000.
    pub max_queued_messages: u32,
    /// `max_unauthenticated_connections`: connections at once that have not sent their CONNECT. Default: 10000.
    pub max_unauthenticated_connections: NonZeroU32,
    /// `memory_limit`: bytes that the heap may take. 0: no limit. Default: 0.
    pub memory_limit: u64,
    /// `message_size_limit`: the longest payload that is passed on, in bytes. 0: no limit. Default: 0.
    pub message_size_limit: u32,
    /// `per_listener_settings`: whether the security options belong to the listener above them. Default: false.
    pub per_listener_settings: bool,
    /// What is kept over a restart.
    pub persistence: Persistence,
    /// `persistent_client_expiration`: seconds for which a session outlives its connection at the most; what does not fit
    /// is `u32::MAX`, 136 years. 0: as long as its client says. Default: 0.
    pub persistent_client_expiration: u32,
    /// `packet_buffer_size`: bytes of the longest head of a request for a WebSocket; 0 means the default: 4096.
    pub packet_buffer_size: u16,
    /// `pid_file`: where the process id is written. `None`: nowhere.
    pub pid_file: Option<PathBuf>,
    /// `queue_qos0_messages`: whether QoS 0 messages, too, wait for clients that are away. Default: false.
    pub queue_qos0_messages: bool,
    /// `retain_available`: whether messages may be retained. Default: true.
    pub retain_available: bool,
    /// `retain_expiry_interval`: minutes between two searches for retained messages that have expired, 1 to 10000000.
    /// `None`: no search.
    pub retain_expiry_interval: Option<NonZeroU32>,
    /// `retry_interval`: seconds, 1 to 3600, after which unacknowledged QoS 1 and 2 messages are sent again to a client of
    /// MQTT 3 that stays connected. `None`: after 20 s to clients of MQTT 3.1, and never to others.
    pub retry_interval: Option<NonZeroU16>,
    /// The security options, where a listener does not have its own.
    pub security: Security,
    /// `set_tcp_nodelay`: whether connections send at once what is written to them. Default: false.
    pub set_tcp_nodelay: bool,
    /// `sys_interval`: seconds between two publications of the `$SYS` topics. 0: there are none. Default: 10.
    pub sys_interval: u16,
    /// `upgrade_outgoing_qos`: whether messages are delivered with the subscription's QoS where theirs is lower. Default:
    /// false.
    pub upgrade_outgoing_qos: bool,
    /// `user`: the user to become when started as root. `None`: `mosquitto`.
    pub user: Option<String>,
    /// `worker_threads` (not in Mosquitto): threads that share the clients, at most 256. `None`: one per core.
    pub worker_threads: Option<NonZeroU16>,
    /// `workers_together` (not in Mosquitto): whether one thread serves all clients as long as it has the time. Default: true.
    pub workers_together: bool,
}

/// Options that belong to the whole broker, or to one listener if `per_listener_settings true`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// `acl_file`: the file of rules about who may publish and get what. `None`: everybody may do everything.
    pub acl_file: Option<String>,
    /// `allow_anonymous` as given; [`Config::allow_anonymous`] and [`Endpoint`](crate::Endpoint) know what holds.
    pub allow_anonymous: Option<bool>,
    /// `allow_zero_length_clientid`: whether the broker makes up an id for a client that gives none. `None`: true.
    pub allow_zero_length_clientid: Option<bool>,
    /// `auto_id_prefix`: how made up client ids begin, where a listener does not say otherwise. `None`: `auto-`.
    pub auto_id_prefix: Option<String>,
    /// `password_file`: the file of those users who are let in. `None`: there is none, and no username means anything.
    pub password_file: Option<String>,
    /// `psk_file`: the file of identities and keys for TLS with pre-shared keys. `None`: there are none.
    pub psk_file: Option<String>,
}

/// One `listener`, or the default listener that `port`, `bind_address` or a listener's option above any `listener` make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The TCP port; 0 for a Unix socket, and only there.
    pub port: u16,
    /// The address or host name to listen on. `None`: all addresses, IPv4 and IPv6.
    pub host: Option<String>,
    /// The path of a Unix socket. `None`: it listens over TCP.
    pub unix_path: Option<String>,
    /// `bind_interface`: the network interface to whose addresses it is bound. `None`: any.
    pub bind_interface: Option<String>,
    /// `socket_domain`: the one version of IP to listen over. `None`: both.
    pub socket_domain: Option<SocketDomain>,
    /// `max_connections`: connections at once, over all of the listener's sockets. `None`: no limit.
    pub max_connections: Option<u32>,
    /// `listener_allow_anonymous` as given; [`Endpoint`](crate::Endpoint) knows what holds.
    pub allow_anonymous: Option<bool>,
    /// `max_qos`: the highest QoS that its clients may use, 0 to 2. Default: 2.
    pub max_qos: u8,
    /// `accept_protocol_versions`: the versions of MQTT that its clients may speak. Default: all.
    pub protocol_versions: ProtocolVersions,
    /// `listener_auto_id_prefix` as given; [`Endpoint`](crate::Endpoint) knows what holds.
    pub auto_id_prefix: Option<String>,
    /// `max_topic_alias`: topic aliases that a client of MQTT 5 may use. Default: 10.
    pub max_topic_alias: u16,
    /// `max_topic_alias_broker`: topic aliases that the broker uses towards a client of MQTT 5, if that allows them.
    /// Default: 10.
    pub max_topic_alias_broker: u16,
    /// `mount_point`: what stands before all topics of its clients, unseen by them; without wildcards. `None`: nothing.
    pub mount_point: Option<String>,
    /// `use_username_as_clientid`: whether the username takes the place of the client id. Default: false.
    pub use_username_as_clientid: bool,
    /// `protocol`: what its clients speak. Default: MQTT as it is.
    pub protocol: Protocol,
    /// `http_dir`: the directory of the files that are served over HTTP. `None`: there are none.
    pub http_dir: Option<String>,
    /// `websockets_origin`: the origins whose pages may connect. Empty: all.
    pub websockets_origins: Vec<String>,
    /// `enable_proxy_protocol`: the version of the PROXY header that comes first, 1 or 2. `None`: there is none.
    pub proxy_protocol: Option<u8>,
    /// `proxy_protocol_v2_require_tls`: whether that header has to tell of TLS. Default: false.
    pub proxy_protocol_v2_require_tls: bool,
    /// The options of TLS, whether it is on or not.
    pub tls: Tls,
    /// Its own security options, if `per_listener_settings true`.
    pub security: Security,
    /// Which option brought it into being.
    pub origin: Origin,
}

/// Versions of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolVersions {
    /// MQTT 3.1.
    pub v31: bool,
    /// MQTT 3.1.1.
    pub v311: bool,
    /// MQTT 5.0.
    pub v5: bool,
}

impl ProtocolVersions {
    /// All that there are.
    pub const ALL: Self = Self { v31: true, v311: true, v5: true };
}

/// What clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT as it is.
    Mqtt,
    /// MQTT in WebSockets.
    WebSockets,
    /// Not MQTT at all: programs ask over HTTP how the broker does, and get files.
    HttpApi,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketDomain {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// Which option brought a listener into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A `listener` line.
    Listener,
    /// `port` or `bind_address`.
    PortOrBindAddress,
    /// A listener's option above any `listener`. By itself such a listener is not opened.
    Option,
}

impl Config {
    /// Reads files on top of each other, in order, as `-c` does when given several times. All of them are read to their
    /// ends, whatever is wrong with them.
    pub fn read<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::default();
        for file in files {
            reader.read(file.as_ref());
        }
        reader.finish()
    }

    /// Reads text that stands in no file; errors call it `name`. `include_dir` is refused in it: nothing outside the text
    /// is looked at.
    pub fn parse(name: &Path, text: &[u8]) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::default();
        reader.read_text(name, text);
        reader.finish()
    }

    /// Whether only clients on this machine can connect, because there is no `listener`, `port` or `bind_address`.
    pub fn local_only(&self) -> bool {
        self.listeners.iter().all(|listener| listener.origin == Origin::Option)
    }

    /// Whether clients may connect without a username, where a listener does not say otherwise. By default only in
    /// local only mode.
    pub fn allow_anonymous(&self) -> bool {
        self.global.security.allow_anonymous.unwrap_or_else(|| self.local_only())
    }
}

impl Default for Global {
    fn default() -> Self {
        Self {
            allow_duplicate_messages: true,
            check_retain_source: false,
            clientid_prefixes: None,
            enable_control_api: false,
            global_max_clients: None,
            global_max_connections: None,
            max_inflight_bytes: 0,
            max_inflight_messages: 20,
            max_keepalive: 0,
            max_packet_size: 2_000_000,
            max_queued_bytes: 0,
            max_queued_messages: 1000,
            max_unauthenticated_connections: UNAUTHENTICATED_MAX,
            memory_limit: 0,
            message_size_limit: 0,
            per_listener_settings: false,
            persistence: Persistence::default(),
            persistent_client_expiration: 0,
            packet_buffer_size: 4096,
            pid_file: None,
            queue_qos0_messages: false,
            retain_available: true,
            retain_expiry_interval: None,
            retry_interval: None,
            security: Security::default(),
            set_tcp_nodelay: false,
            sys_interval: 10,
            upgrade_outgoing_qos: false,
            user: None,
            worker_threads: None,
            workers_together: true,
        }
    }
}

impl Listener {
    /// A listener of which nothing more is said.
    pub(crate) fn new(port: u16, host: Option<String>, origin: Origin) -> Self {
        Self {
            port,
            host,
            unix_path: None,
            bind_interface: None,
            socket_domain: None,
            max_connections: None,
            allow_anonymous: None,
            max_qos: 2,
            protocol_versions: ProtocolVersions::ALL,
            auto_id_prefix: None,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
            mount_point: None,
            use_username_as_clientid: false,
            protocol: Protocol::Mqtt,
            http_dir: None,
            websockets_origins: Vec::new(),
            proxy_protocol: None,
            proxy_protocol_v2_require_tls: false,
            tls: Tls::default(),
            security: Security::default(),
            origin,
        }
    }

    /// The default listener before anything is said about it.
    pub(crate) fn default_listener() -> Self {
        Self::new(PORT, None, Origin::Option)
    }
}
