//! `passwd_lines`: what `mosquitto_passwd` makes of a file. The first line of the input is a username, the rest the file.

use mosquitto_auth::password::{Defect, PasswordFile, PasswordHash, Salt, Scheme, User, Verdict};
use mosquitto_tools::passwd::{Edited, Lines, username};
use std::cell::RefCell;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStringExt;

/// Passwords that are looked at again.
const TRIED_MAX: usize = 4;

pub(crate) fn run(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == b'\n');
    let (name, contents) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    stays_as_it_is(contents);
    hashes(contents);
    let name = name.get(..name.len().min(100_000)).unwrap_or_default();
    match username(OsString::from_vec(name.to_vec())) {
        Ok(name) => {
            sets(contents, &name);
            deletes(contents, &name);
        }
        Err(text) => assert!(text.starts_with("Error: Username must ")),
    }
}

fn hash(password: &[u8]) -> PasswordHash {
    let scheme = Scheme::Pbkdf2 { iterations: NonZeroU32::MIN };
    PasswordHash::new(scheme, password, Salt::Short([7; 12])).expect("memory")
}

/// But for the end of a last line that has none.
fn stays_as_it_is(contents: &[u8]) {
    let mut expected = contents.to_vec();
    if !contents.is_empty() && !contents.ends_with(b"\n") {
        expected.push(b'\n');
    }
    assert_eq!(Lines::of(contents).bytes(), expected);
    assert_eq!(Lines::of(&expected), Lines::of(contents));
}

fn hashes(contents: &[u8]) {
    let (mut lines, passwords) = (Lines::of(contents), RefCell::new(Vec::new()));
    let hashed = lines.hash_all(|password| {
        passwords.borrow_mut().push(password.to_vec());
        Ok::<_, String>(hash(password))
    });
    if let Err(text) = hashed {
        is_about_a_line(&text, contents);
        return;
    }
    let (after, passwords) = (lines.bytes(), passwords.into_inner());
    let before = PasswordFile::parse(contents);
    let read = PasswordFile::parse(&after);
    if let Ok(before) = &before {
        // Whoever is a user stays one, with the password that was.
        assert!(passwords.is_empty());
        assert_eq!(read.as_ref(), Ok(before));
    }
    let mut again = lines.clone();
    again.hash_all(|password| Err(format!("{password:?} is not hashed"))).expect("all is hashed");
    assert_eq!(again, lines);
    match read {
        Ok(file) => {
            assert!(file.len() >= passwords.len());
            for password in passwords.iter().take(TRIED_MAX) {
                is_somebodys(&file, &after, password);
            }
        }
        // What no hash mends.
        Err(error) => {
            let unreadable =
                matches!(error.defect, Defect::DuplicateUser(_) | Defect::Undecodable | Defect::UsernameTooLong);
            assert!(unreadable, "{error:?}");
        }
    }
}

/// A user in the new file has this password.
fn is_somebodys(file: &PasswordFile, after: &[u8], password: &[u8]) {
    let expected = hash(password);
    let names = after.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b':').next());
    let mut users = names.filter_map(|name| file.user(std::str::from_utf8(name).ok()?.trim_matches(is_space)));
    let user = users.find(|user| *user.hash() == expected).expect("a user with this password");
    assert_eq!(file.check(user.name(), password), Verdict::Right);
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

fn sets(contents: &[u8], name: &str) {
    let (mut lines, hash) = (Lines::of(contents), hash(b"password"));
    let edited = match lines.set(name, &hash) {
        Ok(edited) => edited,
        Err(text) => return is_about_a_line(&text, contents),
    };
    let mut again = lines.clone();
    assert_eq!(again.set(name, &hash), Ok(Edited::Existing));
    assert_eq!(again, lines);
    let Ok(before) = PasswordFile::parse(contents) else { return };
    let after = PasswordFile::parse(&lines.bytes()).expect("a file with a good line more");
    assert_eq!(after.user(name).map(User::hash), Some(&hash));
    assert_eq!(edited == Edited::Existing, before.user(name).is_some());
    assert_eq!(after.len(), before.len() + usize::from(edited == Edited::Nothing));
    let mut without = lines;
    assert_eq!(without.delete(name), Ok(Edited::Existing));
    let without = PasswordFile::parse(&without.bytes()).expect("a file with a line less");
    assert_eq!((without.user(name), without.len() + 1), (None, after.len()));
}

fn deletes(contents: &[u8], name: &str) {
    let mut lines = Lines::of(contents);
    let edited = match lines.delete(name) {
        Ok(edited) => edited,
        Err(text) => return is_about_a_line(&text, contents),
    };
    assert!(edited == Edited::Existing || lines == Lines::of(contents));
    assert_eq!(lines.delete(name), Ok(Edited::Nothing));
    if let Ok(before) = PasswordFile::parse(contents) {
        let after = PasswordFile::parse(&lines.bytes()).expect("a file with a line less");
        assert_eq!(edited == Edited::Existing, before.user(name).is_some());
        assert_eq!(after.len(), before.len() - usize::from(edited == Edited::Existing));
    }
}

fn is_about_a_line(text: &str, contents: &[u8]) {
    let number = text.strip_prefix("Error: Corrupt password file at line ").and_then(|rest| rest.strip_suffix('.'));
    let number: usize = number.and_then(|number| number.parse().ok()).expect("a line");
    assert!((1..=contents.split(|&byte| byte == b'\n').count()).contains(&number));
}
