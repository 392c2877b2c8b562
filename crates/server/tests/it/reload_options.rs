//! What becomes of single options when they are changed while the broker runs: at once, for later connections, or after a
//! restart.

use crate::harness::{Broker, Client, Got, PATIENCE, Setup, client, retry};
use mosquitto_mqtt::ProtocolVersion;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Instant;

/// A broker with one listener, with these lines after it.
fn broker(lines: &str) -> Broker {
    Setup::config(&with(lines)).start()
}

fn with(lines: &str) -> String {
    format!("log_timestamp false\nworker_threads 3\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n{lines}\n")
}

/// Changes it to these lines after the listener, and expects to be told so.
fn change(broker: &Broker, lines: &str, expected: &str) {
    let log = broker.reload(&with(lines));
    let expected = expected.replace("PORT", &broker.port().to_string());
    assert!(log.contains(&expected), "{expected:?} in {log:#?}");
    assert_eq!(log.last().unwrap(), "Configuration reloaded: 1 change.");
}

fn is_refused(broker: &Broker) -> bool {
    let mut refused = client("refused").over(broker.dial());
    let mut some = [0; 1];
    match retry(|| refused.stream.read(&mut some)) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// A file, once it contains this.
fn text_with(path: &Path, what: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.contains(what) {
            return text;
        }
        assert!(Instant::now() < until, "no {what:?} in {}:\n{text}", path.display());
        // There is nothing to wait for but the next look.
        std::thread::yield_now();
    }
}

#[test]
fn every_change_is_told_with_the_values_and_when_it_holds() {
    let broker = broker("");
    let mut user = client("user").to(&broker);
    for (lines, told) in [
        ("max_keepalive 100", "max_keepalive: 0 -> 100 (for later connections)."),
        ("max_inflight_messages 7", "max_inflight_messages: 20 -> 7 (for later connections)."),
        ("max_queued_messages 7", "max_queued_messages: 1000 -> 7."),
        ("max_queued_bytes 7", "max_queued_bytes: 0 -> 7."),
        ("max_inflight_bytes 7", "max_inflight_bytes: 0 -> 7."),
        ("message_size_limit 7", "message_size_limit: 0 -> 7."),
        ("global_max_clients 9", "global_max_clients: unset -> 9."),
        ("set_tcp_nodelay true", "set_tcp_nodelay: false -> true (for later connections)."),
        ("sys_interval 0", "sys_interval: 10 -> 0."),
        ("max_unauthenticated_connections 7", "max_unauthenticated_connections: 10000 -> 7."),
        ("upgrade_outgoing_qos true", "upgrade_outgoing_qos: false -> true."),
        ("clientid_prefixes u", "clientid_prefixes: unset -> u (for later connections)."),
        ("max_connections 9", "max_connections of listener PORT 127.0.0.1: unset -> 9."),
        ("max_qos 1", "max_qos of listener PORT 127.0.0.1: 2 -> 1 (for later connections)."),
    ] {
        change(&broker, lines, told);
        let log = broker.reload(&with(""));
        assert_eq!(log.last().unwrap(), "Configuration reloaded: 1 change.", "{lines}: and back");
    }
    user.ping();
}

#[test]
fn a_limit_of_connections_holds_at_once_and_lets_in_at_once() {
    let broker = broker("");
    let (mut one, mut two) = (client("1").to(&broker), client("2").to(&broker));
    for name in ["max_connections", "global_max_connections"] {
        broker.reload(&with(&format!("{name} 2")));
        assert!(is_refused(&broker), "{name}");
        broker.reload(&with(&format!("{name} 3")));
        client("3").to(&broker).disconnect();
        broker.reload(&with(""));
        let more: Vec<_> = (0..4).map(|n| client(&format!("more-{n}")).to(&broker)).collect();
        more.into_iter().for_each(Client::disconnect);
    }
    one.ping();
    two.ping();
}

#[test]
fn a_largest_packet_holds_at_once_for_clients_that_are_there() {
    let broker = broker("");
    let mut large = client("large").to(&broker);
    large.publish("t", [0; 1000], 0);
    large.ping();
    broker.reload(&with("max_packet_size 100"));
    large.publish("t", [0; 1000], 0);
    assert_eq!(large.rest(), [Got::Disconnect(0x95)]);
}

#[test]
fn anonymous_clients_go_when_they_are_not_allowed_any_more() {
    let broker = broker("");
    let mut users = [client("v5").to(&broker), client("v311").v311().to(&broker)];
    let denied = with("").replace("listener_allow_anonymous true", "listener_allow_anonymous false");
    let log = broker.reload(&denied);
    let line = format!("listener_allow_anonymous of listener {} 127.0.0.1: true -> false.", broker.port());
    assert!(log.contains(&line), "{log:#?}");
    let ends = users.each_mut().map(Client::rest);
    assert_eq!(ends, [vec![Got::Disconnect(0x87)], vec![]]);
    for id in ["v5", "v311"] {
        let start = format!("Client {id} [");
        let line = broker.log.wait_for(&start);
        assert!(line.ends_with("disconnected: not authorised."), "{line}");
    }
    assert_eq!(client("v5").over(broker.dial()).next(), Got::ConnAck { present: false, reason: 0x87 });
    broker.reload(&with(""));
    client("v5").to(&broker).ping();
}

