//! The options of Mosquitto 2.1, copied from its reference: nothing of them is unknown here, and what is left for later is
//! said by name.

use crate::option_table::{REFUSED, REMOVED, SUPPORTED};
use mosquitto_config::options::{Declaration, Reload, Scope, Status, find, options};

/// Name, scope (Global, Security, Listener, Explicit listener, Default listener, Bridge, Plugin), and what a reload does in
/// Mosquitto (Yes, No, Documented only, Later connections, Contents, Bridge).
const MOSQUITTO: &[(&str, char, char)] = &[
    // general
    ("allow_duplicate_messages", 'G', 'Y'),
    ("autosave_interval", 'G', 'Y'),
    ("autosave_on_changes", 'G', 'Y'),
    ("check_retain_source", 'G', 'D'),
    ("clientid_prefixes", 'G', 'Y'),
    ("connection_messages", 'G', 'Y'),
    ("enable_control_api", 'G', 'D'),
    ("packet_buffer_size", 'G', 'N'),
    ("retain_expiry_interval", 'G', 'D'),
    ("global_max_clients", 'G', 'D'),
    ("global_max_connections", 'G', 'D'),
    ("include_dir", 'G', 'Y'),
    ("max_inflight_bytes", 'G', 'D'),
    ("max_inflight_messages", 'G', 'D'),
    ("max_keepalive", 'G', 'D'),
    ("max_packet_size", 'G', 'D'),
    ("max_queued_bytes", 'G', 'D'),
    ("max_queued_messages", 'G', 'D'),
    ("memory_limit", 'G', 'Y'),
    ("message_size_limit", 'G', 'Y'),
    ("per_listener_settings", 'G', 'D'),
    ("persistent_client_expiration", 'G', 'Y'),
    ("pid_file", 'G', 'N'),
    ("queue_qos0_messages", 'G', 'Y'),
    ("retain_available", 'G', 'D'),
    ("retry_interval", 'G', 'N'),
    ("set_tcp_nodelay", 'G', 'D'),
    ("store_clean_interval", 'G', 'N'),
    ("sys_interval", 'G', 'Y'),
    ("upgrade_outgoing_qos", 'G', 'Y'),
    ("user", 'G', 'N'),
    ("ffdc_output", 'G', 'N'),
    ("max_log_entries", 'G', 'N'),
    ("trace_level", 'G', 'N'),
    ("trace_output", 'G', 'N'),
    // access
    ("allow_anonymous", 'S', 'Y'),
    ("listener_allow_anonymous", 'E', 'L'),
    ("allow_zero_length_clientid", 'S', 'Y'),
    ("auto_id_prefix", 'S', 'D'),
    ("listener_auto_id_prefix", 'E', 'L'),
    ("password_file", 'S', 'Y'),
    ("acl_file", 'S', 'Y'),
    ("psk_file", 'S', 'Y'),
    // listeners
    ("listener", 'G', 'N'),
    ("port", 'D', 'N'),
    ("bind_address", 'D', 'N'),
    ("bind_interface", 'L', 'N'),
    ("accept_protocol_versions", 'E', 'L'),
    ("enable_proxy_protocol", 'E', 'L'),
    ("proxy_protocol_v2_require_tls", 'E', 'L'),
    ("max_connections", 'L', 'L'),
    ("max_qos", 'L', 'L'),
    ("maximum_qos", 'L', 'L'),
    ("max_topic_alias", 'E', 'L'),
    ("max_topic_alias_broker", 'E', 'L'),
    ("mount_point", 'E', 'L'),
    ("protocol", 'L', 'L'),
    ("socket_domain", 'L', 'N'),
    ("use_username_as_clientid", 'L', 'L'),
    ("http_dir", 'E', 'N'),
    // TLS
    ("certfile", 'L', 'C'),
    ("keyfile", 'L', 'C'),
    ("cafile", 'E', 'C'),
    ("capath", 'L', 'C'),
    ("crlfile", 'L', 'C'),
    ("ciphers", 'L', 'L'),
    ("ciphers_tls1.3", 'L', 'L'),
    ("tls_version", 'E', 'N'),
    ("require_certificate", 'L', 'Y'),
    ("disable_client_cert_date_checks", 'E', 'L'),
    ("use_identity_as_username", 'L', 'L'),
    ("use_subject_as_username", 'L', 'L'),
    ("dhparamfile", 'G', 'N'),
    ("tls_engine", 'L', 'N'),
    ("tls_engine_kpass_sha1", 'L', 'N'),
    ("tls_keyform", 'L', 'N'),
    // TLS-PSK and WebSockets
    ("psk_hint", 'L', 'N'),
    ("websockets_headers_size", 'G', 'N'),
    ("websockets_log_level", 'G', 'Y'),
    ("websockets_origin", 'E', 'L'),
    // persistence and logging
    ("persistence", 'G', 'Y'),
    ("retained_persistence", 'G', 'Y'),
    ("persistence_file", 'G', 'Y'),
    ("persistence_location", 'G', 'Y'),
    ("log_dest", 'G', 'Y'),
    ("log_type", 'G', 'Y'),
    ("log_facility", 'G', 'Y'),
    ("log_timestamp", 'G', 'Y'),
    ("log_timestamp_format", 'G', 'Y'),
    // bridges
    ("connection", 'B', 'B'),
    ("address", 'B', 'B'),
    ("addresses", 'B', 'B'),
    ("topic", 'B', 'B'),
    ("bridge_attempt_unsubscribe", 'B', 'B'),
    ("bridge_bind_address", 'B', 'B'),
    ("bridge_max_packet_size", 'B', 'B'),
    ("bridge_max_topic_alias", 'B', 'B'),
    ("bridge_outgoing_retain", 'B', 'B'),
    ("bridge_protocol_version", 'B', 'B'),
    ("bridge_receive_maximum", 'B', 'B'),
    ("bridge_reload_type", 'B', 'B'),
    ("bridge_session_expiry_interval", 'B', 'B'),
    ("bridge_tcp_keepalive", 'B', 'B'),
    ("bridge_tcp_user_timeout", 'B', 'B'),
    ("cleansession", 'B', 'B'),
    ("local_cleansession", 'B', 'B'),
    ("remote_clientid", 'B', 'B'),
    ("clientid", 'B', 'B'),
    ("local_clientid", 'B', 'B'),
    ("remote_username", 'B', 'B'),
    ("username", 'B', 'B'),
    ("remote_password", 'B', 'B'),
    ("password", 'B', 'B'),
    ("local_username", 'B', 'B'),
    ("local_password", 'B', 'B'),
    ("keepalive_interval", 'B', 'B'),
    ("idle_timeout", 'B', 'B'),
    ("threshold", 'B', 'B'),
    ("start_type", 'B', 'B'),
    ("restart_timeout", 'B', 'B'),
    ("round_robin", 'B', 'B'),
    ("notifications", 'B', 'B'),
    ("notifications_local_only", 'B', 'B'),
    ("notification_topic", 'B', 'B'),
    ("try_private", 'B', 'B'),
    ("bridge_cafile", 'B', 'B'),
    ("bridge_capath", 'B', 'B'),
    ("bridge_tls_use_os_certs", 'B', 'B'),
    ("bridge_certfile", 'B', 'B'),
    ("bridge_keyfile", 'B', 'B'),
    ("bridge_insecure", 'B', 'B'),
    ("bridge_alpn", 'B', 'B'),
    ("bridge_ciphers", 'B', 'B'),
    ("bridge_ciphers_tls1.3", 'B', 'B'),
    ("bridge_tls_version", 'B', 'B'),
    ("bridge_require_ocsp", 'B', 'B'),
    ("bridge_identity", 'B', 'B'),
    ("bridge_psk", 'B', 'B'),
    // plugins
    ("plugin", 'S', 'N'),
    ("auth_plugin", 'S', 'N'),
    ("global_plugin", 'G', 'N'),
    ("plugin_load", 'G', 'N'),
    ("plugin_use", 'E', 'N'),
    ("plugin_opt_KEY", 'P', 'N'),
    ("auth_opt_KEY", 'P', 'N'),
    ("auth_plugin_deny_special_chars", 'P', 'N'),
];

