//! The lines of a password file, to be changed. Whatever is not changed stays as it is, byte for byte.

use mosquitto_auth::password::{PasswordHash, trimmed};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The user was there.
    Existing,
    /// There was no such user.
    Nothing,
}

/// The lines, without their line feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Vec<Vec<u8>>);

impl Lines {
    /// Those of a file.
    pub fn of(bytes: &[u8]) -> Self {
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        Self(lines)
    }

    /// The contents of the file.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
    }

    /// Gives a user this hash, and adds the user where there is none.
    pub fn set(&mut self, user: &str, hash: &PasswordHash) -> Result<Edited, String> {
        let new = format!("{user}:{hash}").into_bytes();
        let mut edited = Edited::Nothing;
        for (at, line) in self.0.iter_mut().enumerate() {
            if fields_of(line, at)?.is_some_and(|(name, _)| name == user.as_bytes()) {
                line.clone_from(&new);
                edited = Edited::Existing;
            }
        }
        if edited == Edited::Nothing {
            self.0.push(new);
        }
        Ok(edited)
    }

    /// Takes a user out.
    pub fn delete(&mut self, user: &str) -> Result<Edited, String> {
        let mut kept = Vec::new();
        for (at, line) in self.0.iter().enumerate() {
            if fields_of(line, at)?.is_none_or(|(name, _)| name != user.as_bytes()) {
                kept.push(line.clone());
            }
        }
        let edited = if kept.len() < self.0.len() { Edited::Existing } else { Edited::Nothing };
        self.0 = kept;
        Ok(edited)
    }

    /// Hashes all passwords that are not hashed. What a broker takes for a hash is one.
    pub fn hash_all<E: From<String>>(&mut self, hashed: impl Fn(&[u8]) -> Result<PasswordHash, E>) -> Result<(), E> {
        for (at, line) in self.0.iter_mut().enumerate() {
            let Some((name, password)) = fields_of(line, at)? else { continue };
            let field = password.split(|byte| *byte == b':').next().unwrap_or_default();
            let is_hash = str::from_utf8(trimmed(field)).is_ok_and(|text| text.parse::<PasswordHash>().is_ok());
            if !is_hash {
                let hash = hashed(password)?;
                // At the beginning of a line, `#` would make a comment of it.
                let before: &[u8] = if name.starts_with(b"#") { b" " } else { b"" };
                *line = [before, name, b":", hash.to_string().as_bytes()].concat();
            }
        }
        Ok(())
    }
}

/// Username and password.
type Fields<'l> = (&'l [u8], &'l [u8]);

/// Those of a line, which is line `at` from 0. None in empty lines and comments.
fn fields_of(line: &[u8], at: usize) -> Result<Option<Fields<'_>>, String> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if trimmed(line).is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    let colon = line.iter().position(|byte| *byte == b':');
    let parts = colon.and_then(|colon| line.split_at_checked(colon));
    let fields = parts.map(|(name, rest)| (trimmed(name), rest.get(1..).unwrap_or_default()));
    match fields.filter(|(name, password)| !name.is_empty() && !password.is_empty()) {
        Some(fields) => Ok(Some(fields)),
        None => Err(format!("Error: Corrupt password file at line {}.", at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_auth::password::{Salt, Scheme};

    fn hash(password: &[u8]) -> PasswordHash {
        PasswordHash::new(Scheme::Sha512, password, Salt::Usual([7; 64])).unwrap()
    }

    fn text(lines: &Lines) -> String {
        String::from_utf8(lines.bytes()).unwrap()
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        let before = "# who may come\r\n\n anna : x y:z\r\nbert:b\n";
        let mut lines = Lines::of(before.as_bytes());
        assert_eq!(text(&lines), before);
        assert_eq!(lines.set("carl", &hash(b"c")), Ok(Edited::Nothing));
        assert_eq!(text(&lines), format!("{before}carl:{}\n", hash(b"c")));
        assert_eq!(lines.set("carl", &hash(b"d")), Ok(Edited::Existing));
        assert_eq!(text(&lines), format!("{before}carl:{}\n", hash(b"d")));
        assert_eq!(lines.delete("carl"), Ok(Edited::Existing));
        assert_eq!(lines.delete("carl"), Ok(Edited::Nothing));
        assert_eq!(text(&lines), before);
        assert_eq!(lines.delete("anna"), Ok(Edited::Existing));
        assert_eq!(text(&lines), "# who may come\r\n\nbert:b\n");
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        let mut lines = Lines::of(b"anna:x");
        lines.set("bert", &hash(b"b")).unwrap();
        assert_eq!(text(&lines), format!("anna:x\nbert:{}\n", hash(b"b")));
    }

    #[test]
    fn only_what_is_not_hashed_is_hashed() {
        let done = format!("anna:{}\n", hash(b"a"));
        let mut lines = Lines::of(format!("{done}# x\nbert:b:c\n").as_bytes());
        for _ in 0..2 {
            lines.hash_all(|password| Ok::<_, String>(hash(password))).unwrap();
            assert_eq!(text(&lines), format!("{done}# x\nbert:{}\n", hash(b"b:c")));
        }
    }

    #[test]
    fn what_a_broker_takes_for_a_hash_is_none_to_be_hashed() {
        let before = format!("anna:{0}:surplus\nbert:\x0b{0}\x0b\r\n", hash(b"a"));
        let mut lines = Lines::of(before.as_bytes());
        lines.hash_all(|_| Err("there is none".to_owned())).unwrap();
        assert_eq!(text(&lines), before);
    }

    #[test]
    fn a_user_does_not_become_a_comment() {
        let mut lines = Lines::of(b" #anna:a\n");
        lines.hash_all(|password| Ok::<_, String>(hash(password))).unwrap();
        assert_eq!(text(&lines), format!(" #anna:{}\n", hash(b"a")));
    }

    #[test]
    fn a_line_without_a_name_or_a_password_is_corrupt() {
        for line in ["anna", "anna:", ":x", " :x", "\x0b:x"] {
            let expected = "Error: Corrupt password file at line 2.".to_owned();
            let lines = || Lines::of(format!("bert:b\n{line}\n").as_bytes());
            assert_eq!(lines().set("bert", &hash(b"")), Err(expected.clone()));
            assert_eq!(lines().delete("bert"), Err(expected.clone()));
            assert_eq!(lines().hash_all(|password| Ok(hash(password))), Err(expected));
        }
    }
}
