//! Every option of `mosquitto.conf(5)` is known: supported, or refused by its name.

use crate::folder::{Folder, config};
use mosquitto_config::Config;
use mosquitto_config::options::{Declaration, Status, find, options};

/// Options that do what they say, each with a line that is accepted below a `listener`.
const SUPPORTED: &[(&str, &str)] = &[
    ("accept_protocol_versions", "3,4"),
    ("allow_anonymous", "true"),
    ("allow_duplicate_messages", "false"),
    ("allow_zero_length_clientid", "false"),
    ("auto_id_prefix", "client-"),
    ("bind_address", "localhost"),
    ("bind_interface", "lo"),
    ("clientid_prefixes", "a-"),
    ("connection_messages", "false"),
    ("enable_control_api", "true"),
    ("global_max_clients", "10"),
    ("global_max_connections", "10"),
    ("include_dir", "DIR/d"),
    ("listener", "1884"),
    ("listener_allow_anonymous", "true"),
    ("listener_auto_id_prefix", "client-"),
    ("log_dest", "stdout"),
    ("log_facility", "3"),
    ("log_timestamp", "false"),
    ("log_timestamp_format", "%H:%M"),
    ("log_type", "all"),
    ("max_connections", "10"),
    ("max_inflight_bytes", "10"),
    ("max_inflight_messages", "10"),
    ("max_keepalive", "10"),
    ("max_packet_size", "1000"),
    ("max_qos", "1"),
    ("max_queued_bytes", "10"),
    ("max_queued_messages", "10"),
    ("max_topic_alias", "5"),
    ("max_topic_alias_broker", "5"),
    ("maximum_qos", "1"),
    ("memory_limit", "4294967296"),
    ("message_size_limit", "1000"),
    ("mount_point", "home/"),
    ("per_listener_settings", "false"),
    ("persistence", "false"),
    ("persistent_client_expiration", "2d"),
    ("pid_file", "DIR/pid"),
    ("port", "1884"),
    ("protocol", "mqtt"),
    ("queue_qos0_messages", "true"),
    ("retain_available", "false"),
    ("retain_expiry_interval", "5"),
    ("retained_persistence", "false"),
    ("retry_interval", "30"),
    ("set_tcp_nodelay", "true"),
    ("socket_domain", "ipv4"),
    ("sys_interval", "20"),
    ("upgrade_outgoing_qos", "true"),
    ("use_username_as_clientid", "true"),
    ("user", "nobody"),
    ("worker_threads", "2"),
];

/// Options that have no effect, and one line that says so.
const REMOVED: &[&str] =
    &["dhparamfile", "packet_buffer_size", "store_clean_interval", "websockets_headers_size", "websockets_log_level"];

/// Options of RSMB, which Mosquitto does not know any more.
pub(crate) const REFUSED: &[&str] = &["ffdc_output", "max_log_entries", "trace_level", "trace_output"];

/// Options that this broker will have.
pub(crate) const NOT_YET: &[&str] = &[
    // general
    "autosave_interval",
    "autosave_on_changes",
    "check_retain_source",
    // authentication and access control
    "password_file",
    "acl_file",
    "psk_file",
    // listeners
    "enable_proxy_protocol",
    "proxy_protocol_v2_require_tls",
    "http_dir",
    // TLS
    "certfile",
    "keyfile",
    "cafile",
    "capath",
    "crlfile",
    "ciphers",
    "ciphers_tls1.3",
    "tls_version",
    "require_certificate",
    "disable_client_cert_date_checks",
    "use_identity_as_username",
    "use_subject_as_username",
    "tls_engine",
    "tls_engine_kpass_sha1",
    "tls_keyform",
    // TLS-PSK and websockets
    "psk_hint",
    "websockets_origin",
    // persistence and logging
    "persistence_file",
    "persistence_location",
    // bridges
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
    // plugins
    "plugin",
    "auth_plugin",
    "global_plugin",
    "plugin_load",
    "plugin_use",
    "plugin_opt_KEY",
    "auth_opt_KEY",
    "auth_plugin_deny_special_chars",
];

/// The one option that Mosquitto does not have.
const OWN: &str = "worker_threads";

fn all() -> impl Iterator<Item = &'static str> {
    let supported = SUPPORTED.iter().map(|(name, _)| name);
    supported.chain(REMOVED).chain(REFUSED).chain(NOT_YET).copied()
}

fn status(name: &str) -> Option<Status> {
    find(name.as_bytes()).map(Declaration::status)
}

#[test]
fn every_option_is_known_and_has_the_expected_status() {
    for (name, _) in SUPPORTED {
        assert_eq!(status(name), Some(Status::Supported), "{name}");
    }
    for name in REMOVED {
        assert!(matches!(status(name), Some(Status::Removed(_))), "{name}");
    }
    for name in REFUSED {
        assert!(matches!(status(name), Some(Status::Refused(_))), "{name}");
    }
    for name in NOT_YET {
        assert_eq!(status(name), Some(Status::NotYet), "{name}");
    }
}

#[test]
fn the_table_has_no_option_that_is_not_listed_here() {
    let mut listed: Vec<_> = all().collect();
    let mut declared: Vec<_> = options().flat_map(Declaration::names).collect();
    listed.sort_unstable();
    declared.sort_unstable();
    assert_eq!(declared, listed);
    assert_eq!(
        options().filter(|option| option.since.starts_with("none")).map(|option| option.name).collect::<Vec<_>>(),
        [OWN]
    );
}

#[test]
fn no_name_is_declared_twice() {
    let mut names: Vec<_> = options().flat_map(Declaration::names).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_supported_option_is_accepted() {
    for (name, value) in SUPPORTED {
        let folder = Folder::new().with("x", format!("listener 1883\n{name} {value}\n")).with_directory("d");
        assert!(folder.read("x").is_ok(), "{name}");
    }
}

#[test]
fn every_option_without_effect_is_accepted_with_one_line_that_names_it() {
    for name in REMOVED {
        let config = config(format!("{name} 1\n"));
        let declared = find(name.as_bytes()).unwrap().name;
        assert!(
            matches!(config.notices.as_slice(), [notice] if notice.text.contains(declared)),
            "{:?}",
            config.notices
        );
        assert_eq!(Config { notices: Vec::new(), ..config }, Config::default());
    }
}

#[test]
fn every_declaration_has_a_sentence_of_help() {
    for option in options().filter(|option| !matches!(option.status(), Status::Refused(_))) {
        let help = option.help;
        assert!(help.ends_with('.') && help.len() < 110 && !help.contains('\n'), "{}: {help}", option.name);
    }
}

#[test]
fn a_declared_default_is_what_holds_without_the_option() {
    // A default in words, an option that makes a listener, or one that is remembered as given.
    const NO_VALUE: &[&str] = &[
        "allow_anonymous",
        "auto_id_prefix",
        "listener_allow_anonymous",
        "listener_auto_id_prefix",
        "log_facility",
        "log_type",
        "persistent_client_expiration",
        "port",
        "user",
        // What is given for itself is remembered as given.
        "allow_zero_length_clientid",
    ];
    let without = |text: String| Config { notices: Vec::new(), ..config(text) };
    let mut compared = 0;
    for option in options().filter(|option| option.status() == Status::Supported && !NO_VALUE.contains(&option.name)) {
        let Some(default) = option.default else { continue };
        let name = option.name;
        let with_default = without(format!("listener 1884\n{name} {default}\n"));
        assert_eq!(with_default, without("listener 1884\n".to_owned()), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 30);
}
