//! Bridges: connections from this broker to others.

mod tls;
mod topic;

pub use tls::{BridgeTls, BridgeTlsVersion};
pub(crate) use topic::has_wildcards_in_place;
pub use topic::{BridgeTopic, Direction};

use crate::error::ConfigError;
use std::collections::HashMap;
use std::num::NonZeroU16;

/// The port of a remote broker where none is given.
pub(crate) const REMOTE_PORT: u16 = 1883;

/// One `connection` and the options below it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Bridge {
    /// `connection`: its name, which no other bridge has.
    pub name: String,
    /// `address`: the remote brokers, at least one. The first is the primary one unless `round_robin`.
    pub addresses: Vec<BridgeAddress>,
    /// `topic`: what is passed on, at least one line, in the order of the file: of several that match, the first decides.
    pub topics: Vec<BridgeTopic>,
    /// `round_robin`: whether all addresses are alike. Default: false.
    pub round_robin: bool,
    /// `bridge_bind_address`: the local address or host name to connect from. `None`: any.
    pub bind_address: Option<String>,
    /// `bridge_attempt_unsubscribe`: whether topics that only go out are unsubscribed from at the remote broker. Default: true.
    pub attempt_unsubscribe: bool,
    /// `bridge_protocol_version`: what is spoken. Default: MQTT 3.1.1.
    pub protocol_version: BridgeProtocol,
    /// `bridge_max_packet_size`: the largest whole packet that is sent, in bytes. 0: what the remote broker takes. Default: 0.
    pub max_packet_size: u32,
    /// `bridge_max_topic_alias` (MQTT 5): topic aliases in either direction. Default: 10.
    pub max_topic_alias: u16,
    /// `bridge_receive_maximum` (MQTT 5): messages that the remote broker may have under way. `None`: nothing is said.
    pub receive_maximum: Option<NonZeroU16>,
    /// `bridge_session_expiry_interval` (MQTT 5): seconds for which the remote broker keeps the session. Default: 0.
    pub session_expiry_interval: u32,
    /// `bridge_outgoing_retain`: whether the retain flag is passed on. Default: true.
    pub outgoing_retain: bool,
    /// `bridge_reload_type`: when other settings take effect. Default: lazy.
    pub reload_type: ReloadType,
    /// `bridge_tcp_keepalive`. `None`: it is off.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// `bridge_tcp_user_timeout`: milliseconds for which sent bytes may stay unacknowledged. `None`: as the system has it.
    pub tcp_user_timeout: Option<u32>,
    /// `cleansession`: whether the remote broker forgets the session. Default: false.
    pub clean_session: bool,
    /// `local_cleansession` as given; [`Bridge::local_clean_session`] knows what holds.
    pub local_clean_session: Option<bool>,
    /// `remote_clientid` as given; [`Bridge::remote_clientid`] knows what holds.
    pub remote_clientid: Option<String>,
    /// `local_clientid` as given; [`Bridge::local_clientid`] knows what holds.
    pub local_clientid: Option<String>,
    /// `remote_username`.
    pub remote_username: Option<String>,
    /// `remote_password`. A secret: not for the log.
    pub remote_password: Option<String>,
    /// `local_username`: the username of the bridge at this broker. Bridges need none.
    pub local_username: Option<String>,
    /// `local_password`. A secret: not for the log.
    pub local_password: Option<String>,
    /// `keepalive_interval`: seconds, at least 5. Default: 60.
    pub keepalive_interval: u16,
    /// `start_type`: when it connects. Default: automatic.
    pub start_type: StartType,
    /// `idle_timeout`: seconds after which a lazy bridge without anything to do disconnects, at least 1. Default: 60.
    pub idle_timeout: u32,
    /// `threshold`: how many waiting messages make a lazy bridge connect, at least 1. Default: 10.
    pub threshold: u32,
    /// `restart_timeout`: the pause before it connects again.
    pub restart_timeout: RestartTimeout,
    /// `notifications`: whether its state is published. Default: true.
    pub notifications: bool,
    /// `notifications_local_only`: whether it is published at this broker only. Default: false.
    pub notifications_local_only: bool,
    /// `notification_topic` as given; [`Bridge::notification_topic`] knows what holds.
    pub notification_topic: Option<String>,
    /// `try_private`: whether the remote broker is told that this is a bridge (MQTT 3). Default: true.
    pub try_private: bool,
    /// The options of TLS, whether it is on or not.
    pub tls: BridgeTls,
}

/// Where a remote broker is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BridgeAddress {
    /// An address, without brackets, or a host name. Not empty.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

/// `bridge_protocol_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BridgeProtocol {
    /// MQTT 3.1.
    V31,
    /// MQTT 3.1.1.
    #[default]
    V311,
    /// MQTT 5.0.
    V5,
}

/// `bridge_reload_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReloadType {
    /// Other settings take effect when the bridge connects again anyway.
    #[default]
    Lazy,
    /// The bridge connects again for them.
    Immediate,
}

/// `start_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartType {
    /// At once, and again after a pause.
    #[default]
    Automatic,
    /// When messages wait for it, and only as long as there are some.
    Lazy,
    /// At once, and never again.
    Once,
}

/// `bridge_tcp_keepalive`. None of the fields is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// Seconds of silence until the first probe.
    pub idle_s: u32,
    /// Seconds between two probes.
    pub interval_s: u32,
    /// Probes without an answer that end the connection.
    pub probes: u32,
}

