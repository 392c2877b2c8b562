//! `password_file`: the contents of a `password_file`.

use mosquitto_auth::password::{Defect, PasswordFile, PasswordFileError, PasswordHash, Salt, Scheme, User, Verdict};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;

/// How dear a hash may be that is made here.
const CHEAP_ITERATIONS: u32 = 200;
const CHEAP_MEMORY_KIB: u32 = 64;

/// Users whose passwords are tried.
const TRIED_MAX: usize = 4;

/// No text below has it.
const STRANGER: &str = "\u{1F98A}";

pub(crate) fn run(bytes: &[u8]) {
    let read = PasswordFile::parse(bytes);
    assert_eq!(PasswordFile::parse(bytes), read, "the same text says something else");
    assert_eq!(read.as_ref().map(|_| ()).map_err(Clone::clone), slowly(bytes).map(|_| ()));
    match &read {
        Ok(file) => {
            let users = slowly(bytes).expect("what was read");
            says_what_stands_there(file, &users);
            is_written_and_read_again(file, &users);
            nobody_comes_in_unasked(file, &users);
            another_line_is_another_user(bytes, file);
        }
        Err(error) => tells_where(error, bytes),
    }
    comments_say_nothing(bytes, &read);
}

/// The users and their hashes, as they are written.
type Users<'b> = BTreeMap<&'b str, &'b str>;

/// The rules, line by line, as the reference has them.
fn slowly(bytes: &[u8]) -> Result<Users<'_>, PasswordFileError> {
    let mut users = Users::new();
    for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let fails = |defect| PasswordFileError { defect, line: Some(at + 1) };
        let parts: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
        if line.starts_with(b"#") || parts.len() < 2 {
            continue;
        }
        let (name, hash) = (trimmed(parts[0]), trimmed(parts[1]));
        if name.len() > 65_535 {
            return Err(fails(Defect::UsernameTooLong));
        }
        if name.is_empty() {
            let missing = line.starts_with(b":") && line.iter().any(|&byte| byte != b':');
            return Err(fails(if missing { Defect::MissingUsername } else { Defect::EmptyUsername }));
        }
        let Ok(name) = std::str::from_utf8(name) else { return Err(fails(Defect::Undecodable)) };
        if hash.len() > 65_535 {
            return Err(fails(Defect::PasswordTooLong));
        }
        let hash = std::str::from_utf8(hash).ok().filter(|hash| hash.parse::<PasswordHash>().is_ok());
        let hash = hash.ok_or_else(|| fails(Defect::Undecodable))?;
        if users.insert(name, hash).is_some() {
            return Err(fails(Defect::DuplicateUser(name.into())));
        }
    }
    Ok(users)
}

/// Without what C takes for white space.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !b" \t\n\x0b\x0c\r".contains(byte);
    match (bytes.iter().position(is_text), bytes.iter().rposition(is_text)) {
        (Some(first), Some(last)) => &bytes[first..=last],
        _ => &[],
    }
}

fn says_what_stands_there(file: &PasswordFile, users: &Users<'_>) {
    assert_eq!((file.len(), file.is_empty()), (users.len(), users.is_empty()));
    for (&name, &text) in users {
        let user = file.user(name).expect("a user that stands there");
        assert_eq!(user.name(), name);
        let written = user.hash().to_string();
        assert_eq!(written.parse().as_ref(), Ok(user.hash()));
        assert_eq!(without_zeros(&written), without_zeros(text), "a hash has one form");
        has_bounds(user.hash().scheme());
    }
}

/// Without the zeros at the beginning of its numbers.
fn without_zeros(hash: &str) -> String {
    let mut fields: Vec<String> = hash.split('$').map(str::to_owned).collect();
    let (numbers, separator) = match fields.get(1).map(String::as_str) {
        Some("7") => (2, ""),
        Some("argon2id") => (3, ","),
        _ => return hash.to_owned(),
    };
    let short = |number: &str| match number.split_once('=') {
        Some((name, digits)) => format!("{name}={}", digits.trim_start_matches('0')),
        None => number.trim_start_matches('0').to_owned(),
    };
    let parts: Vec<String> = fields[numbers].split(',').map(short).collect();
    fields[numbers] = parts.join(separator);
    fields.join("$")
}

