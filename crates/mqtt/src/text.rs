//! UTF-8 encoded strings (MQTT 5, 1.5.4; 3.1.1, 1.5.3).

use crate::DecodeError;

/// Text as MQTT and Mosquitto take it: strict UTF-8 `[MQTT-1.5.4-1]` without U+0000 `[MQTT-1.5.4-2]`, without the
/// other control characters (U+0001 to U+001F, U+007F to U+009F) and without Unicode's non-characters.
#[inline]
pub fn valid_text(bytes: &[u8]) -> Option<&str> {
    if is_plain(bytes) {
        return std::str::from_utf8(bytes).ok();
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(allowed).then_some(text)
}

/// [`valid_text`] as a decoding error that names `field`.
#[inline]
pub fn check_text<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a str, DecodeError> {
    valid_text(bytes).ok_or(DecodeError::malformed(field, "is not valid UTF-8 text"))
}

/// Whether all bytes are printable ASCII, which nearly all topics are. Without an early exit, so that the compiler
/// makes vector instructions of it.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, &b| plain & (0x20..0x7f).contains(&b))
}

fn allowed(c: char) -> bool {
    let code = c as u32;
    !c.is_control() && !(0xfdd0..=0xfdef).contains(&code) && code & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_non_characters_are_refused() {
        // [MQTT-1.5.4-2]
        for bad in ["a\0", "\u{1}", "\u{1f}", "\u{7f}", "\u{9f}", "\u{fdd0}", "\u{ffff}", "\u{1fffe}", "\u{10ffff}"] {
            assert_eq!(valid_text(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn surrogates_and_overlong_forms_are_refused() {
        // [MQTT-1.5.4-1]
        assert_eq!(valid_text(&[0xed, 0xa0, 0x80]), None);
        assert_eq!(valid_text(&[0xc0, 0xaf]), None);
        assert_eq!(valid_text(&[0xff]), None);
    }

    #[test]
    fn text_beyond_the_basic_plane_and_a_leading_bom_are_kept() {
        // [MQTT-1.5.4-3]: a U+FEFF is not to be stripped.
        for good in ["", "plain", "A\u{2a6d4}", "\u{feff}x", "\u{e000}", "ü"] {
            assert_eq!(valid_text(good.as_bytes()), Some(good));
        }
    }
}
