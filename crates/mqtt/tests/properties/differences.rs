//! Damaged packets: both codecs refuse them or both read the same, but for the differences that are named here.

use crate::decode;
use crate::parts::parts;
use crate::second_opinion::{Opinion, in_words, other};
use mosquitto_mqtt::{DecodeError, Packet, PacketType, Properties, Property, PropertyId, ProtocolVersion};
use mosquitto_wire_cases::{Version, all};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A packet that one of the codecs accepts and the other one refuses.
struct Disputed<'a> {
    first: u8,
    body: &'a [u8],
    v5: bool,
    /// As the other codec sees it, if it accepts it.
    words: String,
}

/// A packet that only the other codec accepts, our complaint, and whether the packet deserves it. The rules are ours
/// in each of these: the other codec leaves them to its users.
type Strictness = (&'static str, fn(&DecodeError) -> bool, fn(&Disputed<'_>) -> bool);

const STRICTER: &[Strictness] = &[
    // MQTT-1.5.4-2 for U+0000; the others should not be there (1.5.4), and Mosquitto refuses them.
    ("characters that are no text", |e| e.what == "is not valid UTF-8 text", |p| holds_no_text(&p.words)),
    // The parsers of the other codec are not shown the flags. MQTT-2.1.3-1
    (
        "flags of the fixed header",
        |e| e.field == "fixed header flags",
        |p| p.first & 15 != if matches!(p.first >> 4, 6 | 8 | 10) { 2 } else { 0 },
    ),
    // MQTT-3.1.2-3
    ("reserved bit of CONNECT", |e| e.what == "have the reserved bit set", |p| p.body[7] & 1 != 0),
    // MQTT-3.1.2-12
    ("will of QoS 3", |e| e.field == "will QoS", |p| p.body[7] & 0x18 == 0x18),
    // MQTT-3.1.2-11 MQTT-3.1.2-13
    ("flags of no will", |e| e.what == "give a will's QoS or retain without a will", |p| p.body[7] & 4 == 0),
    // MQTT-3.2.2-1
    ("flags of CONNACK", |e| e.field == "connect acknowledge flags", |p| p.body[0] > 1),
    // MQTT-3.3.1-2
    ("DUP at QoS 0", |e| e.field == "DUP", |p| p.first & 0xfe == 0x38),
    // MQTT-2.2.1-3 MQTT-2.2.1-4; the other codec sees to it in acknowledgements only.
    ("packet identifier 0", |e| e.field == "packet identifier", |p| p.words.contains("\"packet_id\":0")),
    // MQTT-3.3.2-2 MQTT-4.7.1-1 MQTT-4.7.1-2
    ("wildcards", |e| e.what.ends_with("wildcard"), |p| p.words.contains(['+', '#'])),
    // MQTT-4.7.3-1
    ("empty topics", |e| e.what == "is empty", |p| p.words.contains("\"\"")),
    // Mosquitto's own limit.
    ("deep topics", |e| e.what == "has more than 200 levels", |p| p.words.matches('/').count() > 200),
    // MQTT-3.3.2-14
    (
        "response topics that are no topics",
        |e| e.field == "response-topic",
        |p| p.words.contains(['+', '#']) || p.words.contains("\"\""),
    ),
    // MQTT-2.2.2-1, and AUTH may leave out only all that it has (3.15.2.1).
    (
        "no property length",
        |e| e.field == "property length" && e.what == "is cut short",
        |p| p.v5 && matches!(p.first >> 4, 3 | 15),
    ),
    // MQTT-1.5.5-1
    (
        "integers of too many bytes",
        |e| e.what == "takes more bytes than it needs",
        |p| p.body.windows(2).any(|pair| pair[0] >= 0x80 && pair[1] == 0),
    ),
    // MQTT 3.1.1, 3.4.1 to 3.7.1: the remaining length is 2. The other codec knows a reason code there.
    ("reasons in MQTT 3", |e| e.field == "remaining length", |p| !p.v5 && p.body.len() == 3),
    // MQTT-3.8.3-4 of 3.1.1: the other codec knows the options of MQTT 5 there.
    ("options in MQTT 3", |e| e.field == "subscription options", |p| !p.v5 && p.first == 0x82),
    // MQTT-4.8.2-1 MQTT-4.8.2-2, to which Mosquitto holds MQTT 3 as well. In MQTT 5 the other codec lets pass an empty
    // filter, and "$share" alone, which is Mosquitto's to refuse.
    (
        "shared subscriptions that are none",
        |e| e.what == "is no valid shared subscription",
        |p| p.words.contains("$share") && (!p.v5 || p.words.contains("\"$share\"") || p.words.contains("/\"")),
    ),
    // MQTT-3.8.3-4
    ("shared subscriptions with No Local", |e| e.field == "no local", |p| p.words.contains("$share/")),
    // MQTT 5, 3.8.2.1.2.
    (
        "two subscription identifiers",
        |e| e.field == "subscription-identifier",
        |p| p.words.matches("SubscriptionIdentifier").count() > 1,
    ),
];

