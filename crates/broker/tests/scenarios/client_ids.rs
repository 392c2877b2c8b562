//! Which client ids the operator allows: `clientid_prefixes`, `allow_zero_length_clientid`, `use_username_as_clientid`.

use crate::harness::{Net, connect, of_listener};
use mosquitto_broker::{ListenerSettings, Settings};

fn with_prefix(prefix: &str, auto_id_prefix: &str) -> Net {
    let listener = ListenerSettings { auto_id_prefix: auto_id_prefix.into(), ..ListenerSettings::default() };
    Net::with(2, Settings { clientid_prefixes: Some(prefix.into()), ..of_listener(listener) })
}

fn by_username() -> Net {
    Net::with(3, of_listener(ListenerSettings { use_username_as_clientid: true, ..ListenerSettings::default() }))
}

#[test]
fn a_client_id_has_to_begin_with_the_prefix() {
    let mut net = with_prefix("ab", "auto-");
    for id in ["ab", "abc"] {
        connect(id).on(&mut net);
        connect(id).v311().on(&mut net);
    }
    for id in ["a", "Ab", "xab", "ba"] {
        assert_eq!(connect(id).refused(&mut net), ["CONNACK present=0 rc=135"], "{id}");
        assert_eq!(connect(id).v311().refused(&mut net), ["CONNACK present=0 rc=5"], "{id}");
        assert_eq!(connect(id).v31().refused(&mut net), ["CONNACK present=0 rc=5"], "{id}");
    }
    assert_eq!((net.session_count(), net.log_with("disconnected: not authorised.").len()), (2, 12));
}

#[test]
fn an_id_that_the_broker_makes_up_has_to_begin_with_the_prefix_too() {
    for (auto, let_in) in [("abc-", true), ("ab", true), ("a", false), ("", false), ("auto-", false)] {
        let mut net = with_prefix("ab", auto);
        let (peer, got) = connect("").attempt(&mut net);
        assert_eq!((net.is_open(peer), got[0].contains("rc=135")), (let_in, !let_in), "{auto}");
    }
}

#[test]
fn where_ids_may_not_be_empty_none_is_made_up() {
    let listener = ListenerSettings { allow_zero_length_clientid: false, ..ListenerSettings::default() };
    let mut net = Net::with(2, of_listener(listener));
    assert_eq!(connect("").refused(&mut net), ["CONNACK present=0 rc=128"]);
    assert_eq!(connect("").v311().refused(&mut net), ["CONNACK present=0 rc=2"]);
    let line = "Protocol error from 127.0.0.1:50000: CONNECT with zero length clientid when forbidden.";
    assert_eq!(net.log_with(line).len(), 1);
    assert_eq!(net.session_count(), 0);
    connect("a").on(&mut net);
}

#[test]
fn a_user_name_takes_the_place_of_the_client_id() {
    let mut net = by_username();
    // Whatever shard the two are at home on.
    for n in 0..8 {
        let (user, id) = (format!("user{n}"), format!("id{n}"));
        let first = connect(&id).keep_session(100).username(&user).on(&mut net);
        let (second, got) = connect("other").keep_session(100).username(&user).attempt(&mut net);
        assert!(got[0].starts_with("CONNACK present=1 rc=0") && !got[0].contains("assigned"), "{got:?}");
        assert_eq!((net.got(first), net.is_open(second)), (vec!["DISCONNECT rc=0x8e".to_owned()], true));
        assert_eq!(net.log_with(&format!(" as {user} (p5, c0, k0, u'{user}').")).len(), 2);
    }
    assert_eq!(net.session_count(), 8);
}

#[test]
fn who_sent_no_id_is_told_that_it_is_the_user_name() {
    // [MQTT-3.2.2-16]
    let mut net = by_username();
    let (_, got) = connect("").username("user").attempt(&mut net);
    assert!(got[0].contains("assigned-client-identifier=user"), "{got:?}");
    assert_eq!(connect("").v31().username("user").refused(&mut net), ["CONNACK present=0 rc=2"]);
}

#[test]
fn without_a_user_name_there_is_no_client_id() {
    let mut net = by_username();
    assert_eq!(connect("a").refused(&mut net), ["CONNACK present=0 rc=135"]);
    assert_eq!(connect("a").v311().refused(&mut net), ["CONNACK present=0 rc=5"]);
    assert_eq!(connect("").refused(&mut net), ["CONNACK present=0 rc=135"]);
    assert_eq!(connect("a").username("").refused(&mut net), ["CONNACK present=0 rc=135"]);
    assert_eq!(net.log_with("Client a [127.0.0.1:50000] disconnected: not authorised.").len(), 1);
    assert_eq!(net.session_count(), 0);
}

#[test]
fn each_listener_has_its_own_rules() {
    let strict = ListenerSettings { allow_zero_length_clientid: false, ..ListenerSettings::default() };
    let listeners = vec![ListenerSettings::default(), strict];
    let mut net = Net::with(2, Settings { listeners, ..Settings::default() });
    connect("").on(&mut net);
    connect("").through(1).refused(&mut net);
}
