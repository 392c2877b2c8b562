//! Variable byte integers (MQTT 5, 1.5.5; remaining length in 3.1.1, 2.2.3).

/// The largest value of a variable byte integer: 268,435,455.
pub const MAX_VARINT: u32 = 268_435_455;

/// How far a variable byte integer at the front of a buffer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Varint {
    /// The value and the number of bytes it took (1 to 4).
    Complete(u32, usize),
    /// More bytes are needed.
    CutShort,
    /// The fourth byte says that a fifth follows.
    TooLong,
}

/// Reads the integer at the front of `bytes`. Encodings longer than needed are taken: whether they may be is for the
/// caller to say. Mosquitto lets them pass in the remaining length, and there alone.
pub(crate) fn read_varint(bytes: &[u8]) -> Varint {
    let mut value = 0u32;
    for (at, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Varint::Complete(value, at + 1);
        }
    }
    if bytes.len() >= 4 { Varint::TooLong } else { Varint::CutShort }
}

/// Writes `value`, which must not exceed [`MAX_VARINT`], in the least number of bytes `[MQTT-1.5.5-1]`.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    debug_assert!(value <= MAX_VARINT, "{value} is no variable byte integer");
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number of bytes (1 to 4) that `value` takes.
#[inline]
pub const fn varint_len(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_of_every_length_round_trip() {
        // [MQTT-1.5.5-1]: in as few bytes as hold the value.
        for (value, len) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (2_097_151, 3), (2_097_152, 4)] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!((out.len(), varint_len(value)), (len, len), "{value}");
            assert_eq!(read_varint(&out), Varint::Complete(value, len));
        }
        let mut out = Vec::new();
        put_varint(&mut out, MAX_VARINT);
        assert_eq!(out, [0xff, 0xff, 0xff, 0x7f]);
    }

    #[test]
    fn a_fifth_byte_is_refused_and_a_missing_one_awaited() {
        assert_eq!(read_varint(&[0x80, 0x80, 0x80, 0x80, 0x01]), Varint::TooLong);
        assert_eq!(read_varint(&[0x80, 0x80, 0x80]), Varint::CutShort);
        assert_eq!(read_varint(&[]), Varint::CutShort);
    }
}
