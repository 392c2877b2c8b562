//! `retry_interval`: what is not acknowledged is sent again on a live connection.

use crate::harness::{Net, Options, Peer, connect};
use mosquitto_broker::Settings;

fn net(retry_interval_s: Option<u32>) -> Net {
    Net::with(2, Settings { retry_interval_s, ..Settings::default() })
}

/// A subscriber of `t` that has got a message of each QoS and answered nothing, and the publisher.
fn waiting(net: &mut Net, options: Options) -> (Peer, Peer) {
    let (publisher, peer) = (connect("pub").on(net), options.on(net));
    net.subscribe(peer, "t", 2);
    net.publish(publisher, "t", "0", 0, 0);
    net.publish(publisher, "t", "1", 1, 1);
    net.publish(publisher, "t", "2", 2, 2);
    net.pubrel(publisher, 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "0""#, r#"PUBLISH q1 id=1 t "1""#, r#"PUBLISH q2 id=2 t "2""#]);
    (publisher, peer)
}

const AGAIN: [&str; 2] = [r#"PUBLISH q1 id=1 dup t "1""#, r#"PUBLISH q2 id=2 dup t "2""#];

#[test]
fn what_is_not_acknowledged_is_sent_again_after_the_interval_and_after_each_further_one() {
    for options in [connect("a").v31(), connect("a").v311()] {
        let mut net = net(Some(5));
        let (_, peer) = waiting(&mut net, options);
        for _ in 0..3 {
            net.advance(4);
            assert!(net.got(peer).is_empty());
            net.advance(1);
            assert_eq!(net.got(peer), AGAIN);
        }
    }
}

#[test]
fn mqtt_3_1_repeats_after_20_seconds_where_nothing_is_set_and_the_others_never() {
    let mut net = net(None);
    let (_, old) = waiting(&mut net, connect("old").v31());
    let (_, peer) = waiting(&mut net, connect("a").v311());
    net.got(old);
    net.advance(19);
    assert!(net.got(old).is_empty());
    net.advance(1);
    assert_eq!(net.got(old)[..2], AGAIN);
    net.advance(1000);
    assert!(net.got(peer).is_empty());
}

#[test]
fn mqtt_5_is_never_sent_anything_again_on_a_live_connection() {
    // [MQTT-4.4.0-1]
    for interval in [None, Some(1), Some(20)] {
        let mut net = net(interval);
        let (_, peer) = waiting(&mut net, connect("a"));
        net.advance(100);
        assert_eq!((net.got(peer).len(), net.connections_and_deadlines()), (0, (2, 0)));
    }
}

#[test]
fn zero_is_never() {
    for options in [connect("a").v31(), connect("a").v311()] {
        let mut net = net(Some(0));
        let (_, peer) = waiting(&mut net, options);
        net.advance(100);
        assert_eq!((net.got(peer).len(), net.connections_and_deadlines()), (0, (2, 0)));
    }
}

#[test]
fn each_message_has_its_own_interval_and_what_is_acknowledged_is_not_repeated() {
    let mut net = net(Some(5));
    let (publisher, peer) = waiting(&mut net, connect("a").v311());
    net.advance(3);
    net.publish(publisher, "t", "3", 1, 1);
    net.puback(peer, 1);
    net.pubrec(peer, 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=3 t "3""#, "PUBREL 2"]);
    net.advance(4);
    assert!(net.got(peer).is_empty(), "both went out three seconds after the first ones");
    net.advance(1);
    assert_eq!(net.got(peer), ["PUBREL 2", r#"PUBLISH q1 id=3 dup t "3""#]);
    net.pubcomp(peer, 2);
    net.puback(peer, 3);
    net.advance(20);
    assert_eq!((net.got(peer).len(), net.connections_and_deadlines()), (0, (2, 0)));
}

#[test]
fn a_client_that_reads_nothing_gets_one_copy_at_the_most() {
    let mut net = net(Some(5));
    let (publisher, peer) = waiting(&mut net, connect("a").v311());
    net.set_reading(peer, false);
    net.advance(100);
    let copies = net.output_len(peer);
    assert!((1..100).contains(&copies), "the first retry filled the output, and no other came: {copies}");
    net.publish(publisher, "t", "0", 0, 0);
    net.set_reading(peer, true);
    net.got(peer);
    net.advance(4);
    assert!(net.got(peer).is_empty());
    net.advance(1);
    assert_eq!(net.got(peer), AGAIN, "it goes on where the client reads again");
}

#[test]
fn a_new_connection_begins_its_own_interval() {
    let mut net = net(Some(5));
    let (_, peer) = waiting(&mut net, connect("a").v311().resume());
    net.advance(3);
    net.cut(peer);
    assert_eq!(net.connections_and_deadlines(), (1, 0));
    net.advance(10);
    let peer = connect("a").v311().resume().on(&mut net);
    assert_eq!(net.got(peer), AGAIN);
    net.advance(4);
    assert!(net.got(peer).is_empty());
    net.advance(1);
    assert_eq!(net.got(peer), AGAIN);
    net.cut(peer);
    // And none at all where it speaks MQTT 5.
    let peer = connect("a").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), AGAIN);
    net.advance(20);
    assert!(net.got(peer).is_empty());
}

#[test]
fn very_many_are_sent_again_in_parts() {
    let settings = Settings { retry_interval_s: Some(5), max_inflight_messages: 0, ..Settings::default() };
    let mut net = Net::with(1, settings);
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").v311().on(&mut net));
    net.subscribe(peer, "t", 1);
    (0..2500).for_each(|_| net.publish(publisher, "t", "x", 1, 1));
    net.got(peer);
    for part in [0, 0, 0, 0, 1000, 1000, 500, 0, 0, 1000] {
        net.advance(1);
        assert_eq!(net.got(peer).len(), part);
    }
}
