//! Where the broker listens, with everything decided that the options leave open.

use crate::config::{Config, HTTP_PORT, Listener, PORT, Protocol, ProtocolVersions, Security, SocketDomain};
use crate::tls::Tls;

use std::path::PathBuf;

/// How made up client ids begin.
const AUTO_ID_PREFIX: &str = "auto-";

/// A place to listen at, with everything decided that the options leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Endpoint {
    /// The address or host name; `None`: all addresses, IPv4 and IPv6. A name stands for all of its addresses.
    pub host: Option<String>,
    /// The TCP port; 0 for a Unix socket, and only there.
    pub port: u16,
    /// The path of a Unix socket; `None`: it is TCP.
    pub unix_path: Option<String>,
    /// The network interface to whose addresses it is bound; `None`: any.
    pub bind_interface: Option<String>,
    /// The one version of IP to listen over; `None`: both.
    pub socket_domain: Option<SocketDomain>,
    /// The file of rules for its clients. With `per_listener_settings`, it is the listener's own.
    pub acl_file: Option<PathBuf>,
    /// Whether clients may connect without a username.
    pub allow_anonymous: bool,
    /// The file of the users among which a client with a username has to be. `None`: there is none.
    pub password_file: Option<String>,
    /// The file of the identities that may connect, and of their keys, where there is a `psk_hint`. `None`: there are none.
    pub psk_file: Option<String>,
    /// Whether a client may leave it to the broker to make up its client id.
    pub allow_zero_length_clientid: bool,
    /// Whether the username takes the place of the client id.
    pub use_username_as_clientid: bool,
    /// Connections at once, over all sockets of this endpoint. `None`: no limit.
    pub max_connections: Option<u32>,
    /// The highest QoS that its clients may use, 0 to 2.
    pub max_qos: u8,
    /// The versions of MQTT that its clients may speak.
    pub protocol_versions: ProtocolVersions,
    /// How the client ids begin that the broker makes up for its clients.
    pub auto_id_prefix: String,
    /// What stands before all topics of its clients, unseen by them; without wildcards.
    pub mount_point: Option<String>,
    /// Topic aliases that a client of MQTT 5 may use; 0: none.
    pub max_topic_alias: u16,
    /// Topic aliases that the broker uses towards a client of MQTT 5, if that allows them; 0: none.
    pub max_topic_alias_broker: u16,
    /// What its clients speak.
    pub protocol: Protocol,
    /// The directory of the files that are served over HTTP; `None`: there are none.
    pub http_dir: Option<String>,
    /// The origins whose pages may open a WebSocket; empty: all, and programs without an origin.
    pub websockets_origins: Vec<String>,
    /// The version of the PROXY header that comes first on each connection, 1 or 2; `None`: there is none.
    pub proxy_protocol: Option<u8>,
    /// Whether a PROXY header of version 2 has to tell of TLS.
    pub proxy_protocol_v2_require_tls: bool,
    /// What its TLS is to be, if [`Tls::is_on`].
    pub tls: Tls,
    /// Whether the broker may run without it, if another one can be opened: so in local only mode, where a machine
    /// need not have both versions of IP.
    pub optional: bool,
}

/// Where an endpoint listens. Two endpoints at the same place are one listener before and after a reload, whatever else
/// of it has changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The TCP port; 0 for a Unix socket.
    pub port: u16,
    /// The path of a Unix socket, which nothing else tells from others.
    pub unix_path: Option<String>,
    /// The address or host name; `None`: all addresses.
    pub host: Option<String>,
    /// The network interface; `None`: any.
    pub bind_interface: Option<String>,
    /// The one version of IP; `None`: both.
    pub socket_domain: Option<SocketDomain>,
    /// Whether it is no place for clients of MQTT, so that somebody else listens there.
    pub http_api: bool,
}

impl Place {
    /// What concerns addresses means nothing to a Unix socket.
    fn new(
        port: u16,
        unix_path: Option<&str>,
        host: Option<&str>,
        bind_interface: Option<&str>,
        socket_domain: Option<SocketDomain>,
        protocol: Protocol,
    ) -> Self {
        let over_ip = unix_path.is_none();
        Self {
            port,
            unix_path: unix_path.map(str::to_owned),
            host: host.map(str::to_owned),
            bind_interface: bind_interface.filter(|_| over_ip).map(str::to_owned),
            socket_domain: socket_domain.filter(|_| over_ip),
            http_api: protocol == Protocol::HttpApi,
        }
    }

    /// Whether two listeners cannot both be there, whatever they speak.
    pub fn excludes(&self, other: &Self) -> bool {
        Self { http_api: other.http_api, ..self.clone() } == *other
    }
}

