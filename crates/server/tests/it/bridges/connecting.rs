//! Where a bridge connects to, when, and what it says first.

use super::{Remote, bridged, connected, expect, lines_of_bridge, lines_of_bridge_to, listening};
use crate::harness::{Setup, client, free_port};

const QUIET: &str = "notifications false\ntopic t out 1\n";

#[test]
pub(crate) fn who_a_bridge_is_and_what_it_says_about_itself_are_options() {
    let remote = Remote::new();
    let lines = "topic t\nusername bridge\npassword secret\nkeepalive_interval 17\ncleansession true\n\
                 notification_topic state/of/bridge\n";
    let _broker = bridged(remote.port(), lines);
    let bridge = remote.greeted();
    for said in [
        "version: V311",
        "bridge: true",
        "clean_start: true",
        "keep_alive_s: 17",
        "client_id: \"there\"",
        "state/of/bridge",
        "username: Some(\"bridge\")",
        "115, 101, 99, 114, 101, 116",
    ] {
        bridge.said(said);
    }
    let _broker = bridged(remote.port(), "topic t\ntry_private false\nnotifications false\n");
    let bridge = remote.greeted();
    for said in ["bridge: false", "clean_start: false", "keep_alive_s: 60", "will: None", "username: None"] {
        bridge.said(said);
    }
}

#[test]
pub(crate) fn bridge_protocol_version_is_what_is_spoken() {
    for (name, version) in [("mqttv31", "V31"), ("mqttv311", "V311"), ("mqttv50", "V5")] {
        let remote = Remote::new();
        let _broker = bridged(remote.port(), &format!("{QUIET}bridge_protocol_version {name}\n"));
        remote.greeted().said(&format!("version: {version},"));
    }
}

#[test]
pub(crate) fn limits_of_mqtt_5_are_announced() {
    let remote = Remote::new();
    let lines = "bridge_protocol_version mqttv50\nbridge_receive_maximum 7\nbridge_max_topic_alias 3\n\
                 bridge_session_expiry_interval 5\n";
    let _broker = bridged(remote.port(), &format!("{QUIET}{lines}"));
    let bridge = remote.greeted();
    for said in ["ReceiveMaximum(7)", "TopicAliasMaximum(3)", "SessionExpiryInterval(5)"] {
        bridge.said(said);
    }
}

#[test]
pub(crate) fn the_state_is_published_at_both_brokers_or_at_this_one_only() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), "topic t\nbridge_attempt_unsubscribe false\n");
    let mut listener = listening(&broker, "$SYS/broker/connection/there/state", 1);
    let mut bridge = remote.accepted();
    bridge.says_so(&["$SYS/broker/connection/there/state", "payload: [49]", "retain: true"]);
    expect(&mut listener, "$SYS/broker/connection/there/state", "1");
    drop(bridge);
    expect(&mut listener, "$SYS/broker/connection/there/state", "0");
    let lines = "topic t in\nnotifications_local_only true\nnotification_topic here\n";
    let broker = bridged(remote.port(), lines);
    let mut listener = listening(&broker, "here", 1);
    let mut bridge = loop {
        // The other broker's bridge is still about.
        let mut bridge = remote.greeted();
        bridge.accept();
        if bridge.connect.contains("will: None") {
            break bridge;
        }
    };
    assert!(bridge.says().starts_with("Subscribe"));
    expect(&mut listener, "here", "1");
}

#[test]
pub(crate) fn bridge_attempt_unsubscribe_takes_back_what_only_goes_out() {
    let remote = Remote::new();
    let _broker = bridged(remote.port(), QUIET);
    assert!(remote.accepted().says().starts_with("Unsubscribe"));
    let remote = Remote::new();
    let _broker =
        bridged(remote.port(), "notifications false\ntopic t out\ntopic i in\nbridge_attempt_unsubscribe false\n");
    assert!(remote.accepted().says().starts_with("Subscribe"));
}

