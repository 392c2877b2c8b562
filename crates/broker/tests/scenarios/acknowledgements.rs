//! How messages of MQTT 3.1.1 are acknowledged, and in which order they go on.

use crate::harness::{Net, Peer, connect};

fn pair(net: &mut Net) -> (Peer, Peer) {
    let (publisher, subscriber) = (connect("pub").v311().on(net), connect("sub").v311().on(net));
    net.subscribe(subscriber, "t", 2);
    (publisher, subscriber)
}

#[test]
fn each_qos_has_its_own_answer() {
    // [3.1.1 MQTT-3.3.4-1] [3.1.1 MQTT-4.3.2-2] [3.1.1 MQTT-4.3.3-2]
    let mut net = Net::new();
    let (publisher, _) = pair(&mut net);
    for (qos, answer) in [(0, vec![]), (1, vec!["PUBACK 7"]), (2, vec!["PUBREC 7"])] {
        net.publish(publisher, "t", "x", qos, 7);
        assert_eq!(net.got(publisher), answer);
    }
}

#[test]
fn after_its_puback_an_identifier_brings_a_new_message() {
    // [3.1.1 MQTT-4.3.2-2]
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    net.publish(publisher, "t", "1", 1, 5);
    net.publish(publisher, "t", "2", 1, 5);
    net.publish_again(publisher, "t", "2", 1, 5);
    assert_eq!(net.got(publisher), ["PUBACK 5", "PUBACK 5", "PUBACK 5"]);
    let expected = [r#"PUBLISH q1 id=1 t "1""#, r#"PUBLISH q1 id=2 t "2""#, r#"PUBLISH q1 id=3 t "2""#];
    assert_eq!(net.got(subscriber), expected);
}

#[test]
fn until_its_pubrel_a_message_of_qos_2_is_the_same_one_and_behind_it_a_new_one() {
    // [3.1.1 MQTT-4.3.3-2]
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    for round in 1..=2 {
        net.publish(publisher, "t", "x", 2, 5);
        net.publish_again(publisher, "t", "x", 2, 5);
        assert_eq!(net.got(publisher), ["PUBREC 5", "PUBREC 5"]);
        net.pubrel(publisher, 5);
        net.pubrel(publisher, 5);
        assert_eq!(net.got(publisher), ["PUBCOMP 5", "PUBCOMP 5"]);
        assert_eq!(net.got(subscriber), [format!(r#"PUBLISH q2 id={round} t "x""#)]);
    }
}

#[test]
fn answers_come_in_the_order_of_what_they_answer() {
    // [3.1.1 MQTT-4.6.0-2] [3.1.1 MQTT-4.6.0-3] [3.1.1 MQTT-4.6.0-4]
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net);
    let packets = b"\x32\x05\0\x01t\0\x05\x34\x05\0\x01t\0\x06\x32\x05\0\x01t\0\x04\x34\x05\0\x01t\0\x03";
    net.send_bytes(publisher, packets);
    assert_eq!(net.got(publisher), ["PUBACK 5", "PUBREC 6", "PUBACK 4", "PUBREC 3"]);
    net.send_bytes(publisher, b"\x62\x02\0\x03\x62\x02\0\x06");
    assert_eq!(net.got(publisher), ["PUBCOMP 3", "PUBCOMP 6"]);
    let sent = net.got(subscriber);
    assert!(sent[2].starts_with("PUBLISH q2 id=3") && sent[3].starts_with("PUBLISH q2 id=4"), "{sent:?}");
    net.send_bytes(subscriber, b"\x50\x02\0\x04\x50\x02\0\x03");
    assert_eq!(net.got(subscriber), ["PUBREL 4", "PUBREL 3"]);
}

#[test]
fn messages_of_a_topic_keep_their_order_for_each_subscriber() {
    // [3.1.1 MQTT-4.6.0-5] [3.1.1 MQTT-4.6.0-6]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    let subscribers: Vec<Peer> = (0..9)
        .map(|n| {
            let peer = connect(&format!("sub{n}")).v311().on(&mut net);
            net.subscribe(peer, ["t", "+", "#"][n / 3], n as u8 % 3);
            peer
        })
        .collect();
    // More than are under way at once, so that some wait and others do not.
    for qos in 0..3 {
        (1..=30).for_each(|n| {
            net.publish(publisher, "t", &format!("{qos} {n:02}"), qos, n);
            net.pubrel(publisher, n);
        });
    }
    for peer in subscribers {
        let mut messages = Vec::new();
        loop {
            let got = net.got(peer);
            if got.is_empty() {
                break;
            }
            for line in got.iter().filter(|line| line.starts_with("PUBLISH")) {
                messages.push(line.split('"').nth(1).unwrap().to_owned());
                answer(&mut net, peer, line);
            }
        }
        for qos in ["0", "1", "2"] {
            let own: Vec<&String> = messages.iter().filter(|text| text.starts_with(qos)).collect();
            assert_eq!((own.len(), own.is_sorted()), (30, true), "{own:?}");
        }
    }
}

/// Acknowledges a message to the end of its exchange.
fn answer(net: &mut Net, peer: Peer, line: &str) {
    let Some(id) = line.split(' ').find_map(|word| word.strip_prefix("id=")) else { return };
    let id = id.parse().unwrap();
    if line.starts_with("PUBLISH q1") {
        net.puback(peer, id);
    } else {
        net.pubrec(peer, id);
        net.pubcomp(peer, id);
    }
}
