//! The will of a client of MQTT 3.1.1, and what its flags say.

use crate::harness::{Net, Peer, connect};

fn watched() -> (Net, Peer) {
    let mut net = Net::new();
    let watcher = connect("watcher").v311().on(&mut net);
    net.subscribe(watcher, "#", 2);
    (net, watcher)
}

#[test]
fn a_will_is_published_once_with_its_own_qos_topic_and_message() {
    // [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-9] [3.1.1 MQTT-3.1.2-10]
    let (mut net, watcher) = watched();
    for (qos, id) in [(0, ""), (1, " id=1"), (2, " id=2")] {
        let peer = connect("a").v311().resume().will("will/a", "gone", qos, false).on(&mut net);
        assert!(net.got(watcher).is_empty());
        net.cut(peer);
        assert_eq!(net.got(watcher), [format!(r#"PUBLISH q{qos}{id} will/a "gone""#)]);
        let peer = connect("a").v311().resume().on(&mut net);
        net.cut(peer);
        assert!(net.got(watcher).is_empty(), "it was the earlier connection's");
    }
}

#[test]
fn every_end_but_a_disconnect_publishes_it() {
    // [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-10] [3.1.1 MQTT-3.14.4-3]
    let (mut net, watcher) = watched();
    type End = fn(&mut Net, Peer);
    let ends: [(End, usize); 5] = [
        (Net::cut, 1),
        (|net, peer| net.send_bytes(peer, b"\x36\x05\0\x01a\0\x01"), 1),
        (|net, _| net.advance(15), 1),
        (|net, peer| net.break_with(peer, "Connection reset by peer"), 1),
        (Net::disconnect, 0),
    ];
    for (at, (end, published)) in ends.into_iter().enumerate() {
        let peer = connect("a").v311().resume().keep_alive(10).will("will", "gone", 0, false).on(&mut net);
        end(&mut net, peer);
        assert_eq!((net.is_open(peer), net.got(watcher).len()), (false, published), "{at}");
    }
    let peer = connect("a").v311().resume().on(&mut net);
    net.cut(peer);
    assert!(net.got(watcher).is_empty(), "the one of the disconnected client does not come later");
}

#[test]
fn a_client_without_a_will_leaves_without_one() {
    // [3.1.1 MQTT-3.1.2-12]
    let (mut net, watcher) = watched();
    let peer = connect("a").v311().username("u").password(b"p").on(&mut net);
    net.cut(peer);
    assert!(net.got(watcher).is_empty());
}

#[test]
fn its_retain_flag_says_whether_it_is_kept() {
    // [3.1.1 MQTT-3.1.2-16] [3.1.1 MQTT-3.1.2-17]
    let (mut net, watcher) = watched();
    for (retain, kept) in [(false, vec![]), (true, vec![r#"PUBLISH q1 id=1 retain will "gone""#])] {
        let peer = connect("a").v311().will("will", "gone", 1, retain).on(&mut net);
        net.cut(peer);
        assert_eq!(net.got(watcher).len(), 1);
        let late = connect("late").v311().on(&mut net);
        net.subscribe(late, "will", 1);
        assert_eq!(net.got(late), kept);
    }
}
