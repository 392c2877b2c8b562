//! Two brokers joined by a bridge.

use crate::world::{AWAY, HOME, World};
use mosquitto_bridge::Limits;
use mosquitto_broker::Settings;
use mosquitto_client::mqtt::QoS;
use proptest::prelude::*;
use std::collections::BTreeMap;

const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn messages_cross_under_their_other_names_at_every_qos_and_version() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let lines = format!(
            "topic # out 2 o/ from/\ntopic # in 2 i/ to/\ntopic \"\" both 2 one another\nbridge_protocol_version {version}"
        );
        let mut world = World::new(&lines);
        world.subscribe(AWAY, "from/#");
        world.subscribe(AWAY, "another");
        world.subscribe(HOME, "i/#");
        world.subscribe(HOME, "one");
        for qos in QOS {
            world.publish(HOME, "o/x", "out", qos);
            world.publish(AWAY, "to/x", "in", qos);
            world.publish(HOME, "one", "both", qos);
            world.publish(AWAY, "another", "back", qos);
            let at = |topic: &str, text: &str| format!("{topic} {text} q{}", qos.bits());
            let away = [at("from/x", "out"), at("another", "both"), at("another", "back")];
            assert_eq!(world.clients[AWAY].texts(), away, "{version}");
            let home = [at("i/x", "in"), at("one", "both"), at("one", "back")];
            assert_eq!(world.clients[HOME].texts(), home, "{version}");
        }
        let counters = world.bridge.report().counters;
        assert_eq!((counters.messages_out, counters.messages_in), (6, 6), "nothing goes round");
    }
}

#[test]
fn the_qos_of_a_line_is_the_highest() {
    let mut world = World::new("topic t both 1");
    world.subscribe(AWAY, "t");
    world.subscribe(HOME, "t");
    world.publish(HOME, "t", "x", QoS::ExactlyOnce);
    assert_eq!(world.clients[AWAY].texts(), ["t x q1"]);
    world.clients[HOME].texts();
    world.publish(AWAY, "t", "y", QoS::ExactlyOnce);
    assert_eq!(world.clients[HOME].texts(), ["t y q1"]);
}

#[test]
fn the_retain_flag_crosses_both_ways() {
    for lines in ["topic t both 1", "topic t both 1\nbridge_protocol_version mqttv50"] {
        let mut world = World::new(lines);
        world.subscribe(AWAY, "t");
        world.subscribe(HOME, "t");
        world.retain(HOME, "t", "x");
        assert_eq!(world.clients[AWAY].texts(), ["t x q1 retain"]);
        world.clients[HOME].texts();
        world.retain(AWAY, "t", "y");
        assert_eq!(world.clients[HOME].texts(), ["t y q1 retain"]);
    }
}

#[test]
fn a_burst_goes_through_in_the_order_of_each_qos() {
    for lines in ["topic # both 2", "topic # both 2\nbridge_protocol_version mqttv50\nbridge_receive_maximum 3"] {
        let limits = Limits { max_inflight_messages: 7, ..Limits::default() };
        let mut world = World::with(lines, Settings::default(), limits);
        world.subscribe(AWAY, "h");
        world.subscribe(HOME, "a");
        for n in 0..500 {
            world.publish_only(HOME, "h", &n.to_string(), QOS[1 + n % 2]);
            world.publish_only(AWAY, "a", &n.to_string(), QOS[1 + n % 2]);
        }
        world.run();
        for (at, topic) in [(AWAY, "h"), (HOME, "a")] {
            let texts = world.clients[at].texts();
            for qos in [1, 2] {
                let of_qos = |n: &usize| 1 + n % 2 == qos;
                let expected: Vec<_> = (0..500).filter(of_qos).map(|n| format!("{topic} {n} q{qos}")).collect();
                let arrived: Vec<_> = texts.iter().filter(|text| text.ends_with(&format!("q{qos}"))).collect();
                assert!(arrived.into_iter().eq(&expected), "{texts:?}");
            }
            assert_eq!(texts.len(), 500);
        }
    }
}

#[test]
fn messages_from_other_topics_than_the_lines_have_are_dropped_and_counted() {
    // A session of the time when there was another line.
    let mut world = World::new("topic old in 1\ntopic t in 1\nnotifications false");
    world.subscribe(HOME, "#");
    world.publish(AWAY, "old", "1", QoS::AtLeastOnce);
    assert_eq!(world.clients[HOME].texts(), ["old 1 q1"]);
    world.configure("topic t in 1\nnotifications false");
    world.publish(AWAY, "old", "2", QoS::AtLeastOnce);
    world.publish(AWAY, "t", "3", QoS::AtLeastOnce);
    assert_eq!(world.clients[HOME].texts(), ["t 3 q1"]);
    assert_eq!(world.bridge.report().counters.dropped_in_unmapped, 1);
}

#[test]
fn traffic_goes_on_after_a_break_whatever_sessions_are_clean() {
    for clean in ["true", "false"] {
        for local_clean in ["true", "false"] {
            for version in ["mqttv31", "mqttv311", "mqttv50"] {
                let lines = format!(
                    "topic t both 2\ncleansession {clean}\nlocal_cleansession {local_clean}\nbridge_protocol_version {version}"
                );
                let mut world = World::new(&lines);
                world.subscribe(AWAY, "t");
                world.subscribe(HOME, "t");
                for n in 0..3 {
                    world.publish_only(HOME, "t", "before", QoS::ExactlyOnce);
                    world.step(30);
                    world.cut();
                    world.heal();
                    world.clients.iter_mut().for_each(|client| drop(client.texts()));
                    world.publish(HOME, "t", &format!("out {n}"), QoS::ExactlyOnce);
                    world.publish(AWAY, "t", &format!("in {n}"), QoS::ExactlyOnce);
                    for at in [HOME, AWAY] {
                        let expected = [format!("t out {n} q2"), format!("t in {n} q2")];
                        assert_eq!(world.clients[at].texts(), expected, "{lines}");
                    }
                }
                assert_eq!(world.backlog(), 0, "{lines}");
            }
        }
    }
}

