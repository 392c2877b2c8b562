//! Clients that have to prove who they are by a password.

use crate::harness::{Net, Options, connect, of_listener};
use mosquitto_auth::password::{PasswordFile, PasswordHash, Salt, Scheme};
use mosquitto_broker::{ListenerSettings, Settings};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A password file with these users and passwords. The same password has the same hash for the same `salt` only.
fn file_with(users: &[(&str, &str)], salt: u8) -> Arc<PasswordFile> {
    let scheme = Scheme::Pbkdf2 { iterations: NonZeroU32::MIN };
    let line = |(user, password): &(&str, &str)| {
        format!("{user}:{}\n", PasswordHash::new(scheme, password.as_bytes(), Salt::Usual([salt; 64])).unwrap())
    };
    let text: String = users.iter().map(line).collect();
    Arc::new(PasswordFile::parse(text.as_bytes()).unwrap())
}

fn file(users: &[(&str, &str)]) -> Arc<PasswordFile> {
    file_with(users, 0)
}

/// One listener that goes by a password file, if there is one.
fn settings(passwords: Option<Arc<PasswordFile>>, allow_anonymous: bool) -> Settings {
    of_listener(ListenerSettings { passwords, allow_anonymous, ..ListenerSettings::default() })
}

/// A broker that knows Anna, whose password is `secret`, and lets in nobody else.
fn net() -> Net {
    Net::with(3, settings(Some(file(&[("anna", "secret")])), false))
}

fn anna(client_id: &str) -> Options {
    connect(client_id).username("anna").password(b"secret")
}

#[test]
fn only_who_knows_the_password_of_a_user_is_let_in() {
    // [MQTT-3.1.4-2] [3.1.1 MQTT-3.2.2-5]
    let mut net = net();
    assert!({
        let peer = anna("a").on(&mut net);
        net.is_open(peer)
    });
    assert!({
        let peer = anna("b").v311().on(&mut net);
        net.is_open(peer)
    });
    let claims: [fn() -> Options; 6] = [
        || connect("c"),
        || connect("c").username("anna"),
        || connect("c").username("anna").password(b"Secret"),
        || connect("c").username("anna").password(b""),
        || connect("c").username("Anna").password(b"secret"),
        || connect("c").username("bert").password(b"secret"),
    ];
    for claim in claims {
        assert_eq!(claim().refused(&mut net), ["CONNACK present=0 rc=135"]);
        assert_eq!(claim().v311().refused(&mut net), ["CONNACK present=0 rc=5"]);
    }
    assert_eq!(net.log_with("Client c [127.0.0.1:").len(), 12);
    assert_eq!(net.log_with("disconnected: not authorised.").len(), 12);
}

#[test]
fn without_a_username_allow_anonymous_decides_and_with_one_the_file() {
    for allow_anonymous in [false, true] {
        let mut net = Net::with(2, settings(Some(file(&[("anna", "secret")])), allow_anonymous));
        let (_, got) = connect("a").attempt(&mut net);
        assert_eq!(got[0].contains("rc=135"), !allow_anonymous, "{got:?}");
        anna("b").on(&mut net);
        assert_eq!(connect("c").username("x").password(b"y").refused(&mut net), ["CONNACK present=0 rc=135"]);
    }
}

/// Whatever the file says, and without a look at it.
#[test]
fn an_empty_password_is_never_right() {
    let mut net = Net::with(2, settings(Some(file(&[("anna", "secret"), ("empty", "")])), true));
    net.hold_checks = true;
    for user in ["anna", "empty", "nobody"] {
        assert_eq!(connect("c").username(user).password(b"").refused(&mut net), ["CONNACK present=0 rc=135"]);
        assert_eq!(connect("c").username(user).password(b"").v311().refused(&mut net), ["CONNACK present=0 rc=5"]);
        assert_eq!(net.waiting_checks(), 0);
    }
}

/// With it or without a password: there is no such user, so `allow_anonymous` decides.
#[test]
fn an_empty_username_is_none() {
    for password in [&b""[..], b"secret"] {
        let claim = || connect("c").username("").password(password);
        let mut open = Net::with(2, settings(Some(file(&[("anna", "secret")])), true));
        claim().on(&mut open);
        assert_eq!(open.log_with(", u'").len(), 0);
        let mut closed = Net::with(2, settings(Some(file(&[("anna", "secret")])), false));
        assert_eq!(claim().refused(&mut closed), ["CONNACK present=0 rc=135"]);
    }
}

