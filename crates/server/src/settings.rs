//! From the configuration to what the broker's core knows as its settings.

use crate::auth_files::AuthFiles;
use mosquitto_broker::{
    CertificateUsername, ListenerSettings, LogMask, Persistence as Keeping, Settings as BrokerSettings, Versions,
};
use mosquitto_config::{Endpoint, Global, Persistence, Protocol, ProtocolVersions, Settings};
use mosquitto_mqtt::QoS;
use mosquitto_transport::{BindOptions, Layers, ProxyRules, ProxyVersion, WebSocketRules};
use std::sync::Arc;

/// As many workers as `worker_threads` may ask for.
const WORKERS_MAX: usize = 256;

/// `packet_buffer_size` where it is not said.
const HEAD_BYTES_DEFAULT: u16 = 4096;

/// How many workers there are to be.
pub(crate) fn worker_count(settings: &Settings) -> usize {
    match settings.config.global.worker_threads {
        Some(count) => usize::from(count.get()),
        None => std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX),
    }
}

/// How listening sockets are opened.
pub(crate) fn bind_options(settings: &Settings) -> BindOptions {
    BindOptions { nodelay: settings.config.global.set_tcp_nodelay, ..BindOptions::default() }
}

/// What there is between the sockets of an endpoint's connections and MQTT.
pub(crate) fn layers(endpoint: &Endpoint, global: &Global) -> Layers {
    if endpoint.protocol == Protocol::HttpApi {
        // None of them is for that.
        return Layers::default();
    }
    let version = match endpoint.proxy_protocol {
        Some(1) => Some(ProxyVersion::V1),
        Some(_) => Some(ProxyVersion::V2),
        None => None,
    };
    let require_tls = endpoint.proxy_protocol_v2_require_tls;
    // With TLS of its own, it is that which requires one.
    let require_certificate = endpoint.tls.require_certificate && !endpoint.tls.is_on();
    let proxy = version.map(|version| ProxyRules { version, require_tls, require_certificate });
    let websocket = (endpoint.protocol == Protocol::WebSockets).then(|| {
        let bytes = if global.packet_buffer_size == 0 { HEAD_BYTES_DEFAULT } else { global.packet_buffer_size };
        Arc::new(WebSocketRules {
            head_bytes_max: usize::from(bytes),
            protocols: &["mqtt", "mqttv3.1"],
            origins: endpoint.websockets_origins.clone(),
            gives_requests_away: endpoint.http_dir.is_some(),
        })
    });
    Layers { proxy, websocket }
}

/// `global_max_connections`; none: any number.
pub(crate) fn connections_max(settings: &Settings) -> Option<u32> {
    settings.config.global.global_max_connections.map(u32::from)
}

/// `max_unauthenticated_connections`, those of one worker: each of them has the same part.
pub(crate) fn lobby_max(settings: &Settings) -> usize {
    let all = settings.config.global.max_unauthenticated_connections.get();
    usize::try_from(all).unwrap_or(usize::MAX).div_ceil(worker_count(settings))
}

/// The core's settings. `endpoints` are those of the listeners by number, none for one that is gone; `auth_files` are
/// the files that say who may do what; `log` are the lines that are wanted.
pub(crate) fn broker_settings<'e>(
    settings: &Settings,
    endpoints: impl Iterator<Item = Option<&'e Endpoint>>,
    auth_files: &AuthFiles,
    log: LogMask,
) -> BrokerSettings {
    let global = &settings.config.global;
    BrokerSettings {
        global_max_clients: global.global_max_clients.map_or(0, u32::from),
        max_inflight_messages: global.max_inflight_messages,
        max_inflight_bytes: global.max_inflight_bytes,
        max_queued_bytes: global.max_queued_bytes,
        max_queued_messages: global.max_queued_messages,
        max_keepalive_s: global.max_keepalive,
        max_packet_size: global.max_packet_size,
        message_size_limit: global.message_size_limit,
        memory_limit: global.memory_limit,
        retain_available: global.retain_available,
        upgrade_outgoing_qos: global.upgrade_outgoing_qos,
        allow_duplicate_messages: global.allow_duplicate_messages,
        clientid_prefixes: global.clientid_prefixes.as_deref().map(Into::into),
        retry_interval_s: global.retry_interval.map(|seconds| seconds.get().into()),
        queue_qos0_messages: global.queue_qos0_messages,
        persistent_client_expiration_s: global.persistent_client_expiration,
        retain_expiry_interval_min: global.retain_expiry_interval.map_or(0, u32::from),
        enable_control_api: global.enable_control_api,
        connection_messages: settings.config.log.connection_messages,
        listeners: endpoints
            .map(|endpoint| endpoint.map_or_else(closed_listener, |at| listener(at, auth_files)))
            .collect(),
        access_lists: auth_files.acl.lists(),
        check_retain_source: global.check_retain_source,
        persistence: persistence(&global.persistence),
        log,
    }
}

