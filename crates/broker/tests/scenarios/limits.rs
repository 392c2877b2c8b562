//! Limits that the operator sets: `global_max_clients`, `message_size_limit`, `max_inflight_bytes`, `max_queued_bytes`, `retain_available`, `max_qos`, `upgrade_outgoing_qos`,
//! `accept_protocol_versions`, `auto_id_prefix`.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, ListenerSettings, Settings, Versions};
use mosquitto_mqtt::QoS;

fn with_listener(listener: ListenerSettings) -> Settings {
    Settings { listeners: vec![listener], ..Settings::default() }
}

fn with_max_qos(max_qos: QoS) -> Settings {
    with_listener(ListenerSettings { max_qos, ..ListenerSettings::default() })
}

#[test]
fn a_payload_over_message_size_limit_goes_nowhere_and_is_acknowledged() {
    let mut net = Net::with(2, Settings { message_size_limit: 3, ..Settings::default() });
    let (v5, v311) = (connect("a").on(&mut net), connect("b").v311().on(&mut net));
    net.subscribe(v311, "t", 2);
    net.got(v311);
    // MQTT 5 has no such reason in these packets; Mosquitto gives it all the same.
    for (peer, acks) in [(v5, &b"\x40\x03\0\x01\x95\x50\x03\0\x02\x95"[..]), (v311, b"\x40\x02\0\x01\x50\x02\0\x02")] {
        net.publish(peer, "t", "four", 0, 0);
        net.publish(peer, "t", "four", 1, 1);
        net.publish(peer, "t", "four", 2, 2);
        net.publish_retained(peer, "r", "four", 0, 0);
        assert_eq!(net.got_bytes(peer), acks);
    }
    assert_eq!((net.got(v311).len(), net.shared.retained_count()), (0, 0));
    assert_eq!(net.log_with("Dropped too large PUBLISH from a (d0, q1, r0, m1, 't', ... (4 bytes))").len(), 1);
    net.publish(v5, "t", "has", 1, 3);
    assert_eq!(net.got(v311), [r#"PUBLISH q1 id=1 t "has""#]);
}

#[test]
fn a_will_over_message_size_limit_is_refused() {
    let mut net = Net::with(1, Settings { message_size_limit: 3, ..Settings::default() });
    assert_eq!(connect("a").will("w", "four", 0, false).refused(&mut net), ["CONNACK present=0 rc=149"]);
    assert_eq!(connect("a").v311().will("w", "four", 0, false).refused(&mut net), ["CONNACK present=0 rc=5"]);
    assert_eq!(net.log_with("Client a connected with too large Will payload").len(), 2);
    assert_eq!(net.log_with("disconnected: oversize payload.").len(), 2);
    connect("a").will("w", "has", 0, false).on(&mut net);
}

#[test]
fn without_retain_available_nothing_is_retained() {
    // [MQTT-3.2.2-14] [MQTT-3.2.2-13]
    let mut net = Net::with(1, Settings { retain_available: false, ..Settings::default() });
    let (peer, got) = connect("a").attempt(&mut net);
    assert!(got[0].contains("retain-available=0, maximum-packet-size="), "{got:?}");
    net.publish_retained(peer, "t", "x", 0, 0);
    assert_eq!((net.got(peer), net.is_open(peer)), (vec!["DISCONNECT rc=0x9a".to_owned()], false));
    let end = "Client a [127.0.0.1:50000] disconnected: bad socket read/write: Retain not supported";
    assert_eq!(net.log.last().unwrap().text, end);
    let old = connect("b").v311().on(&mut net);
    net.publish_retained(old, "t", "x", 0, 0);
    assert!(!net.is_open(old) && net.got(old).is_empty());
    assert_eq!(connect("c").will("w", "x", 0, true).refused(&mut net), ["CONNACK present=0 rc=154"]);
    assert!(connect("c").v311().will("w", "x", 0, true).refused(&mut net).is_empty());
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn max_qos_is_announced_and_held() {
    // [MQTT-3.2.2-9] [MQTT-3.2.2-11]
    let mut net = Net::with(1, with_max_qos(QoS::AtLeastOnce));
    let (peer, got) = connect("a").attempt(&mut net);
    assert!(got[0].ends_with("receive-maximum=20, maximum-qos=1}"), "{got:?}");
    net.publish(peer, "t", "x", 1, 1);
    assert!(net.is_open(peer));
    net.got(peer);
    net.publish(peer, "t", "x", 2, 2);
    assert_eq!((net.got(peer), net.is_open(peer)), (vec!["DISCONNECT rc=0x9b".to_owned()], false));
    assert_eq!(net.log_with("Too high QoS in PUBLISH from a, disconnecting.").len(), 1);
    let end = "disconnected: bad socket read/write: Requested QoS not supported on server";
    assert!(net.log.last().unwrap().text.ends_with(end));
    // [MQTT-3.2.2-12]
    assert_eq!(connect("b").will("w", "x", 2, false).refused(&mut net), ["CONNACK present=0 rc=155 {maximum-qos=1}"]);
    connect("b").will("w", "x", 1, false).on(&mut net);
}

#[test]
fn max_qos_lowers_subscriptions_and_what_is_delivered() {
    // [MQTT-3.2.2-10] [MQTT-3.8.4-7]
    let listeners =
        vec![ListenerSettings::default(), ListenerSettings { max_qos: QoS::AtMostOnce, ..ListenerSettings::default() }];
    let mut net = Net::with(1, Settings { listeners, ..Settings::default() });
    let publisher = connect("publisher").on(&mut net);
    let peer = connect("a").v311().resume().through(1).on(&mut net);
    net.send_bytes(peer, b"\x82\x06\0\x01\0\x01t\x02");
    assert_eq!(net.got(peer), ["SUBACK 1 [0]"]);
    net.publish(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#]);
    // A subscription that was made through another listener.
    let peer = connect("a").v311().resume().on(&mut net);
    net.subscribe(peer, "t", 2);
    let peer = connect("a").v311().resume().through(1).on(&mut net);
    net.publish(publisher, "t", "y", 1, 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "y""#]);
}

#[test]
fn upgrade_outgoing_qos_delivers_at_the_subscriptions_qos() {
    let mut net = Net::with(1, Settings { upgrade_outgoing_qos: true, ..Settings::default() });
    let peer = connect("a").on(&mut net);
    net.publish_retained(peer, "t", "x", 0, 0);
    net.subscribe(peer, "t", 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 retain t "x""#]);
    net.publish(peer, "t", "y", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=2 t "y""#]);
}

#[test]
fn versions_that_a_listener_does_not_accept_are_refused() {
    // [MQTT-3.1.2-2]
    let none = Versions { v31: false, v311: false, v5: false };
    let only = |versions| Net::with(1, with_listener(ListenerSettings { versions, ..ListenerSettings::default() }));
    let mut net = only(Versions { v5: true, ..none });
    connect("a").on(&mut net);
    assert_eq!(connect("a").v311().refused(&mut net), ["CONNACK present=0 rc=1"]);
    assert_eq!(connect("a").v31().refused(&mut net), ["CONNACK present=0 rc=1"]);
    assert!(net.log.last().unwrap().text.contains("disconnected: used disallowed feature"));
    let mut net = only(Versions { v31: true, ..none });
    connect("a").v31().on(&mut net);
    assert_eq!(connect("a").refused(&mut net), ["CONNACK present=0 rc=132"]);
    let mut net = only(Versions { v311: true, ..none });
    connect("a").v311().on(&mut net);
    // Whatever else is wrong with it.
    let peer = net.dial(0);
    net.send_bytes(peer, b"\x10\x09\0\x06MQIsdp\x03");
    assert_eq!((net.got_bytes(peer), net.is_open(peer)), (vec![0x20, 2, 0, 1], false));
}

#[test]
fn client_ids_begin_as_the_listener_says() {
    let listener = ListenerSettings { auto_id_prefix: "new-".into(), ..ListenerSettings::default() };
    let (_, got) = connect("").attempt(&mut Net::with(1, with_listener(listener)));
    assert!(got[0].contains("assigned-client-identifier=new-"), "{got:?}");
}

#[test]
fn max_inflight_bytes_holds_messages_back_until_an_exchange_is_done() {
    let mut net = Net::with(1, Settings { max_inflight_bytes: 16, ..Settings::default() });
    let publisher = connect("publisher").on(&mut net);
    let peer = connect("a").on(&mut net);
    net.subscribe(peer, "t", 2);
    net.got(peer);
    for id in 1..=4 {
        net.publish(publisher, "t", "8 bytes.", 2, id);
        net.pubrel(publisher, id);
    }
    let publish = |id: u16| format!(r#"PUBLISH q2 id={id} t "8 bytes.""#);
    assert_eq!(net.got(peer), [publish(1), publish(2)]);
    net.pubrec(peer, 1);
    assert_eq!(net.got(peer), ["PUBREL 1"]);
    net.pubcomp(peer, 1);
    assert_eq!(net.got(peer), [publish(3)]);
    // A single one may be larger.
    let other = connect("b").on(&mut net);
    net.subscribe(other, "u", 1);
    net.got(other);
    net.publish(publisher, "u", "more than sixteen bytes", 1, 9);
    assert_eq!(net.got(other).len(), 1);
}

#[test]
fn max_queued_bytes_bounds_what_waits() {
    let settings = Settings { max_inflight_bytes: 4, max_queued_bytes: 8, ..Settings::default() };
    let mut net = Net::with(1, settings);
    let publisher = connect("publisher").on(&mut net);
    let (here, away) = (connect("here").on(&mut net), connect("away").keep_session(60).on(&mut net));
    for peer in [here, away] {
        net.subscribe(peer, "t", 1);
        net.got(peer);
    }
    net.cut(away);
    for id in 1..=6 {
        net.publish(publisher, "t", &format!("text{id}"), 1, id);
    }
    // One in flight and three queued, since what may be in flight may be queued as well; two queued.
    assert_eq!(net.dropped(DropReason::QueueBytes), 2 + 4);
    assert_eq!(net.log_with("Outgoing messages are being dropped for client").len(), 2);
    let mut came = Vec::new();
    for id in 1..=4 {
        came.extend(net.got(here));
        net.puback(here, id);
    }
    assert_eq!(came.len(), 4, "{came:?}");
    // Large messages in flight leave no room for QoS 0 either.
    net.publish(publisher, "t", "thirteen byte", 1, 7);
    net.publish(publisher, "t", "x", 0, 0);
    assert_eq!(net.got(here), [r#"PUBLISH q1 id=5 t "thirteen byte""#]);
    net.puback(here, 5);
    net.publish(publisher, "t", "y", 0, 0);
    assert_eq!(net.got(here), [r#"PUBLISH q0 t "y""#]);
}

#[test]
fn global_max_clients_counts_sessions_on_all_shards_whether_connected_or_not() {
    let mut net = Net::with(3, Settings { global_max_clients: 3, ..Settings::default() });
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("c", shard)).collect();
    let peers: Vec<_> = ids.iter().map(|id| connect(id).keep_session(60).on(&mut net)).collect();
    assert_eq!(connect("more").refused(&mut net), ["CONNACK present=0 rc=137"]);
    assert!(connect("more").v311().refused(&mut net).is_empty());
    assert_eq!(net.log_with("disconnected: server busy.").len(), 2);
    // Those who have a session come back, and also start anew.
    net.cut(peers[0]);
    assert_eq!(connect("more").refused(&mut net), ["CONNACK present=0 rc=137"]);
    connect(&ids[0]).resume().on(&mut net);
    for _ in 0..3 {
        connect(&ids[1]).on(&mut net);
    }
    assert_eq!(connect("more").refused(&mut net), ["CONNACK present=0 rc=137"]);
    // A session that ends makes room for one.
    net.cut(peers[2]);
    net.advance(61);
    connect("more").on(&mut net);
    assert_eq!(connect("one too many").refused(&mut net), ["CONNACK present=0 rc=137"]);
}

#[test]
fn clients_that_are_turned_away_do_not_count_as_sessions() {
    let mut net = Net::with(1, Settings { global_max_clients: 1, max_keepalive_s: 10, ..Settings::default() });
    for _ in 0..3 {
        connect("").v31().refused(&mut net);
        connect("a").v311().keep_alive(11).refused(&mut net);
    }
    connect("a").on(&mut net);
}
