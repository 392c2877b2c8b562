//! The access lists that the configuration names.

use crate::failure::Failure;
use crate::sensitive;
use mosquitto_auth::acl::AccessList;
use mosquitto_broker::{AccessLists, LogLevel, LogLine};
use mosquitto_config::{Endpoint, Settings};
use mosquitto_transport::error_text;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of the largest file that is read: some million rules.
const FILE_BYTES_MAX: usize = 64 << 20;

/// A file as it was read.
#[derive(Debug, Clone)]
struct AclFile {
    bytes: Arc<[u8]>,
    list: Arc<AccessList>,
}

/// The contents of all access lists, by path: several listeners may go by the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct AclFiles {
    files: BTreeMap<PathBuf, AclFile>,
    /// The path of the one for all clients, where no listener has its own.
    of_all: Option<PathBuf>,
    /// Whether listeners have their own.
    of_listeners: bool,
}

impl AclFiles {
    /// Reads the files that are in force. A list that is as it was before stays the same one, so that what was found out
    /// with it still holds. What there is to say about the files is added to `lines`.
    pub(crate) fn read(settings: &Settings, before: &Self, lines: &mut Vec<LogLine>) -> Result<Self, Failure> {
        let of_listeners = settings.config.global.per_listener_settings;
        let mut read = Self { files: BTreeMap::new(), of_all: settings.config.acl_file(), of_listeners };
        let endpoints = settings.endpoints();
        let own = endpoints.iter().filter(|_| of_listeners).filter_map(|endpoint| endpoint.acl_file.as_ref());
        for path in read.of_all.iter().chain(own) {
            if !read.files.contains_key(path) {
                read.files.insert(path.clone(), read_file(path, before.files.get(path), lines)?);
            }
        }
        Ok(read)
    }

    /// Where the core finds the rules.
    pub(crate) fn lists(&self) -> AccessLists {
        match (&self.of_all, self.of_listeners) {
            (Some(path), _) => AccessLists::One(self.of_path(path)),
            (None, true) => AccessLists::OfListeners,
            (None, false) => AccessLists::Nowhere,
        }
    }

    /// The rules of a listener's own.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Option<Arc<AccessList>> {
        endpoint.acl_file.as_deref().filter(|_| self.of_listeners).map(|path| self.of_path(path))
    }

    /// The rules that hold for who comes through a listener, its own or those for all. None: everything is allowed.
    pub(crate) fn in_force(&self, endpoint: &Endpoint) -> Option<Arc<AccessList>> {
        self.of_all.as_deref().map(|path| self.of_path(path)).or_else(|| self.of(endpoint))
    }

    /// Of a file that was not read, there is no rule, and nobody may do anything.
    fn of_path(&self, path: &Path) -> Arc<AccessList> {
        self.files.get(path).map(|file| Arc::clone(&file.list)).unwrap_or_default()
    }

    /// What the log says about files that were read before, too, and had other contents then: a line each.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let changed = self
            .files
            .iter()
            .filter(|(path, file)| before.files.get(*path).is_some_and(|old| !Arc::ptr_eq(&old.list, &file.list)));
        changed.map(|(path, _)| format!("The contents of acl_file {} have changed.", path.display())).collect()
    }
}

fn read_file(path: &Path, before: Option<&AclFile>, lines: &mut Vec<LogLine>) -> Result<AclFile, Failure> {
    let shown = path.display();
    let opening = format!("Error opening acl file \"{shown}\".");
    let bytes = sensitive::read(path, FILE_BYTES_MAX, lines).map_err(|error| Failure {
        code: Failure::UNREADABLE,
        text: format!("Error: Unable to open acl_file \"{shown}\".\nError: {}.\n{opening}", error_text(&error)),
    })?;
    if bytes.len() > FILE_BYTES_MAX {
        let text = format!("Error: acl_file \"{shown}\" is larger than {FILE_BYTES_MAX} bytes.\n{opening}");
        return Err(Failure::invalid(text));
    }
    let file = match before {
        Some(same) if *same.bytes == *bytes => same.clone(),
        _ => {
            let list = AccessList::parse(&bytes).map_err(|error| {
                let line = error.line;
                Failure::invalid(format!("{}\nError found at {shown}:{line}.\n{opening}", error.in_file(&shown)))
            })?;
            AclFile { bytes: bytes.into(), list: Arc::new(list) }
        }
    };
    let warnings = file.list.warnings().iter();
    lines.extend(warnings.map(|text| LogLine { level: LogLevel::Warning, text: text.clone() }));
    Ok(file)
}
