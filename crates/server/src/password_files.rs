//! The password files that the configuration names.

use crate::failure::Failure;
use crate::sensitive;
use mosquitto_auth::password::{FILE_BYTES_MAX, PasswordFile};
use mosquitto_broker::LogLine;
use mosquitto_config::Endpoint;
use mosquitto_transport::error_text;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The contents of all password files, by path: several listeners may go by the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PasswordFiles(BTreeMap<String, Arc<PasswordFile>>);

impl PasswordFiles {
    /// Reads the files of these listeners. What there is to say about them is added to `lines`.
    pub(crate) fn read(endpoints: &[Endpoint], lines: &mut Vec<LogLine>) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for path in endpoints.iter().filter_map(|endpoint| endpoint.password_file.as_ref()) {
            if !files.contains_key(path) {
                files.insert(path.clone(), Arc::new(read(Path::new(path), lines)?));
            }
        }
        Ok(Self(files))
    }

    /// The users of a listener; none where it has no password file. Of a file that was not read, nobody is a user.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Option<Arc<PasswordFile>> {
        let path = endpoint.password_file.as_ref()?;
        Some(self.0.get(path).cloned().unwrap_or_default())
    }

    /// What the log says about files that were read before, too, and had other contents then: a line each.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let changed =
            |(path, file): &(&String, &Arc<PasswordFile>)| before.0.get(*path).is_some_and(|old| old != *file);
        self.0
            .iter()
            .filter(changed)
            .map(|(path, _)| format!("The contents of password_file {path} have changed."))
            .collect()
    }
}

fn read(path: &Path, lines: &mut Vec<LogLine>) -> Result<PasswordFile, Failure> {
    let bytes = sensitive::read(path, FILE_BYTES_MAX, lines).map_err(|error| Failure {
        code: Failure::UNREADABLE,
        text: format!(
            "password-file: Error: Unable to open pwfile \"{}\".\nError: {}.",
            path.display(),
            error_text(&error)
        ),
    })?;
    PasswordFile::parse(&bytes).map_err(|error| {
        let place = error.line.map(|line| format!("\nError found at {}:{line}.", path.display()));
        Failure::invalid(format!("{}{}", error.text(path), place.unwrap_or_default()))
    })
}
