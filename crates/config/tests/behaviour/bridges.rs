//! What can be said about a bridge, option by option. The texts are those of Mosquitto 2.1.2, but for the lines that tell what
//! was expected.

use crate::folder::{complaint, config, notices};
use mosquitto_config::options::{Argument, find};
use mosquitto_config::{
    Bridge, BridgeAddress, BridgeProtocol, BridgeTls, Config, Direction, LogType, ReloadType, RestartTimeout,
    StartType, TcpKeepalive,
};

/// A bridge of which no more is said than has to be.
pub(crate) const PLAIN: &str = "connection b\naddress example.org\ntopic t\n";

/// The only bridge of a file with these lines below a plain one.
pub(crate) fn bridge(lines: &str) -> Bridge {
    let config = config(format!("{PLAIN}{lines}\n"));
    let [bridge] = config.bridges.as_slice() else { panic!("{:?}", config.bridges) };
    bridge.clone()
}

/// The first line about a file with these lines below a plain bridge.
pub(crate) fn wrong(lines: &str) -> String {
    complaint(format!("{PLAIN}{lines}\n"))
}

/// What the log is told at this level about such a file.
pub(crate) fn said(level: LogType, lines: &str) -> Vec<String> {
    notices(&config(format!("{PLAIN}{lines}\n")), level).into_iter().map(str::to_owned).collect()
}

#[test]
fn without_further_options_the_defaults_hold() {
    let bridge = bridge("");
    assert_eq!(bridge.name, "b");
    assert_eq!(bridge.addresses, [BridgeAddress { host: "example.org".to_owned(), port: 1883 }]);
    assert_eq!((bridge.topics[0].direction, bridge.topics[0].qos), (Direction::Out, 0));
    assert_eq!(bridge.protocol_version, BridgeProtocol::V311);
    assert_eq!((bridge.start_type, bridge.reload_type), (StartType::Automatic, ReloadType::Lazy));
    assert_eq!(bridge.restart_timeout, RestartTimeout::Jitter { base_s: 5, cap_s: 30, stable_s: 0 });
    assert_eq!((bridge.keepalive_interval, bridge.idle_timeout, bridge.threshold), (60, 60, 10));
    assert_eq!((bridge.max_topic_alias, bridge.receive_maximum, bridge.max_packet_size), (10, None, 0));
    assert_eq!((bridge.session_expiry_interval, bridge.tcp_keepalive, bridge.tcp_user_timeout), (0, None, None));
    assert!(bridge.attempt_unsubscribe && bridge.outgoing_retain && bridge.notifications && bridge.try_private);
    assert!(!bridge.round_robin && !bridge.clean_session && !bridge.notifications_local_only);
    assert_eq!(bridge.tls, BridgeTls::default());
    assert_eq!(bridge.remote_clientid("host"), "host.b");
    assert_eq!(bridge.local_clientid("host"), "local.host.b");
    assert_eq!(bridge.notification_topic("host"), "$SYS/broker/connection/host.b/state");
}

#[test]
fn a_declared_default_is_what_holds_without_the_option() {
    // A default in words.
    const NO_VALUE: &[&str] = &["local_cleansession", "remote_clientid", "local_clientid", "notification_topic"];
    let of_bridges = crate::mosquitto_options::OF_BRIDGES.iter().map(|name| find(name.as_bytes()).unwrap());
    let mut compared = 0;
    for option in of_bridges.filter(|option| !NO_VALUE.contains(&option.name)) {
        let Some(default) = option.default else { continue };
        assert_eq!(bridge(&format!("{} {default}", option.name)), bridge(""), "{}", option.name);
        compared += 1;
    }
    assert_eq!(compared, 20);
}

