//! From root to somebody who may do less.
//!
//! All threads of a process have to be the same user, so this happens before there is a second one; and everything that the
//! broker opens afterwards (log, pid file, listeners) is opened as that user.

use crate::failure::Failure;
use mosquitto_broker::{LogLevel, LogLine};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, User, getegid, geteuid, getresgid, getresuid, initgroups, setgid, setgroups, setuid};
use std::env;
use std::ffi::{CString, OsString};

/// The user where the configuration names none.
const DEFAULT: &str = "mosquitto";

/// Who takes its place where there is no such user.
const NOBODY: &str = "nobody";

/// Who the broker is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Whoever started it.
    Unchanged,
    /// Somebody else, with the groups of that name, or without any but `gid` where there is no name.
    Other { uid: Uid, gid: Gid, groups_of: Option<String> },
}

/// Finds out who the broker is to be: `user` of the configuration, unless the environment has numbers (PUID, PGID). Changes
/// nothing. What there is to say about it is added to `lines`.
pub(crate) fn identity(user: Option<&str>, lines: &mut Vec<LogLine>) -> Result<Identity, Failure> {
    if !geteuid().is_root() || is_snap() {
        return Ok(Identity::Unchanged);
    }
    let (uid, gid) = (number("PUID")?, number("PGID")?);
    if let (Some(uid), Some(gid)) = (uid, gid) {
        return Ok(Identity::Other { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), groups_of: None });
    }
    let name = user.unwrap_or(DEFAULT);
    if name == "root" && uid.is_none() && gid.is_none() {
        return Ok(Identity::Unchanged);
    }
    let user = account(name, lines)?;
    let groups_of = (uid.is_none() && gid.is_none()).then_some(user.name);
    let (uid, gid) = (uid.map_or(user.uid, Uid::from_raw), gid.map_or(user.gid, Gid::from_raw));
    Ok(Identity::Other { uid, gid, groups_of })
}

/// A snap has no other users; Mosquitto's own stays what it is.
fn is_snap() -> bool {
    env::var_os("SNAP_NAME").is_some_and(|name| name == "mosquitto")
}

fn account(name: &str, lines: &mut Vec<LogLine>) -> Result<User, Failure> {
    let found = |name: &str| {
        User::from_name(name)
            .map_err(|error| Failure::system(format!("Error: Unable to look up user '{name}': {error}.")))
    };
    if let Some(user) = found(name)? {
        return Ok(user);
    }
    if name != DEFAULT {
        let text = format!("Error: Unable to drop privileges to '{name}' because this user does not exist.");
        return Err(Failure::invalid(text));
    }
    let text = format!(
        "Warning: Unable to drop privileges to '{name}' because this user does not exist. Trying '{NOBODY}' instead."
    );
    lines.push(LogLine { level: LogLevel::Warning, text });
    found(NOBODY)?.ok_or_else(|| Failure::invalid(format!("Error: Unable to drop privileges to '{NOBODY}'.")))
}

/// A numeric id of the environment.
fn number(name: &str) -> Result<Option<u32>, Failure> {
    env::var_os(name).map(|value| parse_id(name, &value)).transpose()
}

fn parse_id(name: &str, value: &OsString) -> Result<u32, Failure> {
    let text = value.to_string_lossy();
    let parsed = text.parse::<i64>().map_err(|_| Failure::invalid(format!("Error: {name} not a valid ID '{text}'")))?;
    if parsed < 0 {
        return Err(Failure::invalid(format!("Error: {name} must not be negative")));
    }
    // The highest number means "no change" to the system.
    let id = u32::try_from(parsed).ok().filter(|id| *id != u32::MAX);
    id.ok_or_else(|| Failure::invalid(format!("Error: {name} not a valid ID '{text}'")))
}

impl Identity {
    /// Becomes it, for good.
    pub(crate) fn assume(&self) -> Result<(), Failure> {
        let Self::Other { uid, gid, groups_of } = self else { return Ok(()) };
        match groups_of {
            Some(name) => {
                let name = CString::new(name.as_str()).map_err(|_| refused("groups", nix::Error::EINVAL))?;
                initgroups(&name, *gid).map_err(|error| refused("groups", error))?;
            }
            None => setgroups(&[*gid]).map_err(|error| refused("groups", error))?,
        }
        setgid(*gid).map_err(|error| refused("gid", error))?;
        setuid(*uid).map_err(|error| refused("uid", error))?;
        let (uids, gids) = (getresuid().map_err(|e| refused("uid", e))?, getresgid().map_err(|e| refused("gid", e))?);
        let is_all = [uids.real, uids.effective, uids.saved].iter().all(|id| id == uid)
            && [gids.real, gids.effective, gids.saved].iter().all(|id| id == gid);
        if is_all { Ok(()) } else { Err(refused("uid", nix::Error::EPERM)) }
    }
}

fn refused(what: &str, error: nix::Error) -> Failure {
    Failure::system(format!("Error setting {what} whilst dropping privileges: {}.", error.desc()))
}

/// Who the broker is now, as the log says it.
pub(crate) fn describe(lines: &mut Vec<LogLine>) {
    let uid = geteuid();
    if !is_snap() {
        let text = match User::from_uid(uid) {
            Ok(Some(user)) => format!("Info: running mosquitto as user: {}.", user.name),
            _ => format!("Info: running mosquitto as user id: {uid}."),
        };
        lines.push(LogLine { level: LogLevel::Information, text });
        if uid.is_root() || getegid().as_raw() == 0 {
            let text = "Warning: Mosquitto should not be run as root/administrator.".to_owned();
            lines.push(LogLine { level: LogLevel::Warning, text });
        }
    }
}

/// Sets the umask of the environment (UMASK_SET, in octal digits), if there is one.
pub(crate) fn set_umask() -> Result<(), Failure> {
    let Some(value) = env::var_os("UMASK_SET") else { return Ok(()) };
    umask(parse_umask(&value)?);
    Ok(())
}

fn parse_umask(value: &OsString) -> Result<Mode, Failure> {
    let text = value.to_string_lossy();
    let mask = u32::from_str_radix(&text, 8).ok().filter(|mask| *mask <= 0o777).and_then(Mode::from_bits);
    mask.ok_or_else(|| Failure::invalid("Error: UMASK_SET environment variable not a valid octal number."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_environment_are_decimal_numbers_that_name_somebody() {
        let parsed = |text: &str| parse_id("PUID", &text.into()).map_err(|failure| failure.text);
        assert_eq!(parsed("1000"), Ok(1000));
        assert_eq!(parsed("-1"), Err("Error: PUID must not be negative".to_owned()));
        for text in ["", "me", "0x10", "1 ", "4294967295", "4294967296"] {
            assert_eq!(parsed(text), Err(format!("Error: PUID not a valid ID '{text}'")));
        }
    }

    #[test]
    fn a_umask_has_octal_digits() {
        assert_eq!(parse_umask(&"027".into()).unwrap(), Mode::from_bits_truncate(0o27));
        for text in ["", "8", "1000", "-1"] {
            assert_eq!(parse_umask(&text.into()).unwrap_err().code, Failure::INVALID);
        }
    }
}
