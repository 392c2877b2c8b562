//! Access lists: what clients may publish and what they get, and the known ways around them, which lead nowhere.

use crate::harness::{Net, Peer, connect};
use mosquitto_auth::acl::AccessList;
use mosquitto_broker::{AccessLists, ListenerSettings, Publication, Settings};
use mosquitto_mqtt::QoS;
use mosquitto_mqtt::packet::SubscriptionOptions;
use std::sync::Arc;

fn list(rules: &str) -> Arc<AccessList> {
    Arc::new(AccessList::parse(rules.as_bytes()).unwrap())
}

/// One list for all.
fn rules(rules: &str) -> Settings {
    Settings { access_lists: AccessLists::One(list(rules)), ..Settings::default() }
}

/// A list for each listener, or none, on ports of their own.
fn rules_of_listeners<const N: usize>(rules: [Option<&str>; N]) -> Settings {
    let listener = |(at, rules): (u16, Option<&str>)| ListenerSettings {
        port: 1883 + at,
        access_list: rules.map(list),
        ..ListenerSettings::default()
    };
    let listeners = (0..).zip(rules).map(listener).collect();
    Settings { access_lists: AccessLists::OfListeners, listeners, ..Settings::default() }
}

fn net(text: &str) -> Net {
    Net::with(3, rules(text))
}

/// A client that may read everything by the rules for the user `all`.
fn observer(net: &mut Net) -> Peer {
    let peer = connect("observer").username("all").on(net);
    net.subscribe(peer, "#", 2);
    peer
}

const ALL: &str = "user all\ntopic #\ntopic $SYS/#\n";

/// The payloads of the messages that came.
fn payloads(net: &mut Net, peer: Peer) -> Vec<String> {
    let got = net.got(peer);
    got.iter().filter(|l| l.starts_with("PUBLISH")).filter_map(|l| Some(l.split('"').nth(1)?.to_owned())).collect()
}

#[test]
fn a_denied_message_is_acknowledged_with_a_refusal_and_goes_nowhere() {
    // MQTT 5, 3.4.2.1 and 3.5.2.1: not authorized. MQTT 3 has no word for it.
    let mut net = net(&format!("topic write ok\n{ALL}"));
    let whole = observer(&mut net);
    let (v5, v311) = (connect("v5").on(&mut net), connect("v311").v311().on(&mut net));
    for peer in [v5, v311] {
        net.publish(peer, "no", "0", 0, 0);
        net.publish(peer, "no", "1", 1, 1);
        net.publish_retained(peer, "no", "2", 2, 2);
        net.pubrel(peer, 2);
        net.publish(peer, "ok", "3", 1, 3);
    }
    assert_eq!(net.got(v5), ["PUBACK 1 rc=0x87", "PUBREC 2 rc=0x87", "PUBCOMP 2", "PUBACK 3"]);
    assert_eq!(net.got(v311), ["PUBACK 1", "PUBREC 2", "PUBCOMP 2", "PUBACK 3"]);
    assert_eq!(payloads(&mut net, whole), ["3", "3"]);
    assert_eq!(net.shared.retained_count(), 0);
    assert_eq!(net.log_with("Denied PUBLISH from v5 (d0, q1, r0, m1, 'no', ... (1 bytes))").len(), 1);
    assert_eq!(net.log_with("Denied PUBLISH from v311").len(), 3);
}

#[test]
fn anybody_may_subscribe_and_gets_what_he_may_read() {
    let mut net = net(&format!("topic read a/+\npattern read of/%c\n{ALL}"));
    let (publisher, reader) = (connect("p").username("all").on(&mut net), connect("r").on(&mut net));
    net.publish_retained(publisher, "a/kept", "1", 1, 1);
    net.publish_retained(publisher, "b/kept", "2", 1, 2);
    net.subscribe(reader, "b/kept", 1);
    net.subscribe(reader, "#", 1);
    assert_eq!(payloads(&mut net, reader), ["1"], "of what is retained");
    for (topic, payload) in [("a/x", "3"), ("b/x", "4"), ("of/r", "5"), ("of/p", "6"), ("a/x", "7"), ("b/x", "8")] {
        net.publish(publisher, topic, payload, 0, 0);
    }
    assert_eq!(payloads(&mut net, reader), ["3", "5", "7"]);
    net.unsubscribe(reader, 9, &["b/kept"]);
    assert_eq!(net.got(reader), ["UNSUBACK 9 [0]"]);
}

