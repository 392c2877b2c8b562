//! A subscription that takes the place of another, and what is granted.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::packet::{RetainHandling, SubscriptionOptions};
use mosquitto_mqtt::{Property, QoS};

#[test]
fn nothing_is_lost_when_a_subscription_is_replaced() {
    // [MQTT-3.8.4-4]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").with(Property::ReceiveMaximum(1)).on(&mut net));
    net.subscribe(peer, "t", 1);
    net.publish_retained(publisher, "t", "1", 1, 1);
    net.publish(publisher, "t", "2", 1, 2);
    let options = SubscriptionOptions { retain_handling: RetainHandling::Always, ..Default::default() };
    net.subscribe_with(peer, 5, "t", options, &[]);
    net.publish(publisher, "t", "3", 1, 3);
    net.puback(peer, 1);
    net.puback(peer, 2);
    let got = net.got(peer);
    for expected in [
        r#"PUBLISH q1 id=1 t "1""#,
        r#"PUBLISH q1 id=2 t "2""#,
        "SUBACK 5 [0]",
        r#"PUBLISH q0 retain t "1""#,
        r#"PUBLISH q0 t "3""#,
    ] {
        assert_eq!(got.iter().filter(|line| *line == expected).count(), 1, "{expected} in {got:?}");
    }
}

#[test]
fn what_is_granted_is_what_is_delivered() {
    // [MQTT-3.8.4-7] [MQTT-3.9.3-2]
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    for qos in 0..=2u8 {
        let peer = connect("a").on(&mut net);
        net.send_bytes(peer, &[0x82, 7, 0, 9, 0, 0, 1, b't', qos]);
        let suback = net.got(peer).remove(0);
        net.publish(publisher, "t", "x", 2, 1);
        net.pubrel(publisher, 1);
        let delivered = net.got(peer).remove(0);
        assert_eq!(suback, format!("SUBACK 9 [{qos}]"));
        assert!(delivered.starts_with(&format!("PUBLISH q{qos} ")), "{delivered}");
    }
}

#[test]
fn what_is_retained_follows_under_the_terms_of_the_subscription_as_it_is_now() {
    // [MQTT-3.8.4-3], [MQTT-3.3.1-11]
    let settings = Settings { max_inflight_messages: 1, ..Settings::default() };
    for retain_handling in [RetainHandling::IfNew, RetainHandling::Never] {
        let mut net = Net::with(1, settings.clone());
        let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
        (0..3).for_each(|n| net.publish_retained(publisher, &format!("t/{n}"), "x", 1, 1));
        net.subscribe_with(peer, 1, "t/#", SubscriptionOptions::qos(QoS::AtLeastOnce), &[]);
        assert_eq!(net.got(peer), ["SUBACK 1 [1]", r#"PUBLISH q1 id=1 retain t/0 "x""#]);
        let options = SubscriptionOptions { retain_handling, ..Default::default() };
        net.subscribe_options(peer, "t/#", options, 7);
        net.puback(peer, 1);
        let got = net.got(peer).join(", ");
        assert!(got.ends_with(r#"PUBLISH q0 retain t/2 "x" {subscription-identifier=7}"#), "{got}");
    }
}
