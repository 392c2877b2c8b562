//! `queue_qos0_messages`: messages of QoS 0 for clients that are away.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::{DropReason, Settings};
use mosquitto_mqtt::Property::{MessageExpiryInterval, ReceiveMaximum};

fn net(settings: Settings) -> Net {
    Net::with(2, Settings { queue_qos0_messages: true, ..settings })
}

/// A publisher, and a session of `a`, away, that subscribes to `t` at QoS 2.
fn away(net: &mut Net) -> Peer {
    let (publisher, peer) = (connect("pub").on(net), connect("a").keep_session(100).on(net));
    net.subscribe(peer, "t", 2);
    net.cut(peer);
    publisher
}

fn back(net: &mut Net) -> Peer {
    connect("a").keep_session(100).on(net)
}

#[test]
fn they_wait_in_their_order_with_the_others() {
    let mut net = net(Settings::default());
    let publisher = away(&mut net);
    for (n, qos) in [0, 1, 0, 2, 0].into_iter().enumerate() {
        net.publish(publisher, "t", &n.to_string(), qos, 1);
        net.pubrel(publisher, 1);
    }
    let peer = back(&mut net);
    let expected = [
        r#"PUBLISH q0 t "0""#,
        r#"PUBLISH q1 id=1 t "1""#,
        r#"PUBLISH q0 t "2""#,
        r#"PUBLISH q2 id=2 t "3""#,
        r#"PUBLISH q0 t "4""#,
    ];
    assert_eq!(net.got(peer), expected);
    net.cut(peer);
    let peer = back(&mut net);
    assert_eq!(net.got(peer).len(), 2, "those of QoS 0 come once only");
}

#[test]
fn without_the_option_they_do_not_wait() {
    let mut net = Net::new();
    let publisher = away(&mut net);
    net.publish(publisher, "t", "x", 0, 0);
    let peer = back(&mut net);
    assert!(net.got(peer).is_empty());
}

#[test]
fn what_a_subscription_makes_qos_0_waits_too() {
    let mut net = net(Settings::default());
    let (publisher, peer) = (connect("pub").on(&mut net), connect("b").v311().resume().on(&mut net));
    net.subscribe(peer, "t", 0);
    net.cut(peer);
    net.publish(publisher, "t", "x", 1, 1);
    let peer = connect("b").v311().resume().on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#]);
}

#[test]
fn they_count_against_the_limits_of_the_queue() {
    for (settings, reason) in [
        (Settings { max_queued_messages: 3, ..Settings::default() }, DropReason::QueueFull),
        (Settings { max_queued_bytes: 3, ..Settings::default() }, DropReason::QueueBytes),
    ] {
        let mut net = net(settings);
        let publisher = away(&mut net);
        (0..2).for_each(|n| net.publish(publisher, "t", &n.to_string(), 0, 0));
        net.publish(publisher, "t", "2", 1, 1);
        assert_eq!(net.dropped(reason), 0);
        net.publish(publisher, "t", "3", 0, 0);
        net.publish(publisher, "t", "4", 1, 1);
        assert_eq!(net.dropped(reason), 2);
        assert_eq!(net.log_with("Outgoing messages are being dropped for client a.").len(), 1);
        let peer = back(&mut net);
        assert_eq!(net.got(peer), [r#"PUBLISH q0 t "0""#, r#"PUBLISH q0 t "1""#, r#"PUBLISH q1 id=1 t "2""#]);
    }
}

#[test]
fn what_comes_for_a_client_that_is_back_does_not_overtake_them() {
    // [MQTT-4.6.0-6]
    let mut net = net(Settings::default());
    let publisher = away(&mut net);
    for (n, qos) in [1, 1, 0].into_iter().enumerate() {
        net.publish(publisher, "t", &n.to_string(), qos, 1);
    }
    let peer = connect("a").keep_session(100).with(ReceiveMaximum(1)).on(&mut net);
    net.publish(publisher, "t", "3", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "0""#]);
    net.puback(peer, 1);
    let rest = [r#"PUBLISH q1 id=2 t "1""#, r#"PUBLISH q0 t "2""#, r#"PUBLISH q0 t "3""#];
    assert_eq!(net.got(peer), rest, "these need no room in the window");
    net.publish(publisher, "t", "4", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "4""#]);
}

#[test]
fn they_expire_like_others() {
    // [MQTT-3.3.2-5]
    let mut net = net(Settings::default());
    let publisher = away(&mut net);
    net.publish_with(publisher, "t", b"x", 0, 0, &[MessageExpiryInterval(5)]);
    net.publish_with(publisher, "t", b"y", 0, 0, &[MessageExpiryInterval(6)]);
    net.advance(5);
    let peer = back(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "y" {message-expiry-interval=1}"#]);
}

#[test]
fn a_client_that_reads_slowly_gets_them_as_it_reads() {
    let mut net = net(Settings { max_queued_messages: 0, ..Settings::default() });
    let publisher = away(&mut net);
    let payload = "x".repeat(1000);
    (0..1000).for_each(|_| net.publish(publisher, "t", &payload, 0, 0));
    let peer = back(&mut net);
    let all = net.got(peer).len();
    assert_eq!(all, 1000, "the fast one gets all");
    net.cut(peer);
    (0..1000).for_each(|_| net.publish(publisher, "t", &payload, 0, 0));
    let home = net.home_of("a");
    let peer = net.dial(home);
    net.set_reading(peer, false);
    net.send_bytes(peer, &connect("a").keep_session(100).bytes());
    let waiting = net.output_len(peer);
    assert!((64 * 1024..70_000).contains(&waiting), "{waiting}");
    net.set_reading(peer, true);
    assert!(net.got_bytes(peer).len() > 1_000_000);
    assert_eq!(net.output_len(peer), 0);
}