#[test]
fn an_empty_list_allows_nothing() {
    let mut net = net("");
    let (one, two) = (connect("a").on(&mut net), connect("b").username("bob").on(&mut net));
    for peer in [one, two] {
        net.subscribe(peer, "#", 0);
        net.publish(peer, "t", "x", 1, 1);
        assert_eq!(net.got(peer), ["PUBACK 1 rc=0x87"]);
    }
}

#[test]
fn a_name_with_a_wildcard_opens_no_pattern() {
    let text = format!("pattern readwrite %c/#\npattern readwrite u/%u\n{ALL}");
    for (id, user, notice) in [
        ("+", None, "ACL denying access to client with dangerous client id \"+\""),
        ("a#", None, "ACL denying access to client with dangerous client id \"a#\""),
        ("ok", Some("+"), "ACL denying access to client with dangerous username \"+\""),
    ] {
        let mut net = net(&text);
        let (whole, good) = (observer(&mut net), connect("good").on(&mut net));
        let bad = user.map_or(connect(id), |user| connect(id).username(user)).on(&mut net);
        net.subscribe(bad, "#", 0);
        net.publish(good, "good/secret", "1", 0, 0);
        for topic in ["good/x", "+x/x", "u/good", "ok/x"] {
            net.publish(bad, topic, "2", 0, 0);
        }
        assert_eq!(payloads(&mut net, whole), ["1"]);
        assert_eq!(payloads(&mut net, bad), [""; 0]);
        assert_eq!(net.log_with(notice).len(), 1, "said once");
    }
}

/// A slash in a name would let it stand for levels that the rule did not mean.
#[test]
fn a_name_with_a_slash_opens_no_pattern() {
    let mut net = net(&format!("pattern readwrite %c/x\n{ALL}"));
    let (whole, peer) = (observer(&mut net), connect("a/b").on(&mut net));
    net.publish(peer, "a/b/x", "x", 1, 1);
    assert_eq!(net.got(peer), ["PUBACK 1 rc=0x87"]);
    assert_eq!(payloads(&mut net, whole), [""; 0]);
}

#[test]
fn each_listeners_list_holds_for_its_clients_and_no_others() {
    let settings = rules_of_listeners([Some("topic read a\n"), None, Some("")]);
    let mut net = Net::with(3, settings);
    let (first, free, nothing) =
        (connect("1").on(&mut net), connect("2").through(1).on(&mut net), connect("3").through(2).on(&mut net));
    for peer in [first, free, nothing] {
        net.subscribe(peer, "#", 0);
        net.publish(peer, "a", "denied", 0, 0);
    }
    assert_eq!(payloads(&mut net, first), ["denied"], "that of the client without a list");
    assert_eq!(payloads(&mut net, free), ["denied"]);
    assert_eq!(payloads(&mut net, nothing), [""; 0]);
}

#[test]
fn a_session_is_judged_by_the_list_of_the_listener_that_its_client_last_came_through() {
    let open = || rules_of_listeners([Some("topic a\n"), None]);
    let mut net = Net::with(2, open());
    let publisher = connect("p").through(1).on(&mut net);
    let peer = connect("s").keep_session(100).on(&mut net);
    net.subscribe(peer, "#", 1);
    net.cut(peer);
    net.publish(publisher, "a", "1", 1, 1);
    net.publish(publisher, "b", "2", 1, 2);
    // What was kept from the session is lost, though the client comes back through another listener.
    let peer = connect("s").keep_session(100).through(1).on(&mut net);
    assert_eq!(payloads(&mut net, peer), ["1"]);
    net.puback(peer, 1);
    net.cut(peer);
    net.publish(publisher, "b", "3", 1, 3);
    // Without its listener, a session may do nothing, also where the number means another by then.
    let mut closed = rules_of_listeners([None, Some("topic #\n")]);
    closed.listeners[1].closed = true;
    net.reconfigure(closed);
    let publisher = connect("q").on(&mut net);
    net.publish(publisher, "b", "4", 1, 4);
    let mut other = rules_of_listeners([None, None]);
    other.listeners[1].port = 9999;
    net.reconfigure(other);
    net.publish(publisher, "b", "5", 1, 5);
    net.reconfigure(open());
    let peer = connect("s").keep_session(100).through(1).on(&mut net);
    assert_eq!(payloads(&mut net, peer), ["3"]);
}