/// A packet that only we accept.
type Leniency = (&'static str, fn(&Disputed<'_>, &Packet<'_>) -> bool);

const MORE_LENIENT: &[Leniency] = &[
    // The other codec does not know it.
    ("MQTT 3.1", |_, packet| matches!(packet, Packet::Connect(packet) if packet.version == ProtocolVersion::V31)),
    // Mosquitto's own mark of a bridge, which no other client sets; without meaning in MQTT 5.
    ("bit 7 of the protocol level", |p, packet| matches!(packet, Packet::Connect(_)) && p.body[6] & 0x80 != 0),
    // We are right: MQTT 5 allows what MQTT-3.1.2-22 of 3.1.1 forbade (3.1.2.9).
    ("a password alone", |p, packet| {
        p.v5 && matches!(packet, Packet::Connect(packet) if packet.username.is_none() && packet.password.is_some())
    }),
    // The client refuses them (MQTT-3.2.2-8); to clients of MQTT 3 any code but 0 is a refusal, as to Mosquitto's.
    ("codes of CONNACK", |p, packet| match packet {
        // A refusal in MQTT 3 of MQTT 5 is among them, which has no properties either.
        Packet::ConnAck(packet) if p.v5 => !packet.reason.belongs_in(PacketType::ConnAck),
        Packet::ConnAck(packet) => packet.reason.0 > 5,
        _ => false,
    }),
    // The other codec is right; as Mosquitto does, we just do not find such a subscription.
    ("shared subscriptions to take back that are none", |p, packet| {
        p.v5 && matches!(packet, Packet::Unsubscribe(packet) if packet.filters().any(|f| f.starts_with("$share/")))
    }),
    // The session refuses it with a reason code of its own (3.3.2.3.4).
    (
        "topic alias 0",
        |_, packet| matches!(packet, Packet::Publish(packet) if packet.properties.iter().any(|p| p == Property::TopicAlias(0))),
    ),
    // The session refuses it (3.1.2.11.10, MQTT-4.12.0-7).
    ("authentication data without a method", |_, packet| match packet {
        Packet::Connect(packet) => has_data_alone(packet.properties),
        Packet::ConnAck(packet) => has_data_alone(packet.properties),
        Packet::Auth(packet) => has_data_alone(packet.properties),
        _ => false,
    }),
    // The session refuses it, as it does any AUTH so far (MQTT-4.12.0-7).
    (
        "AUTH without a method",
        |_, packet| matches!(packet, Packet::Auth(packet) if !has(packet.properties, PropertyId::AuthenticationMethod)),
    ),
];

/// Characters as JSON shows them that MQTT forbids in text or advises against.
fn holds_no_text(words: &str) -> bool {
    let escaped = ["\\u00", "\\b", "\\t", "\\n", "\\f", "\\r"].iter().any(|escape| words.contains(escape));
    let is_none = |c: char| {
        let code = c as u32;
        (0x7f..0xa0).contains(&code) || (0xfdd0..0xfdf0).contains(&code) || matches!(code & 0xffff, 0xfffe | 0xffff)
    };
    escaped || words.chars().any(is_none)
}

fn has(properties: Properties<'_>, id: PropertyId) -> bool {
    properties.iter().any(|property| property.id() == id)
}

fn has_data_alone(properties: Properties<'_>) -> bool {
    has(properties, PropertyId::AuthenticationData) && !has(properties, PropertyId::AuthenticationMethod)
}

/// The name of the difference between the codecs about these bytes, if there is one; a message if it has no name.
fn difference(bytes: &[u8], version: ProtocolVersion) -> Result<Option<&'static str>, String> {
    let (ours, theirs) = (decode(bytes, version), other(bytes, version));
    let disputed = || {
        let header = bytes[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 2;
        let (first, body) = (bytes[0], &bytes[header..]);
        let v5 = if first >> 4 == 1 { body.get(6) == Some(&5) } else { version.is_v5() };
        Disputed { first, body, v5, words: in_words(bytes, version) }
    };
    let name = match (&ours, &theirs) {
        (None, Opinion::Incomplete) | (Some(Err(_)), Opinion::Refused) => return Ok(None),
        (Some(Ok(packet)), Opinion::Accepted(again)) if decode(again, version) == Some(Ok(*packet)) => return Ok(None),
        (Some(Err(error)), Opinion::Accepted(_)) => {
            let packet = disputed();
            STRICTER.iter().find(|(_, is_it, deserved)| is_it(error) && deserved(&packet)).map(|(name, ..)| *name)
        }
        (Some(Ok(packet)), Opinion::Refused) => {
            let disputed = disputed();
            MORE_LENIENT.iter().find(|(_, is_it)| is_it(&disputed, packet)).map(|(name, _)| *name)
        }
        _ => None,
    };
    let message =
        || format!("{version:?} {bytes:02x?}\nours: {ours:?}\ntheirs: {theirs:?} {}", in_words(bytes, version));
    name.map(Some).ok_or_else(message)
}

/// The bytes with one of them changed at each place: every bit flipped, and values that mean something somewhere.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const VALUES: [u8; 13] = [0, 1, 2, 3, 0x10, 0x16, 0x1f, 0x7f, 0x80, 0xff, b'+', b'#', b'/'];
    (0..bytes.len()).flat_map(move |at| {
        (0..8).map(move |bit| bytes[at] ^ 1 << bit).chain(VALUES).map(move |value| {
            let mut damaged = bytes.to_vec();
            damaged[at] = value;
            damaged
        })
    })
}