/// A file cannot make a single password take for ever, or all the memory.
fn has_bounds(scheme: Scheme) {
    match scheme {
        Scheme::Sha512 => {}
        Scheme::Pbkdf2 { iterations } => assert!(iterations.get() <= 10_000_000),
        Scheme::Argon2id { memory_kib, passes, lanes } => {
            assert!(memory_kib <= 256 * 1024 && (1..=64).contains(&passes) && (1..=16).contains(&lanes));
        }
    }
}

fn is_written_and_read_again(file: &PasswordFile, users: &Users<'_>) {
    let lines = users.keys().rev().map(|name| {
        let user = file.user(name).expect("a user");
        // A name that begins with `#` is one only where white space stands before it.
        format!(" {}:{}\n", user.name(), user.hash())
    });
    let text: String = lines.collect();
    assert_eq!(PasswordFile::parse(text.as_bytes()).as_ref(), Ok(file), "{text:?}");
}

/// No user has an empty password, or any, and who is no user has none.
fn nobody_comes_in_unasked(file: &PasswordFile, users: &Users<'_>) {
    let is_cheap = |hash: &PasswordHash| match hash.scheme() {
        Scheme::Sha512 => true,
        Scheme::Pbkdf2 { iterations } => iterations.get() <= CHEAP_ITERATIONS,
        Scheme::Argon2id { memory_kib, passes, .. } => memory_kib <= CHEAP_MEMORY_KIB && passes <= 2,
    };
    let all_cheap = users.keys().all(|name| file.user(name).is_some_and(|user| is_cheap(user.hash())));
    for name in users.keys().take(TRIED_MAX).filter(|_| all_cheap) {
        let passwords: [&[u8]; 3] = [b"", b"\0", name.as_bytes()];
        let right = passwords.iter().filter(|password| file.check(name, password) == Verdict::Right).count();
        // A hash has one password: an input cannot have been made for two.
        assert!(right <= 1, "{name:?}");
    }
    if all_cheap && !users.is_empty() && !users.contains_key(STRANGER) {
        assert_eq!(file.check(STRANGER, b""), Verdict::Wrong);
    }
    for name in ["", STRANGER] {
        assert_eq!(file.user(name).is_some(), users.contains_key(name));
    }
}

/// Adds a user whose name is new, then one whose name is not.
fn another_line_is_another_user(bytes: &[u8], file: &PasswordFile) {
    let scheme = Scheme::Pbkdf2 { iterations: NonZeroU32::MIN };
    let hash = PasswordHash::new(scheme, b"password", Salt::Short([7; 12])).expect("memory");
    let line = format!("\n{STRANGER}:{hash}");
    let longer = PasswordFile::parse(&[bytes, line.as_bytes()].concat());
    if file.user(STRANGER).is_some() {
        longer.expect_err("two users of a name");
        return;
    }
    let longer = longer.expect("a good line more");
    assert_eq!(longer.len(), file.len() + 1);
    assert_eq!(longer.user(STRANGER).map(User::hash), Some(&hash));
    assert_ne!(&longer, file);
    assert!(hash.matches(b"password").expect("memory") && !hash.matches(b"").expect("memory"));
}

/// An error stands at a line that is there, in words that a log can take.
fn tells_where(error: &PasswordFileError, bytes: &[u8]) {
    let count = bytes.split(|&byte| byte == b'\n').count();
    assert!(error.line.is_some_and(|line| (1..=count).contains(&line)));
    let text = error.text(Path::new("F"));
    assert!(text.starts_with("password-file: Error: ") && !text.contains(char::is_control), "{text:?}");
}

fn comments_say_nothing(bytes: &[u8], read: &Result<PasswordFile, PasswordFileError>) {
    let around = [b"# a:b\n \t\nno colon\n", bytes, b"\n#c:d\r\n"].concat();
    let further = |error: &PasswordFileError| error.line.map(|line| line + 3);
    match (PasswordFile::parse(&around), read) {
        (Ok(again), Ok(first)) => assert_eq!(&again, first),
        (Err(again), Err(first)) => assert_eq!((again.defect, again.line), (first.defect.clone(), further(first))),
        (again, _) => panic!("comments matter: {again:?}"),
    }
}