impl Endpoint {
    /// Where it listens.
    pub fn place(&self) -> Place {
        Place::new(
            self.port,
            self.unix_path.as_deref(),
            self.host.as_deref(),
            self.bind_interface.as_deref(),
            self.socket_domain,
            self.protocol,
        )
    }
}

impl Listener {
    /// Where it listens.
    pub fn place(&self) -> Place {
        Place::new(
            self.port,
            self.unix_path.as_deref(),
            self.host.as_deref(),
            self.bind_interface.as_deref(),
            self.socket_domain,
            self.protocol,
        )
    }
}

impl Security {
    fn acl_file(&self) -> Option<PathBuf> {
        self.acl_file.as_ref().map(PathBuf::from)
    }
}

impl Config {
    /// The file of rules for all clients, if there is one and no listener has its own (`per_listener_settings`).
    pub fn acl_file(&self) -> Option<PathBuf> {
        if self.global.per_listener_settings { None } else { self.global.security.acl_file() }
    }

    /// Where to listen. `ports` are those of the command line, which count in local only mode alone.
    pub fn endpoints(&self, ports: &[u16]) -> Vec<Endpoint> {
        if self.local_only() {
            let ports = if ports.is_empty() { &[PORT] } else { ports };
            let mut endpoints: Vec<_> = ports.iter().flat_map(|port| self.local_endpoints(*port)).collect();
            endpoints.push(self.local_http_endpoint());
            endpoints
        } else {
            self.listeners.iter().map(|listener| self.endpoint(listener)).collect()
        }
    }

    /// The endpoints of local only mode, where no option of a listener has any effect but the security options.
    fn local_endpoints(&self, port: u16) -> [Endpoint; 2] {
        ["127.0.0.1", "::1"].map(|host| self.local_endpoint(host, port))
    }

    /// The HTTP API of local only mode.
    fn local_http_endpoint(&self) -> Endpoint {
        Endpoint { protocol: Protocol::HttpApi, ..self.local_endpoint("127.0.0.1", HTTP_PORT) }
    }

    fn local_endpoint(&self, host: &str, port: u16) -> Endpoint {
        let listener = Listener { port, ..Listener::default_listener() };
        let security = self.security();
        Endpoint {
            host: Some(host.to_owned()),
            acl_file: security.acl_file(),
            allow_anonymous: security.allow_anonymous.unwrap_or(true),
            password_file: security.password_file.clone(),
            psk_file: security.psk_file.clone(),
            allow_zero_length_clientid: security.allow_zero_length_clientid.unwrap_or(true),
            // The option has no effect here, as in Mosquitto.
            auto_id_prefix: AUTO_ID_PREFIX.to_owned(),
            optional: true,
            ..self.endpoint(&listener)
        }
    }

    /// What a listener comes to: its own word, or else that of the broker as a whole.
    fn endpoint(&self, listener: &Listener) -> Endpoint {
        let security = self.security_of(listener);
        let prefix = listener.auto_id_prefix.as_deref().or(security.auto_id_prefix.as_deref());
        Endpoint {
            host: listener.host.clone(),
            port: listener.port,
            unix_path: listener.unix_path.clone(),
            bind_interface: listener.bind_interface.clone(),
            socket_domain: listener.socket_domain,
            acl_file: security.acl_file(),
            allow_anonymous: listener.allow_anonymous.or(security.allow_anonymous).unwrap_or(false),
            password_file: security.password_file.clone(),
            psk_file: security.psk_file.clone(),
            allow_zero_length_clientid: security.allow_zero_length_clientid.unwrap_or(true),
            use_username_as_clientid: listener.use_username_as_clientid,
            max_connections: listener.max_connections,
            max_qos: listener.max_qos,
            protocol_versions: listener.protocol_versions,
            auto_id_prefix: prefix.unwrap_or(AUTO_ID_PREFIX).to_owned(),
            mount_point: listener.mount_point.clone(),
            max_topic_alias: listener.max_topic_alias,
            max_topic_alias_broker: listener.max_topic_alias_broker,
            protocol: listener.protocol,
            http_dir: listener.http_dir.clone(),
            websockets_origins: listener.websockets_origins.clone(),
            proxy_protocol: listener.proxy_protocol,
            proxy_protocol_v2_require_tls: listener.proxy_protocol_v2_require_tls,
            tls: listener.tls.clone(),
            optional: false,
        }
    }

    /// The security options that hold where no listener has its own: in local only mode those of the default listener, if
    /// that is where they belong.
    pub(crate) fn security(&self) -> &Security {
        match self.listeners.first() {
            Some(default) if self.global.per_listener_settings && self.local_only() => &default.security,
            _ => &self.global.security,
        }
    }

    /// The security options that hold for a listener.
    fn security_of<'c>(&'c self, listener: &'c Listener) -> &'c Security {
        if self.global.per_listener_settings { &listener.security } else { &self.global.security }
    }
}