/// Options that this broker will have, by theme.
pub(crate) const LATER: &[(&str, &[&str])] = &[
    ("TLS", &["tls_engine", "tls_engine_kpass_sha1", "tls_keyform"]),
    (
        "plugins",
        &[
            "plugin",
            "auth_plugin",
            "global_plugin",
            "plugin_load",
            "plugin_use",
            "plugin_opt_KEY",
            "auth_opt_KEY",
            "auth_plugin_deny_special_chars",
        ],
    ),
];

/// Options of bridges.
pub(crate) const OF_BRIDGES: &[&str] = &[
    "connection",
    "address",
    "addresses",
    "topic",
    "bridge_attempt_unsubscribe",
    "bridge_bind_address",
    "bridge_max_packet_size",
    "bridge_max_topic_alias",
    "bridge_outgoing_retain",
    "bridge_protocol_version",
    "bridge_receive_maximum",
    "bridge_reload_type",
    "bridge_session_expiry_interval",
    "bridge_tcp_keepalive",
    "bridge_tcp_user_timeout",
    "cleansession",
    "local_cleansession",
    "remote_clientid",
    "clientid",
    "local_clientid",
    "remote_username",
    "username",
    "remote_password",
    "password",
    "local_username",
    "local_password",
    "keepalive_interval",
    "idle_timeout",
    "threshold",
    "start_type",
    "restart_timeout",
    "round_robin",
    "notifications",
    "notifications_local_only",
    "notification_topic",
    "try_private",
    "bridge_cafile",
    "bridge_capath",
    "bridge_tls_use_os_certs",
    "bridge_certfile",
    "bridge_keyfile",
    "bridge_insecure",
    "bridge_alpn",
    "bridge_ciphers",
    "bridge_ciphers_tls1.3",
    "bridge_tls_version",
    "bridge_require_ocsp",
    "bridge_identity",
    "bridge_psk",
];

