//! Several addresses, and pauses between attempts.

use crate::harness::Peer;
use mosquitto_bridge::State;

const THREE: &str =
    "topic t\naddress a b:2 c\nnotifications false\nbridge_attempt_unsubscribe false\nrestart_timeout 3";

#[test]
fn each_failure_leads_to_the_next_address_after_a_pause() {
    let mut peer = Peer::new(THREE);
    for address in ["a:1883", "b:2", "c:1883", "a:1883"] {
        assert_eq!(peer.effects(), format!("open {address}"));
        assert_eq!(peer.remote.report().state, State::Connecting);
        peer.remote.open_failed(peer.now, "refused");
        assert_eq!(peer.effects(), "");
        assert!(matches!(peer.remote.report().state, State::BackingOff { .. }));
        assert_eq!(peer.remote.report().last_error.as_deref(), Some("refused"));
        assert_eq!(peer.wait(), 3000);
    }
    assert_eq!(peer.remote.report().counters.failures, 4);
}

#[test]
fn an_attempt_that_takes_too_long_has_failed() {
    let mut peer = Peer::new(THREE);
    peer.effects();
    assert_eq!(peer.wait(), 60_000);
    assert_eq!(peer.effects(), "close");
    peer.remote.opened(peer.now);
    assert_eq!(peer.sent(), "", "it was given up");
    peer.wait();
    assert_eq!(peer.effects(), "open b:2");
}

#[test]
fn pauses_grow_at_random_and_are_short_again_after_a_connection() {
    let mut peer = Peer::new("topic t\naddress a\nnotifications false\nrestart_timeout 1 60");
    let mut pauses = Vec::new();
    for _ in 0..30 {
        assert_eq!(peer.effects(), "open a:1883");
        peer.remote.open_failed(peer.now, "refused");
        peer.effects();
        pauses.push(peer.wait());
    }
    assert!(pauses.iter().all(|pause| (1000..=60_000).contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause > 20_000), "{pauses:?}");
    peer.connect(false, &[]);
    peer.breaks();
    peer.effects();
    assert!(peer.wait() < 3000);
}

#[test]
fn while_it_is_at_another_address_the_first_is_tried_until_it_answers() {
    let mut peer = Peer::new(THREE);
    peer.effects();
    peer.remote.open_failed(peer.now, "refused");
    peer.wait();
    peer.connect(false, &[]);
    peer.sent();
    for _ in 0..3 {
        assert_eq!(peer.wait(), 5000);
        assert_eq!(peer.effects(), "probe a:1883");
        peer.remote.probed(peer.now, false);
    }
    assert_eq!(peer.wait(), 5000);
    peer.effects();
    peer.remote.probed(peer.now, true);
    assert_eq!((peer.sent(), peer.effects()), ("DISCONNECT Success".to_owned(), "close".to_owned()));
    peer.wait();
    assert_eq!(peer.effects(), "open a:1883");
}

#[test]
fn with_round_robin_all_addresses_are_alike() {
    let mut peer = Peer::new(&format!("{THREE}\nround_robin true"));
    peer.effects();
    peer.remote.open_failed(peer.now, "refused");
    peer.wait();
    peer.connect(false, &[]);
    peer.sent();
    // Nothing but the keep alive is due.
    assert_eq!(peer.wait(), 60_000);
    assert_eq!(peer.effects(), "");
    peer.breaks();
    peer.wait();
    assert_eq!(peer.effects(), "close, open c:1883");
}

#[test]
fn without_it_a_lost_connection_leads_back_to_the_first() {
    let mut peer = Peer::new(THREE);
    peer.effects();
    peer.remote.open_failed(peer.now, "refused");
    peer.wait();
    peer.connect(false, &[]);
    peer.breaks();
    peer.wait();
    assert_eq!(peer.effects(), "close, open a:1883");
}
