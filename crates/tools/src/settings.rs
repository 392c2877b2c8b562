//! What the arguments of a program ask for.

use crate::Tool;
use crate::format::Format;
use mosquitto_client::WillMessage;
use mosquitto_client::mqtt::packet::{RetainHandling, SubscriptionOptions};
use mosquitto_client::mqtt::{PropertiesBuf, ProtocolVersion, QoS};
use std::fmt;
use std::io::IsTerminal;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that arguments can say. A program looks at what it has options for.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The program that the settings are for.
    pub tool: Tool,
    /// The server and how to introduce oneself to it.
    pub connection: ConnectionSettings,
    /// `-D`: the properties of each packet.
    pub properties: PropertySettings,
    /// At which to publish, or to subscribe.
    pub qos: QoS,
    /// `-d`: print each packet.
    pub debug: bool,
    /// `--quiet`: print no errors of the work.
    pub quiet: bool,
    /// What to publish.
    pub publish: PublishSettings,
    /// What to subscribe to.
    pub subscribe: SubscribeSettings,
    /// The answer to wait for.
    pub request: RequestSettings,
    /// Options that are given, and are not supported yet.
    pub(crate) refused: Vec<&'static str>,
}

/// Properties of packets, as MQTT 5 has them.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "the names are the packets'")]
pub struct PropertySettings {
    pub connect: PropertiesBuf,
    pub publish: PropertiesBuf,
    pub subscribe: PropertiesBuf,
    pub unsubscribe: PropertiesBuf,
    pub disconnect: PropertiesBuf,
    pub will: PropertiesBuf,
}

/// The server and how to introduce oneself to it.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each stands for an option of its own")]
pub struct ConnectionSettings {
    /// `-h`
    pub host: String,
    /// `-p`; none: [`port`](Self::port) chooses.
    pub port: Option<u16>,
    /// `-V`
    pub version: ProtocolVersion,
    /// `-i`
    pub client_id: Option<String>,
    /// `-I`: the client's name is this and the number of the process.
    pub client_id_prefix: Option<String>,
    /// False with `-c`.
    pub clean_start: bool,
    /// `-k`: seconds.
    pub keep_alive_s: u16,
    /// `-x`: seconds; `u32::MAX` is for ever.
    pub session_expiry_s: Option<u32>,
    /// `-u`
    pub username: Option<String>,
    /// `-P`
    pub password: Option<Vec<u8>>,
    /// `-M`
    pub inflight_max: u16,
    /// `--unix`: takes the place of host and port.
    pub unix_path: Option<PathBuf>,
    /// `-S`: host and port are asked for, and `host` is the domain.
    pub looks_up_service: bool,
    /// `-A`: a name or an address of this machine.
    pub bind_address: Option<String>,
    /// `--nodelay`
    pub nodelay: bool,
    /// `--no-tls`
    pub no_tls: bool,
    /// What TLS is to be, where [`uses_tls`](Self::uses_tls) says that there is any.
    pub tls: TlsSettings,
    /// `--ws`
    pub websocket: bool,
    /// `--proxy`
    pub proxy: Option<ProxySettings>,
    /// `--will-topic`
    pub will_topic: Option<String>,
    /// The rest of the will.
    pub will: WillMessage,
    /// Whether `--will-payload` is given.
    pub has_will_payload: bool,
}

/// The options of TLS.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TlsSettings {
    /// `--cafile`
    pub cafile: Option<PathBuf>,
    /// `--capath`
    pub capath: Option<PathBuf>,
    /// `--tls-use-os-certs`, or a URL that asks for TLS.
    pub use_os_certs: bool,
    /// `--cert`, together with `--key`.
    pub certfile: Option<PathBuf>,
    /// `--key`
    pub keyfile: Option<PathBuf>,
    /// `--psk`
    pub psk: Option<PreSharedKey>,
    /// `--psk-identity`
    pub psk_identity: Option<String>,
    /// `--ciphers`
    pub ciphers: Option<String>,
    /// `--tls-version`, whatever it says.
    pub version: Option<String>,
    /// `--tls-alpn`
    pub alpn: Option<String>,
    /// `--insecure`
    pub insecure: bool,
    /// `--tls-keylog`
    pub keylog: Option<PathBuf>,
    /// `--keyform`, whatever it says.
    pub keyform: Option<String>,
}

/// What is given for a pre-shared key: hex digits, if it is of any use.
#[derive(Clone, PartialEq, Eq)]
pub struct PreSharedKey(pub Vec<u8>);

impl fmt::Debug for PreSharedKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreSharedKey")
    }
}

/// A SOCKS5 proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password.
    pub login: Option<(String, String)>,
}

impl fmt::Debug for ProxySettings {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxySettings({}:{})", self.host, self.port)
    }
}

impl ConnectionSettings {
    /// The port that stands for MQTT.
    const PORT: u16 = 1883;

    /// The port that stands for MQTT over TLS.
    const TLS_PORT: u16 = 8883;

    /// The server's port.
    pub fn port(&self) -> u16 {
        let secure = self.tls.cafile.is_some() || self.tls.capath.is_some() || self.tls.psk.is_some();
        self.port.unwrap_or(if secure { Self::TLS_PORT } else { Self::PORT })
    }

    /// Whether the connection is one over TLS with a pre-shared key.
    pub fn uses_psk(&self) -> bool {
        self.tls.psk.is_some() && !self.no_tls
    }

