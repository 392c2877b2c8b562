//! Where the broker listens, and who is let in without a name.

use crate::folder::{Folder, complaint, config, notices, refusal};
use mosquitto_config::{Config, Endpoint, LogType, Protocol, ProtocolVersions, SocketDomain, Tls};

const DEFAULT_LISTENER: [&str; 2] = [
    "Creating default listener due to 'max_connections' option.",
    "It is best practice to define a 'listener' first. Using the 'max_connections' option without a listener will be \
     disabled in the future.",
];

/// Host and port of every endpoint; `*` for all addresses.
fn places(config: &Config, ports: &[u16]) -> Vec<String> {
    let place = |at: &Endpoint| format!("{} {}", at.host.as_deref().unwrap_or("*"), at.port);
    config.endpoints(ports).iter().map(place).collect()
}

/// Whether each endpoint lets clients in that give no username.
fn anonymous(contents: &str) -> Vec<bool> {
    config(contents).endpoints(&[]).iter().map(|endpoint| endpoint.allow_anonymous).collect()
}

#[test]
fn without_a_listener_only_this_machine_is_served_and_needs_no_username() {
    let config = config("max_keepalive 7\n");
    assert!(config.local_only());
    let local = |host: &str| Endpoint {
        host: Some(host.to_owned()),
        port: 1883,
        unix_path: None,
        bind_interface: None,
        socket_domain: None,
        acl_file: None,
        allow_anonymous: true,
        password_file: None,
        psk_file: None,
        allow_zero_length_clientid: true,
        use_username_as_clientid: false,
        max_connections: None,
        max_qos: 2,
        protocol_versions: ProtocolVersions::ALL,
        auto_id_prefix: "auto-".to_owned(),
        mount_point: None,
        max_topic_alias: 10,
        max_topic_alias_broker: 10,
        protocol: Protocol::Mqtt,
        http_dir: None,
        websockets_origins: Vec::new(),
        proxy_protocol: None,
        proxy_protocol_v2_require_tls: false,
        tls: Tls::default(),
        optional: true,
    };
    let http = Endpoint { port: 9883, protocol: Protocol::HttpApi, ..local("127.0.0.1") };
    assert_eq!(config.endpoints(&[]), [local("127.0.0.1"), local("::1"), http]);
}

#[test]
fn local_only_mode_listens_on_the_ports_of_the_command_line() {
    let config = config("");
    assert_eq!(
        places(&config, &[1884, 1885]),
        ["127.0.0.1 1884", "::1 1884", "127.0.0.1 1885", "::1 1885", "127.0.0.1 9883"]
    );
}

#[test]
fn local_only_mode_obeys_an_explicit_allow_anonymous() {
    assert_eq!(anonymous("allow_anonymous false\n"), [false, false, false]);
    assert_eq!(anonymous("allow_anonymous true\n"), [true, true, true]);
}

#[test]
fn with_a_listener_a_username_is_needed_unless_the_file_says_otherwise() {
    assert_eq!(anonymous("listener 1884\n"), [false]);
    assert_eq!(anonymous("port 1884\n"), [false]);
    assert_eq!(anonymous("bind_address localhost\n"), [false]);
    assert_eq!(anonymous("listener 1884\nallow_anonymous true\n"), [true]);
    assert_eq!(anonymous("allow_anonymous true\nlistener 1884\n"), [true]);
}

#[test]
fn a_listener_of_its_own_mind_overrules_allow_anonymous() {
    let listeners = "listener 1884\nlistener_allow_anonymous true\n\
                     listener 1885\nlistener_allow_anonymous false\n\
                     listener 1886\n";
    assert_eq!(anonymous(listeners), [true, false, false]);
    assert_eq!(anonymous(&format!("{listeners}allow_anonymous true\n")), [true, false, true]);
    assert_eq!(anonymous(&format!("allow_anonymous false\n{listeners}")), [true, false, false]);
}

#[test]
fn listeners_are_opened_in_the_order_of_the_file_and_ignore_the_ports_of_the_command_line() {
    let config = config("listener 1885 ::1\nlistener 1884\nlistener 1884 localhost\n");
    assert!(!config.local_only());
    assert_eq!(places(&config, &[1999]), ["::1 1885", "* 1884", "localhost 1884"]);
    assert!(config.endpoints(&[]).iter().all(|endpoint| !endpoint.optional));
}