#[test]
fn every_flag_and_number_has_its_place() {
    let changed = |lines: &str, change: fn(&mut Bridge)| {
        let mut expected = bridge("");
        change(&mut expected);
        assert_ne!(expected, bridge(""), "{lines}");
        assert_eq!(bridge(lines), expected, "{lines}");
    };
    changed("round_robin true", |bridge| bridge.round_robin = true);
    changed("bridge_bind_address 127.0.0.2", |bridge| bridge.bind_address = Some("127.0.0.2".to_owned()));
    changed("bridge_attempt_unsubscribe false", |bridge| bridge.attempt_unsubscribe = false);
    changed("bridge_protocol_version mqttv31", |bridge| bridge.protocol_version = BridgeProtocol::V31);
    changed("bridge_protocol_version mqttv50", |bridge| bridge.protocol_version = BridgeProtocol::V5);
    changed("bridge_max_packet_size 500", |bridge| bridge.max_packet_size = 500);
    changed("bridge_max_topic_alias 0", |bridge| bridge.max_topic_alias = 0);
    changed("bridge_receive_maximum 65535", |bridge| bridge.receive_maximum = std::num::NonZeroU16::new(65535));
    changed("bridge_session_expiry_interval 2147483647", |bridge| bridge.session_expiry_interval = 2_147_483_647);
    changed("bridge_outgoing_retain false", |bridge| bridge.outgoing_retain = false);
    changed("bridge_reload_type immediate", |bridge| bridge.reload_type = ReloadType::Immediate);
    changed("bridge_tcp_keepalive 60 10 5 # x", |bridge| {
        bridge.tcp_keepalive = Some(TcpKeepalive { idle_s: 60, interval_s: 10, probes: 5 });
    });
    changed("bridge_tcp_user_timeout 0", |bridge| bridge.tcp_user_timeout = Some(0));
    changed("cleansession true", |bridge| bridge.clean_session = true);
    changed("local_cleansession false", |bridge| bridge.local_clean_session = Some(false));
    changed("local_username a b", |bridge| bridge.local_username = Some("a b".to_owned()));
    changed("local_password c", |bridge| bridge.local_password = Some("c".to_owned()));
    changed("keepalive_interval 65535", |bridge| bridge.keepalive_interval = 65535);
    changed("idle_timeout 1", |bridge| bridge.idle_timeout = 1);
    changed("threshold 11", |bridge| bridge.threshold = 11);
    changed("start_type lazy", |bridge| bridge.start_type = StartType::Lazy);
    changed("start_type once", |bridge| bridge.start_type = StartType::Once);
    changed("notifications false", |bridge| bridge.notifications = false);
    changed("notifications_local_only true", |bridge| bridge.notifications_local_only = true);
    changed("notification_topic a/b", |bridge| bridge.notification_topic = Some("a/b".to_owned()));
    changed("try_private false", |bridge| bridge.try_private = false);
}

#[test]
fn ids_and_names_have_two_names_for_one_option() {
    for line in ["clientid x", "remote_clientid x"] {
        let bridge = bridge(line);
        assert_eq!(bridge.remote_clientid("host"), "x");
        assert_eq!(bridge.local_clientid("host"), "local.x");
        assert_eq!(bridge.notification_topic("host"), "$SYS/broker/connection/x/state");
    }
    assert_eq!(bridge("local_clientid y").local_clientid("host"), "y");
    for line in ["username x", "remote_username x"] {
        assert_eq!(bridge(line).remote_username.as_deref(), Some("x"));
    }
    for line in ["password x", "remote_password x"] {
        assert_eq!(bridge(line).remote_password.as_deref(), Some("x"));
    }
    let twice = |name: &str| format!("Error: Duplicate '{name}' value in configuration.");
    assert_eq!(wrong("clientid a\nremote_clientid b"), twice("bridge remote clientid"));
    assert_eq!(wrong("username a\nremote_username b"), twice("bridge remote_username"));
    assert_eq!(wrong("password a\nremote_password b"), twice("bridge remote_password"));
    assert_eq!(wrong("local_clientid a\nlocal_clientid b"), twice("bridge local clientd"));
    assert_eq!(wrong("local_username"), "Error: Empty 'bridge local_username' value in configuration.");
    assert_eq!(wrong("notification_topic a\nnotification_topic a"), twice("notification_topic"));
}

