//! What another codec says of the same packets.

use crate::built_elsewhere::built;
use crate::decode;
use crate::parts::parts;
use mosquitto_mqtt::ProtocolVersion;
use mqtt_protocol_core::mqtt::packet::{DecodeResult, VariableByteInteger, v3_1_1, v5_0};
use proptest::prelude::*;

/// What the other codec makes of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// More of them are needed.
    Incomplete,
    Refused,
    /// As it encodes the packet again.
    Accepted(Vec<u8>),
}

/// The first byte, the body and the version of the packet at the front of the bytes, as the other codec sees its end.
/// Which version a CONNECT is of it says itself.
fn framed(bytes: &[u8], version: ProtocolVersion) -> Result<(u8, &[u8], bool), Opinion> {
    let (&first, rest) = bytes.split_first().ok_or(Opinion::Incomplete)?;
    let (len, len_len) = match VariableByteInteger::decode_stream(rest) {
        DecodeResult::Ok(len, len_len) => (len.to_u32() as usize, len_len),
        DecodeResult::Incomplete => return Err(Opinion::Incomplete),
        DecodeResult::Err(_) => return Err(Opinion::Refused),
    };
    let body = rest.get(len_len..len_len + len).ok_or(Opinion::Incomplete)?;
    let v5 = if first >> 4 == 1 { body.get(6) == Some(&5) } else { version.is_v5() };
    Ok((first, body, v5))
}

/// Applies a method to the packet as the other codec parses it, if it does so; with the length that it has read.
macro_rules! parsed {
    ($method:ident, $first:ident, $body:ident, $v5:ident) => {
        if $v5 {
            parsed!(@ v5_0, $method, $first, $body, 1 Connect 2 Connack 4 Puback 5 Pubrec 6 Pubrel 7 Pubcomp
                8 Subscribe 9 Suback 10 Unsubscribe 11 Unsuback 12 Pingreq 13 Pingresp 14 Disconnect 15 Auth)
        } else {
            parsed!(@ v3_1_1, $method, $first, $body, 1 Connect 2 Connack 4 Puback 5 Pubrec 6 Pubrel 7 Pubcomp
                8 Subscribe 9 Suback 10 Unsubscribe 11 Unsuback 12 Pingreq 13 Pingresp 14 Disconnect)
        }
    };
    (@ $module:ident, $method:ident, $first:ident, $body:ident, $($kind:literal $packet:ident)*) => {
        match $first >> 4 {
            3 => $module::Publish::parse($first & 15, std::sync::Arc::from($body))
                .ok().map(|(packet, len)| (packet.$method(), len)),
            $($kind => $module::$packet::parse($body).ok().map(|(packet, len)| (packet.$method(), len)),)*
            _ => None,
        }
    };
}

/// The opinion of the packet at the front of the bytes, which has to take up its body whole.
pub(crate) fn other(bytes: &[u8], version: ProtocolVersion) -> Opinion {
    let (first, body, v5) = match framed(bytes, version) {
        Ok(framed) => framed,
        Err(opinion) => return opinion,
    };
    let parsed = parsed!(to_continuous_buffer, first, body, v5);
    parsed.filter(|(_, len)| *len == body.len()).map_or(Opinion::Refused, |(bytes, _)| Opinion::Accepted(bytes))
}

/// The packet in words, as the other codec sees it: JSON.
pub(crate) fn in_words(bytes: &[u8], version: ProtocolVersion) -> String {
    let Ok((first, body, v5)) = framed(bytes, version) else { return String::new() };
    parsed!(to_string, first, body, v5).map_or(String::new(), |(words, _)| words)
}

proptest! {
    #![proptest_config(crate::fixed(1000))]

    /// Byte for byte the same after both codecs: every field was read alike.
    #[test]
    fn another_codec_reads_what_this_one_writes(parts in parts()) {
        prop_assume!(parts.version != ProtocolVersion::V31);
        parts.encoded(|_, bytes| {
            // The other codec takes no AUTH without a method, which here the session refuses.
            if bytes[0] != 0xf0 {
                assert_eq!(other(bytes, parts.version), Opinion::Accepted(bytes.to_vec()));
            }
        });
    }

    /// The packet that was meant, and the same bytes again where there is but one way to say it.
    #[test]
    fn this_codec_reads_what_another_one_builds(parts in parts(), long in any::<bool>()) {
        prop_assume!(parts.version != ProtocolVersion::V31);
        parts.encoded(|_, bytes| {
            let meant = decode(bytes, parts.version).unwrap().unwrap();
            let Some(theirs) = built(&meant, parts.version, long) else { return };
            let read = decode(&theirs, parts.version).unwrap().unwrap();
            // Said at length, they differ in nothing but the bytes.
            let mut again = Vec::new();
            read.encode(parts.version, &mut again);
            assert_eq!(again, bytes);
            assert!(long || theirs == bytes, "{theirs:02x?}, not {bytes:02x?}");
        });
    }
}
