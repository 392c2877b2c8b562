//! What the broker answers to every packet among the wire cases.

use crate::harness::Net;
use mosquitto_wire_cases::{Case, Situation, all, hex};

/// What came back, and whether the connection stayed.
fn reaction(case: &Case) -> (Vec<u8>, bool) {
    let mut net = Net::with(1, mosquitto_broker::Settings::default());
    let peer = net.dial(0);
    if case.situation != Situation::New {
        net.send_bytes(peer, &case.situation.preparation(case.version));
        assert!(net.is_open(peer) && !net.got_bytes(peer).is_empty(), "{case}: {:?}", case.situation);
    }
    net.send_bytes(peer, case.bytes());
    (net.got_bytes(peer), net.is_open(peer))
}

#[test]
fn every_case_is_answered_as_it_says() {
    let mut wrong = Vec::new();
    for case in all().iter().filter(|case| case.situation.is_at_broker()) {
        let (reply, open) = reaction(case);
        if !case.reaction.is_reply(&reply) || open != case.reaction.open {
            let want = (case.reaction.reply_hex(), case.reaction.open);
            wrong.push(format!("{case}\n  expected {want:?}\n  was      {:?}", (hex(&reply), open)));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}