/// The options that Mosquitto does not have.
const OWN: [&str; 5] = [
    "keyfile_passphrase_command",
    "max_unauthenticated_connections",
    "persistence_sync",
    "worker_threads",
    "workers_together",
];

/// Options that are an error wherever they stand as long as this broker lacks them.
pub(crate) fn later() -> impl Iterator<Item = &'static str> {
    LATER.iter().flat_map(|(_, names)| *names).copied()
}

fn declaration(name: &str) -> &'static Declaration {
    find(name.as_bytes()).unwrap_or_else(|| panic!("{name} is unknown"))
}

fn sorted<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_unstable();
    names
}

#[test]
fn every_option_of_mosquitto_is_declared_and_those_of_this_brokers_own() {
    let mosquitto = MOSQUITTO.iter().map(|(name, ..)| *name);
    let declared = options().flat_map(Declaration::names);
    assert_eq!(sorted(declared), sorted(mosquitto.chain(OWN)));
    let own = options().filter(|option| option.since.starts_with("none")).map(|option| option.name);
    assert_eq!(sorted(own), OWN);
}

#[test]
fn every_option_does_what_it_says_or_has_no_effect_or_is_left_for_later_or_for_ever() {
    let supported = SUPPORTED.iter().map(|(name, _)| *name);
    let names = supported
        .chain(REMOVED.iter().copied())
        .chain(REFUSED.iter().copied())
        .chain(later())
        .chain(OF_BRIDGES.iter().copied());
    assert_eq!(sorted(names), sorted(MOSQUITTO.iter().map(|(name, ..)| *name).chain(OWN)));
    for (name, _) in SUPPORTED {
        assert_eq!(declaration(name).status(), Status::Supported, "{name}");
    }
    for name in REMOVED {
        assert!(matches!(declaration(name).status(), Status::Removed(_)), "{name}");
    }
    for name in REFUSED {
        assert!(matches!(declaration(name).status(), Status::Refused(_)), "{name}");
    }
    for name in later() {
        assert_eq!(declaration(name).status(), Status::NotYet, "{name}");
    }
    for name in OF_BRIDGES {
        assert_eq!(declaration(name).status(), Status::Supported, "{name}");
    }
}

#[test]
fn scope_and_reload_are_declared_as_in_mosquitto() {
    for (name, scope, reload) in MOSQUITTO {
        let option = declaration(name);
        let scope = match scope {
            'G' => Scope::Global,
            'S' => Scope::Security,
            'L' => Scope::Listener,
            'E' => Scope::ExplicitListener,
            'D' => Scope::DefaultListener,
            'B' => Scope::Bridge,
            'P' => Scope::Plugin,
            other => panic!("{other}"),
        };
        let reload = match reload {
            'Y' => Reload::Yes,
            'N' => Reload::No,
            'D' => Reload::DocumentedOnly,
            'L' => Reload::LaterConnections,
            'C' => Reload::Contents,
            'B' => Reload::Bridge,
            other => panic!("{other}"),
        };
        assert_eq!((option.scope, option.reload), (scope, reload), "{name}");
    }
}
