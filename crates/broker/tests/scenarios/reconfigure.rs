//! Settings that change while clients are there.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::{Property, QoS};

fn with_listeners<const N: usize>(listeners: [ListenerSettings; N]) -> Settings {
    Settings { listeners: listeners.into(), ..Settings::default() }
}

fn open() -> ListenerSettings {
    ListenerSettings::default()
}

fn closed() -> ListenerSettings {
    ListenerSettings { closed: true, ..open() }
}

fn end(net: &Net, name: &str) -> Vec<String> {
    let (begin, all) = (format!("Client {name} ["), net.log_with("disconnected"));
    all.iter().filter_map(|line| Some(line.strip_prefix(&begin)?.split_once("] ")?.1.to_owned())).collect()
}

/// Sends a message around: whether it comes back.
fn is_served(net: &mut Net, peer: Peer) -> bool {
    net.subscribe(peer, "own", 1);
    net.publish(peer, "own", "x", 1, 9);
    net.got(peer).iter().any(|packet| packet.starts_with("PUBLISH")) && net.is_open(peer)
}

#[test]
fn the_clients_of_a_listener_that_is_closed_are_sent_away_and_no_others() {
    let mut net = Net::with(3, with_listeners([open(), open()]));
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "gone/#", 0);
    let v5 = connect("v5").through(1).will("gone/v5", "x", 0, false).on(&mut net);
    let v311 = connect("v311").v311().through(1).will("gone/v311", "x", 0, false).on(&mut net);
    let silent = net.dial_through(0, 1);
    net.reconfigure(with_listeners([open(), closed()]));
    assert_eq!(net.got(v5), ["DISCONNECT rc=0x98"]);
    assert_eq!(net.got(v311), Vec::<String>::new());
    for peer in [v5, v311, silent] {
        assert!(!net.is_open(peer));
    }
    for name in ["v5", "v311", "127.0.0.1"] {
        assert_eq!(end(&net, name), ["disconnected: administrative action."], "{name}");
    }
    let mut wills = net.got(watcher);
    wills.sort();
    assert_eq!(wills, [r#"PUBLISH q0 gone/v311 "x""#, r#"PUBLISH q0 gone/v5 "x""#]);
    assert!(is_served(&mut net, watcher));
}

/// Its CONNECT was read by the shard that accepted it, and its home knows already that the listener is gone.
#[test]
fn a_connection_on_its_way_to_its_home_is_refused_there_when_its_listener_is_closed() {
    let mut net = Net::with(2, with_listeners([open(), open()]));
    let (here, there) = (net.id_at_home_on("c", 0), net.home_of(&net.id_at_home_on("c", 1)));
    let late = net.dial_through(there, 1);
    // Only the home has heard so far.
    net.shards[0].reconfigure(std::sync::Arc::new(with_listeners([open(), closed()])));
    net.send_bytes(late, &connect(&here).through(1).bytes());
    assert!(!net.is_open(late));
    assert_eq!((net.got(late).len(), net.session_count()), (0, 0));
}

#[test]
fn a_closed_listeners_number_serves_again_when_it_means_another_one() {
    let mut net = Net::with(2, with_listeners([open(), open()]));
    connect("a").through(1).on(&mut net);
    net.reconfigure(with_listeners([open(), closed()]));
    assert_eq!(net.connections_and_deadlines().0, 0, "nobody is left that the number could confuse");
    net.reconfigure(with_listeners([open(), ListenerSettings { port: 1884, ..open() }]));
    let peer = connect("a").through(1).on(&mut net);
    assert!(is_served(&mut net, peer));
    assert_eq!(net.log_with("on port 1884.").len(), 1);
}

#[test]
fn who_has_not_proved_who_it_is_goes_where_that_is_not_allowed_any_more() {
    let mut net = Net::with(2, with_listeners([open(), open()]));
    let v5 = connect("v5").keep_session(100).on(&mut net);
    let v311 = connect("v311").v311().on(&mut net);
    let other = connect("other").through(1).on(&mut net);
    let denying = with_listeners([ListenerSettings { allow_anonymous: false, ..open() }, open()]);
    net.reconfigure(denying);
    assert_eq!(net.got(v5), ["DISCONNECT rc=0x87"]);
    assert_eq!((net.got(v311).len(), net.is_open(v311)), (0, false));
    for name in ["v5", "v311"] {
        assert_eq!(end(&net, name), ["disconnected: not authorised."]);
    }
    assert!(is_served(&mut net, other));
    // The session is the client's still, if it is let in again.
    net.reconfigure(with_listeners([open(), open()]));
    let (_, got) = connect("v5").keep_session(100).attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=1 rc=0"), "{got:?}");
}

#[test]
fn very_many_clients_are_sent_away_in_several_ticks() {
    const CLIENTS: usize = 1200;
    let mut net = Net::with(1, Settings::default());
    for n in 0..CLIENTS {
        connect(&n.to_string()).on(&mut net);
    }
    let now = net.now;
    let shard = &mut net.shards[0];
    shard.reconfigure(std::sync::Arc::new(with_listeners([closed()])));
    let mut gone = Vec::new();
    for _ in 0..3 {
        assert_eq!(shard.next_deadline(), Some(now), "there is more to do");
        shard.begin(now);
        shard.end();
        let mut some = Vec::new();
        shard.closing(&mut some);
        assert!(!some.is_empty() && some.len() <= CLIENTS / 2);
        some.iter().for_each(|id| shard.release(*id));
        gone.append(&mut some);
        shard.log_lines(&mut Vec::new());
    }
    assert_eq!((gone.len(), shard.connection_count()), (CLIENTS, 0));
}

#[test]
fn a_limit_of_queued_messages_holds_at_once_and_takes_nothing_back() {
    let mut net = Net::new();
    let publisher = connect("publisher").on(&mut net);
    let away = connect("away").keep_session(100).on(&mut net);
    net.subscribe(away, "t", 1);
    net.cut(away);
    for n in 1..=4 {
        net.publish(publisher, "t", &n.to_string(), 1, n);
    }
    net.reconfigure(Settings { max_queued_messages: 2, ..Settings::default() });
    net.publish(publisher, "t", "dropped", 1, 5);
    let (_, got) = connect("away").keep_session(100).attempt(&mut net);
    assert_eq!(got.len(), 5, "the four of before: {got:?}");
}

#[test]
fn more_bytes_in_flight_are_used_at_once() {
    let mut net = Net::with(2, Settings { max_inflight_bytes: 1, ..Settings::default() });
    let (publisher, reader) = (connect("publisher").on(&mut net), connect("reader").on(&mut net));
    net.subscribe(reader, "t", 1);
    for n in 1..=3 {
        net.publish(publisher, "t", "xx", 1, n);
    }
    assert_eq!(net.got(reader).len(), 1, "one uses up what is allowed");
    net.reconfigure(Settings { max_inflight_bytes: 0, ..Settings::default() });
    assert_eq!(net.got(reader).len(), 2, "no acknowledgement was needed");
}

#[test]
fn fewer_bytes_in_flight_hold_at_once() {
    let mut net = Net::new();
    let (publisher, reader) = (connect("publisher").on(&mut net), connect("reader").on(&mut net));
    net.subscribe(reader, "t", 1);
    net.reconfigure(Settings { max_inflight_bytes: 1, ..Settings::default() });
    for n in 1..=3 {
        net.publish(publisher, "t", "xx", 1, n);
    }
    assert_eq!(net.got(reader).len(), 1);
}

/// What a client may send it was told, and it stays within its rights.
#[test]
fn the_receive_maximum_that_a_client_was_told_stays_until_it_connects_again() {
    // [MQTT-3.3.4-7]
    let mut net = Net::new();
    let old = connect("old").on(&mut net);
    net.reconfigure(Settings { max_inflight_messages: 1, ..Settings::default() });
    for id in 1..=20 {
        net.publish(old, "t", "x", 2, id);
        assert_eq!(net.got(old), [format!("PUBREC {id}")]);
    }
    net.publish(old, "t", "x", 2, 21);
    assert_eq!(net.got(old), ["PUBREC 21 rc=0x97"]);
    let (new, got) = connect("new").attempt(&mut net);
    assert!(got[0].contains("receive-maximum=1"), "{got:?}");
    net.publish(new, "t", "x", 2, 1);
    net.publish(new, "t", "x", 2, 2);
    assert_eq!(net.got(new), ["PUBREC 1", "PUBREC 2 rc=0x97"]);
}

#[test]
fn the_highest_qos_of_a_listener_is_that_of_later_connections() {
    let mut net = Net::new();
    let old = connect("old").on(&mut net);
    net.reconfigure(with_listeners([ListenerSettings { max_qos: QoS::AtMostOnce, ..open() }]));
    assert!(is_served(&mut net, old));
    let (new, got) = connect("new").attempt(&mut net);
    assert!(got[0].contains("maximum-qos=0"), "{got:?}");
    net.publish(new, "t", "x", 1, 1);
    assert_eq!(net.got(new), ["DISCONNECT rc=0x9b"]);
}

#[test]
fn a_keep_alive_that_a_client_was_told_stays() {
    let mut net = Net::with(1, Settings::default());
    let old = connect("old").keep_alive(100).on(&mut net);
    net.reconfigure(Settings { max_keepalive_s: 10, ..Settings::default() });
    net.leap(120);
    assert!(net.is_open(old));
    let (_, got) = connect("new").keep_alive(100).attempt(&mut net);
    assert!(got[0].contains("server-keep-alive=10"), "{got:?}");
}

#[test]
fn nothing_may_be_retained_from_the_moment_it_is_said() {
    let mut net = Net::new();
    let peer = connect("a").with(Property::SessionExpiryInterval(10)).on(&mut net);
    net.publish_retained(peer, "t", "x", 0, 0);
    net.reconfigure(Settings { retain_available: false, ..Settings::default() });
    net.publish_retained(peer, "t", "y", 0, 0);
    assert_eq!(net.got(peer), ["DISCONNECT rc=0x9a"]);
    let (_, got) = connect("a").attempt(&mut net);
    assert!(got[0].contains("retain-available=0"), "{got:?}");
}

#[test]
fn what_came_before_nothing_may_be_retained_is_sent_on_only() {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "+", 0);
    let peer = connect("a").will("will", "x", 0, true).on(&mut net);
    net.publish_retained(peer, "t", "x", 2, 1);
    net.reconfigure(Settings { retain_available: false, ..Settings::default() });
    net.pubrel(peer, 1);
    net.cut(peer);
    assert_eq!(net.got(watcher), [r#"PUBLISH q0 t "x""#, r#"PUBLISH q0 will "x""#]);
    assert_eq!(net.shared.retained_count(), 0);
}
