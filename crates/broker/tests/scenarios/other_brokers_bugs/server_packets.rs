//! Clients that send what only servers send, or acknowledge what was never sent.

use crate::harness::{Net, Options, connect};
use mosquitto_mqtt::PacketType;

fn of_each_version() -> [Options; 3] {
    [connect("a"), connect("b").v311(), connect("c").v31()]
}

#[test]
fn packets_of_a_server_end_the_connection_of_a_client_of_any_version() {
    // MQTT 5, 4.13.1
    let packets: [&[u8]; 4] = [b"\x20\x02\0\0", b"\x90\x03\0\x01\0", b"\xb0\x02\0\x01", b"\xd0\0"];
    for bytes in packets {
        for (version, options) in of_each_version().into_iter().enumerate() {
            let mut net = Net::new();
            let peer = options.on(&mut net);
            net.send_bytes(peer, bytes);
            assert!(!net.is_open(peer), "{bytes:x?}");
            let answer: &[&str] = if version == 0 { &["DISCONNECT rc=0x82"] } else { &[] };
            assert_eq!(net.got(peer), answer, "{bytes:x?}");
        }
    }
}

#[test]
fn acknowledgements_for_unknown_identifiers_take_no_room_however_many_come() {
    let mut net = Net::new();
    for options in of_each_version() {
        let peer = options.on(&mut net);
        for id in (1..=u16::MAX).step_by(16) {
            // One answer each to PUBREC and PUBREL, none to the others.
            net.leave_bytes(peer, &[&[0x40, 2], &id.to_be_bytes()[..], &[0x70, 2], &id.to_be_bytes()[..]].concat());
            net.leave_bytes(peer, &[&[0x50, 2], &id.to_be_bytes()[..], &[0x62, 2], &id.to_be_bytes()[..]].concat());
        }
        net.run();
        let answers = net.got_bytes(peer);
        assert_eq!(answers.len(), 4096 * 8);
        assert!(answers.chunks_exact(8).all(|pair| pair[0] == 0x62 && pair[4] == 0x70));
        assert_eq!(net.output_len(peer), 0);
        net.ping(peer);
        assert_eq!(net.got(peer), ["PINGRESP"]);
    }
}

#[test]
fn a_message_of_ones_own_is_not_released_by_an_acknowledgement_of_it() {
    // The identifiers of both directions are apart (MQTT 5, 2.2.1).
    let mut net = Net::new();
    let (peer, publisher) = (connect("a").on(&mut net), connect("b").on(&mut net));
    net.subscribe(peer, "t", 1);
    net.publish(publisher, "t", "x", 1, 1);
    net.publish(peer, "u", "y", 2, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "x""#, "PUBREC 1"]);
    net.pubrel(peer, 1);
    net.puback(peer, 1);
    assert_eq!(net.got(peer), ["PUBCOMP 1"]);
    net.ack(peer, PacketType::PubAck, 1, 0);
    assert!(net.is_open(peer) && net.got(peer).is_empty());
}
