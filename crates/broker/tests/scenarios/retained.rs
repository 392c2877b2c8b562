//! Retained messages: what a new subscription brings.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::Property;
use mosquitto_mqtt::packet::{RetainHandling, SubscriptionOptions};

/// Subscribes and returns what came, the SUBACK first.
fn subscribed(net: &mut Net, peer: Peer, filter: &str, qos: u8) -> Vec<String> {
    let options = SubscriptionOptions::qos(mosquitto_mqtt::QoS::from_bits(qos).unwrap());
    net.subscribe_with(peer, 1, filter, options, &[]);
    net.got(peer)
}

#[test]
fn a_subscription_brings_what_is_retained_behind_its_suback() {
    // [MQTT-3.3.1-5] [MQTT-3.3.1-8] [MQTT-3.3.1-9] [MQTT-3.8.4-1]
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    net.publish_retained(publisher, "a/b", "old", 1, 1);
    net.publish_retained(publisher, "a/b", "new", 2, 2);
    net.pubrel(publisher, 2);
    for (n, qos) in [0, 1, 2].into_iter().enumerate() {
        let peer = connect(&format!("sub{n}")).on(&mut net);
        let id = if qos > 0 { " id=1" } else { "" };
        let message = format!(r#"PUBLISH q{qos}{id} retain a/b "new""#);
        assert_eq!(subscribed(&mut net, peer, "a/+", qos), [format!("SUBACK 1 [{qos}]"), message]);
    }
}

#[test]
fn an_empty_message_clears_and_is_forwarded() {
    // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
    let mut net = Net::new();
    let (publisher, watcher) = (connect("pub").on(&mut net), connect("watcher").on(&mut net));
    net.subscribe(watcher, "a", 0);
    net.publish_retained(publisher, "a", "x", 0, 0);
    net.publish_retained(publisher, "a", "", 0, 0);
    assert_eq!(net.got(watcher), [r#"PUBLISH q0 a "x""#, r#"PUBLISH q0 a """#]);
    assert_eq!(subscribed(&mut net, watcher, "a", 0), ["SUBACK 1 [0]"]);
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn a_message_without_the_flag_leaves_what_is_retained() {
    // [MQTT-3.3.1-8] [3.1.1 MQTT-3.3.1-12]
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    net.publish_retained(publisher, "a", "kept", 0, 0);
    net.publish(publisher, "a", "other", 0, 0);
    net.publish(publisher, "a", "", 0, 0);
    assert_eq!(subscribed(&mut net, publisher, "a", 0)[1..], [r#"PUBLISH q0 retain a "kept""#]);
}

#[test]
fn retain_handling_says_when_they_come() {
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.publish_retained(peer, "t", "x", 0, 0);
    for (retain_handling, first, again) in
        [(RetainHandling::Always, 1, 1), (RetainHandling::IfNew, 1, 0), (RetainHandling::Never, 0, 0)]
    {
        let options = SubscriptionOptions { retain_handling, ..Default::default() };
        for expected in [first, again] {
            net.subscribe_options(peer, "t", options, 0);
            assert_eq!(net.got(peer).len(), expected, "{retain_handling:?}");
        }
        net.unsubscribe(peer, 2, &["t"]);
        net.got(peer);
    }
}

#[test]
fn mqtt_3_gets_them_again_with_each_subscription() {
    // [3.1.1 MQTT-3.8.4-3]
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    net.publish_retained(peer, "t", "x", 0, 0);
    for _ in 0..2 {
        assert_eq!(subscribed(&mut net, peer, "t", 0)[1..], [r#"PUBLISH q0 retain t "x""#]);
    }
}

#[test]
fn a_shared_subscription_brings_none() {
    // MQTT 5, 4.8.2
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.publish_retained(peer, "t", "x", 0, 0);
    assert_eq!(subscribed(&mut net, peer, "$share/g/t", 0), ["SUBACK 1 [0]"]);
}

#[test]
fn wildcards_find_parents_before_children_and_no_dollar_topics() {
    // [MQTT-4.7.2-1]
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    for topic in ["a/b/c", "a/b", "a", "$x/a", "b"] {
        net.publish_retained(peer, topic, "x", 0, 0);
    }
    let topics =
        |got: &[String]| got[1..].iter().map(|line| line.split(' ').nth(3).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(topics(&subscribed(&mut net, peer, "#", 0)), ["a", "a/b", "a/b/c", "b"]);
    assert_eq!(topics(&subscribed(&mut net, peer, "a/#", 0)), ["a", "a/b", "a/b/c"]);
    assert_eq!(topics(&subscribed(&mut net, peer, "+", 0)), ["a", "b"]);
    assert_eq!(topics(&subscribed(&mut net, peer, "$x/+", 0)), ["$x/a"]);
}

#[test]
fn an_expired_one_is_not_sent_and_goes_when_it_is_found() {
    // [MQTT-3.3.2-5] [MQTT-3.3.2-6]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    let expiry = [Property::MessageExpiryInterval(10)];
    net.send_publish(publisher, "t", b"x", 0, 0, (true, false), &expiry);
    net.advance(4);
    assert_eq!(subscribed(&mut net, peer, "t", 0)[1..], [r#"PUBLISH q0 retain t "x" {message-expiry-interval=6}"#]);
    net.advance(6);
    assert_eq!(net.shared.retained_count(), 1);
    assert_eq!(subscribed(&mut net, peer, "t", 0), ["SUBACK 1 [0]"]);
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn they_keep_to_the_window_and_go_on_as_it_opens() {
    // [MQTT-3.3.4-9]
    let mut net = Net::with(2, Settings { max_inflight_messages: 3, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    (0..8).for_each(|n| net.publish_retained(publisher, &format!("t/{n}"), "x", 1, 1));
    assert_eq!(subscribed(&mut net, peer, "t/#", 1).len(), 1 + 3);
    for id in 1..=8 {
        net.puback(peer, id);
    }
    let got = net.got(peer);
    assert_eq!((got.len(), got[4].as_str()), (5, r#"PUBLISH q1 id=8 retain t/7 "x""#));
}

#[test]
fn one_that_had_to_wait_is_never_older_than_what_came_meanwhile() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    net.publish_retained(publisher, "t/1", "x", 1, 1);
    net.publish_retained(publisher, "t/2", "old", 1, 1);
    net.subscribe(peer, "t/#", 1);
    net.publish_retained(publisher, "t/2", "new", 1, 1);
    for id in 1..4 {
        net.puback(peer, id);
    }
    let last = net.got(peer).pop().unwrap();
    assert!(last.ends_with(r#"t/2 "new""#), "{last}");
}

#[test]
fn they_are_streamed_as_fast_as_the_client_takes_them() {
    let mut net = Net::with(2, Settings { max_queued_messages: 10, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    let payload = "x".repeat(1000);
    (0..1000).for_each(|n| net.publish_retained(publisher, &format!("t/{n}"), &payload, 0, 0));
    net.set_reading(peer, false);
    net.subscribe_with(peer, 1, "t/#", SubscriptionOptions::default(), &[]);
    assert!((60_000..80_000).contains(&net.output_len(peer)), "{}", net.output_len(peer));
    net.set_reading(peer, true);
    assert_eq!(net.got(peer).len(), 1 + 1000, "and none was dropped");
}

#[test]
fn an_unsubscription_stops_what_is_under_way() {
    // [MQTT-3.10.4-2]
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    (0..3).for_each(|n| net.publish_retained(publisher, &format!("t/{n}"), "x", 1, 1));
    assert_eq!(subscribed(&mut net, peer, "t/#", 1)[1..], [r#"PUBLISH q1 id=1 retain t/0 "x""#]);
    assert_eq!(subscribed(&mut net, peer, "t/+", 1), ["SUBACK 1 [1]"]);
    assert_eq!(subscribed(&mut net, peer, "$share/g/t/+", 1), ["SUBACK 1 [1]"]);
    net.unsubscribe(peer, 9, &["t/#", "$share/g/t/+"]);
    assert_eq!(net.got(peer), ["UNSUBACK 9 [0, 0]"]);
    for id in 1..9 {
        net.puback(peer, id);
    }
    assert_eq!(net.got(peer).len(), 3, "those of the other subscription");
}

#[test]
fn subscribing_over_and_over_does_not_pile_them_up() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    net.publish_retained(publisher, "t", "x", 1, 1);
    let mut got = 0;
    for _ in 0..100 {
        got += subscribed(&mut net, peer, "t", 1).len() - 1;
    }
    for id in 1..=100 {
        net.puback(peer, id);
    }
    assert_eq!(got + net.got(peer).len(), 2, "the one in flight, and one for all that could not be served");
}

#[test]
fn a_stream_goes_on_after_a_reconnection() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").keep_session(100).on(&mut net));
    (0..3).for_each(|n| net.publish_retained(publisher, &format!("t/{n}"), "x", 1, 1));
    net.subscribe(peer, "t/#", 1);
    net.cut(peer);
    let peer = connect("a").keep_session(100).on(&mut net);
    for id in 1..=3 {
        net.puback(peer, id);
    }
    let expected = [r#"q1 id=1 dup retain t/0"#, "q1 id=2 retain t/1", "q1 id=3 retain t/2"];
    assert_eq!(net.got(peer), expected.map(|start| format!(r#"PUBLISH {start} "x""#)));
}

#[test]
fn those_of_all_shards_are_found_from_all_shards() {
    let mut net = Net::new();
    for shard in 0..3 {
        let publisher = connect(&net.id_at_home_on("pub", shard)).on(&mut net);
        net.publish_retained(publisher, &format!("t/{shard}"), "x", 0, 0);
    }
    for shard in 0..3 {
        let peer = connect(&net.id_at_home_on("sub", shard)).on(&mut net);
        assert_eq!(subscribed(&mut net, peer, "t/+", 0).len(), 1 + 3);
    }
}

#[test]
fn one_published_behind_a_subscription_is_not_followed_by_its_predecessor() {
    // Both packets in one piece, so that the live message comes before what is retained is looked for.
    let mut net = Net::with(1, Settings::default());
    let peer = connect("a").v311().on(&mut net);
    net.publish_retained(peer, "t", "old", 0, 0);
    net.send_bytes(peer, b"\x82\x06\0\x01\0\x01t\0\x31\x06\0\x01tnew");
    assert_eq!(net.got(peer), ["SUBACK 1 [0]", r#"PUBLISH q0 t "new""#, r#"PUBLISH q0 retain t "new""#]);
}

#[test]
fn what_is_published_behind_a_subscription_does_not_come_as_retained_too() {
    // [MQTT-4.3.3-10] A QoS 2 message comes once, however long the retained ones before it have to wait.
    let mut net = Net::with(1, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    for topic in ["t/1", "t/2", "t/3"] {
        net.publish_retained(publisher, topic, "old", 1, 1);
    }
    assert_eq!(subscribed(&mut net, peer, "t/#", 1)[1..], [r#"PUBLISH q1 id=1 retain t/1 "old""#]);
    // A topic that is new, and one that came already, is cleared, and comes again.
    net.publish_retained(publisher, "t/4", "new", 1, 1);
    net.publish_retained(publisher, "t/1", "", 1, 1);
    net.publish_retained(publisher, "t/1", "again", 1, 1);
    (1..=7).for_each(|id| net.puback(peer, id));
    let mut got = net.got(peer);
    got.sort_by_key(|line| line.contains("retain"));
    assert_eq!(
        got,
        [
            r#"PUBLISH q1 id=2 t/4 "new""#,
            r#"PUBLISH q1 id=3 t/1 """#,
            r#"PUBLISH q1 id=4 t/1 "again""#,
            r#"PUBLISH q1 id=5 retain t/2 "old""#,
            r#"PUBLISH q1 id=6 retain t/3 "old""#,
        ]
    );
}