#[test]
fn the_local_session_is_as_clean_as_the_remote_one_unless_said_otherwise() {
    assert!(!bridge("").local_clean_session());
    assert!(bridge("cleansession true").local_clean_session());
    assert!(!bridge("cleansession true\nlocal_cleansession false").local_clean_session());
    assert!(bridge("local_cleansession true").local_clean_session());
}

#[test]
fn addresses_have_the_port_behind_the_last_colon() {
    let addresses = |line: &str| -> Vec<(String, u16)> {
        let bridge = &config(format!("connection b\n{line}\ntopic t\n")).bridges[0];
        bridge.addresses.iter().map(|address| (address.host.clone(), address.port)).collect()
    };
    let one = |host: &str, port: u16| (host.to_owned(), port);
    assert_eq!(addresses("address a b:2 #c"), [one("a", 1883), one("b", 2)]);
    assert_eq!(addresses("addresses 10.0.0.1:65535"), [one("10.0.0.1", 65535)]);
    assert_eq!(addresses("address fe80::1:1884"), [one("fe80::1", 1884)]);
    assert_eq!(addresses("address [::1]:1884 [::2]"), [one("::1", 1884), one("::2", 1883)]);
}

#[test]
fn addresses_that_are_none_are_refused() {
    let wrong = |line: &str| complaint(format!("connection b\n{line}\ntopic t\n"));
    for (port, shown) in [("0", "0"), ("70000", "70000"), ("x", "0"), ("", "0"), ("-1", "-1")] {
        let expected = format!("Error: Invalid bridge port value ({shown}).");
        assert_eq!(wrong(&format!("address h:{port}")), expected, "{port}");
    }
    for line in ["address", "address  ", "address # c", "address :1883", "address []"] {
        assert_eq!(wrong(line), "Error: Empty address value in configuration.", "{line}");
    }
    let twice = "Error: Invalid bridge configuration, 'address' only allowed once.";
    assert_eq!(wrong("address a\naddresses b"), twice);
}

#[test]
fn numbers_below_their_limit_are_moved_to_it_and_that_is_said() {
    for (line, text) in [
        ("keepalive_interval 4", "keepalive interval too low, using 5 seconds."),
        ("idle_timeout 0", "idle_timeout interval too low, using 1 second."),
        ("threshold -1", "threshold too low, using 1 message."),
        ("restart_timeout 0", "restart_timeout interval too low, using 1 second."),
        ("restart_timeout x", "restart_timeout interval too low, using 1 second."),
        ("restart_timeout 4000", "restart_timeout interval too high, using 3600 seconds."),
    ] {
        assert_eq!(said(LogType::Notice, line), [text], "{line}");
    }
    assert_eq!(bridge("keepalive_interval 0").keepalive_interval, 5);
    assert_eq!((bridge("idle_timeout 0").idle_timeout, bridge("threshold 0").threshold), (1, 1));
    assert_eq!(bridge("bridge_max_packet_size -1").max_packet_size, 0);
}

#[test]
fn the_pause_is_constant_or_between_base_and_cap() {
    let constant = |seconds| RestartTimeout::Constant { seconds };
    let jitter = |base_s, cap_s, stable_s| RestartTimeout::Jitter { base_s, cap_s, stable_s };
    for (line, expected) in [
        ("7", constant(7)),
        ("0", constant(1)),
        ("4000", constant(3600)),
        ("5 5", jitter(5, 5, 0)),
        ("5 8000", jitter(5, 7200, 0)),
        ("1 60 300 9", jitter(1, 60, 300)),
        ("0 1", jitter(1, 1, 0)),
    ] {
        assert_eq!(bridge(&format!("restart_timeout {line}")).restart_timeout, expected, "{line}");
    }
    assert_eq!(said(LogType::Warning, "restart_timeout 5 8000"), ["Error: backoff cap too high, using 7200 seconds."]);
    for line in ["10 5", "5 x"] {
        let text = "Error: backoff cap is lower than the base in restart_timeout.";
        assert_eq!(wrong(&format!("restart_timeout {line}")), text, "{line}");
    }
    assert_eq!(wrong("restart_timeout 5 10 -1"), "Error: stable connection period cannot be negative.");
    assert_eq!(wrong("restart_timeout"), "Error: Empty 'restart_timeout' value in configuration.");
}