#[test]
fn two_codecs_differ_about_the_wire_cases_in_nothing_but_what_is_named() {
    let mut named = BTreeSet::new();
    for case in all().iter().filter(|case| case.bytes().len() < 300) {
        let version = match case.version {
            Version::V31 => continue,
            Version::V311 => ProtocolVersion::V311,
            Version::V5 => ProtocolVersion::V5,
        };
        let whole = std::iter::once(case.bytes().to_vec());
        for bytes in whole.chain(damaged(case.bytes())) {
            named.extend(difference(&bytes, version).unwrap_or_else(|message| panic!("{case}: {message}")));
        }
    }
    let all: BTreeSet<_> =
        STRICTER.iter().map(|(name, ..)| *name).chain(MORE_LENIENT.iter().map(|(name, _)| *name)).collect();
    assert_eq!(named, all, "a difference that there is no more has a name");
}

proptest! {
    #![proptest_config(crate::fixed(400))]

    #[test]
    fn two_codecs_differ_about_damaged_packets_in_nothing_but_what_is_named(
        parts in parts(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 30),
    ) {
        prop_assume!(parts.version != ProtocolVersion::V31);
        parts.encoded(|_, bytes| {
            for (at, value) in &places {
                let mut damaged = bytes.to_vec();
                // Half of the places are near the front, where most of what has a meaning is.
                let at = if value % 2 == 0 { at.index(bytes.len()) } else { at.index(bytes.len().min(40)) };
                damaged[at] = *value;
                difference(&damaged, parts.version).unwrap_or_else(|message| panic!("{message}"));
            }
        });
    }

    /// Packets whose length says that nothing is missing, but whose end is.
    #[test]
    fn two_codecs_differ_about_cut_packets_in_nothing_but_what_is_named(parts in parts()) {
        prop_assume!(parts.version != ProtocolVersion::V31);
        parts.encoded(|_, bytes| {
            let body = bytes[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 2;
            for len in (0..bytes.len() - body).take(100) {
                let mut cut = vec![bytes[0]];
                mosquitto_mqtt::put_varint(&mut cut, len as u32);
                cut.extend_from_slice(&bytes[body..body + len]);
                difference(&cut, parts.version).unwrap_or_else(|message| panic!("{message}"));
            }
        });
    }
}
