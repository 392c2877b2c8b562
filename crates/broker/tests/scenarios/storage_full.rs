//! A disk without room: what would have to be kept is refused, and all else goes on.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, Persistence, Settings};

fn full_net() -> Net {
    Net::with(1, Settings { persistence: Persistence::Synced, ..Settings::default() })
}

#[test]
fn messages_that_would_have_to_be_kept_are_refused_and_others_go_on() {
    let mut net = full_net();
    let away = connect("away").keep_session(1000).on(&mut net);
    net.subscribe(away, "kept", 2);
    net.cut(away);
    let (peer, watcher) = (connect("p").on(&mut net), connect("w").on(&mut net));
    net.subscribe(watcher, "#", 2);
    net.publish_retained(peer, "old", "x", 0, 0);
    net.got(watcher);
    net.disk.news();
    net.shared.set_storage_full(true);
    net.publish(peer, "kept", "x", 1, 1);
    net.publish(peer, "kept", "x", 2, 2);
    net.publish_retained(peer, "r", "x", 1, 3);
    net.publish_retained(peer, "r", "x", 0, 0);
    assert_eq!(net.got(peer), ["PUBACK 1 rc=0x97", "PUBREC 2 rc=0x97", "PUBACK 3 rc=0x97"]);
    assert_eq!(net.got(watcher), [r#"PUBLISH q0 r "x""#]);
    assert_eq!((net.shared.retained_count(), net.dropped(DropReason::StorageFull)), (1, 4));
    net.publish(peer, "other", "x", 1, 1);
    net.publish(peer, "kept", "x", 0, 0);
    net.publish_retained(peer, "old", "", 1, 2);
    assert_eq!(net.got(peer), ["PUBACK 1", "PUBACK 2"]);
    assert_eq!((net.got(watcher).len(), net.shared.retained_count()), (3, 0));
    assert_eq!(net.disk.news(), ["Cleared old #2"]);
    net.shared.set_storage_full(false);
    net.publish(peer, "kept", "x", 1, 1);
    assert_eq!(net.got(peer), ["PUBACK 1"]);
}

#[test]
fn a_client_of_mqtt_3_that_cannot_be_told_loses_its_connection_and_keeps_the_message() {
    let mut net = full_net();
    let away = connect("away").keep_session(1000).on(&mut net);
    net.subscribe(away, "kept", 2);
    for qos in [1, 2] {
        net.shared.set_storage_full(false);
        let peer = connect("p").v311().on(&mut net);
        net.shared.set_storage_full(true);
        net.publish(peer, "other", "x", 1, 1);
        assert_eq!(net.got(peer), ["PUBACK 1"]);
        net.publish(peer, "kept", "x", qos, 1);
        assert!(!net.is_open(peer) && net.got(peer).is_empty());
    }
    assert_eq!(net.log_with("out of storage").len(), 2);
}

#[test]
fn a_qos_2_message_that_was_taken_before_is_passed_on() {
    let mut net = full_net();
    let peer = connect("p").keep_session(1000).on(&mut net);
    net.subscribe(peer, "kept", 1);
    net.publish(peer, "kept", "x", 2, 1);
    net.shared.set_storage_full(true);
    net.publish_again(peer, "kept", "x", 2, 1);
    net.pubrel(peer, 1);
    assert_eq!(net.got(peer), ["PUBREC 1", "PUBREC 1", r#"PUBLISH q1 id=1 kept "x""#, "PUBCOMP 1"]);
    // But one of a session that is kept would have to be kept itself.
    net.publish(peer, "other", "x", 2, 2);
    assert_eq!(net.got(peer), ["PUBREC 2 rc=0x97"]);
}

#[test]
fn no_session_and_no_subscription_that_would_have_to_be_kept_is_made() {
    let mut net = full_net();
    let known = connect("known").keep_session(1000).on(&mut net);
    net.subscribe(known, "a", 1);
    net.cut(known);
    net.shared.set_storage_full(true);
    assert!(connect("new").keep_session(1000).refused(&mut net)[0].contains("rc=151"));
    assert_eq!(connect("new").v311().resume().refused(&mut net), ["CONNACK present=0 rc=3"]);
    let passing = connect("new").on(&mut net);
    net.subscribe(passing, "a", 1);
    let known = connect("known").keep_session(1000).on(&mut net);
    net.subscribe(known, "a", 0);
    net.subscribe_with(known, 2, "b", Default::default(), &[]);
    assert_eq!(net.got(known), ["SUBACK 2 [151]"]);
}

#[test]
fn where_nothing_is_kept_the_disk_does_not_matter() {
    let mut net = Net::with(1, Settings::default());
    net.shared.set_storage_full(true);
    let peer = connect("c").keep_session(1000).on(&mut net);
    net.subscribe(peer, "#", 1);
    net.publish_retained(peer, "t", "x", 1, 1);
    assert_eq!((net.got(peer).len(), net.shared.retained_count()), (2, 1));
}
