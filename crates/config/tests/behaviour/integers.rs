//! Numbers are written as in C.

use crate::folder::{complaint, config, refusal};

#[test]
fn numbers_may_be_decimal_hexadecimal_or_octal() {
    for (word, value) in
        [("16", 16), ("0x10", 16), ("0X1f", 31), ("0xAb", 171), ("010", 8), ("0", 0), ("00", 0), ("+7", 7), ("+0x7", 7)]
    {
        assert_eq!(config(format!("max_keepalive {word}\n")).global.max_keepalive, value, "{word}");
    }
    assert_eq!(config("max_queued_messages -0x10\n").global.max_queued_messages, 0);
    assert_eq!(config("max_queued_messages 2147483647\n").global.max_queued_messages, 2_147_483_647);
    assert_eq!(config("max_queued_messages -2147483648\n").global.max_queued_messages, 0);
}

#[test]
fn a_word_that_is_no_number_in_full_is_refused() {
    for word in ["x", "5x", "08", "0x", "0xg", "1.5", "1e3", "-", "+", "--5", "+-5", "5,", "0b1", "\u{663}", "ten"] {
        let expected = "Error: 'max_keepalive' value not a number.";
        assert_eq!(complaint(format!("max_keepalive {word}\n")), expected, "{word}");
    }
    assert_eq!(complaint("max_keepalive \t\n"), "Error: 'max_keepalive' value not a number.");
}

#[test]
fn a_number_beyond_32_bits_is_out_of_range() {
    for word in ["2147483648", "-2147483649", "0xFFFFFFFF", "99999999999999999999999999", "-0x80000001"] {
        let expected = "Error: 'max_queued_messages' value out of range.";
        assert_eq!(complaint(format!("max_queued_messages {word}\n")), expected, "{word}");
    }
}

#[test]
fn what_is_expected_stands_below_a_word_that_is_no_number() {
    assert_eq!(
        refusal("max_packet_size big\n"),
        "Error: 'max_packet_size' value not a number.\n\
         Expected: a whole number from 20 to 2147483647 (bytes), not big.\n\
         Error found at DIR/x:1."
    );
    assert_eq!(
        refusal("listener http\n"),
        "Error: 'listener port' value not a number.\n\
         Expected: a port from 1 to 65535, then an address or host name if not all are meant, not http.\n\
         Error found at DIR/x:1."
    );
}