#[test]
pub(crate) fn of_several_addresses_the_next_is_tried_and_the_first_is_come_back_to() {
    let (first, second) = (free_port(), Remote::new());
    let addresses = format!("127.0.0.1:{first} 127.0.0.1:{}", second.port());
    let broker = Setup::open(&lines_of_bridge_to(&addresses, QUIET)).start();
    let mut at_second = second.accepted();
    at_second.says_so(&["Unsubscribe"]);
    broker.log.wait_for("Error creating bridge: Connection refused.");
    // The first one is there again: that is where the bridge belongs.
    let _first = Setup::open(&format!("listener {first} 127.0.0.1\n")).start();
    at_second.says_so(&["Disconnect"]);
}

#[test]
pub(crate) fn with_round_robin_all_addresses_are_alike() {
    let (first, second) = (Remote::new(), Remote::new());
    let addresses = format!("127.0.0.1:{} 127.0.0.1:{}", first.port(), second.port());
    let lines = lines_of_bridge_to(&addresses, &format!("{QUIET}round_robin true\n"));
    let _broker = Setup::open(&lines).start();
    drop(first.accepted());
    drop(second.accepted());
    drop(first.accepted());
}

#[test]
pub(crate) fn bridge_bind_address_is_where_it_connects_from() {
    let remote = Remote::new();
    let _broker = bridged(remote.port(), &format!("{QUIET}bridge_bind_address 127.0.0.2\n"));
    assert_eq!(remote.greeted().peer.ip().to_string(), "127.0.0.2");
}

#[test]
pub(crate) fn restart_timeout_is_the_pause_before_the_next_attempt() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), QUIET);
    drop(remote.greeted());
    broker.log.wait_for("Bridge b next backoff will be 1000 ms");
    drop(remote.greeted());
}

#[test]
pub(crate) fn a_bridge_that_starts_once_does_not_come_again() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), &format!("{QUIET}start_type once\n"));
    let mut listener = listening(&broker, "$SYS/broker/bridge/b/state", 0);
    drop(remote.accepted());
    expect(&mut listener, "$SYS/broker/bridge/b/state", "ended");
    assert_eq!(broker.log.count("(step 1)"), 1);
}

#[test]
pub(crate) fn a_lazy_bridge_leaves_when_idle_and_comes_for_as_many_messages_as_threshold_says() {
    let remote = Remote::new();
    let broker =
        bridged(remote.port(), "notifications false\ntopic t out 0\nstart_type lazy\nidle_timeout 1\nthreshold 2\n");
    let mut bridge = remote.accepted();
    bridge.says_so(&["Disconnect"]);
    broker.log.wait_for("Bridge connection b has exceeded idle timeout, disconnecting.");
    let mut publisher = client("publisher").to(&broker);
    let mut listener = listening(&broker, "$SYS/broker/bridge/b/backlog/messages", 0);
    publisher.publish("t", "one", 0);
    expect(&mut listener, "$SYS/broker/bridge/b/backlog/messages", "1");
    assert_eq!(broker.log.count("(step 1)"), 1);
    publisher.publish("t", "two", 0);
    let mut bridge = remote.accepted();
    for text in ["111, 110, 101", "116, 119, 111"] {
        bridge.says_so(&["Publish", text]);
    }
}

#[test]
pub(crate) fn local_clientid_is_its_name_at_this_broker() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), &format!("{QUIET}local_clientid here\n"));
    broker.log.wait_for("Bridge here doing local SUBSCRIBE on topic t");
}

/// Bridges are let in here whoever they are, and may do everything.
#[test]
fn no_rule_for_clients_holds_for_a_bridge() {
    let remote = Remote::new();
    let lines = "max_keepalive 10\nclientid_prefixes nobody\nallow_anonymous false\nacl_file DIR/acl\n";
    let config = format!("{lines}listener PORT 127.0.0.1\n{}", lines_of_bridge(remote.port(), "topic t out\n"));
    let broker = Setup::config(&config).file("acl", "user nobody\ntopic read x\n").start();
    remote.accepted();
    connected(&broker);
    // It has its subscription once more then.
    broker.log.wait_for_several("Sending SUBACK to local.there", 2);
}
