//! Numbers in arguments, as the C library reads them for the original programs.

/// The whole number at the start of a text, as `atoi` reads it: 0 if there is none, and what follows it does not matter.
pub(crate) fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -magnitude } else { magnitude }
}

/// The decimal number at the start of a text, as `atof` reads it: 0 if there is none.
pub(crate) fn leading_decimal(text: &[u8]) -> f64 {
    let text: String = text
        .trim_ascii_start()
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'))
        .map(|&byte| char::from(byte))
        .collect();
    (1..=text.len()).rev().find_map(|len| text.get(..len)?.parse().ok()).unwrap_or(0.0)
}

/// The whole number that a text is, as `strtol` reads it: octal after `0`, hexadecimal after `0x`.
pub(crate) fn whole_integer(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text.trim_ascii_start()).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(sign * i64::from_str_radix(digits, radix).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_c_library_reads_them() {
        for (text, number) in [("12", 12), (" -7x", -7), ("x", 0), ("", 0), ("99999999999999999999", i64::MAX)] {
            assert_eq!(leading_integer(text.as_bytes()), number, "{text}");
        }
        for (text, number) in [("0.5", 0.5), ("-1s", -1.0), ("1e2", 100.0), (".5", 0.5), ("x", 0.0), ("2-3", 2.0)] {
            assert!((leading_decimal(text.as_bytes()) - number).abs() < 1e-9, "{text}");
        }
        for (text, number) in [
            ("10", Some(10)),
            ("-1", Some(-1)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("08", None),
            ("1x", None),
            ("", None),
            ("-", None),
            ("--1", None),
        ] {
            assert_eq!(whole_integer(text.as_bytes()), number, "{text}");
        }
    }
}