/// Acknowledgements wait for the journal whatever `persistence_sync` is: until it is on the disk or, where nobody waits for
/// that, until the system has it, so that a broker that is killed has lost nothing.
fn persistence(options: &Persistence) -> Keeping {
    if options.on { Keeping::Synced } else { Keeping::Off }
}

fn listener(endpoint: &Endpoint, auth_files: &AuthFiles) -> ListenerSettings {
    ListenerSettings {
        port: endpoint.port,
        host: endpoint.host.as_deref().map(Into::into),
        unix_path: endpoint.unix_path.as_deref().map(Into::into),
        websockets: endpoint.protocol == Protocol::WebSockets,
        http: endpoint.protocol == Protocol::HttpApi,
        closed: false,
        allow_anonymous: endpoint.allow_anonymous,
        passwords: auth_files.passwords.of(endpoint),
        max_qos: QoS::from_bits(endpoint.max_qos).unwrap_or(QoS::ExactlyOnce),
        versions: versions(endpoint.protocol_versions),
        auto_id_prefix: endpoint.auto_id_prefix.as_str().into(),
        allow_zero_length_clientid: endpoint.allow_zero_length_clientid,
        use_username_as_clientid: endpoint.use_username_as_clientid,
        tls: endpoint.tls.is_on(),
        certificate_username: certificate_username(endpoint),
        mount_point: endpoint.mount_point.as_deref().map(Into::into),
        access_list: auth_files.acl.of(endpoint),
        max_topic_alias: endpoint.max_topic_alias,
        max_topic_alias_broker: endpoint.max_topic_alias_broker,
    }
}

/// Where a certificate is required, a listener without TLS lets nobody in either, as in Mosquitto.
/// A proxy tells of common names in version 2 of its header.
fn certificate_username(endpoint: &Endpoint) -> Option<CertificateUsername> {
    let tls = &endpoint.tls;
    let of_proxy = endpoint.proxy_protocol == Some(2);
    if tls.use_identity_as_username && (tls.is_on() || of_proxy || tls.require_certificate) {
        Some(CertificateUsername::CommonName)
    } else {
        (tls.use_subject_as_username && tls.is_on()).then_some(CertificateUsername::Subject)
    }
}

fn closed_listener() -> ListenerSettings {
    ListenerSettings { closed: true, allow_anonymous: false, ..ListenerSettings::default() }
}

fn versions(ProtocolVersions { v31, v311, v5 }: ProtocolVersions) -> Versions {
    Versions { v31, v311, v5 }
}

#[cfg(test)]
mod tests {
    use super::{AuthFiles, broker_settings};
    use mosquitto_broker::LogMask;
    use mosquitto_config::{Config, Settings};
    use std::path::Path;

    /// The one option of which no test of the program sees the effect, as it counts in minutes.
    #[test]
    fn retain_expiry_interval_gets_to_the_core() {
        for (text, expected) in [("", 0), ("retain_expiry_interval 5\n", 5), ("retain_expiry_interval 1\n", 1)] {
            let config = Config::parse(Path::new("test"), text.as_bytes()).unwrap();
            let settings = Settings { config, ..Settings::default() };
            let core = broker_settings(&settings, std::iter::empty(), &AuthFiles::default(), LogMask::DEFAULT);
            assert_eq!(core.retain_expiry_interval_min, expected);
        }
    }
}