#[test]
fn values_that_are_none_are_refused_in_the_words_of_mosquitto() {
    for (line, text) in [
        ("bridge_protocol_version mqttv3", "Invalid 'bridge_protocol_version' value (mqttv3)."),
        ("bridge_protocol_version mqttv50 x", "Invalid 'bridge_protocol_version' value (mqttv50 x)."),
        ("bridge_protocol_version", "Empty 'bridge_protocol_version' value in configuration."),
        ("bridge_max_topic_alias -1", "bridge_max_topic_alias must be > 0 and <= 65535."),
        ("bridge_max_topic_alias 65536", "bridge_max_topic_alias must be > 0 and <= 65535."),
        ("bridge_receive_maximum 0", "bridge_receive_maximum must be greater than 0."),
        ("bridge_receive_maximum -1", "bridge_receive_maximum must be greater than 0."),
        ("bridge_receive_maximum 65536", "bridge_receive_maximum must be lower than 65535."),
        ("bridge_session_expiry_interval -1", "bridge_session_expiry_interval must not be negative."),
        ("bridge_session_expiry_interval 4294967295", "'bridge_session_expiry_interval' value out of range."),
        ("bridge_tcp_keepalive", "Empty 'bridge_tcp_keepalive_idle' value in configuration."),
        ("bridge_tcp_keepalive 1", "Empty 'bridge_tcp_keepalive_interval' value in configuration."),
        ("bridge_tcp_keepalive 1 2", "Empty 'bridge_tcp_keepalive_counter' value in configuration."),
        ("bridge_tcp_keepalive 0 1 2", "invalid TCP keepalive idle value."),
        ("bridge_tcp_keepalive 1 0 2", "invalid TCP keepalive interval value."),
        ("bridge_tcp_keepalive 1 2 0", "invalid TCP keepalive counter value."),
        ("bridge_tcp_keepalive 1 2 x", "'bridge_tcp_keepalive_counter' value not a number."),
        ("bridge_tcp_user_timeout -1", "invalid TCP user timeout value."),
        ("bridge_reload_type x", "Invalid 'bridge_reload_type' value in configuration (x)."),
        ("start_type manual", "Manual start_type not supported."),
        ("start_type x", "Invalid 'start_type' value in configuration (x)."),
        ("start_type", "Empty 'start_type' value in configuration."),
        ("keepalive_interval 65536", "Bridge keepalive value too high."),
        ("keepalive_interval x", "'keepalive_interval' value not a number."),
        ("cleansession maybe", "Invalid 'cleansession' value (maybe)."),
        ("try_private x", "Invalid 'try_private' value (x)."),
        ("notification_topic", "Empty 'notification_topic' value in configuration."),
    ] {
        assert_eq!(wrong(line), format!("Error: {text}"), "{line}");
    }
}

#[test]
fn where_messages_would_say_it_the_topic_of_notifications_has_no_wildcards() {
    // Mosquitto takes it, and publishes nothing.
    assert_eq!(wrong("notification_topic a/#"), "Error: Invalid 'notification_topic' value (a/#).");
}

#[test]
fn every_option_of_a_bridge_needs_one() {
    for name in crate::mosquitto_options::OF_BRIDGES.iter().filter(|name| **name != "connection") {
        let value = match find(name.as_bytes()).unwrap().argument {
            Argument::Bool => "true",
            _ => "1",
        };
        let expected = format!("Error: The '{name}' option requires a bridge to be defined first.");
        assert_eq!(complaint(format!("listener 1884\n{name} {value}\n")), expected);
    }
}

#[test]
fn what_is_said_about_one_bridge_is_not_said_about_another() {
    let config = config(format!("{PLAIN}connection c\naddress x\ntopic u\ncleansession true\n"));
    let names: Vec<_> = config.bridges.iter().map(|bridge| (bridge.name.as_str(), bridge.clean_session)).collect();
    assert_eq!(names, [("b", false), ("c", true)]);
    assert_eq!(Config { bridges: Vec::new(), references: Vec::new(), ..config }, Config::default());
}
