//! Who a client is that has shown that it has a key.

use super::{Desk, KEYS, Tunnel};
use crate::harness::{Broker, Client, Got, client};
use mosquitto_mqtt::ProtocolVersion::{self, V5, V31, V311};

/// As strict as a listener can be: nobody is let in for nothing.
const STRICT: &str = "listener_allow_anonymous false\nuse_identity_as_username true\n";

fn ack(reason: u8) -> Got {
    Got::ConnAck { present: false, reason }
}

fn answer(tunnel: &Tunnel, broker: &Broker, version: ProtocolVersion) -> (Client, Got) {
    let connecting = client("user").version(version).username("liar").password("lie");
    let mut user = connecting.over(tunnel.to(broker).unwrap());
    let got = user.next();
    (user, got)
}

#[test]
pub(crate) fn use_identity_as_username_takes_the_identity_and_asks_for_nothing_else() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker(STRICT);
    for version in [V31, V311, V5] {
        assert_eq!(answer(&desk.alice(), &broker, version).1, ack(0));
    }
    broker.log.wait_for_several(", u'alice').", 3);
    assert_eq!(broker.log.count("liar"), 0);
}

/// The key opens the way, and what is said on it counts as anywhere.
#[test]
fn without_it_username_and_password_are_looked_at_as_usual() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("listener_allow_anonymous false");
    for (version, reason) in [(V311, 5), (V5, 0x87)] {
        // There is no password file in which the user could be.
        assert_eq!(answer(&desk.alice(), &broker, version).1, ack(reason));
        assert_eq!(client("user").version(version).over(desk.alice().to(&broker).unwrap()).next(), ack(reason));
    }
    let broker = desk.broker("");
    assert_eq!(answer(&desk.alice(), &broker, V5).1, ack(0));
    broker.log.wait_for(", u'liar').");
}

/// It is the subject of a certificate, which there is none of.
#[test]
fn use_subject_as_username_lets_nobody_in() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("use_subject_as_username true");
    for (version, reason) in [(V311, 4), (V5, 0x86)] {
        assert_eq!(answer(&desk.alice(), &broker, version).1, ack(reason));
    }
}

#[test]
fn access_lists_go_by_the_identity() {
    let Some(desk) = Desk::new(KEYS) else { return };
    desk.scratch.file("rules", "user alice\ntopic write only/alice\npattern readwrite of/%u\n");
    let broker =
        desk.broker(&format!("{STRICT}acl_file DIR/rules").replace("DIR", desk.scratch.path().to_str().unwrap()));
    let may = |tunnel: &Tunnel, topic: &str| {
        let (mut user, got) = answer(tunnel, &broker, V5);
        assert_eq!(got, ack(0));
        user.attempt(topic, "x") < 0x80
    };
    assert!(may(&desk.alice(), "only/alice") && !may(&desk.bob(), "only/alice"));
    assert!(may(&desk.bob(), "of/bob") && !may(&desk.bob(), "of/alice") && !may(&desk.alice(), "of/liar"));
}

/// CVE-2017-7650 of Mosquitto, by way of an identity.
#[test]
fn an_identity_with_wildcards_does_not_widen_a_pattern() {
    let Some(desk) = Desk::new("+:ab\n #:ab\na/b:ab\nalice:00c0ffee\n") else { return };
    desk.scratch.file("rules", "pattern readwrite of/%u\npattern readwrite of/%u/deep\n");
    let lines = format!("{STRICT}acl_file DIR/rules").replace("DIR", desk.scratch.path().to_str().unwrap());
    let broker = desk.broker(&lines);
    let mut alice = client("alice").over(desk.alice().to(&broker).unwrap());
    assert_eq!(alice.next(), ack(0));
    assert!(alice.attempt("of/alice", "mine") < 0x80);
    for identity in ["+", "#", "a/b"] {
        let (mut user, got) = answer(&desk.tunnel(identity, &[0xab]), &broker, V5);
        assert_eq!(got, ack(0), "{identity}");
        user.subscribe("of/#", 0);
        for topic in ["of/alice", "of/alice/deep", "of/a/b", "of"] {
            assert!(user.attempt(topic, "x") >= 0x80, "{identity}: {topic}");
        }
        // And nothing of what she says comes.
        assert!(alice.attempt("of/alice", "still mine") < 0x80);
        user.ping();
    }
}

/// On whichever worker it is at home.
#[test]
fn the_identity_may_be_the_client_id_as_well() {
    let names = ["one", "two", "three", "four"];
    let keys: Vec<_> = names.iter().map(|name| format!("{name}:abcd\n")).collect();
    let Some(desk) = Desk::new(&keys.concat()) else { return };
    let broker = desk.broker(&format!("{STRICT}use_username_as_clientid true"));
    for name in names {
        assert_eq!(answer(&desk.tunnel(name, &[0xab, 0xcd]), &broker, V5).1, ack(0));
        broker.log.wait_for(&format!(" as {name} (p5, c1, k60, u'{name}')."));
    }
}
