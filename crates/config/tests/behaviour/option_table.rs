//! Every option of `mosquitto.conf(5)` is known: supported, or refused by its name.

use crate::folder::{Folder, config};
use mosquitto_config::Config;
use mosquitto_config::options::{Declaration, Scope, Status, find, options};

/// Options that do what they say, each with a line that is accepted below a `listener`.
pub(crate) const SUPPORTED: &[(&str, &str)] = &[
    ("accept_protocol_versions", "3,4"),
    ("acl_file", "rules"),
    ("allow_anonymous", "true"),
    ("allow_duplicate_messages", "false"),
    ("allow_zero_length_clientid", "false"),
    ("auto_id_prefix", "client-"),
    ("autosave_interval", "60"),
    ("autosave_on_changes", "true"),
    ("bind_address", "localhost"),
    ("bind_interface", "lo"),
    ("cafile", "ca.crt"),
    ("capath", "/etc/ssl/certs"),
    ("certfile", "server.crt"),
    ("ciphers", "HIGH"),
    ("ciphers_tls1.3", "TLS_AES_128_GCM_SHA256"),
    ("check_retain_source", "true"),
    ("clientid_prefixes", "a-"),
    ("connection_messages", "false"),
    ("crlfile", "crl.pem"),
    ("disable_client_cert_date_checks", "true"),
    ("enable_control_api", "true"),
    ("enable_proxy_protocol", "1"),
    ("global_max_clients", "10"),
    ("global_max_connections", "10"),
    ("http_dir", "/usr/share/mosquitto/www"),
    ("include_dir", "DIR/d"),
    ("keyfile", "server.key"),
    ("keyfile_passphrase_command", "/bin/cat passphrase"),
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
    ("max_unauthenticated_connections", "10"),
    ("maximum_qos", "1"),
    ("memory_limit", "4294967296"),
    ("message_size_limit", "1000"),
    ("mount_point", "home/"),
    ("password_file", "users"),
    ("per_listener_settings", "false"),
    ("packet_buffer_size", "100"),
    ("persistence", "true"),
    ("persistence_file", "kept.db"),
    ("persistence_location", "/var/lib/mosquitto/"),
    ("persistence_sync", "interval 500"),
    ("persistent_client_expiration", "2d"),
    ("pid_file", "DIR/pid"),
    ("port", "1884"),
    ("protocol", "websockets"),
    ("proxy_protocol_v2_require_tls", "true"),
    ("psk_file", "keys"),
    ("psk_hint", "hint"),
    ("queue_qos0_messages", "true"),
    ("require_certificate", "true"),
    ("retain_available", "false"),
    ("retain_expiry_interval", "5"),
    ("retained_persistence", "true"),
    ("retry_interval", "30"),
    ("set_tcp_nodelay", "true"),
    ("socket_domain", "ipv4"),
    ("sys_interval", "20"),
    ("tls_version", "tlsv1.3"),
    ("upgrade_outgoing_qos", "true"),
    ("use_identity_as_username", "true"),
    ("use_subject_as_username", "true"),
    ("use_username_as_clientid", "true"),
    ("user", "nobody"),
    ("websockets_headers_size", "100"),
    ("websockets_origin", "https://example.org"),
    ("worker_threads", "2"),
    ("workers_together", "false"),
];

/// Options that have no effect, and one line that says so.
pub(crate) const REMOVED: &[&str] = &["dhparamfile", "store_clean_interval", "websockets_log_level"];

/// Options of RSMB, which Mosquitto does not know any more.
pub(crate) const REFUSED: &[&str] = &["ffdc_output", "max_log_entries", "trace_level", "trace_output"];

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
    // Options of TLS need these two.
    const TLS: &str = "certfile x\nkeyfile x\n";
    for (name, value) in SUPPORTED {
        let tls = if name.starts_with("psk_") { "" } else { TLS };
        let folder = Folder::new().with("x", format!("listener 1883\n{tls}{name} {value}\n")).with_directory("d");
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
        "persistence_file",
    ];
    let without = |text: String| Config { notices: Vec::new(), references: Vec::new(), ..config(text) };
    let mut compared = 0;
    for option in options().filter(|option| option.status() == Status::Supported && !NO_VALUE.contains(&option.name)) {
        // Those of bridges stand below one.
        let Some(default) = option.default.filter(|_| option.scope != Scope::Bridge) else { continue };
        let name = option.name;
        let with_default = without(format!("listener 1884\n{name} {default}\n"));
        assert_eq!(with_default, without("listener 1884\n".to_owned()), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 42);
}