#[test]
fn a_revoked_right_holds_at_once_for_clients_that_are_there() {
    let mut net = net(&format!("topic a\n{ALL}"));
    let (whole, peer) = (observer(&mut net), connect("a").on(&mut net));
    net.subscribe(peer, "a", 0);
    net.publish(peer, "a", "1", 0, 0);
    assert_eq!((payloads(&mut net, whole), payloads(&mut net, peer)), (vec!["1".into()], vec!["1".into()]));
    net.reconfigure(rules(ALL));
    assert!(net.is_open(peer));
    net.publish(peer, "a", "2", 0, 0);
    net.publish(whole, "a", "3", 0, 0);
    assert_eq!((payloads(&mut net, whole), payloads(&mut net, peer)), (vec!["3".into()], vec![]));
    net.reconfigure(Settings::default());
    net.publish(peer, "a", "4", 0, 0);
    assert_eq!(payloads(&mut net, peer), ["4"], "and a right that is given back as well");
}

/// The queue of a session whose client is away, and of one whose client is slow.
#[test]
fn a_revoked_right_takes_what_is_queued_too() {
    let mut net = net(&format!("topic a\ntopic b\n{ALL}"));
    let publisher = observer(&mut net);
    let (away, slow) = (connect("away").keep_session(100), connect("slow"));
    let away = away.on(&mut net);
    let slow = slow.with(mosquitto_mqtt::Property::ReceiveMaximum(1)).on(&mut net);
    for peer in [away, slow] {
        net.subscribe(peer, "#", 1);
    }
    net.cut(away);
    for (topic, payload) in [("b", "0"), ("a", "1"), ("b", "2"), ("a", "3")] {
        net.publish(publisher, topic, payload, 1, 1);
    }
    net.reconfigure(rules(&format!("topic b\n{ALL}")));
    let away = connect("away").keep_session(100).on(&mut net);
    assert_eq!(payloads(&mut net, away), ["0", "2"]);
    assert_eq!(payloads(&mut net, slow), ["0"]);
    net.puback(slow, 1);
    assert_eq!(payloads(&mut net, slow), ["2"]);
}

/// Its subscription stays, and brings nothing.
#[test]
fn a_subscription_of_a_client_that_is_away_does_not_outlive_the_right_to_read() {
    let mut net = net(&format!("topic a\n{ALL}"));
    let publisher = observer(&mut net);
    let away = connect("away").keep_session(100).on(&mut net);
    net.subscribe(away, "a", 1);
    net.cut(away);
    net.reconfigure(rules(ALL));
    net.publish(publisher, "a", "1", 1, 1);
    let away = connect("away").keep_session(100).on(&mut net);
    net.publish(publisher, "a", "2", 1, 2);
    assert_eq!(payloads(&mut net, away), [""; 0]);
    net.reconfigure(rules(&format!("topic a\n{ALL}")));
    net.publish(publisher, "a", "3", 1, 3);
    assert_eq!(payloads(&mut net, away), ["3"]);
}

