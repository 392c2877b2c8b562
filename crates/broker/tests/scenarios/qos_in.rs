//! QoS 1 and 2 from a client.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::Property;

/// A broker with a publisher and a subscriber of `t` at QoS 0.
fn pair(net: &mut Net) -> (Peer, Peer) {
    let (publisher, subscriber) = (connect("pub").on(net), connect("sub").on(net));
    net.subscribe(subscriber, "t", 0);
    (publisher, subscriber)
}

#[test]
fn acknowledgements_come_in_the_order_of_their_messages() {
    // [MQTT-2.2.1-5] [MQTT-3.3.4-1]
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4]
    let mut net = Net::new();
    let (publisher, _) = pair(&mut net);
    let packets = b"\x32\x06\0\x01t\0\x05\0\x34\x06\0\x01t\0\x06\0\x32\x06\0\x01t\0\x04\0\x34\x06\0\x01t\0\x03\0";
    net.send_bytes(publisher, packets);
    assert_eq!(net.got(publisher), ["PUBACK 5", "PUBREC 6", "PUBACK 4", "PUBREC 3"]);
    net.pubrel(publisher, 6);
    net.pubrel(publisher, 3);
    assert_eq!(net.got(publisher), ["PUBCOMP 6", "PUBCOMP 3"]);
}

#[test]
fn a_repeated_message_of_qos_1_is_delivered_again() {
    // [MQTT-3.3.1-3]
    // [MQTT-4.3.2-5]
    // 4.3.2: at least once
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    net.publish(publisher, "t", "x", 1, 5);
    net.publish_again(publisher, "t", "x", 1, 5);
    assert_eq!(net.got(publisher), ["PUBACK 5", "PUBACK 5"]);
    let message = r#"PUBLISH q0 t "x""#;
    assert_eq!(net.got(subscriber), [message, message], "without DUP, which is the publisher's");
}

#[test]
fn the_third_copy_of_a_message_of_qos_2_is_an_error() {
    for (options, answer) in [(connect("pub"), vec!["DISCONNECT rc=0x82"]), (connect("pub").v311(), vec![])] {
        let mut net = Net::new();
        let publisher = options.on(&mut net);
        net.publish(publisher, "t", "x", 2, 5);
        net.publish_again(publisher, "t", "x", 2, 5);
        assert_eq!(net.got(publisher), ["PUBREC 5", "PUBREC 5"]);
        net.publish_again(publisher, "t", "x", 2, 5);
        assert_eq!(
            (net.got(publisher), net.is_open(publisher)),
            (answer.into_iter().map(String::from).collect(), false)
        );
    }
}

#[test]
fn another_message_under_an_identifier_in_use_takes_its_place() {
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    net.publish(publisher, "t", "first", 2, 5);
    net.publish(publisher, "t", "second", 2, 5);
    net.pubrel(publisher, 5);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q0 t "second""#]);
    assert_eq!(net.log_with("Reused message ID 5 from pub detected. Clearing from storage.").len(), 1);
}

#[test]
fn an_identifier_is_free_again_after_pubcomp() {
    // [MQTT-4.3.3-12]
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    for _ in 0..4 {
        net.publish(publisher, "t", "x", 2, 5);
        net.pubrel(publisher, 5);
    }
    assert_eq!(net.got(subscriber).len(), 4);
    assert!(net.log_with("Reused").is_empty());
}

#[test]
fn a_pubrel_for_nothing_is_answered_all_the_same() {
    let mut net = Net::new();
    for (peer, id) in [(connect("a").on(&mut net), 9), (connect("b").v311().on(&mut net), 65_535)] {
        net.pubrel(peer, id);
        assert_eq!(net.got(peer), [format!("PUBCOMP {id}")]);
    }
}

#[test]
fn what_exceeds_the_receive_maximum_is_refused_and_the_connection_stays() {
    // [MQTT-4.3.3-9] [MQTT-3.3.4-7], answered with quota exceeded as Mosquitto does
    let mut net = Net::with(2, Settings { max_inflight_messages: 2, ..Settings::default() });
    let (publisher, subscriber) = pair(&mut net);
    net.publish(publisher, "t", "x", 2, 1);
    net.publish(publisher, "t", "one", 1, 4);
    net.publish(publisher, "t", "x", 2, 2);
    assert_eq!(net.got(publisher), ["PUBREC 1", "PUBACK 4", "PUBREC 2"]);
    assert!(net.log_with("quota").is_empty());
    net.publish(publisher, "t", "x", 2, 3);
    net.publish(publisher, "t", "two", 1, 4);
    net.publish_retained(publisher, "t", "three", 1, 4);
    net.publish_again(publisher, "t", "x", 2, 1);
    let refused = ["PUBREC 3 rc=0x97", "PUBACK 4 rc=0x97", "PUBACK 4 rc=0x97", "PUBREC 1"];
    assert_eq!(net.got(publisher), refused);
    assert_eq!(net.log_with("Client pub has exceeded its receive-maximum quota.").len(), 3);
    net.publish(publisher, "t", "none", 0, 0);
    net.pubrel(publisher, 3);
    let through = [r#"PUBLISH q0 t "one""#, r#"PUBLISH q0 t "none""#];
    assert_eq!(net.got(subscriber), through, "those that were refused are gone, and QoS 0 has no window");
    assert_eq!(net.shared.retained_count(), 0);
    net.pubrel(publisher, 1);
    net.publish(publisher, "t", "two", 1, 4);
    net.publish(publisher, "t", "x", 2, 3);
    assert_eq!(net.got(publisher), ["PUBCOMP 3", "PUBCOMP 1", "PUBACK 4", "PUBREC 3"]);
}

#[test]
fn mqtt_3_which_was_told_no_receive_maximum_loses_nothing_that_was_acknowledged() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 2, ..Settings::default() });
    let (_, subscriber) = pair(&mut net);
    let old = connect("old").v311().on(&mut net);
    (1..=50).for_each(|id| net.publish(old, "t", "x", 2, id));
    net.publish(old, "t", "x", 1, 51);
    (1..=50).for_each(|id| net.pubrel(old, id));
    assert_eq!(net.got(old).len(), 101);
    assert_eq!(net.got(subscriber).len(), 51);
}

#[test]
fn without_a_limit_every_identifier_may_be_open() {
    let mut net = Net::with(1, Settings { max_inflight_messages: 0, ..Settings::default() });
    let (publisher, _) = pair(&mut net);
    (1..=200).for_each(|id| net.publish(publisher, "t", "x", 2, id));
    assert!(net.got(publisher).iter().all(|line| !line.contains("rc=")));
    assert!(net.log_with("quota").is_empty());
}

#[test]
fn a_message_of_qos_2_keeps_its_properties_and_flag_until_it_is_released() {
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    net.send_publish(publisher, "t", b"x", 2, 1, (true, false), &[Property::ContentType("c")]);
    assert_eq!(net.shared.retained_count(), 0, "not before PUBREL");
    net.pubrel(publisher, 1);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q0 t "x" {content-type=c}"#]);
    assert_eq!(net.shared.retained_count(), 1);
}

#[test]
fn messages_of_qos_2_go_on_in_the_order_of_their_pubrels() {
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    ["1", "2", "3"].into_iter().zip(1..).for_each(|(text, id)| net.publish(publisher, "t", text, 2, id));
    [2, 3, 1].into_iter().for_each(|id| net.pubrel(publisher, id));
    let texts: Vec<String> = net.got(subscriber).iter().map(|line| line[14..15].to_owned()).collect();
    assert_eq!(texts, ["2", "3", "1"]);
}