    /// Whether the connection is one over TLS with a certificate: somebody is named who is trusted, or the port stands for it.
    pub fn uses_tls(&self) -> bool {
        let tls = &self.tls;
        let at_port = self.port == Some(Self::TLS_PORT) && self.unix_path.is_none();
        !self.no_tls
            && tls.psk.is_none()
            && (tls.cafile.is_some() || tls.capath.is_some() || tls.use_os_certs || at_port)
    }
}

/// What `mosquitto_pub` does, and `mosquitto_rr` for its request.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishSettings {
    /// `-t`: a valid topic name.
    pub topic: Option<String>,
    /// `-m`, `-f`, `-l`, `-s` or `-n`
    pub source: Option<Source>,
    /// `-r`
    pub retain: bool,
    /// `--repeat`: how many times in all.
    pub repeat: NonZeroU32,
    /// `--repeat-delay`
    pub repeat_delay: Duration,
}

/// What `mosquitto_rr` does besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestSettings {
    /// `-e`: a valid topic name.
    pub response_topic: Option<String>,
    /// `--latency`: say how long the answer took.
    pub latency: bool,
}

/// Where messages to publish come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `-m`
    Argument(Vec<u8>),
    /// `-f`
    File(PathBuf),
    /// `-l`: a message for each line.
    StdinLines,
    /// `-s`: all of it as one message.
    Stdin,
    /// `-n`: an empty message.
    Null,
}

/// What `mosquitto_sub` does, and `mosquitto_rr` with the answer.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each stands for an option of its own")]
pub struct SubscribeSettings {
    /// `-t`: valid filters.
    pub filters: Vec<String>,
    /// `-U`: valid filters.
    pub unsubscribe: Vec<String>,
    /// `-T`: valid filters.
    pub filter_out: Vec<String>,
    /// Options of the subscriptions; the QoS is in [`Settings::qos`].
    pub options: SubscriptionOptions,
    /// `-R`
    pub no_retained: bool,
    /// `--retained-only`
    pub retained_only: bool,
    /// `--remove-retained`
    pub remove_retained: bool,
    /// `-C`
    pub count: Option<NonZeroU32>,
    /// `-E`
    pub exit_after_subscribing: bool,
    /// `-W`
    pub timeout: Option<Duration>,
    /// `-v`
    pub verbose: bool,
    /// False with `--color never`: colour topics where that helps, as [`Self::colors_topics`] says.
    pub color: bool,
    /// `-F`: wins over `-v`.
    pub format: Option<Format>,
    /// `--pretty`: for JSON in a format.
    pub pretty: bool,
    /// `--random-filter`: how many of 1000 messages are printed, on average.
    pub chance_per_mille: Option<u32>,
    /// `-w`: each topic has a line of its own on the screen.
    pub watch: bool,
    /// `--message-rate`: print how many messages arrive, not what they say.
    pub message_rate: bool,
    /// False with `-N`.
    pub end_of_line: bool,
}

impl SubscribeSettings {
    /// Whether the topics of `-v` are coloured on standard output: only on a terminal that can do it, and where
    /// neither `--color` nor `NO_COLOR` is against it.
    pub fn colors_topics(&self) -> bool {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        self.verbose
            && self.color
            && variable("NO_COLOR").is_none()
            && variable("TERM").is_some_and(|term| term != "dumb")
            && std::io::stdout().is_terminal()
    }
}

impl Settings {
    /// In flight at a time without `-M`, and taken from an MQTT 5 server.
    pub const INFLIGHT_MAX: u16 = 20;

    /// What holds where the arguments say nothing.
    pub fn new(tool: Tool) -> Self {
        Self {
            tool,
            connection: ConnectionSettings {
                host: "localhost".to_owned(),
                port: None,
                version: if tool == Tool::Rr { ProtocolVersion::V5 } else { ProtocolVersion::V311 },
                client_id: None,
                client_id_prefix: None,
                clean_start: true,
                keep_alive_s: 60,
                session_expiry_s: None,
                username: None,
                password: None,
                inflight_max: Self::INFLIGHT_MAX,
                unix_path: None,
                looks_up_service: false,
                bind_address: None,
                nodelay: false,
                no_tls: false,
                tls: TlsSettings::default(),
                websocket: false,
                proxy: None,
                will_topic: None,
                will: WillMessage::default(),
                has_will_payload: false,
            },
            properties: PropertySettings::default(),
            qos: QoS::AtMostOnce,
            debug: false,
            quiet: false,
            publish: PublishSettings {
                topic: None,
                source: None,
                retain: false,
                repeat: NonZeroU32::MIN,
                repeat_delay: Duration::ZERO,
            },
            subscribe: SubscribeSettings {
                filters: Vec::new(),
                unsubscribe: Vec::new(),
                filter_out: Vec::new(),
                options: SubscriptionOptions::default(),
                no_retained: false,
                retained_only: false,
                remove_retained: false,
                // One answer.
                count: if tool == Tool::Rr { Some(NonZeroU32::MIN) } else { None },
                exit_after_subscribing: false,
                timeout: None,
                verbose: false,
                color: true,
                format: None,
                pretty: false,
                chance_per_mille: None,
                watch: false,
                message_rate: false,
                end_of_line: true,
            },
            request: RequestSettings::default(),
            refused: Vec::new(),
        }
    }

    pub(crate) fn retain_handling(&mut self, handling: RetainHandling) {
        self.subscribe.options.retain_handling = handling;
    }
}
