//! The files that say who may do what.

use crate::access_lists::AclFiles;
use crate::failure::Failure;
use crate::password_files::PasswordFiles;
use mosquitto_broker::LogLine;
use mosquitto_config::Settings;

/// All of them, as they were read last.
#[derive(Debug, Default)]
pub(crate) struct AuthFiles {
    /// `acl_file`.
    pub(crate) acl: AclFiles,
    /// `password_file`.
    pub(crate) passwords: PasswordFiles,
}

impl AuthFiles {
    /// Reads all that the settings name. `before` are those of the last time: what has not changed stays the same. `lines`
    /// get what the log should say of them. What is wrong with the one kind does not hide what is wrong with the other.
    pub(crate) fn read(settings: &Settings, before: &Self, lines: &mut Vec<LogLine>) -> Result<Self, Failure> {
        let passwords = PasswordFiles::read(&settings.endpoints(), lines);
        let acl = AclFiles::read(settings, &before.acl, lines);
        match (passwords, acl) {
            (Ok(passwords), Ok(acl)) => Ok(Self { acl, passwords }),
            (Err(first), Err(second)) => {
                Err(Failure { code: first.code, text: format!("{}\n{}", first.text, second.text) })
            }
            (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
        }
    }

    /// What the log says about files that were read before, too, and had other contents then: a line each.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut lines = self.passwords.changes_since(&before.passwords);
        lines.extend(self.acl.changes_since(&before.acl));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_config::Config;

    #[test]
    fn what_is_wrong_with_each_file_is_told() {
        let text = b"listener 1883\npassword_file /nowhere/passwords\nacl_file /nowhere/rules\n";
        let config = Config::parse("test".as_ref(), text).unwrap();
        let settings = Settings { config, ..Settings::default() };
        let failure = AuthFiles::read(&settings, &AuthFiles::default(), &mut Vec::new()).unwrap_err();
        assert_eq!(failure.code, Failure::UNREADABLE);
        assert!(failure.text.contains("/nowhere/passwords") && failure.text.contains("/nowhere/rules"), "{failure:?}");
    }
}
