//! PSK files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use mosquitto_auth::psk::{FILE_BYTES_MAX, Ineffective, PskFile, PskFileError};
use proptest::prelude::*;
use std::path::Path;

fn key(text: &str, identity: &str) -> Option<Vec<u8>> {
    PskFile::parse(text.as_bytes()).unwrap().key(identity.as_bytes()).map(<[u8]>::to_vec)
}

#[test]
fn a_line_is_an_identity_and_its_key_in_hex_digits() {
    let text =
        "# comment\n\nalice:deadBEEF\n  bob : 0102 \r\nDr No:ff:what stands here does not count\n#carol:00\nd:ab";
    let file = PskFile::parse(text.as_bytes()).unwrap();
    assert_eq!((file.len(), file.is_empty(), file.notes().len()), (4, false, 0));
    assert_eq!(file.key(b"alice"), Some([0xde, 0xad, 0xbe, 0xef].as_slice()));
    assert_eq!(file.key(b"bob"), Some([1, 2].as_slice()));
    assert_eq!(file.key(b"Dr No"), Some([0xff].as_slice()));
    assert_eq!(file.key(b"d"), Some([0xab].as_slice()));
    for stranger in ["carol", "#carol", "Alice", "alice ", "alice:deadBEEF", "", "\u{0}"] {
        assert_eq!(file.key(stranger.as_bytes()), None, "{stranger:?}");
    }
    assert_eq!(file.key(b"al\xffice"), None);
}

/// As Mosquitto's clients read the same digits.
#[test]
fn zero_bytes_at_the_beginning_count_and_an_odd_digit_stands_alone() {
    for (digits, bytes) in [
        ("00", [0].as_slice()),
        ("0000", &[0, 0]),
        ("00ab", &[0, 0xab]),
        ("0abc", &[0x0a, 0xbc]),
        ("abc", &[0x0a, 0xbc]),
        ("0ab", &[0xab]),
        ("000ab", &[0, 0xab]),
        ("00abc", &[0, 0x0a, 0xbc]),
        ("1", &[1]),
        ("0100", &[1, 0]),
    ] {
        assert_eq!(key(&format!("a:{digits}"), "a").as_deref(), Some(bytes), "{digits}");
    }
}

#[test]
fn a_key_that_is_not_made_of_hex_digits_is_an_error_in_mosquittos_words() {
    for bad in ["0x12", "zz", "12 34", "password", "g", "\u{e9}\u{e9}"] {
        let error = PskFile::parse(format!("bob:ab\nalice:{bad}\n").as_bytes()).unwrap_err();
        assert_eq!(error, PskFileError::NotHex { identity: "alice".into(), line: 2 });
        assert_eq!(
            error.text(Path::new("/etc/psk")),
            "Error: psk for identity \"alice\" contains non-hexadecimal characters.\nError found at /etc/psk:2."
        );
    }
    // Whatever the identity is, the terminal is left alone.
    let error = PskFile::parse(b"\x1b[2J\xff:x").unwrap_err();
    assert!(!error.text(Path::new("f")).replace('\n', "").contains(char::is_control), "{error:?}");
}

#[test]
fn a_line_that_cannot_be_used_lets_nobody_in_and_is_noted_without_its_key() {
    use Ineffective::{Duplicate, IdentityTooLong, KeyTooLong, NoColon, NoIdentity, NoKey, NoText};
    let (long_name, long_key) = ("n".repeat(257), "ab".repeat(513));
    for (line, why, said) in [
        ("abcdef", NoColon, "Warning: Invalid line in psk file 'f': line 2 has no colon."),
        (":abcdef", NoIdentity, "Warning: Invalid line in psk file 'f': line 2 has no identity."),
        ("bob:", NoKey, "Warning: Invalid line in psk file 'f': line 2 has no key."),
        ("bob:0", NoKey, "Warning: Invalid line in psk file 'f': line 2 has no key."),
        ("bo\u{7}b:abcdef", NoText, "Warning: Invalid line in psk file 'f': line 2 has an identity that is not text."),
        (
            &format!("{long_name}:abcdef"),
            IdentityTooLong,
            "Warning: Invalid line in psk file 'f': line 2 has an identity that is too long.",
        ),
        (
            &format!("bob:{long_key}"),
            KeyTooLong,
            "Warning: Invalid line in psk file 'f': line 2 has a key that is too long.",
        ),
        ("alice:abcdef", Duplicate("alice".into()), "Error: Duplicate user 'alice' in psk file 'f', ignoring line 2."),
    ] {
        let file = PskFile::parse(format!("alice:01\n{line}\n").as_bytes()).unwrap();
        let [note] = file.notes() else { panic!("{:?}", file.notes()) };
        assert_eq!((&note.why, note.line, note.text(Path::new("f")).as_str()), (&why, 2, said));
        assert_eq!(file.len(), 1, "{line}");
        // The first of two lines counts.
        assert_eq!(file.key(b"alice"), Some([1].as_slice()));
    }
    assert!(PskFile::parse(b"bo\xffb:ab").unwrap().is_empty());
}

#[test]
fn what_is_told_about_a_file_is_bounded_and_so_is_a_file() {
    assert_eq!(PskFile::parse("x\n".repeat(10_000).as_bytes()).unwrap().notes().len(), 100);
    assert_eq!(PskFile::parse(&vec![b'\n'; FILE_BYTES_MAX + 1]).unwrap_err(), PskFileError::TooLarge);
}

#[test]
fn keys_are_not_shown() {
    let shown = format!("{:?}", PskFile::parse(b"alice:abcdef12").unwrap());
    assert!(!shown.contains("abcdef") && !shown.contains("171"), "{shown}");
}

proptest! {
    #[test]
    fn a_file_that_was_written_reads_as_it_was_meant(
        entries in prop::collection::btree_map("[a-z/+#%]{1,8}", prop::collection::vec(any::<u8>(), 1..40), 0..8)
    ) {
        let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let text = entries.iter().map(|(name, key)| format!(" {name}:{}\n", hex(key))).collect::<Vec<_>>().concat();
        let file = PskFile::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(file.len(), entries.len());
        for (name, key) in &entries {
            prop_assert_eq!(file.key(name.as_bytes()), Some(key.as_slice()));
        }
    }
}
