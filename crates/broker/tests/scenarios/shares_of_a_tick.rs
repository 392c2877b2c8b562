//! What one client causes is done in shares: a tick does so much of it, and the rest in the next ones.

use crate::harness::{Net, connect};
use mosquitto_broker::{Settings, Then};
use mosquitto_mqtt::packet::{Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, Property, ProtocolVersion, QoS};

const V311: ProtocolVersion = ProtocolVersion::V311;

fn publish(topic: &str, qos: QoS, retain: bool, out: &mut Vec<u8>) {
    let (properties, payload) = (Properties::EMPTY, &b"x"[..]);
    Publish { dup: false, qos, retain, topic, packet_id: 1, properties, payload }.encode(V311, out);
}

fn subscribe(filters: &[String]) -> Vec<u8> {
    let options = SubscriptionOptions::default();
    let list = filters.iter().map(|filter| Subscription { filter, options });
    let mut bytes = Vec::new();
    Subscribe::write(1, Properties::EMPTY, list, V311, &mut bytes);
    bytes
}

#[test]
fn nodes_that_a_topics_way_is_looked_for_in_are_work_of_who_publishes() {
    let mut net = Net::with(1, Settings::default());
    let (watcher, publisher) = (connect("watcher").v311().on(&mut net), connect("pub").v311().on(&mut net));
    // Every mixture of `x` and `+`: 4095 nodes, none of which is a match.
    let mixture = |n: u32| (0..11).map(move |bit| if n >> bit & 1 == 0 { "x/" } else { "+/" }).collect::<String>();
    let filters: Vec<String> = (0..1 << 11).map(|n| mixture(n) + "y").collect();
    net.send_bytes(watcher, &subscribe(&filters));
    let mut bytes = Vec::new();
    for n in 0..100 {
        publish(&format!("{}{n}", mixture(0)), QoS::AtMostOnce, false, &mut bytes);
    }
    let received = net.received_at_once(publisher, &bytes);
    assert_eq!(received.then, Then::Busy);
    assert!((1..bytes.len() / 2).contains(&received.consumed), "{} of {}", received.consumed, bytes.len());
}

#[test]
fn retained_messages_that_a_filter_passes_over_are_looked_at_in_shares() {
    // [MQTT-4.7.2-1]: none of them matches but the last.
    let mut net = Net::with(1, Settings::default());
    let (publisher, subscriber) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    let mut bytes = Vec::new();
    for n in 0..25_000 {
        publish(&format!("${n}"), QoS::AtMostOnce, true, &mut bytes);
    }
    publish("t", QoS::AtMostOnce, true, &mut bytes);
    net.send_bytes(publisher, &bytes);
    net.received_at_once(subscriber, &subscribe(&["#".to_owned()]));
    assert_eq!(net.output_len(subscriber), 5, "nothing but the SUBACK yet");
    net.run();
    assert_eq!(net.got(subscriber), ["SUBACK 1 [0]", r#"PUBLISH q0 retain t "x""#]);
}

#[test]
fn wills_that_are_due_at_once_are_published_in_shares() {
    let mut net = Net::with(1, Settings::default());
    let subscribers: Vec<_> = (0..500).map(|n| connect(&format!("sub{n}")).on(&mut net)).collect();
    subscribers.iter().for_each(|&peer| net.subscribe(peer, "will", 0));
    for n in 0..60 {
        let options = connect(&format!("lost{n}")).keep_session(100).will("will", "gone", 0, false);
        let peer = options.will_with(Property::WillDelayInterval(10)).on(&mut net);
        net.cut(peer);
    }
    net.leap_to_a_tick(0, 10);
    let first = net.got(subscribers[0]).len();
    assert!((1..60).contains(&first), "{first}");
    net.run();
    assert_eq!(first + net.got(subscribers[0]).len(), 60);
    assert_eq!(net.got(subscribers[499]).len(), 60);
}

#[test]
fn a_client_is_read_for_ever_that_takes_its_answers_though_other_output_never_ends() {
    let mut net = Net::with(1, Settings { max_queued_messages: 0, ..Settings::default() });
    let (peer, publisher) = (connect("a").v311().on(&mut net), connect("pub").v311().on(&mut net));
    net.subscribe(peer, "t", 0);
    net.set_reading(peer, false);
    let mut acknowledged = Vec::new();
    (0..2500).for_each(|_| publish("nobody", QoS::AtLeastOnce, false, &mut acknowledged));
    // Two megabytes wait all the time; of what is sent, a tenth are answers.
    (0..20).for_each(|_| net.publish(publisher, "t", &"x".repeat(100_000), 0, 0));
    for round in 0..120 {
        net.publish(publisher, "t", &"x".repeat(90_000), 0, 0);
        net.send_bytes(peer, &acknowledged);
        assert_eq!((net.output_len(peer) > 2_000_000, net.unread_by_broker(peer)), (true, 0), "{round}");
        while net.output_len(peer) > 2_000_000 {
            net.take_output(peer, 10_000);
        }
        net.got_bytes(peer);
        net.log.clear();
    }
}

#[test]
fn the_longest_message_expiry_interval_is_not_cut_where_a_shards_clock_lags() {
    // [MQTT-3.3.2-6]
    let mut net = Net::with(2, Settings::default());
    let ids = [net.id_at_home_on("sub", 0), net.id_at_home_on("pub", 1)];
    let [subscriber, publisher] = ids.map(|id| connect(&id).on(&mut net));
    net.subscribe(subscriber, "t", 0);
    net.got(subscriber);
    for lag_ms in [0, 499, 500, 999] {
        net.set_lag_ms(0, lag_ms);
        net.advance(2);
        net.publish_with(publisher, "t", b"x", 0, 0, &[Property::MessageExpiryInterval(u32::MAX)]);
        let got = net.got(subscriber);
        assert!(got[0].contains("message-expiry-interval=4294967295"), "{lag_ms}: {got:?}");
    }
}