#[test]
fn a_comment_may_follow_a_listener_and_words_after_the_host_are_ignored() {
    let config = config("listener 1884 # all\nlistener 1885 #all\nlistener 1886 ::1 # this one\n");
    assert_eq!(places(&config, &[]), ["* 1884", "* 1885", "::1 1886"]);
}

#[test]
fn a_listener_needs_a_port_that_there_is() {
    for word in ["65536", "-1", "-65535", "2147483647"] {
        assert_eq!(
            refusal(format!("listener {word}\n")),
            format!(
                "Error: Invalid 'port' value ({word}).\nExpected: a port from 1 to 65535.\nError found at DIR/x:1."
            )
        );
    }
    assert_eq!(complaint("listener 0\n"), "Error: A listener with port 0 must provide a Unix socket path.");
    assert_eq!(complaint("listener 0 # x\n"), "Error: A listener with port 0 must provide a Unix socket path.");
    assert_eq!(config("listener 65535\n").listeners[0].port, 65535);
    assert_eq!(config("listener 0x75b\n").listeners[0].port, 1883);
}

#[test]
fn port_0_and_a_path_are_a_unix_socket() {
    let config = config("listener 0 /run/x.sock # here\nmax_connections 3\nsocket_domain ipv4\nlistener 0 y\n");
    let endpoints = config.endpoints(&[]);
    let paths: Vec<_> = endpoints.iter().map(|e| (e.port, e.host.as_deref(), e.unix_path.as_deref())).collect();
    assert_eq!(paths, [(0, None, Some("/run/x.sock")), (0, None, Some("y"))]);
    assert_eq!(endpoints[0].max_connections, Some(3));
    // The path alone tells it from others.
    assert_eq!(endpoints[0].place().to_string(), "0 /run/x.sock");
}

#[test]
fn a_listener_speaks_mqtt_websockets_or_http_and_origins_add_up() {
    let config = config(
        "listener 1884\nprotocol websockets\nwebsockets_origin https://a\nwebsockets_origin https://b c\n\
         listener 1885\nlistener 1886\nprotocol websockets\nprotocol mqtt\nlistener 1887\nprotocol http_api\n",
    );
    let spoken: Vec<_> = config.endpoints(&[]).into_iter().map(|e| (e.protocol, e.websockets_origins)).collect();
    let origins = vec!["https://a".to_owned(), "https://b c".to_owned()];
    let without = |protocol| (protocol, Vec::new());
    let others = [Protocol::Mqtt, Protocol::Mqtt, Protocol::HttpApi].map(without);
    assert_eq!(spoken, [&[(Protocol::WebSockets, origins)][..], &others].concat());
}

#[test]
fn options_of_a_listener_belong_to_the_latest_one() {
    let config = config("listener 1884\nmax_connections 5\nlistener 1885\nlistener 1886\nmax_connections 6\n");
    let limits: Vec<_> = config.endpoints(&[]).iter().map(|endpoint| endpoint.max_connections).collect();
    assert_eq!(limits, [Some(5), None, Some(6)]);
}

#[test]
fn max_connections_is_no_limit_from_0_down() {
    for (word, limit) in [("1", Some(1)), ("0", None), ("-1", None), ("-7", None), ("2147483647", Some(2_147_483_647))]
    {
        let config = config(format!("listener 1884\nmax_connections 3\nmax_connections {word}\n"));
        assert_eq!(config.listeners[0].max_connections, limit, "{word}");
    }
}

#[test]
fn port_and_bind_address_make_one_default_listener_wherever_they_stand() {
    let config = config("bind_address ::1\nlistener 1885\nport 1884\nmax_connections 5\n");
    assert_eq!(places(&config, &[]), ["::1 1884", "* 1885"]);
    assert_eq!(config.listeners[0].max_connections, Some(5));
    let deprecated = [
        "The 'bind_address' option is now deprecated and will be removed in version 3.0. ",
        "The 'port' option is now deprecated and will be removed in version 3.0. Please use 'listener' instead.",
    ];
    assert_eq!(notices(&config, LogType::Notice), deprecated);
}

