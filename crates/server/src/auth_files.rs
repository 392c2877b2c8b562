//! The files that say who may do what.

use crate::access_lists::AclFiles;
use crate::failure::Failure;
use crate::password_files::PasswordFiles;
use crate::psk::PskFiles;
use mosquitto_broker::LogLine;
use mosquitto_config::Settings;

/// All of them, as they were read last.
#[derive(Debug, Default)]
pub(crate) struct AuthFiles {
    /// `acl_file`.
    pub(crate) acl: AclFiles,
    /// `password_file`.
    pub(crate) passwords: PasswordFiles,
    /// `psk_file`.
    pub(crate) psk: PskFiles,
}

impl AuthFiles {
    /// Reads all that the settings name. `before` are those of the last time: what has not changed stays the same. `lines`
    /// get what the log should say of them. What is wrong with one kind does not hide what is wrong with another.
    pub(crate) fn read(settings: &Settings, before: &Self, lines: &mut Vec<LogLine>) -> Result<Self, Failure> {
        let passwords = PasswordFiles::read(&settings.endpoints(), lines);
        let acl = AclFiles::read(settings, &before.acl, lines);
        let psk = PskFiles::read(settings, lines);
        match (passwords, acl, psk) {
            (Ok(passwords), Ok(acl), Ok(psk)) => Ok(Self { acl, passwords, psk }),
            (passwords, acl, psk) => {
                let failures: Vec<_> = [passwords.err(), acl.err(), psk.err()].into_iter().flatten().collect();
                let texts: Vec<_> = failures.iter().map(|failure| failure.text.as_str()).collect();
                let code = failures.first().map_or(Failure::INVALID, |first| first.code);
                Err(Failure { code, text: texts.join("\n") })
            }
        }
    }

    /// What the log says about files that were read before, too, and had other contents then: a line each.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut lines = self.passwords.changes_since(&before.passwords);
        lines.extend(self.acl.changes_since(&before.acl));
        lines.extend(self.psk.changes_since(&before.psk));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_config::Config;

    #[test]
    fn what_is_wrong_with_each_file_is_told() {
        let text =
            b"listener 1883\npassword_file /nowhere/passwords\nacl_file /nowhere/rules\npsk_file /nowhere/keys\n";
        let config = Config::parse("test".as_ref(), text).unwrap();
        let settings = Settings { config, ..Settings::default() };
        let failure = AuthFiles::read(&settings, &AuthFiles::default(), &mut Vec::new()).unwrap_err();
        assert_eq!(failure.code, Failure::UNREADABLE);
        for file in ["/nowhere/passwords", "/nowhere/rules", "/nowhere/keys"] {
            assert!(failure.text.contains(file), "{failure:?}");
        }
    }
}
