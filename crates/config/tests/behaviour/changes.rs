//! What is different between two configurations, for the log of a reload.

use crate::folder::config;
use crate::option_table::SUPPORTED;
use mosquitto_config::Effect;
use mosquitto_config::options::{Declaration, Scope, Status, find, options};

/// Options whose value is other options.
const WITHOUT_A_VALUE: &[&str] = &["include_dir"];

/// Every change, as the log shows it.
fn changes(old: &str, new: &str) -> Vec<String> {
    config(old).changes_to(&config(new)).iter().map(ToString::to_string).collect()
}

#[test]
fn every_supported_option_shows_its_value_and_no_other_does() {
    for option in options() {
        let expected = option.status() == Status::Supported && !WITHOUT_A_VALUE.contains(&option.name);
        // What is different about bridges is told of each as a whole.
        let expected = expected && option.scope != Scope::Bridge;
        assert_eq!(option.effect().is_some(), expected, "{}", option.name);
    }
}

#[test]
fn another_value_of_any_option_is_one_change_of_that_option() {
    let mut tried = 0;
    for (name, value) in SUPPORTED {
        let option: &Declaration = find(name.as_bytes()).unwrap();
        let Some(effect) = option.effect() else { continue };
        let value = if option.name == "per_listener_settings" { "true" } else { value };
        // With what options of TLS need.
        let tls = if name.starts_with("psk_") { "" } else { "certfile a\nkeyfile b\n" };
        let lines = format!("port 1883\nlistener 1900\n{tls}");
        let (old, new) = (config(&lines), config(format!("{lines}{name} {value}\n")));
        let changes = old.changes_to(&new);
        let changed: Vec<_> = changes.iter().map(|change| change.option).collect();
        match option.name {
            "listener" => assert_eq!(changed, ["listener"]),
            "port" | "bind_address" | "bind_interface" | "socket_domain" => {
                assert_eq!(changed, ["listener", "listener"], "{name}: {changes:?}");
            }
            _ => assert_eq!(changed, [option.name], "{changes:?}"),
        }
        assert!(changes.iter().all(|change| change.effect == effect && change.old != change.new), "{changes:?}");
        let back: Vec<_> = new.changes_to(&old);
        assert_eq!(back.len(), changes.len(), "{name}");
        tried += 1;
    }
    assert_eq!(tried, SUPPORTED.len() - 1);
}

#[test]
fn nothing_has_changed_where_the_files_say_the_same_in_other_words() {
    let old = "# x\nmax_keepalive 0x10\nlistener 1884\nlog_dest stdout\n";
    assert_eq!(
        changes(old, "log_dest stdout\nlistener 1884\nmax_qos 2\n\nmax_keepalive 16\nsys_interval 10\n"),
        [""; 0]
    );
}

#[test]
fn a_change_tells_option_values_and_when_it_takes_effect() {
    let old = "listener 1884 localhost\nmax_qos 2\n";
    let new = "user mqtt\nsys_interval 5\nlog_dest file /var/log/x\nlog_dest syslog\nlog_type error\n\
               retain_expiry_interval 5\nclientid_prefixes a-\nlistener 1884 localhost\nmax_qos 1\nmount_point a/\n\
               accept_protocol_versions 4,5\n";
    assert_eq!(
        changes(old, new),
        [
            "clientid_prefixes: unset -> a- (for later connections)",
            "retain_expiry_interval: unset -> 5",
            "sys_interval: 10 -> 5",
            "user: unset -> mqtt (after a restart)",
            "log_dest: stderr -> syslog,file /var/log/x",
            "log_type: error,warning,notice,information -> error",
            "accept_protocol_versions of listener 1884 localhost: 3,4,5 -> 4,5 (for later connections)",
            "max_qos of listener 1884 localhost: 2 -> 1 (for later connections)",
            "mount_point of listener 1884 localhost: unset -> a/ (for later connections)",
        ]
    );
    let change = &config(old).changes_to(&config("listener 1884 localhost\nmax_qos 1\n"))[0];
    assert_eq!((change.option, change.effect), ("max_qos", Effect::LaterConnections));
    assert_eq!((change.old.as_deref(), change.new.as_deref()), (Some("2"), Some("1")));
    assert_eq!(change.listener, Some(config(old).listeners[0].place()));
}

#[test]
fn listeners_that_come_and_go_are_told_and_the_others_are_compared_with_themselves() {
    let old = "listener 1884\nmax_connections 5\nlistener 1885 ::1\nlistener 1886\nmax_qos 1\n";
    let new =
        "listener 1886\nmax_qos 1\nlistener 1884\nmax_connections 6\nlistener 1887\nmax_qos 0\nsocket_domain ipv4\n";
    assert_eq!(
        changes(old, new),
        ["listener 1885 ::1: closed", "max_connections of listener 1884: 5 -> 6", "listener 1887 (ipv4): opened"]
    );
}

#[test]
fn local_only_mode_comes_and_goes_like_a_listener() {
    assert_eq!(changes("", "listener 1884\n"), ["listener in local only mode: closed", "listener 1884: opened"]);
    assert_eq!(changes("listener 1884\n", ""), ["listener in local only mode: opened", "listener 1884: closed"]);
    assert_eq!(changes("", "max_connections 5\n"), [""; 0]);
}

#[test]
fn security_options_are_those_of_the_listener_with_per_listener_settings() {
    let lines = |anonymous: bool| format!("per_listener_settings true\nlistener 1884\nallow_anonymous {anonymous}\n");
    assert_eq!(changes(&lines(true), &lines(false)), ["allow_anonymous of listener 1884: true -> false"]);
    let local = |anonymous: bool| format!("per_listener_settings true\nmax_qos 1\nallow_anonymous {anonymous}\n");
    assert_eq!(changes(&local(true), &local(false)), ["allow_anonymous: true -> false"]);
}

#[test]
fn thousands_of_listeners_are_compared() {
    let lines =
        |qos: u8| (1..=5_000).map(|port| format!("listener {port}\nmax_qos {qos}\n")).collect::<Vec<_>>().concat();
    assert_eq!(changes(&lines(2), &lines(1)).len(), 5_000);
}