#[test]
fn the_latest_port_counts_and_the_log_says_so() {
    let config = config("port 1884\nport 1885\n");
    assert_eq!(places(&config, &[]), ["* 1885"]);
    assert_eq!(
        notices(&config, LogType::Warning),
        ["Warning: Default listener port specified multiple times. Only the latest will be used."]
    );
}

#[test]
fn port_is_from_1_to_65535() {
    for word in ["0", "-1", "65536"] {
        let text = complaint(format!("port {word}\n"));
        assert_eq!(text, format!("Error: Invalid 'port' value ({word})."));
    }
}

#[test]
fn bind_address_is_given_once() {
    assert_eq!(
        complaint("bind_address ::1\nbind_address 127.0.0.1\n"),
        "Error: Duplicate 'default listener bind_address' value in configuration."
    );
}

#[test]
fn a_listeners_option_without_a_listener_makes_the_default_one_but_does_not_leave_local_only_mode() {
    let config = config("max_connections 5\n");
    assert!(config.local_only());
    assert!(config.allow_anonymous());
    assert_eq!(places(&config, &[]), ["127.0.0.1 1883", "::1 1883", "127.0.0.1 9883"]);
    assert_eq!(notices(&config, LogType::Information), DEFAULT_LISTENER);
}

#[test]
fn the_default_listener_is_opened_beside_others() {
    let config = config("max_connections 5\nlistener 1884\n");
    assert_eq!(places(&config, &[]), ["* 1883", "* 1884"]);
    assert_eq!(config.endpoints(&[])[0].max_connections, Some(5));
}

#[test]
fn some_options_need_a_listener_line_above_them() {
    let expected = "Error: The 'listener_allow_anonymous' option requires a listener to be defined first.";
    assert_eq!(complaint("listener_allow_anonymous true\n"), expected);
    // What is missing is more useful to know than that the value is wrong as well.
    assert_eq!(complaint("listener_allow_anonymous maybe\n"), expected);
    assert_eq!(complaint("listener_allow_anonymous true\nlistener 1884\n"), expected);
}

#[test]
fn an_included_file_does_not_go_on_with_a_listener_and_the_file_around_it_does() {
    let folder = Folder::new()
        .with("x", "listener 1884\ninclude_dir DIR/d\nmax_connections 7\n")
        .with("d/a.conf", "listener 1885\nmax_connections 5\n")
        .with("d/b.conf", "max_connections 6\n");
    let config = folder.config("x");
    let limits: Vec<_> = config.listeners.iter().map(|listener| (listener.port, listener.max_connections)).collect();
    assert_eq!(limits, [(1884, Some(7)), (1885, Some(5)), (1883, Some(6))]);
}

#[test]
fn accept_protocol_versions_is_a_list_however_it_is_spaced() {
    let accepted = |list: &str| {
        let ProtocolVersions { v31, v311, v5 } =
            config(format!("listener 1884\naccept_protocol_versions {list}\n")).endpoints(&[])[0].protocol_versions;
        [v31, v311, v5]
    };
    assert_eq!(accepted("3,4,5"), [true, true, true]);
    assert_eq!(accepted("   ,  5 ,\t3  ,"), [true, false, true]);
    // What is no version is no error.
    assert_eq!(accepted("311, 4, five"), [false, true, false]);
    let empty = "listener 1884\naccept_protocol_versions\n";
    assert_eq!(complaint(empty), "Error: Empty 'accept_protocol_versions' value in configuration.");
    assert_eq!(
        complaint("accept_protocol_versions 3\n"),
        "Error: The 'accept_protocol_versions' option requires a listener to be defined first."
    );
}

#[test]
fn max_qos_is_one_of_three() {
    let max_qos = |line: &str| config(format!("listener 1884\n{line}\n")).endpoints(&[])[0].max_qos;
    assert_eq!([max_qos(""), max_qos("max_qos 0"), max_qos("maximum_qos 1")], [2, 0, 1]);
    for line in ["max_qos 3\n", "maximum_qos -1\n"] {
        assert_eq!(complaint(line), "Error: 'max_qos' must be between 0 and 2 inclusive.");
    }
}

