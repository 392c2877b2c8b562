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
    /// get what the log should say of them.
    pub(crate) fn read(settings: &Settings, before: &Self, lines: &mut Vec<LogLine>) -> Result<Self, Failure> {
        let passwords = PasswordFiles::read(&settings.endpoints(), lines)?;
        let acl = AclFiles::read(settings, &before.acl, lines)?;
        Ok(Self { acl, passwords })
    }

    /// What the log says about files that were read before, too, and had other contents then: a line each.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut lines = self.passwords.changes_since(&before.passwords);
        lines.extend(self.acl.changes_since(&before.acl));
        lines
    }
}