/// Section 4.4 of MQTT 5 has it sent again; whoever comes must be allowed to get it.
#[test]
fn what_is_in_flight_does_not_outlive_the_right_to_read_it() {
    for (other_rules, other_user) in [(true, false), (false, true)] {
        let mut net = net(&format!("user bob\ntopic a\ntopic b\nuser eve\ntopic b\n{ALL}"));
        let publisher = observer(&mut net);
        let peer = connect("s").username("bob").keep_session(100).on(&mut net);
        net.subscribe(peer, "#", 2);
        for (topic, payload, qos) in [("a", "1", 1), ("b", "2", 1), ("a", "3", 2), ("a", "4", 2)] {
            net.publish(publisher, topic, payload, qos, qos.into());
            if qos == 2 {
                net.pubrel(publisher, 2);
            }
        }
        assert_eq!(payloads(&mut net, peer), ["1", "2", "3", "4"]);
        net.pubrec(peer, 4);
        net.cut(peer);
        if other_rules {
            net.reconfigure(rules(&format!("user bob\ntopic b\n{ALL}")));
        }
        let user = if other_user { "eve" } else { "bob" };
        let peer = connect("s").username(user).keep_session(100).on(&mut net);
        // The exchange whose message the client has goes on to its end.
        assert_eq!(net.got(peer), [r#"PUBLISH q1 id=2 dup b "2""#, "PUBREL 4"]);
    }
}

#[test]
fn a_message_of_qos_2_is_not_released_past_a_revoked_right() {
    let mut net = net(&format!("topic a\n{ALL}"));
    let (whole, peer) = (observer(&mut net), connect("s").keep_session(100).on(&mut net));
    for (id, payload) in [(1, "1"), (2, "2"), (3, "3")] {
        net.publish(peer, "a", payload, 2, id);
    }
    net.pubrel(peer, 1);
    assert_eq!(payloads(&mut net, whole), ["1"]);
    net.cut(peer);
    net.reconfigure(rules(ALL));
    let peer = connect("s").keep_session(100).on(&mut net);
    net.pubrel(peer, 2);
    net.publish_again(peer, "a", "3", 2, 3);
    assert_eq!(net.got(peer), ["PUBCOMP 2", "PUBREC 3 rc=0x87"]);
    assert_eq!(net.log_with("Denied PUBLISH from s (d0, q2, r0, m2, 'a', ... (1 bytes))").len(), 1);
    // The refusal has ended the exchange: also if the right comes back, nothing is left of it.
    net.reconfigure(rules(&format!("topic a\n{ALL}")));
    net.pubrel(peer, 3);
    assert_eq!(net.got(peer), ["PUBCOMP 3"]);
    assert_eq!(payloads(&mut net, whole), [""; 0]);
}

#[test]
fn a_will_is_published_only_where_its_client_may_publish_by_then() {
    let mut net = net(&format!("topic write ok\ntopic write later\n{ALL}"));
    let whole = observer(&mut net);
    let [ok, no, later] = ["ok", "no", "later"].map(|t| connect(t).will(t, t, 1, true).on(&mut net));
    net.cut(ok);
    net.cut(no);
    net.reconfigure(rules(&format!("topic write ok\n{ALL}")));
    net.cut(later);
    assert_eq!(payloads(&mut net, whole), ["ok"]);
    assert_eq!(net.shared.retained_count(), 1);
}

#[test]
fn no_rule_lets_a_client_write_to_the_brokers_own_topics() {
    // And none that does not begin with `$` speaks of them.
    let mut net = net(&format!("user bob\ntopic $SYS/#\ntopic $CONTROL/#\ntopic $share/#\n{ALL}"));
    let (bob, all) = (connect("b").username("bob").on(&mut net), connect("a").username("all").on(&mut net));
    let control = Settings { enable_control_api: true, ..rules(&format!("user bob\ntopic $CONTROL/#\n{ALL}")) };
    for topic in ["$SYS/broker/uptime", "$SYS/x", "$share/g/t"] {
        net.publish(bob, topic, "x", 1, 1);
        assert_eq!(net.got(bob), ["PUBACK 1 rc=0x87"], "{topic}");
    }
    net.reconfigure(control);
    net.publish(bob, "$CONTROL/broker/v1", "x", 1, 1);
    assert_eq!(net.got_first(bob), "PUBACK 1");
    net.got(bob);
    net.publish(all, "$CONTROL/broker/v1", "x", 1, 1);
    assert_eq!(net.got(all), ["PUBACK 1 rc=0x87"], "`topic #` says nothing about it, and it is not answered");
}

#[test]
fn the_brokers_own_messages_are_read_by_those_who_may() {
    let mut net = net("user bob\ntopic #\nuser eve\ntopic read $SYS/broker/+\n");
    let (bob, eve) = (connect("b").username("bob").on(&mut net), connect("e").username("eve").on(&mut net));
    for peer in [bob, eve] {
        net.subscribe(peer, "$SYS/#", 0);
    }
    publish_own(&mut net, "$SYS/broker/uptime");
    net.disk.retained_below_sys = 1;
    assert_eq!((payloads(&mut net, bob), payloads(&mut net, eve)), (vec![], vec!["x".into()]));
}

fn publish_own(net: &mut Net, topic: &str) {
    let (topic, payload) = (topic.into(), b"x"[..].into());
    let publication = Publication { topic, payload, qos: QoS::AtMostOnce, retain: true, expiry_s: None };
    let now = net.now;
    net.shards[0].begin(now);
    assert!(net.shards[0].publish_own(&publication));
    net.shards[0].end();
    net.run();
}

#[test]
fn a_member_of_a_group_that_may_not_read_a_message_loses_it() {
    let mut net = net(&format!("topic read a\n{ALL}"));
    let publisher = connect("p").username("all").on(&mut net);
    let (member, other) = (connect("m").username("all").on(&mut net), connect("n").username("nobody").on(&mut net));
    for peer in [member, other] {
        net.subscribe(peer, "$share/g/a", 0);
    }
    for n in 0..4 {
        net.publish(publisher, "a", &n.to_string(), 0, 0);
    }
    assert_eq!((payloads(&mut net, member).len(), payloads(&mut net, other).len()), (2, 0));
}

#[test]
fn rules_see_topics_with_their_mount_point() {
    let mounted = ListenerSettings { mount_point: Some("m/".into()), ..ListenerSettings::default() };
    let settings = Settings {
        listeners: vec![mounted, ListenerSettings::default()],
        ..rules(&format!("topic m/a\npattern m/of/%c\ntopic write w\n{ALL}"))
    };
    let mut net = Net::with(2, settings);
    let peer = connect("c").will("w", "x", 0, false).on(&mut net);
    let whole = connect("whole").username("all").through(1).on(&mut net);
    net.subscribe(whole, "#", 0);
    net.subscribe(peer, "#", 0);
    for topic in ["a", "of/c", "w"] {
        net.publish(peer, topic, topic, 0, 0);
    }
    for topic in ["m/a", "a", "m/of/d"] {
        net.publish(whole, topic, "back", 0, 0);
    }
    net.cut(peer);
    assert_eq!(net.got(whole)[..2], [r#"PUBLISH q0 m/a "a""#, r#"PUBLISH q0 m/of/c "of/c""#]);
    assert_eq!(payloads(&mut net, whole), [""; 0], "the will is at m/w");
}

#[test]
fn a_retained_message_does_not_outlive_its_publishers_right_where_that_is_checked() {
    for check in [false, true] {
        let with = |text: &str| Settings { check_retain_source: check, ..rules(&format!("{text}{ALL}")) };
        let mut net = Net::with(3, with("user bob\ntopic write a/#\nuser eve\ntopic write a/#\npattern write a/%c\n"));
        let bob = connect("bob").username("bob").will("a/will", "will", 0, true).on(&mut net);
        let eve = connect("eve").username("eve").on(&mut net);
        net.publish_retained(bob, "a/bob", "bob", 1, 1);
        net.publish_retained(bob, "a/both", "bob", 2, 2);
        net.pubrel(bob, 2);
        net.publish_retained(eve, "a/both", "eve", 0, 0);
        net.cut(bob);
        publish_own(&mut net, "$SYS/x");
        net.disk.retained_below_sys = 1;
        let kept = |net: &mut Net, id: &str| {
            let peer = connect(id).username("all").on(net);
            net.subscribe(peer, "a/#", 0);
            let mut kept = payloads(net, peer);
            net.subscribe(peer, "$SYS/#", 0);
            kept.extend(payloads(net, peer));
            kept.sort();
            kept
        };
        assert_eq!(kept(&mut net, "1"), ["bob", "eve", "will", "x"]);
        net.reconfigure(with("user eve\ntopic write a/#\n"));
        let expected: &[&str] = if check { &["eve", "x"] } else { &["bob", "eve", "will", "x"] };
        assert_eq!(kept(&mut net, "2"), expected);
        // They were held back, not forgotten.
        net.reconfigure(with("user bob\ntopic write a/bob\n"));
        let expected: &[&str] = if check { &["bob", "x"] } else { &["bob", "eve", "will", "x"] };
        assert_eq!(kept(&mut net, "3"), expected);
    }
}

#[test]
fn a_retained_message_is_checked_by_the_list_of_the_listener_that_its_publisher_came_through() {
    let with = |first| Settings { check_retain_source: true, ..rules_of_listeners([first, None]) };
    let mut net = Net::with(2, with(Some("topic write a\n")));
    let publisher = connect("p").on(&mut net);
    net.publish_retained(publisher, "a", "x", 0, 0);
    let kept = |net: &mut Net, id: &str| {
        let peer = connect(id).through(1).on(net);
        net.subscribe(peer, "a", 0);
        payloads(net, peer)
    };
    assert_eq!(kept(&mut net, "1"), ["x"]);
    net.reconfigure(with(Some("topic read a\n")));
    assert_eq!(kept(&mut net, "2"), [""; 0]);
    net.reconfigure(with(None));
    assert_eq!(kept(&mut net, "3"), ["x"]);
}

#[test]
fn messages_of_other_shards_are_judged_like_all_others() {
    let mut net = net(&format!("topic read a\n{ALL}"));
    let publisher = connect(&net.id_at_home_on("p", 0)).username("all").on(&mut net);
    let readers = [0, 1, 2].map(|shard| connect(&net.id_at_home_on("r", shard)).on(&mut net));
    for reader in readers {
        net.subscribe_with(reader, 1, "#", SubscriptionOptions::qos(QoS::AtLeastOnce), &[]);
        net.got(reader);
    }
    for topic in ["a", "b"] {
        net.publish(publisher, topic, topic, 1, 1);
        net.publish(publisher, topic, &topic.repeat(5000), 0, 0);
    }
    for reader in readers {
        assert_eq!(payloads(&mut net, reader), ["a".to_owned(), "a".repeat(5000)]);
    }
}
