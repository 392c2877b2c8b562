//! Messages of QoS 2 that their client never releases.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;

#[test]
fn an_identifier_that_is_used_over_and_over_keeps_one_message() {
    // Another message under an identifier takes the place of the one that was there.
    for v5 in [true, false] {
        let mut net = Net::with(2, Settings { max_inflight_messages: 20, ..Settings::default() });
        let peer = if v5 { connect("a") } else { connect("a").v311() }.on(&mut net);
        let watcher = connect("watcher").on(&mut net);
        net.subscribe(watcher, "t", 0);
        for round in 0..500 {
            (1..=20).for_each(|id| net.publish(peer, "t", &format!("{round}"), 2, id));
        }
        assert!(net.got(peer).iter().all(|line| line.starts_with("PUBREC ") && !line.contains("rc=")));
        (1..=20).for_each(|id| net.pubrel(peer, id));
        (1..=20).for_each(|id| net.pubrel(peer, id));
        assert_eq!(net.got(peer).len(), 40);
        assert_eq!(net.got(watcher), vec![r#"PUBLISH q0 t "499""#; 20]);
    }
}

#[test]
fn new_identifiers_beyond_the_window_are_refused_for_as_long_as_none_is_released() {
    // [MQTT-3.3.4-7]: quota exceeded, and the connection stays.
    let mut net = Net::with(2, Settings { max_inflight_messages: 3, ..Settings::default() });
    let peer = connect("a").on(&mut net);
    for round in 0..1000u16 {
        net.publish(peer, "t", "x", 2, round + 1);
    }
    let got = net.got(peer);
    assert!(got[..3].iter().all(|line| !line.contains("rc=")));
    assert!(got[3..].iter().all(|line| line.ends_with("rc=0x97")) && got.len() == 1000);
    assert!(net.is_open(peer));
    assert_eq!(net.log_with("has exceeded its receive-maximum quota.").len(), 997);
    net.pubrel(peer, 2);
    net.publish(peer, "t", "x", 2, 1000);
    assert_eq!(net.got(peer), ["PUBCOMP 2", "PUBREC 1000"]);
}

#[test]
fn what_was_not_released_goes_with_its_session() {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "t", 0);
    for _ in 0..50 {
        let peer = connect("a").keep_session(5).on(&mut net);
        net.publish(peer, "t", "x", 2, 1);
        net.cut(peer);
        net.advance(5);
        assert_eq!(net.session_count(), 1);
    }
    let peer = connect("a").keep_session(5).on(&mut net);
    net.pubrel(peer, 1);
    assert!(net.got(watcher).is_empty());
}
