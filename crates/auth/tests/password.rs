//! Password files: what is read, what is refused, and whose password is right.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use mosquitto_auth::password::{
    Defect, FILE_BYTES_MAX, ITERATIONS_MAX, PasswordFile, PasswordFileError, PasswordHash, Salt, Scheme,
    TEXT_BYTES_MAX, Verdict,
};
use proptest::prelude::*;
use std::path::Path;

/// Lines as Mosquitto's own program wrote them, and their passwords.
const WRITTEN_ELSEWHERE: [(&str, &str); 4] = [
    // Mosquitto 1.6
    (
        "$6$Ut1cUS9PG8+gC3vn$tOjCfSJJDe1Alu9HktxxyyzwN4+6mAMSWGRAF9gmMN8pzcGTPVEYYMAZpCEp96Oz2ZRRz5YKM6lPMf1tUbb6zA==",
        "password",
    ),
    // Mosquitto 2.0
    (
        "$7$101$4S/fvT7dWJ7sAMDL$Iw0uLFMBl0GdaL5eDG03ku3GSsBoKvkgQDIQIa9MRLIvqDjuGXAmF6jy5T9DoUnEat2Ar3mjocbDWlWNY3HWzw==",
        "password",
    ),
    // The reference implementation of Argon2: argon2id, 65536 KiB, 2 passes, 16 and 32 bytes.
    ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"),
    ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"),
];

fn parsed(text: &str) -> Result<PasswordFile, PasswordFileError> {
    PasswordFile::parse(text.as_bytes())
}

/// The text of what is wrong with a file, and the line.
fn refusal(text: impl AsRef<[u8]>) -> (String, Option<usize>) {
    let error = PasswordFile::parse(text.as_ref()).unwrap_err();
    (error.text(Path::new("F")), error.line)
}

fn hash(password: &str) -> PasswordHash {
    PasswordHash::new(Scheme::Sha512, password.as_bytes(), Salt::Short([1; 12])).unwrap()
}

#[test]
fn hashes_of_other_programs_are_known() {
    for (hash, password) in WRITTEN_ELSEWHERE {
        let users = parsed(&format!("anna:{hash}\n")).unwrap();
        assert_eq!(users.check("anna", password.as_bytes()), Verdict::Right, "{hash}");
        assert_eq!(users.check("anna", b"Password"), Verdict::Wrong, "{hash}");
        assert_eq!(users.user("anna").unwrap().hash().to_string(), hash, "written as it was read");
    }
}

#[test]
fn what_is_hashed_here_is_read_here() {
    let iterations = |number: u32| Scheme::Pbkdf2 { iterations: number.try_into().unwrap() };
    let cheap = Scheme::Argon2id { memory_kib: 64, passes: 3, lanes: 2 };
    for scheme in [Scheme::Sha512, Scheme::DEFAULT, iterations(1), iterations(12_345), Scheme::ARGON2ID, cheap] {
        for salt in [Salt::Usual([9; 64]), Salt::Short([9; 12])] {
            let text = PasswordHash::new(scheme, b"\0\xff:", salt).unwrap().to_string();
            let users = parsed(&format!("anna:{text}\n")).unwrap();
            assert_eq!(users.user("anna").unwrap().hash().scheme(), scheme);
            assert_eq!(users.check("anna", b"\0\xff:"), Verdict::Right, "{text}");
            assert_eq!(users.check("anna", b"\0\xff"), Verdict::Wrong, "{text}");
        }
    }
}

#[test]
fn the_default_is_that_of_mosquitto_2_1() {
    let text = PasswordHash::new(Scheme::DEFAULT, b"x", Salt::Usual([0; 64])).unwrap().to_string();
    assert!(text.starts_with(&format!("$7$1000${}==$", "A".repeat(86))), "{text}");
}

#[test]
fn space_around_names_and_hashes_does_not_count_nor_do_comments_and_lines_without_a_colon() {
    let (a, b) = (hash("a"), hash("b"));
    let text = format!("# anna:x\n\n \t\nno colon\n anna \t: {a} \r\nbert b:{b}:surplus:");
    let users = parsed(&text).unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!((users.check("anna", b"a"), users.check("bert b", b"b")), (Verdict::Right, Verdict::Right));
    assert_eq!((users.check("# anna", b"x"), users.check("no colon", b"")), (Verdict::Wrong, Verdict::Wrong));
    assert!(parsed("").unwrap().is_empty());
}