/// `restart_timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartTimeout {
    /// Always so many seconds, 1 to 3600.
    Constant {
        /// The pause.
        seconds: u16,
    },
    /// Growing at random.
    Jitter {
        /// The shortest pause in seconds, 1 to 3600.
        base_s: u16,
        /// The longest pause in seconds, not below `base_s`, at most 7200.
        cap_s: u16,
        /// A connection that has lasted so many seconds has the next pause begin at `base_s` again.
        stable_s: u32,
    },
}

impl Default for RestartTimeout {
    fn default() -> Self {
        Self::Jitter { base_s: 5, cap_s: 30, stable_s: 0 }
    }
}

impl Bridge {
    /// A bridge of which nothing more is said.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            addresses: Vec::new(),
            topics: Vec::new(),
            round_robin: false,
            bind_address: None,
            attempt_unsubscribe: true,
            protocol_version: BridgeProtocol::default(),
            max_packet_size: 0,
            max_topic_alias: 10,
            receive_maximum: None,
            session_expiry_interval: 0,
            outgoing_retain: true,
            reload_type: ReloadType::default(),
            tcp_keepalive: None,
            tcp_user_timeout: None,
            clean_session: false,
            local_clean_session: None,
            remote_clientid: None,
            local_clientid: None,
            remote_username: None,
            remote_password: None,
            local_username: None,
            local_password: None,
            keepalive_interval: 60,
            start_type: StartType::default(),
            idle_timeout: 60,
            threshold: 10,
            restart_timeout: RestartTimeout::default(),
            notifications: true,
            notifications_local_only: false,
            notification_topic: None,
            try_private: true,
            tls: BridgeTls::default(),
        }
    }

    /// Whether the local session ends with the connection: `local_cleansession`, or else as `cleansession`.
    pub fn local_clean_session(&self) -> bool {
        self.local_clean_session.unwrap_or(self.clean_session)
    }

    /// The client id at the remote broker. `hostname` is that of this machine.
    pub fn remote_clientid(&self, hostname: &str) -> String {
        self.remote_clientid.clone().unwrap_or_else(|| format!("{hostname}.{}", self.name))
    }

    /// The client id at this broker. `hostname` is that of this machine.
    pub fn local_clientid(&self, hostname: &str) -> String {
        self.local_clientid.clone().unwrap_or_else(|| format!("local.{}", self.remote_clientid(hostname)))
    }

    /// Where the state of the bridge is published. `hostname` is that of this machine.
    pub fn notification_topic(&self, hostname: &str) -> String {
        let usual = || format!("$SYS/broker/connection/{}/state", self.remote_clientid(hostname));
        self.notification_topic.clone().unwrap_or_else(usual)
    }
}

/// What is wrong with the bridges, each as a whole and all together.
pub(crate) fn check(bridges: &[Bridge]) -> Vec<ConfigError> {
    let mut errors: Vec<_> = bridges.iter().filter_map(check_one).collect();
    let mut local_ids = HashMap::new();
    for bridge in bridges {
        // Two that are made up of the name of this machine differ, as names of bridges do.
        let made_of_remote = || bridge.remote_clientid.as_ref().map(|remote| format!("local.{remote}"));
        let Some(id) = bridge.local_clientid.clone().or_else(made_of_remote) else { continue };
        if let Some(other) = local_ids.insert(id.clone(), &bridge.name) {
            let text = format!(
                "Bridge local_clientid '{id}' is not unique. Try changing or setting the local_clientid value for one of the \
                 bridges."
            );
            let expected = format!("another local_clientid for connection {} than for {other}", bridge.name);
            errors.push(ConfigError::new(text).expected(expected));
        }
    }
    errors
}

fn check_one(bridge: &Bridge) -> Option<ConfigError> {
    let invalid = |missing: &str, option: &str| {
        ConfigError::new(format_args!("Invalid bridge configuration: {missing}."))
            .expected(format!("{option} below connection {}", bridge.name))
    };
    let tls = &bridge.tls;
    if bridge.addresses.is_empty() {
        Some(invalid("no remote addresses defined", "address"))
    } else if bridge.topics.is_empty() {
        Some(invalid("no topics defined", "topic"))
    } else if tls.psk.is_some() && tls.identity.is_none() {
        Some(invalid("missing bridge_identity", "bridge_identity"))
    } else if tls.psk.is_none() && tls.identity.is_some() {
        Some(invalid("missing bridge_psk", "bridge_psk"))
    } else if tls.psk.as_ref().is_some_and(|key| !key.bytes().all(|digit| digit.is_ascii_hexdigit())) {
        // The value is a secret, also where it is wrong.
        Some(invalid("bridge_psk is no key", "hexadecimal digits"))
    } else if tls.is_psk() && tls.use_os_certs {
        Some(invalid("both bridge_tls_use_os_certs and bridge_psk", "one of them"))
    } else if tls.is_on() && tls.certfile.is_some() != tls.keyfile.is_some() {
        Some(invalid("one of bridge_certfile and bridge_keyfile", "both or none of them"))
    } else {
        None
    }
}

/// What the log should know about a bridge that is in order, as warnings.
pub(crate) fn warnings(bridge: &Bridge) -> Vec<String> {
    let mut warnings = Vec::new();
    if bridge.tls.insecure {
        warnings.push(format!("Warning: Bridge '{}' using insecure mode.", bridge.name));
    }
    if !bridge.tls.is_on() && bridge.tls != BridgeTls::default() {
        warnings.push(format!(
            "Warning: Bridge '{}' does not use TLS, since it has none of bridge_cafile, bridge_capath, \
             bridge_tls_use_os_certs and bridge_psk; its other options of TLS have no effect.",
            bridge.name
        ));
    }
    warnings
}