#[test]
fn both_directions_full_do_not_wait_for_each_other() {
    let limits = Limits { max_inflight_messages: 2, ..Limits::default() };
    let mut world = World::with("topic # both 2 l/ r/", Settings::default(), limits);
    world.subscribe(HOME, "l/in");
    world.subscribe(AWAY, "r/out");
    let long = "x".repeat(50_000);
    for n in 0..300 {
        let qos = QOS[n % 3];
        world.publish_only(HOME, "l/out", &long, qos);
        world.publish_only(AWAY, "r/in", &long, qos);
        // The network is slow.
        world.step(5000);
    }
    world.run();
    let count = |world: &World, at: usize| {
        let of_qos = |qos: QoS| world.clients[at].messages.iter().filter(|message| message.qos == qos).count();
        (of_qos(QoS::AtLeastOnce), of_qos(QoS::ExactlyOnce))
    };
    assert_eq!((count(&world, HOME), count(&world, AWAY)), ((100, 100), (100, 100)));
    assert_eq!(world.backlog(), 0);
}

#[test]
fn who_falls_back_to_another_version_gets_what_was_under_way() {
    let mut world = World::new("topic t out 2\nbridge_protocol_version mqttv50\nbridge_session_expiry_interval 1000");
    world.subscribe(AWAY, "t");
    for n in 0..50 {
        world.publish_only(HOME, "t", &n.to_string(), QOS[1 + n % 2]);
    }
    // Nothing of it is there yet when the other broker is replaced by one of MQTT 3.
    for _ in 0..4 {
        world.step(2);
    }
    assert!(world.bridge.report().under_way > 0);
    world.cut();
    world.replace_by_mqtt_3();
    world.subscribe(AWAY, "t");
    world.heal();
    let texts = world.clients[AWAY].texts();
    for n in 0..50 {
        let text = format!("t {n} q{}", 1 + n % 2);
        assert!(texts.contains(&text), "{text} is missing");
    }
    assert_eq!((world.backlog(), world.bridge.report().under_way), (0, 0));
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Publish(usize, QoS),
    Step(usize),
    Cut,
    CutLink,
    Wait(u64),
    Reach(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..2_usize, 1..3_usize).prop_map(|(at, qos)| Deed::Publish(at, QOS[qos])),
        8 => (1..200_usize).prop_map(Deed::Step),
        3 => Just(Deed::Cut),
        1 => Just(Deed::CutLink),
        2 => (1..40_000_u64).prop_map(Deed::Wait),
        1 => any::<bool>().prop_map(Deed::Reach),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// QoS 2 exactly once, QoS 1 at least once, whatever breaks; and afterwards all is well.
    #[test]
    fn whatever_breaks_each_message_crosses_as_often_as_its_qos_says(
        deeds in prop::collection::vec(deed(), 1..120),
        version in prop_oneof![Just("mqttv31"), Just("mqttv311"), Just("mqttv50")],
    ) {
        let limits = Limits { max_inflight_messages: 3, ..Limits::default() };
        let lines = format!("topic # both 2 l/ r/\nbridge_protocol_version {version}\nbridge_session_expiry_interval 100000");
        let mut world = World::with(&lines, Settings::default(), limits);
        world.subscribe(HOME, "l/#");
        world.subscribe(AWAY, "r/#");
        let mut published = [BTreeMap::new(), BTreeMap::new()];
        for (n, deed) in deeds.iter().enumerate() {
            match *deed {
                Deed::Publish(at, qos) => {
                    world.publish_only(at, ["l/x", "r/x"][at], &n.to_string(), qos);
                    published[1 - at].insert(n, qos);
                }
                Deed::Step(bytes) => drop(world.step(bytes)),
                Deed::Cut => world.cut(),
                Deed::CutLink => world.cut_link(),
                Deed::Wait(ms) => world.wait_ms(ms),
                Deed::Reach(reachable) => world.reachable = reachable,
            }
        }
        world.heal();
        prop_assert_eq!(world.backlog(), 0);
        prop_assert_eq!(world.bridge.report().under_way, 0);
        for at in [HOME, AWAY] {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            let mut latest = [0; 3];
            for message in std::mem::take(&mut world.clients[at].messages) {
                let n: usize = String::from_utf8(message.payload).unwrap().parse().unwrap();
                let first = counts.insert(n, counts.get(&n).copied().unwrap_or(0) + 1).is_none();
                if first && published[at].contains_key(&n) {
                    let latest = &mut latest[usize::from(message.qos.bits())];
                    prop_assert!(n >= *latest, "{} after {}", n, latest);
                    *latest = n;
                }
            }
            for (n, qos) in &published[at] {
                let count = counts.get(n).copied().unwrap_or(0);
                prop_assert!(count == 1 || (count > 1 && *qos == QoS::AtLeastOnce), "{n} at {qos:?}: {count} times");
            }
            for (n, qos) in &published[1 - at] {
                prop_assert_eq!(counts.get(n), Some(&1), "an echo of {} at {:?}", n, qos);
            }
        }
    }
}