#[test]
fn without_a_password_file_allow_anonymous_decides_about_all() {
    let mut open = Net::with(2, settings(None, true));
    connect("a").username("x").password(b"y").on(&mut open);
    let mut closed = Net::with(2, settings(None, false));
    assert_eq!(connect("a").username("x").password(b"y").refused(&mut closed), ["CONNACK present=0 rc=135"]);
}

#[test]
fn nobody_is_a_user_of_an_empty_file() {
    let mut net = Net::with(2, settings(Some(Arc::default()), false));
    assert_eq!(anna("a").refused(&mut net), ["CONNACK present=0 rc=135"]);
    assert_eq!(connect("a").username("").password(b"").refused(&mut net), ["CONNACK present=0 rc=135"]);
}

#[test]
fn a_connect_waits_for_its_password_and_what_follows_waits_behind_it() {
    let mut net = net();
    net.hold_checks = true;
    let (peer, got) = anna("a").attempt(&mut net);
    net.ping(peer);
    assert_eq!((got, net.got(peer), net.is_open(peer)), (vec![], vec![], true));
    assert_eq!((net.waiting_checks(), net.session_count()), (1, 0));
    net.do_checks();
    let got = net.got(peer);
    assert!(got[0].starts_with("CONNACK") && got[0].contains("rc=0"), "{got:?}");
    assert_eq!(got[1..], ["PINGRESP"]);
}

/// Who does not know the password must not be able to throw others out.
#[test]
fn a_session_is_taken_over_only_when_the_password_was_right() {
    // [MQTT-3.1.4-3]
    let mut net = net();
    let old = anna("a").on(&mut net);
    net.hold_checks = true;
    let (thief, _) = anna("a").password(b"guess").attempt(&mut net);
    net.ping(old);
    assert_eq!(net.got(old), ["PINGRESP"]);
    net.do_checks();
    assert_eq!((net.got(thief), net.is_open(thief)), (vec!["CONNACK present=0 rc=135".to_owned()], false));
    net.ping(old);
    assert_eq!(net.got(old), ["PINGRESP"]);
    net.hold_checks = true;
    let (new, _) = anna("a").attempt(&mut net);
    assert!(net.is_open(old), "not yet");
    net.do_checks();
    assert_eq!((net.got(old), net.is_open(new)), (vec!["DISCONNECT rc=0x8e".to_owned()], true));
}

#[test]
fn many_wait_at_once_and_each_gets_its_own_answer() {
    let mut net = net();
    net.hold_checks = true;
    let peers: Vec<_> = (0..200)
        .map(|n| {
            let options = anna(&format!("c{n}"));
            if n % 3 == 0 { options.password(b"guess") } else { options }.attempt(&mut net).0
        })
        .collect();
    assert_eq!((net.waiting_checks(), net.session_count()), (200, 0));
    net.do_checks();
    for (n, peer) in peers.into_iter().enumerate() {
        assert_eq!(net.is_open(peer), n % 3 != 0, "{n}");
        assert_eq!(net.got(peer)[0].contains("rc=135"), n % 3 == 0, "{n}");
    }
}

#[test]
fn an_answer_for_a_client_that_has_gone_is_nobodys() {
    // With one shard, the number of the connection is the next one's at once.
    let mut net = Net::with(1, settings(Some(file(&[("anna", "secret")])), false));
    net.hold_checks = true;
    let (gone, _) = anna("a").attempt(&mut net);
    net.cut(gone);
    let (other, _) = anna("b").password(b"guess").attempt(&mut net);
    let (silent, _) = (net.dial(0), ());
    net.do_checks();
    assert!(!net.is_open(other) && net.is_open(silent));
    assert_eq!(net.got(other), ["CONNACK present=0 rc=135"]);
    assert_eq!(net.session_count(), 0);
}

