//! Flow control (MQTT 5, 4.9): the window closes for messages, and for nothing else.

use crate::harness::{Net, connect};
use mosquitto_mqtt::Property;

#[test]
fn a_closed_window_answers_pings_subscriptions_and_messages() {
    // [MQTT-4.9.0-2] [MQTT-4.9.0-3]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").with(Property::ReceiveMaximum(1)).on(&mut net));
    net.subscribe(peer, "t", 1);
    (1..=2).for_each(|id| net.publish(publisher, "t", "x", 1, id));
    net.got(peer);
    net.ping(peer);
    net.subscribe_with(peer, 7, "u", Default::default(), &[]);
    net.unsubscribe(peer, 8, &["u"]);
    net.publish(peer, "v", "x", 1, 9);
    net.publish(peer, "v", "x", 2, 10);
    net.pubrel(peer, 10);
    let expected = ["PINGRESP", "SUBACK 7 [0]", "UNSUBACK 8 [0]", "PUBACK 9 rc=0x10", "PUBREC 10", "PUBCOMP 10"];
    assert_eq!(net.got(peer), expected);
    net.puback(peer, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=2 t "x""#]);
}

#[test]
fn an_identifier_in_use_is_not_given_out_again() {
    // [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-2.2.1-4]
    for qos in [1, 2] {
        let mut net = Net::with(1, Default::default());
        let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
        net.subscribe(peer, "t", qos);
        let publish = |net: &mut Net| {
            net.publish(publisher, "t", "x", qos, 1);
            if qos == 2 {
                net.pubrel(publisher, 1);
            }
            net.got_bytes(publisher);
        };
        publish(&mut net);
        assert_eq!(net.got(peer).len(), 1, "number 1, which stays open");
        for id in 2..=u16::MAX {
            publish(&mut net);
            if qos == 1 {
                net.puback(peer, id);
            } else {
                net.pubrec(peer, id);
                net.pubcomp(peer, id);
            }
            net.got_bytes(peer);
        }
        publish(&mut net);
        assert!(net.got(peer).is_empty(), "number 1 is the next in turn, and the message waits for it");
        if qos == 1 {
            net.puback(peer, 1);
        } else {
            net.pubrec(peer, 1);
            assert_eq!(net.got(peer), ["PUBREL 1"]);
            net.pubcomp(peer, 1);
        }
        assert_eq!(net.got(peer), [format!(r#"PUBLISH q{qos} id=1 t "x""#)]);
    }
}
