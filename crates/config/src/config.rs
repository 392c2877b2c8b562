//! A configuration as typed values, and what follows from them together.

use crate::error::{ConfigError, Notice};
use crate::log::Log;
use crate::reader::Reader;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;

/// The port of MQTT.
const PORT: u16 = 1883;

/// How made up client ids begin.
const AUTO_ID_PREFIX: &str = "auto-";

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
    /// What is logged, and where.
    pub log: Log,
    /// What the log should say about the files, in order: deprecated options, included files.
    pub notices: Vec<Notice>,
}

/// Options of the broker as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// `allow_anonymous` as given; [`Config::allow_anonymous`] knows what holds.
    pub allow_anonymous: Option<bool>,
    /// `auto_id_prefix`: how made up client ids begin, where a listener does not say otherwise. `None`: `auto-`.
    pub auto_id_prefix: Option<String>,
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
    /// `message_size_limit`: the longest payload that is passed on, in bytes. 0: no limit. Default: 0.
    pub message_size_limit: u32,
    /// `retain_available`: whether messages may be retained. Default: true.
    pub retain_available: bool,
    /// `set_tcp_nodelay`: whether connections send at once what is written to them. Default: false.
    pub set_tcp_nodelay: bool,
    /// `upgrade_outgoing_qos`: whether messages are delivered with the subscription's QoS where theirs is lower. Default:
    /// false.
    pub upgrade_outgoing_qos: bool,
    /// `worker_threads` (not in Mosquitto): threads that share the clients, at most 256. `None`: one per core.
    pub worker_threads: Option<NonZeroU16>,
}

/// One `listener`, or the default listener that `port`, `bind_address` or a listener's option above any `listener` make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The TCP port, never 0.
    pub port: u16,
    /// The address or host name to listen on. `None`: all addresses, IPv4 and IPv6.
    pub host: Option<String>,
    /// `max_connections`: connections at once, over all of the listener's sockets. `None`: no limit.
    pub max_connections: Option<u32>,
    /// `listener_allow_anonymous` as given; [`Listener::allow_anonymous_in`] knows what holds.
    pub allow_anonymous: Option<bool>,
    /// `max_qos`: the highest QoS that its clients may use, 0 to 2. Default: 2.
    pub max_qos: u8,
    /// `accept_protocol_versions`: the versions of MQTT that its clients may speak. Default: all.
    pub protocol_versions: ProtocolVersions,
    /// `listener_auto_id_prefix` as given; [`Endpoint`] knows what holds.
    pub auto_id_prefix: Option<String>,
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

/// A place to listen at, with everything decided that the options leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address or host name; `None`: all addresses, IPv4 and IPv6. A name stands for all of its addresses.
    pub host: Option<String>,
    /// The TCP port, never 0.
    pub port: u16,
    /// Whether clients may connect without a username.
    pub allow_anonymous: bool,
    /// Connections at once, over all sockets of this endpoint. `None`: no limit.
    pub max_connections: Option<u32>,
    /// The highest QoS that its clients may use, 0 to 2.
    pub max_qos: u8,
    /// The versions of MQTT that its clients may speak.
    pub protocol_versions: ProtocolVersions,
    /// How the client ids begin that the broker makes up for its clients.
    pub auto_id_prefix: String,
    /// Whether the broker may run without it, if another one can be opened: so in local only mode, where a machine
    /// need not have both versions of IP.
    pub optional: bool,
}

impl Config {
    /// Reads files on top of each other, in order, as `-c` does when given several times.
    pub fn read<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<Self, ConfigError> {
        let mut reader = Reader::default();
        for file in files {
            reader.read(file.as_ref())?;
        }
        Ok(reader.config)
    }

    /// Reads text that stands in no file; errors call it `name`. `include_dir` is refused in it: nothing outside the text
    /// is looked at.
    pub fn parse(name: &Path, text: &[u8]) -> Result<Self, ConfigError> {
        let mut reader = Reader::default();
        reader.read_text(name, text)?;
        Ok(reader.config)
    }

    /// Whether only clients on this machine can connect, because there is no `listener`, `port` or `bind_address`.
    pub fn local_only(&self) -> bool {
        self.listeners.iter().all(|listener| listener.origin == Origin::Option)
    }

    /// Whether clients may connect without a username, where a listener does not say otherwise. By default only in
    /// local only mode.
    pub fn allow_anonymous(&self) -> bool {
        self.global.allow_anonymous.unwrap_or_else(|| self.local_only())
    }

    /// Where to listen. `ports` are those of the command line, which count in local only mode alone.
    pub fn endpoints(&self, ports: &[u16]) -> Vec<Endpoint> {
        if self.local_only() {
            let ports = if ports.is_empty() { &[PORT] } else { ports };
            ports.iter().flat_map(|port| self.local_endpoints(*port)).collect()
        } else {
            self.listeners.iter().map(|listener| listener.endpoint_in(self)).collect()
        }
    }

    fn local_endpoints(&self, port: u16) -> [Endpoint; 2] {
        ["127.0.0.1", "::1"].map(|host| Endpoint {
            host: Some(host.to_owned()),
            port,
            allow_anonymous: self.allow_anonymous(),
            max_connections: None,
            max_qos: 2,
            protocol_versions: ProtocolVersions::ALL,
            // The option has no effect here, as in Mosquitto.
            auto_id_prefix: AUTO_ID_PREFIX.to_owned(),
            optional: true,
        })
    }
}

impl Default for Global {
    fn default() -> Self {
        Self {
            allow_anonymous: None,
            auto_id_prefix: None,
            global_max_clients: None,
            global_max_connections: None,
            max_inflight_bytes: 0,
            max_inflight_messages: 20,
            max_keepalive: 0,
            max_packet_size: 2_000_000,
            max_queued_bytes: 0,
            max_queued_messages: 1000,
            message_size_limit: 0,
            retain_available: true,
            set_tcp_nodelay: false,
            upgrade_outgoing_qos: false,
            worker_threads: None,
        }
    }
}

impl Listener {
    /// A listener of which nothing more is said.
    pub(crate) fn new(port: u16, host: Option<String>, origin: Origin) -> Self {
        Self {
            port,
            host,
            max_connections: None,
            allow_anonymous: None,
            max_qos: 2,
            protocol_versions: ProtocolVersions::ALL,
            auto_id_prefix: None,
            origin,
        }
    }

    /// The default listener before anything is said about it.
    pub(crate) fn default_listener() -> Self {
        Self::new(PORT, None, Origin::Option)
    }

    /// Whether clients of this listener may connect without a username: its own word, or else the configuration's.
    pub fn allow_anonymous_in(&self, config: &Config) -> bool {
        self.allow_anonymous.unwrap_or_else(|| config.allow_anonymous())
    }

    fn auto_id_prefix_in<'c>(&'c self, config: &'c Config) -> &'c str {
        let own = self.auto_id_prefix.as_deref();
        own.or(config.global.auto_id_prefix.as_deref()).unwrap_or(AUTO_ID_PREFIX)
    }

    fn endpoint_in(&self, config: &Config) -> Endpoint {
        Endpoint {
            host: self.host.clone(),
            port: self.port,
            allow_anonymous: self.allow_anonymous_in(config),
            max_connections: self.max_connections,
            max_qos: self.max_qos,
            protocol_versions: self.protocol_versions,
            auto_id_prefix: self.auto_id_prefix_in(config).to_owned(),
            optional: false,
        }
    }
}
