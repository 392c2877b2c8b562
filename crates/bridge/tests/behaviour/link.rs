//! The link to this broker: when there is one, and what it says.

use crate::world::{AWAY, HOME, World};
use mosquitto_bridge::{Limits, State};
use mosquitto_broker::Settings;
use mosquitto_client::mqtt::QoS;

const STATE: &str = "$SYS/broker/connection/host.b/state";

#[test]
fn both_brokers_are_told_of_the_state_and_it_is_retained() {
    let mut world = World::new("topic t");
    assert_eq!(world.bridge.report().state, State::Connected);
    for at in [HOME, AWAY] {
        world.subscribe(at, STATE);
        assert_eq!(world.clients[at].texts(), [format!("{STATE} 1 q1 retain")]);
    }
    world.cut();
    world.run();
    for at in [HOME, AWAY] {
        assert_eq!(world.clients[at].texts(), [format!("{STATE} 0 q1 retain")]);
    }
    world.heal();
    for at in [HOME, AWAY] {
        assert_eq!(world.clients[at].texts(), [format!("{STATE} 1 q1 retain")]);
    }
    world.bridge.stop(world.now);
    world.run();
    for (at, qos) in [(HOME, 1), (AWAY, 0)] {
        assert_eq!(world.clients[at].texts(), [format!("{STATE} 0 q{qos} retain")]);
    }
    assert!(!world.has_link());
}

#[test]
fn only_this_broker_is_told_where_that_is_asked_for() {
    let mut world = World::new("topic t\nnotifications_local_only true\nnotification_topic here");
    for (at, expected) in [(HOME, vec!["here 1 q1 retain".to_owned()]), (AWAY, Vec::new())] {
        world.subscribe(at, "#");
        assert_eq!(world.clients[at].texts(), expected);
    }
    let mut world = World::new("topic t\nnotifications false");
    world.subscribe(HOME, STATE);
    world.cut();
    world.run();
    assert_eq!(world.clients[HOME].texts(), Vec::<String>::new());
}

#[test]
fn before_there_is_a_remote_broker_messages_wait_at_this_one() {
    let mut world = World::new("topic t out 1");
    world.cut();
    world.reachable = false;
    world.make_bridge_anew(Limits::default());
    assert!(!world.has_link(), "it was there for a moment only");
    world.subscribe(AWAY, "t");
    world.publish(HOME, "t", "1", QoS::AtLeastOnce);
    assert_eq!(world.backlog(), 1);
    world.heal();
    assert_eq!(world.clients[AWAY].texts(), ["t 1 q1"]);
    assert_eq!(world.backlog(), 0);
}

#[test]
fn what_waits_obeys_the_limits_of_this_broker() {
    let settings = Settings { max_queued_messages: 10, max_inflight_messages: 5, ..Settings::default() };
    let mut world = World::with("topic t out 1", settings, Limits { max_inflight_messages: 5, ..Limits::default() });
    world.subscribe(AWAY, "t");
    world.cut();
    world.reachable = false;
    world.run();
    for n in 0..100 {
        world.publish(HOME, "t", &n.to_string(), QoS::AtLeastOnce);
        world.publish(HOME, "t", "qos 0", QoS::AtMostOnce);
    }
    assert!((10..=15).contains(&world.backlog()), "{}", world.backlog());
    let waiting = world.backlog();
    world.heal();
    let expected: Vec<_> = (0..waiting).map(|n| format!("t {n} q1")).collect();
    assert_eq!(world.clients[AWAY].texts(), expected);
}

#[test]
fn a_clean_local_session_keeps_nothing_while_there_is_no_remote_broker() {
    let mut world = World::new("topic t out 1\nlocal_cleansession true");
    world.subscribe(AWAY, "t");
    world.publish(HOME, "t", "1", QoS::AtLeastOnce);
    world.cut();
    world.reachable = false;
    world.run();
    world.publish(HOME, "t", "2", QoS::AtLeastOnce);
    assert_eq!(world.backlog(), 0);
    world.heal();
    world.publish(HOME, "t", "3", QoS::AtLeastOnce);
    assert_eq!(world.clients[AWAY].texts(), ["t 1 q1", "t 3 q1"]);
}

#[test]
fn retained_messages_go_out_with_each_connection() {
    let mut world = World::new("topic # out 1 here/ there/");
    world.retain(HOME, "here/x", "1");
    world.subscribe(AWAY, "#");
    assert_eq!(world.clients[AWAY].texts(), ["there/x 1 q1 retain"]);
    world.cut();
    world.heal();
    assert_eq!(world.clients[AWAY].texts(), ["there/x 1 q1 retain"]);
}

#[test]
fn a_link_that_this_broker_closes_comes_back() {
    let mut world = World::new("topic t both 2");
    world.subscribe(AWAY, "t");
    world.subscribe(HOME, "t");
    world.cut_link();
    world.run();
    assert!(!world.has_link());
    world.publish(HOME, "t", "1", QoS::ExactlyOnce);
    world.publish(AWAY, "t", "2", QoS::ExactlyOnce);
    assert_eq!(world.clients[AWAY].texts(), ["t 2 q2"]);
    world.wait_ms(5000);
    world.run();
    assert!(world.has_link());
    assert_eq!((world.clients[AWAY].texts(), world.clients[HOME].texts().len()), (vec!["t 1 q2".to_owned()], 2));
}

#[test]
fn more_topic_lines_than_requests_under_way_are_all_subscribed_to() {
    let lines: Vec<_> = (0..1100).map(|n| format!("topic t{n} out 1\n")).collect();
    let mut world = World::new(&lines.concat());
    world.subscribe(AWAY, "#");
    world.publish(HOME, "t1099", "1", QoS::AtLeastOnce);
    assert_eq!(world.clients[AWAY].texts(), ["t1099 1 q1"]);
}

/// Nothing at this broker asks for it.
#[test]
fn local_username_and_local_password_are_in_its_connect() {
    let config = crate::harness::configured("topic t\nlocal_username somebody\nlocal_password secret");
    let mut bridge = mosquitto_bridge::Bridge::new(config, "host", Limits::default(), 1);
    bridge.start(mosquitto_client::Moment(1));
    bridge.link_opened(mosquitto_client::Moment(1));
    let connect = String::from_utf8_lossy(bridge.link_output()).into_owned();
    assert!(connect.contains("somebody") && connect.contains("secret"), "{connect:?}");
}