#[test]
fn where_nobody_has_time_for_a_password_the_server_is_busy() {
    let mut net = net();
    let old = anna("a").on(&mut net);
    for (v311, answer) in [(false, "CONNACK present=0 rc=137"), (true, "CONNACK present=0 rc=3")] {
        net.hold_checks = true;
        let options = if v311 { anna("a").v311() } else { anna("a") };
        let (peer, _) = options.attempt(&mut net);
        net.give_checks_up();
        assert_eq!((net.got(peer), net.is_open(peer)), (vec![answer.to_owned()], false));
    }
    assert!(net.is_open(old));
    assert_eq!(net.log_with("disconnected: server busy.").len(), 2);
}

#[test]
fn who_waits_for_too_long_is_closed_like_one_who_says_nothing() {
    let mut net = net();
    net.hold_checks = true;
    let (peer, _) = anna("a").attempt(&mut net);
    net.advance(31);
    assert!(!net.is_open(peer));
    net.do_checks();
    assert_eq!(net.session_count(), 0);
}

/// Checks that were made before a reload do not open what is closed after it.
#[test]
fn what_the_file_says_when_the_answer_comes_counts() {
    let users = [("anna", "secret")];
    for (other, let_in) in [
        (settings(Some(file(&users)), false), true),
        (settings(Some(file_with(&users, 1)), false), true),
        (settings(Some(file(&[("anna", "changed")])), false), false),
        (settings(Some(file(&[])), false), false),
        (settings(Some(file(&[("bert", "secret")])), true), false),
        (settings(None, false), false),
    ] {
        let mut net = net();
        net.hold_checks = true;
        let (peer, _) = anna("a").attempt(&mut net);
        net.reconfigure(other.clone());
        net.do_checks();
        assert_eq!(net.is_open(peer), let_in, "{other:?}");
    }
}

/// The password itself is not kept: whose line in the file is another one has to connect again.
#[test]
fn who_has_no_right_to_be_there_after_a_reload_is_sent_away() {
    let (users, both) = ([("anna", "secret")], [("bert", "x"), ("anna", "secret")]);
    for (other, stays) in [
        (settings(Some(file(&users)), false), true),
        (settings(Some(file(&both)), false), true),
        (settings(None, true), true),
        (settings(Some(file(&[("anna", "changed")])), true), false),
        (settings(Some(file_with(&users, 1)), true), false),
        (settings(Some(file(&[])), true), false),
        (settings(None, false), false),
    ] {
        let mut net = net();
        let (old, v311) = (anna("a").on(&mut net), anna("b").v311().on(&mut net));
        net.reconfigure(other.clone());
        assert_eq!((net.is_open(old), net.is_open(v311)), (stays, stays), "{other:?}");
        assert_eq!(net.got(old), if stays { vec![] } else { vec!["DISCONNECT rc=0x87".to_owned()] });
    }
}

#[test]
fn a_password_file_that_is_new_sends_those_away_who_never_showed_a_password() {
    for allow_anonymous in [false, true] {
        let mut net = Net::with(2, settings(None, true));
        let (named, nameless) = (anna("a").on(&mut net), connect("b").on(&mut net));
        net.reconfigure(settings(Some(file(&[("anna", "secret")])), allow_anonymous));
        assert_eq!((net.is_open(named), net.is_open(nameless)), (false, allow_anonymous));
        anna("a").on(&mut net);
    }
}

#[test]
fn each_listener_goes_by_its_own_file() {
    let listener = |users: &[(&str, &str)]| ListenerSettings {
        passwords: Some(file(users)),
        allow_anonymous: false,
        ..ListenerSettings::default()
    };
    let listeners = vec![listener(&[("anna", "secret")]), listener(&[("bert", "secret")])];
    let mut net = Net::with(2, Settings { listeners, ..Settings::default() });
    anna("a").on(&mut net);
    assert_eq!(anna("a").through(1).refused(&mut net), ["CONNACK present=0 rc=135"]);
    connect("b").username("bert").password(b"secret").through(1).on(&mut net);
}

/// Everything that costs less comes first.
#[test]
fn a_connect_that_is_refused_anyway_has_no_password_looked_at() {
    let mut net = net();
    net.hold_checks = true;
    anna("a").will("$CONTROL/x", "x", 0, false).refused(&mut net);
    anna("").v31().refused(&mut net);
    connect("a").username("anna").refused(&mut net);
    assert_eq!(net.waiting_checks(), 0);
}
