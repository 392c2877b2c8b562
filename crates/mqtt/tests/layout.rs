//! Where the fields of a packet stand, byte by byte, and what their texts may hold.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper fails the test that it serves")]

use mosquitto_mqtt::packet::{ConnAck, Connect, Disconnect, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe, Will};
use mosquitto_mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_mqtt::{DecodeError, Fault, FixedHeader, Packet, PacketType, ProtocolVersion, ReasonCode};
use mosquitto_mqtt::{Properties, PropertiesBuf, Property, QoS};

const V5: ProtocolVersion = ProtocolVersion::V5;

const PLAIN: Connect<'static> = Connect {
    version: V5,
    bridge: false,
    clean_start: false,
    keep_alive_s: 0x0102,
    properties: Properties::EMPTY,
    client_id: "id",
    will: None,
    username: None,
    password: None,
};

/// Every part of a CONNECT, each with the flags that announce it.
const PROTOCOL: &[u8] = b"\0\x04MQTT\x05";
const CLIENT_ID: &[u8] = b"\0\x02id";
const WILL: &[u8] = b"\x05\x18\0\0\0\x09\0\x01w\0\x02\xff\0";
const USER_NAME: &[u8] = b"\0\x01u";
const PASSWORD: &[u8] = b"\0\x02\xff\0";
const WILL_FLAGS: u8 = 0b0010_1100;
const USER_NAME_FLAG: u8 = 0x80;
const PASSWORD_FLAG: u8 = 0x40;

/// The part of a CONNECT behind its fixed header.
fn connect_body(flags: u8, payload: &[&[u8]]) -> Vec<u8> {
    [PROTOCOL, &[flags, 1, 2], &[0], &payload.concat()].concat()
}

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(V5, &mut out);
    out
}

fn decode(bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    let header = FixedHeader::parse(bytes).unwrap().unwrap();
    assert_eq!(header.packet_len(), bytes.len());
    Packet::decode(header, &bytes[usize::from(header.header_len)..], V5)
}

fn properties(list: &[Property<'_>]) -> PropertiesBuf {
    list.iter().copied().collect()
}

#[test]
fn connect_has_its_fields_in_their_order_behind_the_client_identifier() {
    // [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.2-9] [MQTT-3.1.2-17] [MQTT-3.1.2-19]
    let will_properties = properties(&[Property::WillDelayInterval(9)]);
    let will = Will {
        topic: "w",
        payload: b"\xff\0",
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: will_properties.as_properties(),
    };
    let packet = Connect { will: Some(will), username: Some("u"), password: Some(b"\xff\0"), ..PLAIN };
    let flags = WILL_FLAGS | USER_NAME_FLAG | PASSWORD_FLAG;
    let body = connect_body(flags, &[CLIENT_ID, WILL, USER_NAME, PASSWORD]);
    assert_eq!(encoded(&Packet::Connect(packet))[2..], body);
    assert_eq!(Connect::decode(&body), Ok(packet));
}

#[test]
fn connect_without_a_will_and_credentials_announces_none() {
    // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-16] [MQTT-3.1.2-18] [MQTT-3.1.2-3]
    assert_eq!(encoded(&Packet::Connect(PLAIN))[2..], connect_body(0, &[CLIENT_ID]));
    let clean = Connect { clean_start: true, ..PLAIN };
    assert_eq!(encoded(&Packet::Connect(clean))[2..], connect_body(2, &[CLIENT_ID]));
}

#[test]
fn a_field_that_the_flags_announce_has_to_be_there_and_no_other() {
    // [MQTT-3.1.2-9] [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT-3.1.3-3]
    let fault = |flags, payload: &[&[u8]]| Connect::decode(&connect_body(flags, payload)).unwrap_err().fault;
    assert_eq!(fault(0, &[]), Fault::Malformed);
    for (flag, field) in [(WILL_FLAGS, WILL), (USER_NAME_FLAG, USER_NAME), (PASSWORD_FLAG, PASSWORD)] {
        assert!(Connect::decode(&connect_body(flag, &[CLIENT_ID, field])).is_ok());
        assert_eq!(fault(0, &[CLIENT_ID, field]), Fault::Malformed, "not announced");
        for len in 0..field.len() {
            assert_eq!(fault(flag, &[CLIENT_ID, &field[..len]]), Fault::Malformed, "only {len} bytes are there");
        }
    }
}

#[test]
fn the_texts_of_a_connect_are_utf_8_and_its_data_need_not_be() {
    // [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12]
    let fault = |flags, payload: &[&[u8]]| Connect::decode(&connect_body(flags, payload)).unwrap_err().fault;
    for text in [b"\0\x02\xc3\x28", b"\0\x02\xff\xff", b"\0\x02a\0"] {
        assert_eq!(fault(0, &[text]), Fault::ClientIdentifier);
        assert_eq!(fault(WILL_FLAGS, &[CLIENT_ID, b"\0", text, b"\0\0"]), Fault::Malformed);
        assert_eq!(fault(USER_NAME_FLAG, &[CLIENT_ID, text]), Fault::Malformed);
        assert!(Connect::decode(&connect_body(WILL_FLAGS, &[CLIENT_ID, b"\0\0\x01w", text])).is_ok());
        assert!(Connect::decode(&connect_body(PASSWORD_FLAG, &[CLIENT_ID, text])).is_ok());
    }
}

#[test]
fn the_qos_of_a_will_is_one_of_three() {
    // [MQTT-3.1.2-12]
    for (bits, qos) in [(0, Some(QoS::AtMostOnce)), (1, Some(QoS::AtLeastOnce)), (2, Some(QoS::ExactlyOnce)), (3, None)]
    {
        let body = connect_body(4 | bits << 3, &[CLIENT_ID, WILL]);
        assert_eq!(Connect::decode(&body).ok().map(|packet| packet.will.unwrap().qos), qos);
    }
}

#[test]
fn publish_begins_with_its_topic_and_has_an_identifier_above_qos_0_only() {
    // [MQTT-3.3.2-1] [MQTT-2.2.1-2]
    let packet = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a/b",
        packet_id: 7,
        properties: Properties::EMPTY,
        payload: b"x",
    };
    assert_eq!(encoded(&Packet::Publish(packet)), b"\x30\x07\0\x03a/b\0x");
    for (qos, first) in [(QoS::AtLeastOnce, 0x32), (QoS::ExactlyOnce, 0x34)] {
        let bytes = [&[first, 9], &b"\0\x03a/b\0\x07\0x"[..]].concat();
        assert_eq!(encoded(&Packet::Publish(Publish { qos, ..packet })), bytes);
        assert_eq!(decode(&bytes), Ok(Packet::Publish(Publish { qos, ..packet })));
    }
    for (first, body) in [(0x30, &b"\0\x01\xff\0"[..]), (0x30, b"\0\x02\xed\xa0\0"), (0x30, b""), (0x32, b"\0\x01a")] {
        let bytes = [&[first, body.len() as u8], body].concat();
        assert_eq!(decode(&bytes).unwrap_err().fault, Fault::Malformed, "{body:x?}");
    }
}

