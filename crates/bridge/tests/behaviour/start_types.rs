//! When a bridge connects.

use crate::harness::Peer;
use mosquitto_bridge::{Backlog, State};
use mosquitto_client::mqtt::{PacketType, QoS};

const QUIET: &str = "topic t\nnotifications false\nbridge_attempt_unsubscribe false";

fn backlog(messages: u64) -> Backlog {
    Backlog { messages, bytes: 0 }
}

#[test]
fn a_lazy_one_ends_when_it_is_idle_and_comes_back_for_enough_messages() {
    let mut peer = Peer::connected(&format!("{QUIET}\nstart_type lazy\nidle_timeout 20\nthreshold 5"));
    peer.wait_ms(15_000);
    peer.publish("t", QoS::AtLeastOnce);
    peer.sent();
    peer.wait_ms(15_000);
    peer.ack(PacketType::PubAck, 1);
    assert_eq!(peer.events(), "through 1");
    assert_eq!(peer.wait(), 20_000, "since the last message was through");
    assert_eq!((peer.sent(), peer.effects()), ("DISCONNECT Success".to_owned(), "close".to_owned()));
    assert_eq!((peer.remote.report().state, peer.remote.next_deadline()), (State::Resting, None));
    assert!(peer.log.iter().any(|line| line.contains("has exceeded idle timeout")), "{:?}", peer.log);
    peer.remote.set_backlog(peer.now, backlog(4));
    assert_eq!(peer.effects(), "");
    peer.remote.set_backlog(peer.now, backlog(5));
    assert_eq!(peer.effects(), "open one:1883");
    assert_eq!(peer.remote.report().backlog.messages, 5);
}

#[test]
fn a_lazy_one_that_fails_tries_again_only_for_enough_messages() {
    let mut peer = Peer::new(&format!("{QUIET}\nstart_type lazy\nthreshold 5"));
    peer.effects();
    peer.remote.open_failed(peer.now, "refused");
    assert_eq!(peer.remote.next_deadline(), None);
    peer.remote.set_backlog(peer.now, backlog(9));
    assert_eq!(peer.effects(), "open one:1883");
    peer.remote.open_failed(peer.now, "refused");
    peer.effects();
    peer.remote.set_backlog(peer.now, backlog(10));
    assert_eq!(peer.effects(), "", "not before the pause is over");
    peer.wait();
    assert_eq!(peer.effects(), "open one:1883");
}

#[test]
fn one_that_starts_once_never_comes_back() {
    for accepted in [true, false] {
        let mut peer = Peer::new(&format!("{QUIET}\nstart_type once"));
        if accepted {
            peer.connect(false, &[]);
            peer.breaks();
            assert_eq!(peer.effects(), "close");
        } else {
            peer.effects();
            peer.remote.open_failed(peer.now, "refused");
        }
        assert_eq!((peer.remote.report().state, peer.remote.next_deadline()), (State::Ended, None));
        peer.remote.set_backlog(peer.now, backlog(1000));
        assert_eq!(peer.effects(), "");
    }
}

#[test]
fn what_it_says_about_itself_is_nothing_to_do() {
    let mut peer = Peer::connected("topic t\nstart_type lazy\nidle_timeout 5\nthreshold 1");
    peer.ack(PacketType::PubAck, 1);
    peer.unsuback(2);
    assert_eq!(peer.wait(), 5000);
    let state = "$SYS/broker/connection/host.b/state";
    assert_eq!(peer.sent(), format!("PUBLISH {state} 0 q0 retain 0, DISCONNECT Success"));
    peer.effects();
    peer.events();
    peer.remote.set_backlog(peer.now, backlog(0));
    assert_eq!(peer.effects(), "");
    peer.remote.set_backlog(peer.now, backlog(1));
    peer.connect(true, &[]);
    let sent = peer.sent();
    assert_eq!(sent, format!("PUBLISH {state} 4 q1 retain 1, UNSUBSCRIBE 5 t"));
}
