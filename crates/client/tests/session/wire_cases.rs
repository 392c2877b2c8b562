//! What a client's session makes of every packet among the wire cases.

use crate::harness::{Peer, V5, V31, V311};
use mosquitto_client::{Event, mqtt::ProtocolVersion};
use mosquitto_wire_cases::{Case, Situation, Version, all};

fn version(case: &Case) -> ProtocolVersion {
    match case.version {
        Version::V31 => V31,
        Version::V311 => V311,
        Version::V5 => V5,
    }
}

/// A session to which the packet comes.
fn session(case: &Case) -> Peer {
    if case.situation != Situation::ClientConnecting {
        return Peer::connected(version(case));
    }
    let mut peer = Peer::new(version(case));
    peer.session.connect(peer.now);
    peer.sent();
    peer
}

fn ends(peer: &mut Peer) -> bool {
    std::iter::from_fn(|| peer.session.poll_event()).any(|event| matches!(event, Event::Disconnected(_)))
}

#[test]
fn every_case_is_taken_or_ends_the_connection_as_it_says() {
    let mut wrong = Vec::new();
    for case in all().iter().filter(|case| !case.situation.is_at_broker()) {
        let mut peer = session(case);
        peer.session.received(peer.now, case.bytes());
        if ends(&mut peer) == case.reaction.open {
            wrong.push(format!("{case}: expected to stay open: {}", case.reaction.open));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn packets_of_clients_do_no_harm_to_a_client() {
    for case in all() {
        for mut peer in [Peer::connected(version(case)), Peer::new(version(case))] {
            peer.session.connect(peer.now);
            peer.session.received(peer.now, case.bytes());
            while peer.session.poll_event().is_some() {}
            peer.wait_ms(1000);
        }
    }
}