#[test]
fn client_ids_begin_as_their_listener_says_or_else_the_broker() {
    let prefixes = |contents: &str| -> Vec<String> {
        config(contents).endpoints(&[]).into_iter().map(|endpoint| endpoint.auto_id_prefix).collect()
    };
    let listeners = "listener 1884\nlistener_auto_id_prefix one-\nlistener 1885\n";
    assert_eq!(prefixes(listeners), ["one-", "auto-"]);
    assert_eq!(prefixes(&format!("{listeners}auto_id_prefix all-\n")), ["one-", "all-"]);
    // Mosquitto's rule.
    assert_eq!(prefixes("auto_id_prefix all-\n"), ["auto-"; 3]);
    let long = "a".repeat(51);
    assert_eq!(complaint(format!("auto_id_prefix {long}\n")), "Error: auto_id_prefix length must be <= 50.");
    assert_eq!(
        complaint(format!("listener 1884\nlistener_auto_id_prefix {long}\n")),
        "Error: 'listener_auto_id_prefix' length must be <= 50."
    );
}

#[test]
fn everything_said_about_a_listener_reaches_its_endpoint() {
    let config = config(
        "listener 1884 localhost\nbind_interface lo\nsocket_domain ipv6\nmount_point home/\n\
         use_username_as_clientid true\nmax_topic_alias 3\nmax_topic_alias_broker 0\n\
         listener 1885\n",
    );
    let [first, second] = config.endpoints(&[]).try_into().unwrap();
    assert_eq!(first.bind_interface.as_deref(), Some("lo"));
    assert_eq!(first.socket_domain, Some(SocketDomain::Ipv6));
    assert_eq!(first.mount_point.as_deref(), Some("home/"));
    assert!(first.use_username_as_clientid);
    assert_eq!((first.max_topic_alias, first.max_topic_alias_broker), (3, 0));
    assert_eq!((second.bind_interface, second.socket_domain, second.mount_point), (None, None, None));
    assert!(!second.use_username_as_clientid);
    assert_eq!((second.max_topic_alias, second.max_topic_alias_broker), (10, 10));
}

#[test]
fn the_place_of_an_endpoint_is_what_decides_where_it_listens_and_nothing_else() {
    let place = |lines: &str| config(format!("listener 1884 ::1\n{lines}")).endpoints(&[])[0].place();
    assert_eq!(place(""), place("max_qos 1\nmount_point a/\nallow_anonymous true\nmax_connections 5\n"));
    assert_ne!(place(""), place("bind_interface lo\n"));
    assert_ne!(place("socket_domain ipv4\n"), place("socket_domain ipv6\n"));
    assert_ne!(place(""), place("protocol http_api\n"));
    assert!(place("").excludes(&place("protocol http_api\n")) && place("").excludes(&place("protocol websockets\n")));
    assert!(!place("").excludes(&place("bind_interface lo\n")));
    assert_ne!(config("listener 1884\n").endpoints(&[])[0].place(), place(""));
    assert_ne!(config("listener 1885 ::1\n").endpoints(&[])[0].place(), place(""));
}

#[test]
fn a_mount_point_has_no_wildcards() {
    for text in ["+/a", "a/#", "a+"] {
        assert_eq!(
            refusal(format!("listener 1884\nmount_point {text}\n")),
            format!(
                "Error: Invalid mount_point '{text}'. Does it contain a wildcard character?\n\
                 Expected: the beginning of a topic, without + and #.\nError found at DIR/x:2."
            )
        );
    }
    assert_eq!(
        config("listener 1884\nmount_point a/\nmount_point b \n").listeners[0].mount_point.as_deref(),
        Some("b")
    );
}

#[test]
fn a_socket_domain_is_a_version_of_ip() {
    assert_eq!(
        complaint("listener 1884\nsocket_domain ipx\n"),
        "Error: Invalid 'socket_domain' value 'ipx' in configuration."
    );
}

#[test]
fn topic_aliases_are_counted_in_16_bits() {
    for name in ["max_topic_alias", "max_topic_alias_broker"] {
        for word in ["65536", "-1"] {
            let expected = format!("Error: Invalid '{name}' value in configuration.");
            assert_eq!(complaint(format!("listener 1884\n{name} {word}\n")), expected);
        }
        assert_eq!(
            complaint(format!("{name} 5\n")),
            format!("Error: The '{name}' option requires a listener to be defined first.")
        );
    }
}