/// Neither its user nor anybody else gets in by such a file: there is none.
#[test]
fn a_malformed_password_line_never_opens_access() {
    let good = format!("anna:{}\n", hash("a"));
    let (salt, sum) = ("AAAAAAAAAAAAAAAA", format!("{}==", "A".repeat(86)));
    for password in [
        "secret".to_owned(),
        "$".to_owned(),
        "$6$".to_owned(),
        "$5$AAAA$AAAA".to_owned(),
        format!("$6${salt}"),
        format!("$6${salt}$"),
        format!("$6$${sum}"),
        format!("$6$AAAA${sum}"),
        format!("$6${salt}${}", "A".repeat(84)),
        format!("$6${salt}${sum}$"),
        format!("$6${salt}${}", "A".repeat(86)),
        format!("$7${salt}${sum}"),
        format!("$7$0${salt}${sum}"),
        format!("$7$-1${salt}${sum}"),
        format!("$7$+1${salt}${sum}"),
        format!("$7$ 1${salt}${sum}"),
        format!("$7$${salt}${sum}"),
        format!("$7${}${salt}${sum}", ITERATIONS_MAX + 1),
        format!("$7$4294967297${salt}${sum}"),
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$".to_owned(),
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        "$argon2id$v=19$m=7,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        "$argon2id$v=19$m=64,t=1,p=1,x=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        "$argon2id$v=19$m=64,t=1,p=1$c29tZQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
    ] {
        let (text, line) = refusal(format!("{good}bert:{password}\n"));
        assert_eq!((&*text, line), ("password-file: Error: Unable to decode line in password file 'F'.", Some(2)));
    }
}

#[test]
fn other_defects_are_told_in_mosquittos_words() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let good = format!("anna:{}\n", hash("a"));
    for (text, expected) in [
        (":\n".to_owned(), "Empty username in password file 'F'."),
        (":x\n".to_owned(), "Invalid line in password file 'F': there is no username."),
        (" :x\n".to_owned(), "Empty username in password file 'F'."),
        (format!("{long}:x\n"), "Invalid line in password file 'F', username too long."),
        (format!("bert:{long}\n"), "Invalid line in password file 'F', password too long."),
        ("bert:\n".to_owned(), "Unable to decode line in password file 'F'."),
        ("bert::x\n".to_owned(), "Unable to decode line in password file 'F'."),
        (format!("anna:{}\n", hash("b")), "Duplicate user 'anna' in password file 'F'."),
    ] {
        assert_eq!(refusal(format!("{good}{text}")), (format!("password-file: Error: {expected}"), Some(2)));
    }
    let twice = format!("a\x1b[2J:{}\n", hash("b")).repeat(2);
    assert_eq!(refusal(twice).0, "password-file: Error: Duplicate user 'a?[2J' in password file 'F'.");
    let (text, line) = refusal(b"\n\xff:x");
    assert_eq!((&*text, line), ("password-file: Error: Unable to decode line in password file 'F'.", Some(2)));
    let (text, line) = refusal(vec![b'\n'; FILE_BYTES_MAX + 1]);
    assert_eq!((text.contains("is larger than"), line), (true, None));
}

/// Were it otherwise, a password for one user could be tried as another's.
#[test]
fn users_are_told_apart_by_every_byte() {
    let users = parsed(&format!("anna:{}\nAnna:{}\n", hash("a"), hash("b"))).unwrap();
    assert_eq!((users.check("anna", b"a"), users.check("Anna", b"a")), (Verdict::Right, Verdict::Wrong));
    assert_eq!(users.check("anna ", b"a"), Verdict::Wrong);
}

#[test]
fn the_same_line_is_the_same_user() {
    let (one, other) = (parsed(&format!("a:{}\n", hash("a"))).unwrap(), parsed(&format!(" a:{}", hash("a"))).unwrap());
    assert_eq!(one.user("a"), other.user("a"));
    let salted = PasswordHash::new(Scheme::Sha512, b"a", Salt::Short([2; 12])).unwrap();
    assert_ne!(one.user("a"), parsed(&format!("a:{salted}\n")).unwrap().user("a"));
}

#[test]
fn a_hash_is_not_shown_where_things_are_debugged() {
    let users = parsed(&format!("anna:{}\n", hash("a"))).unwrap();
    assert!(!format!("{users:?}").contains("salt") && !format!("{users:?}").contains("hash:"), "{users:?}");
}

/// Pieces that lines are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        proptest::sample::select(vec![
            ":",
            "\n",
            "$",
            "$6$",
            "$7$",
            "$7$1$",
            "$argon2id$v=19$",
            "m=64,t=1,p=1",
            "AAAAAAAAAAAAAAAA",
            "==",
            "#",
            " ",
            "\r\n",
            "anna",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        Just([vec![b'A'; 86], b"==".to_vec()].concat()),
    ]
}

proptest! {
    /// Whoever is a user of a file has a line there that says so, and nobody gets in by accident.
    #[test]
    fn any_bytes_are_read_or_refused_and_let_nobody_in(pieces in proptest::collection::vec(piece(), 0..40)) {
        let bytes = pieces.concat();
        match PasswordFile::parse(&bytes) {
            Ok(users) => {
                prop_assert!(users.len() < bytes.split(|byte| *byte == b':').count());
                prop_assert_ne!(users.check("nobody at all", b""), Verdict::Right);
                prop_assert_ne!(users.check("anna", b""), Verdict::Right);
            }
            Err(error) => {
                prop_assert!(error.defect != Defect::TooLarge);
                prop_assert!(error.text(Path::new("F")).starts_with("password-file: Error: "));
            }
        }
    }
}