#[test]
fn the_texts_of_properties_are_utf_8_both_of_a_pair() {
    // [MQTT-1.5.7-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19] [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    let publish = |property: &[&[u8]]| {
        let property = property.concat();
        let body = [&b"\0\x01t"[..], &[property.len() as u8], &property].concat();
        Publish::decode(0x30, &body, V5).map(|_| ()).map_err(|error| error.fault)
    };
    for text in [&b"\xff"[..], b"\0", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82"] {
        let (good, bad) = (&b"\0\x01k"[..], [&[0, text.len() as u8], text].concat());
        assert_eq!(publish(&[b"\x26", &bad, good]), Err(Fault::Malformed), "name of a user property");
        assert_eq!(publish(&[b"\x26", good, &bad]), Err(Fault::Malformed), "value of a user property");
        assert_eq!(publish(&[b"\x08", &bad]), Err(Fault::Malformed), "response topic");
        assert_eq!(publish(&[b"\x03", &bad]), Err(Fault::Malformed), "content type");
        assert_eq!(publish(&[b"\x09", &bad]), Ok(()), "correlation data is no text");
    }
}

#[test]
fn no_properties_are_a_length_of_zero() {
    // [MQTT-2.2.2-1]
    let (none, reason) = (Properties::EMPTY, ReasonCode::SUCCESS);
    let cases: [(Packet<'_>, &[u8]); 5] = [
        (Packet::ConnAck(ConnAck { session_present: false, reason, properties: none }), b"\x20\x03\0\0\0"),
        (Packet::SubAck(SubAck { packet_id: 1, properties: none, reasons: &[0] }), b"\x90\x04\0\x01\0\0"),
        (Packet::UnsubAck(UnsubAck { packet_id: 1, properties: none, reasons: &[0] }), b"\xb0\x04\0\x01\0\0"),
        (Packet::Connect(PLAIN), b"\x10\x0f\0\x04MQTT\x05\0\x01\x02\0\0\x02id"),
        (Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)), b"\xe0\0"),
    ];
    for (packet, bytes) in cases {
        assert_eq!(encoded(&packet), bytes);
        assert_eq!(decode(bytes), Ok(packet));
    }
    let mut out = Vec::new();
    let list = [Subscription { filter: "a", options: SubscriptionOptions::default() }];
    Subscribe::write(1, none, list.into_iter(), V5, &mut out);
    assert_eq!(out, b"\x82\x07\0\x01\0\0\x01a\0");
    out.clear();
    Unsubscribe::write(1, none, ["a"].into_iter(), V5, &mut out);
    assert_eq!(out, b"\xa2\x06\0\x01\0\0\x01a");
    // What ends where the length has to stand is no packet.
    for bytes in [&b"\x30\x03\0\x01a"[..], b"\x82\x02\0\x01", b"\xa2\x02\0\x01", b"\x90\x02\0\x01", b"\xb0\x02\0\x01"] {
        assert_eq!(decode(bytes).unwrap_err().fault, Fault::Malformed, "{bytes:x?}");
    }
}

#[test]
fn connack_has_one_flag_only() {
    // [MQTT-3.2.2-1]
    for present in [false, true] {
        let properties = Properties::EMPTY;
        let packet = Packet::ConnAck(ConnAck { session_present: present, reason: ReasonCode::SUCCESS, properties });
        assert_eq!(encoded(&packet), [0x20, 3, u8::from(present), 0, 0]);
    }
    for bit in 1..8 {
        let bytes = [0x20, 3, 1 << bit, 0, 0];
        assert_eq!(decode(&bytes).unwrap_err().fault, Fault::Malformed, "{bytes:x?}");
    }
}

#[test]
fn the_flags_of_every_packet_but_publish_are_fixed() {
    // [MQTT-2.1.3-1]
    for first in (0x10..=0xff_u8).filter(|first| first >> 4 != 3) {
        let kind = PacketType::from_first_byte(first).unwrap();
        let flags = if matches!(first >> 4, 6 | 8 | 10) { 2 } else { 0 };
        assert_eq!(kind.first_byte() & 15, flags);
        let header = FixedHeader { first_byte: first, remaining_length: 0, header_len: 2 };
        assert_eq!(header.packet_type(V5).is_ok(), first & 15 == flags, "{first:x}");
    }
}
