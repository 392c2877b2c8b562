//! What holds for all packets, shown for packets at random.
#![allow(missing_docs, clippy::pedantic, reason = "the names of the tests say what they show")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod built_elsewhere;
mod differences;
mod parts;
mod second_opinion;

use mosquitto_mqtt::{DecodeError, FixedHeader, Packet, ProtocolVersion};
use parts::parts;
use proptest::prelude::*;

/// The packet at the front of bytes, if it is whole.
pub(crate) fn decode(bytes: &[u8], version: ProtocolVersion) -> Option<Result<Packet<'_>, DecodeError>> {
    let header = match FixedHeader::parse(bytes) {
        Ok(header) => header?,
        Err(error) => return Some(Err(error)),
    };
    let body = bytes.get(usize::from(header.header_len)..header.packet_len())?;
    Some(Packet::decode(header, body, version))
}

fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed(1500))]

    #[test]
    fn what_is_encoded_is_decoded_as_the_same(parts in parts()) {
        parts.encoded(|packet, bytes| {
            let header = FixedHeader::parse(bytes).unwrap().unwrap();
            assert_eq!(header.packet_len(), bytes.len());
            let decoded = decode(bytes, parts.version).unwrap().unwrap();
            if let Some(packet) = packet {
                assert_eq!(decoded, packet);
            }
            let mut again = Vec::new();
            decoded.encode(parts.version, &mut again);
            assert_eq!(again, bytes);
        });
    }

    #[test]
    fn a_packet_that_is_cut_is_not_whole(parts in parts(), at in any::<prop::sample::Index>()) {
        parts.encoded(|_, bytes| assert!(decode(&bytes[..at.index(bytes.len())], parts.version).is_none()));
    }

    /// A packet whose length says that nothing is missing, but whose end is.
    #[test]
    fn a_body_that_is_cut_is_refused_or_another_packet(parts in parts(), at in any::<prop::sample::Index>()) {
        parts.encoded(|_, bytes| {
            let header = FixedHeader::parse(bytes).unwrap().unwrap();
            let body = &bytes[usize::from(header.header_len)..];
            if body.is_empty() { return; }
            let cut = &body[..at.index(body.len())];
            let header = FixedHeader { remaining_length: cut.len() as u32, ..header };
            let whole = Packet::decode(FixedHeader::parse(bytes).unwrap().unwrap(), body, parts.version).unwrap();
            // AUTH says the same without its two bytes of nothing.
            let short = matches!(whole, Packet::Auth(_)) && body == [0, 0];
            if let Ok(packet) = Packet::decode(header, cut, parts.version) && !short {
                assert_ne!(packet, whole);
            }
        });
    }

    #[test]
    fn any_bytes_are_refused_or_a_packet_that_is_encoded(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        level in 0usize..3,
    ) {
        let version = [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5][level];
        if let Some(Ok(packet)) = decode(&bytes, version) {
            let mut again = Vec::new();
            packet.encode(version, &mut again);
            assert_eq!(decode(&again, version).unwrap().unwrap(), packet);
        }
    }

    #[test]
    fn a_damaged_packet_is_refused_or_a_packet_that_is_encoded(
        parts in parts(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        parts.encoded(|_, bytes| {
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Some(Ok(packet)) = decode(&bytes, parts.version) {
                let mut again = Vec::new();
                packet.encode(parts.version, &mut again);
                assert_eq!(decode(&again, parts.version).unwrap().unwrap(), packet);
            }
        });
    }
}
