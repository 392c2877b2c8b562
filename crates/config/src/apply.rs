//! A line into the configuration: looked up in the table of options, checked, stored.

use crate::config::Listener;
use crate::error::{ConfigError, shown};
use crate::log::LogType;
use crate::options::{self, Action, Declaration, Remark, Scope, Store};
use crate::reader::{OpenFile, Reader};
use crate::suggestion::nearest_option;
use crate::words::{Statement, Words};
use std::path::PathBuf;

impl Reader {
    /// Acts on a line that is no comment.
    pub(crate) fn apply(&mut self, file: &mut OpenFile, line: &[u8]) -> Result<(), ConfigError> {
        let mut words = Words::new(line);
        let Some(name) = words.next_word() else { return Ok(()) };
        let Some(declaration) = options::find(name) else { return Err(self.unknown_option(file, name)) };
        let mut statement = Statement { declaration, name: shown(name), words };
        match declaration.action {
            Action::Store(store) => {
                self.remark_on(declaration);
                self.enter_scope(file, &statement);
                self.store(store, file, &mut statement)?;
                if let Some(referent) = declaration.refers {
                    self.refer(file, referent, &statement.name, &statement.text(false)?);
                }
                Ok(())
            }
            Action::Idle(level, text) => {
                self.notice(level, text);
                statement.int().map(drop)
            }
            Action::NotYet => Err(ConfigError::not_supported_yet(statement.name)),
            Action::Removed(warning) => {
                self.notice(LogType::Warning, warning);
                Ok(())
            }
            Action::Refused(reason) => Err(unknown(name).expected(format!("no such option; it is {reason}"))),
        }
    }

    fn remark_on(&mut self, declaration: &Declaration) {
        match declaration.remark {
            Some(Remark::Deprecated(hint)) => {
                let name = declaration.name;
                let text = format!("The '{name}' option is now deprecated and will be removed in version 3.0. {hint}");
                self.notice(LogType::Notice, text);
            }
            Some(Remark::Advice(text)) => self.notice(LogType::Notice, text),
            None => {}
        }
    }

    /// Makes the default listener where the option needs one and may do without a `listener` line.
    fn enter_scope(&mut self, file: &mut OpenFile, statement: &Statement<'_>) {
        let wanted = match statement.declaration.scope {
            Scope::DefaultListener => true,
            Scope::Listener => file.listener.is_none(),
            Scope::ExplicitListener | Scope::Global | Scope::Security | Scope::Bridge | Scope::Plugin => false,
        };
        if wanted {
            self.select_default_listener(file, &statement.name);
        }
    }

    fn store(&mut self, store: Store, file: &mut OpenFile, statement: &mut Statement<'_>) -> Result<(), ConfigError> {
        match store {
            Store::Bool(set) => set(&mut self.config, statement.bool()?),
            Store::Int(set) => set(&mut self.config, statement.int()?),
            Store::SmallInt(set) => set(&mut self.config, statement.small_int()?),
            Store::Text(place) => {
                let place = place(&mut self.config);
                *place = Some(statement.text(place.is_some())?);
            }
            Store::Path(place) => {
                let place = place(&mut self.config);
                *place = Some(PathBuf::from(statement.text(place.is_some())?));
            }
            // A listener or bridge that is missing is what is said first, whatever the value.
            Store::ListenerBool(set) => set(self.listener(file, &statement.name)?, statement.bool()?),
            Store::ListenerInt(set) => set(self.listener(file, &statement.name)?, statement.int()?),
            Store::ListenerSmallInt(set) => set(self.listener(file, &statement.name)?, statement.small_int()?),
            Store::ListenerText(place) => {
                let place = place(self.listener(file, &statement.name)?);
                *place = Some(statement.text(place.is_some())?);
            }
            Store::SecurityBool(set) => set(self.security(file, &statement.name)?, statement.bool()?),
            Store::SecurityText(place) => {
                let place = place(self.security(file, &statement.name)?);
                *place = Some(statement.text(place.is_some())?);
            }
            Store::BridgeBool(set) => set(self.bridge(file, &statement.name)?, statement.bool()?),
            Store::BridgeInt(set) => set(self.bridge(file, &statement.name)?, statement.int()?.unsigned_abs()),
            Store::BridgeSmallInt(set) => set(self.bridge(file, &statement.name)?, statement.small_int()?),
            Store::BridgeText(place) => {
                let place = place(self.bridge(file, &statement.name)?);
                *place = Some(statement.text(place.is_some())?);
            }
            Store::ByHand(act) => act(self, file, statement)?,
        }
        Ok(())
    }
}

/// The option that begins a listener.
const LISTENER: &str = "listener";

/// What some editors put at the start of a file in UTF-8, unseen.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

impl Reader {
    fn unknown_option(&mut self, file: &mut OpenFile, name: &[u8]) -> ConfigError {
        if self.errors.are_many() {
            return unknown(name);
        }
        let suggestion = nearest_option(name);
        // What stands below it means that listener, and is not wrong because its name is.
        let meant = name.strip_prefix(BYTE_ORDER_MARK).unwrap_or(name).split(|byte| *byte == b'\t').next();
        if meant.and_then(nearest_option) == Some(LISTENER) {
            self.add_listener(file, Listener::default_listener());
        }
        unknown_option(name, suggestion)
    }
}

fn unknown_option(name: &[u8], suggestion: Option<&str>) -> ConfigError {
    let error = unknown(name);
    if name.contains(&b'\t') {
        error.expected("a space between name and value; a tab does not separate them")
    } else if name.starts_with(BYTE_ORDER_MARK) {
        error.expected("no byte order mark at the start of the file")
    } else if name.starts_with(b"#") {
        error.expected("'#' at the very start of the line, if this is a comment")
    } else if let Some(suggestion) = suggestion {
        error.expected(format!("a known option. Did you mean '{suggestion}'?"))
    } else {
        error
    }
}

fn unknown(name: &[u8]) -> ConfigError {
    ConfigError::new(format_args!("Unknown configuration variable '{}'.", shown(name)))
}