#[test]
fn versions_that_are_taken_are_those_of_later_connections() {
    let broker = broker("");
    let mut old = client("old").v311().to(&broker);
    broker.reload(&with("accept_protocol_versions 5"));
    let mut new = client("new").version(ProtocolVersion::V311).over(broker.dial());
    assert_eq!(new.next(), Got::ConnAck { present: false, reason: 1 });
    client("five").to(&broker).ping();
    old.ping();
}

#[test]
fn client_ids_that_are_made_up_begin_as_it_says_now() {
    let broker = broker("");
    broker.reload(&with("listener_auto_id_prefix new-"));
    client("").to(&broker).ping();
    broker.log.wait_for(" as new-");
}

#[test]
fn the_sys_topics_come_and_go() {
    let broker = broker("sys_interval 0");
    let mut user = client("user").to(&broker);
    user.subscribe("$SYS/broker/uptime", 0);
    change(&broker, "sys_interval 1", "sys_interval: 0 -> 1.");
    assert!(user.message().text().ends_with(" seconds"));
}

#[test]
fn the_log_says_more_or_less_at_once() {
    let broker = broker("");
    let mut user = client("user").to(&broker);
    let log = broker.reload(&with("log_type all"));
    assert!(log.iter().any(|line| line.starts_with("log_type: error,warning,notice,information -> ")), "{log:#?}");
    user.ping();
    broker.log.wait_for("Received PINGREQ from user");
    broker.reload(&with("connection_messages false"));
    client("unseen").to(&broker).disconnect();
    broker.reload(&with(""));
    client("seen").to(&broker).disconnect();
    broker.log.wait_for("Client seen [");
    assert_eq!(broker.log.count("unseen"), 0);
}

#[test]
fn the_log_goes_on_in_another_place_without_losing_a_line() {
    let broker = broker("");
    let file = broker.directory().join("new.log");
    client("before").to(&broker).disconnect();
    broker.log.wait_for("Client before [");
    broker.reload(&with("log_dest file DIR/new.log\nlog_dest stderr"));
    client("both").to(&broker).disconnect();
    broker.log.wait_for("Client both [");
    broker.reload(&with(""));
    client("after").to(&broker).disconnect();
    broker.log.wait_for("Client after [");
    let (text, log) = (text_with(&file, "Client both ["), broker.log.all());
    assert!(!text.contains("Client before [") && !text.contains("Client after ["), "{text}");
    for line in text.lines() {
        assert!(log.iter().any(|other| other == line), "{line}");
    }
}

/// As logrotate has it done: the file is moved away, and SIGHUP is sent. Also where the configuration is broken by then.
#[test]
fn a_log_file_that_was_moved_away_is_made_again() {
    let file = "log_dest stderr\nlog_dest file DIR/mosquitto.log";
    let broker = broker(file);
    let path = |name: &str| broker.directory().join(name);
    for (round, config) in [with(file), with(&format!("{file}\nnonsense"))].iter().enumerate() {
        std::fs::rename(path("mosquitto.log"), path("old.log")).unwrap();
        broker.reload(config);
        client(&format!("user-{round}")).to(&broker).disconnect();
        let new = text_with(&path("mosquitto.log"), &format!("Client user-{round} ["));
        let old = std::fs::read_to_string(path("old.log")).unwrap();
        assert!(old.contains("Reloading config.") && !new.contains("Reloading config."), "{old}\n{new}");
    }
}

#[test]
fn what_needs_a_restart_is_named_until_there_is_one() {
    let broker = broker("pid_file DIR/pid");
    let pid = std::fs::read_to_string(broker.directory().join("pid")).unwrap();
    let changed = with("pid_file DIR/other").replace("worker_threads 3", "worker_threads 1");
    for _ in 0..2 {
        let log = broker.reload(&changed);
        assert!(log.contains(&"worker_threads: 3 -> 1 (after a restart).".to_owned()), "{log:#?}");
        assert!(log.iter().any(|line| line.starts_with("pid_file: ") && line.ends_with(" (after a restart).")));
    }
    assert!(!broker.directory().join("other").exists());
    assert_eq!(std::fs::read_to_string(broker.directory().join("pid")).unwrap(), pid);
    let log = broker.reload(broker.config());
    assert_eq!(log.last().unwrap(), "Configuration reloaded: nothing has changed.");
}

#[test]
fn files_that_are_new_in_an_included_directory_are_read() {
    let empty = Setup::config("log_timestamp false\nlistener PORT 127.0.0.1\nallow_anonymous true\n").start();
    let directory = empty.directory().join("conf.d");
    std::fs::create_dir(&directory).unwrap();
    let included = format!("{}include_dir DIR/conf.d\n", empty.config());
    empty.reload(&included);
    std::fs::write(directory.join("limits.conf"), "max_keepalive 10\n").unwrap();
    let log = empty.hang_up();
    assert!(log.contains(&"max_keepalive: 0 -> 10 (for later connections).".to_owned()), "{log:#?}");
}
