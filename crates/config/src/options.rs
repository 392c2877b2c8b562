//! The declaration of every option: one row each, in tables by theme.
//!
//! To support an option that is declared `NotYet`: give it a place in [`crate::Config`] and let its row end with
//! `.store(...)` instead, and with `.shows(...)`, which says how its value is seen and when a new one takes effect. To add one: one row. Nothing else needs to know its name.

mod argument;
mod bridge;
mod general;
mod listener;
mod logging;
mod persistence;
mod plugin;
mod security;
mod tls;

pub use argument::{Argument, Bound, Refusal, Repeat};

use crate::bridge::Bridge;
use crate::changes::{Effect, Watch};
use crate::config::{Config, Listener, Security};
use crate::error::ConfigError;
use crate::log::LogType;
use crate::reader::{OpenFile, Reader};
use crate::reference::Referent;
use crate::words::Statement;
pub(crate) use argument::LONGEST_TEXT_BYTES;
use std::path::PathBuf;

/// The tables, with the titles under which the manual shows them.
pub static THEMES: &[Theme] = &[
    Theme::new("General", general::OPTIONS),
    Theme::new("Authentication and access control", security::OPTIONS),
    Theme::new("Listeners", listener::OPTIONS),
    Theme::new("TLS", tls::OPTIONS),
    Theme::new("Persistence", persistence::OPTIONS),
    Theme::new("Logging", logging::OPTIONS),
    Theme::new("Bridges", bridge::OPTIONS),
    Theme::new("Plugins", plugin::OPTIONS),
];

/// Options that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// A heading.
    pub title: &'static str,
    /// The options, in the order of the manual.
    pub options: &'static [Declaration],
}

impl Theme {
    const fn new(title: &'static str, options: &'static [Declaration]) -> Self {
        Self { title, options }
    }
}

/// Every option that this broker knows by name, also those that it does not support.
pub fn options() -> impl Iterator<Item = &'static Declaration> {
    THEMES.iter().flat_map(|theme| theme.options)
}

/// The declaration behind a name as it stands in a file: a name, an alias, or the beginning of a `plugin_opt_KEY`.
pub fn find(name: &[u8]) -> Option<&'static Declaration> {
    options()
        .find(|option| option.names().any(|known| known.as_bytes() == name))
        .or_else(|| options().find(|option| option.prefixes().any(|prefix| name.starts_with(prefix.as_bytes()))))
}

/// One option of `mosquitto.conf`.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// The name in the file. Ends in `KEY` if only the beginning is fixed ([`Argument::KeyValue`]).
    pub name: &'static str,
    /// Other names for the same option.
    pub aliases: &'static [&'static str],
    /// What must follow the name.
    pub argument: Argument,
    /// What holds when the option is absent, as it would be written in the file; `None`: unset.
    pub default: Option<&'static str>,
    /// What the option belongs to.
    pub scope: Scope,
    /// What SIGHUP does with a changed value (in Mosquitto 2.1).
    pub reload: Reload,
    /// The first release of Mosquitto that accepts the option; `1.4` also stands for any older one.
    pub since: &'static str,
    /// What is said to somebody who uses it.
    pub remark: Option<Remark>,
    /// One line for the manual.
    pub help: &'static str,
    /// What else the manual says, in paragraphs with an empty line between them. Names and values stand in backquotes.
    pub manual: &'static str,
    /// How the manual shows the argument, where the type alone does not tell what it is.
    pub value: Option<&'static str>,
    /// Values for the sample file, where the default is none that could be written into a file.
    pub examples: &'static [&'static str],
    /// The name in "empty", "duplicate" and "not a number" errors, where Mosquitto uses another there.
    pub(crate) label: Option<&'static str>,
    /// How a change of the value is seen.
    pub(crate) watch: Option<Watch>,
    /// What the value is the name of, if it names something outside of the configuration.
    pub(crate) refers: Option<Referent>,
    pub(crate) action: Action,
}

/// What an option belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole broker.
    Global,
    /// The whole broker, or one listener if `per_listener_settings true`.
    Security,
    /// The latest `listener`; without one, a default listener on port 1883 is made.
    Listener,
    /// The latest `listener`; without one, it is an error.
    ExplicitListener,
    /// The default listener, wherever in the file the option stands.
    DefaultListener,
    /// The latest `connection`.
    Bridge,
    /// The latest plugin.
    Plugin,
}

/// What SIGHUP does with a changed value in Mosquitto 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// The new value is in force afterwards.
    Yes,
    /// Nothing.
    No,
    /// The manual says that it is reloaded, but nothing happens.
    DocumentedOnly,
    /// In force for later connections to that listener.
    LaterConnections,
    /// The files it names are read again.
    Contents,
    /// As the bridge's `bridge_reload_type` says.
    Bridge,
}

/// What is said, at notice level, to somebody who uses an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// It will go; the text tells what to use instead, and may be empty.
    Deprecated(&'static str),
    /// Something else to know.
    Advice(&'static str),
}

/// Whether the broker does what an option says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Supported,
    /// It will; until then the option is an error. What is wrong with its value may be told already, before that.
    NotYet,
    /// It never will: the option has no effect, and this text says so.
    Removed(&'static str),
    /// It never will, and the option is unknown, as it is to Mosquitto 2.1; the text tells what it was.
    Refused(&'static str),
}

/// What is done about an option that stands in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Store(Store),
    NotYet,
    /// The value does not matter; the text is a warning.
    Removed(&'static str),
    /// The value is checked; the text tells why it has no effect.
    Idle(LogType, &'static str),
    Refused(&'static str),
}

/// Where a value goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Store {
    Bool(fn(&mut Config, bool)),
    /// The number is within the declared limits, and `unsigned_abs` loses nothing where those are not negative.
    Int(fn(&mut Config, i32)),
    SmallInt(fn(&mut Config, u16)),
    Text(fn(&mut Config) -> &mut Option<String>),
    Path(fn(&mut Config) -> &mut Option<PathBuf>),
    SecurityBool(fn(&mut Security, bool)),
    SecurityText(fn(&mut Security) -> &mut Option<String>),
    ListenerBool(fn(&mut Listener, bool)),
    ListenerInt(fn(&mut Listener, i32)),
    ListenerSmallInt(fn(&mut Listener, u16)),
    ListenerText(fn(&mut Listener) -> &mut Option<String>),
    BridgeBool(fn(&mut Bridge, bool)),
    /// As `Int`.
    BridgeInt(fn(&mut Bridge, u32)),
    BridgeSmallInt(fn(&mut Bridge, u16)),
    BridgeText(fn(&mut Bridge) -> &mut Option<String>),
    ByHand(fn(&mut Reader, &mut OpenFile, &mut Statement<'_>) -> Result<(), ConfigError>),
}

impl Declaration {
    /// Whether the broker does what the option says.
    pub fn status(&self) -> Status {
        match self.action {
            Action::Store(_) => Status::Supported,
            Action::NotYet => Status::NotYet,
            Action::Removed(text) | Action::Idle(_, text) => Status::Removed(text),
            Action::Refused(reason) => Status::Refused(reason),
        }
    }

    /// When this broker goes by a value that has changed while it runs. `None` where there is nothing to go by: the option
    /// has no effect, or one value only.
    pub fn effect(&self) -> Option<Effect> {
        self.watch.map(|watch| watch.effect)
    }

    /// Whether a listener is another one when the option has another value, so that one is closed and one is opened.
    pub fn makes_a_listener(&self) -> bool {
        self.watch.is_some_and(|watch| watch.is_place())
    }

    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The fixed beginnings of the names, for options whose names end in a key.
    fn prefixes(&self) -> impl Iterator<Item = &'static str> {
        let keyed = self.argument == Argument::KeyValue;
        self.names().filter(move |_| keyed).filter_map(|name| name.strip_suffix("KEY"))
    }

    const fn new(name: &'static str, argument: Argument) -> Self {
        Self {
            name,
            aliases: &[],
            argument,
            default: None,
            scope: Scope::Global,
            reload: Reload::No,
            since: "1.4",
            remark: None,
            help: "",
            manual: "",
            value: None,
            examples: &[],
            label: None,
            refers: None,
            watch: None,
            action: Action::NotYet,
        }
    }
}

/// The words of a row, in the order in which rows use them.
impl Declaration {
    const fn bool(name: &'static str) -> Self {
        Self::new(name, Argument::Bool)
    }

    const fn int(name: &'static str, min: Bound, max: Bound) -> Self {
        Self::new(name, Argument::Int { min, max, unit: "", refusal: Refusal::Usual })
    }

    const fn text(name: &'static str, repeat: Repeat) -> Self {
        Self::new(name, Argument::Text { max_bytes: LONGEST_TEXT_BYTES, repeat, refusal: Refusal::Usual })
    }

    const fn choice(name: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, Argument::Choice { words, refusal: Refusal::Usual })
    }

    const fn words(name: &'static str, syntax: &'static str) -> Self {
        Self::new(name, Argument::Words(syntax))
    }

    const fn ignored(name: &'static str) -> Self {
        Self::new(name, Argument::Ignored)
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn unit(mut self, name: &'static str) -> Self {
        if let Argument::Int { unit, .. } = &mut self.argument {
            *unit = name;
        }
        self
    }

    const fn refusal(mut self, text: Refusal) -> Self {
        match &mut self.argument {
            Argument::Int { refusal, .. } | Argument::Text { refusal, .. } | Argument::Choice { refusal, .. } => {
                *refusal = text;
            }
            _ => {}
        }
        self
    }

    const fn max_bytes(mut self, limit: usize) -> Self {
        if let Argument::Text { max_bytes, .. } = &mut self.argument {
            *max_bytes = limit;
        }
        self
    }

    const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    const fn reload(mut self, reload: Reload) -> Self {
        self.reload = reload;
        self
    }

    const fn since(mut self, since: &'static str) -> Self {
        self.since = since;
        self
    }

    const fn deprecated(mut self, hint: &'static str) -> Self {
        self.remark = Some(Remark::Deprecated(hint));
        self
    }

    const fn advice(mut self, text: &'static str) -> Self {
        self.remark = Some(Remark::Advice(text));
        self
    }

    const fn label(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    const fn manual(mut self, paragraphs: &'static str) -> Self {
        self.manual = paragraphs;
        self
    }

    const fn value(mut self, shown: &'static str) -> Self {
        self.value = Some(shown);
        self
    }

    const fn examples(mut self, values: &'static [&'static str]) -> Self {
        self.examples = values;
        self
    }

    const fn refers(mut self, referent: Referent) -> Self {
        self.refers = Some(referent);
        self
    }

    const fn store(mut self, store: Store) -> Self {
        self.action = Action::Store(store);
        self
    }

    /// The value, one of the whole broker. It will stand in the log, so it must be no secret.
    const fn shows(mut self, effect: Effect, value: fn(&Config) -> Option<String>) -> Self {
        self.watch = Some(Watch::global(effect, value));
        self
    }

    /// The value, one of a listener.
    const fn listener_shows(mut self, effect: Effect, value: fn(&Listener) -> Option<String>) -> Self {
        self.watch = Some(Watch::listener(effect, value));
        self
    }

    /// The value, one of the whole broker or of a listener.
    const fn security_shows(mut self, effect: Effect, value: fn(&Security) -> Option<String>) -> Self {
        self.watch = Some(Watch::security(effect, value));
        self
    }

    /// A change of the value closes a listener and opens another.
    const fn makes_another_listener(mut self) -> Self {
        self.watch = Some(Watch::place());
        self
    }

    const fn removed(mut self, warning: &'static str) -> Self {
        self.action = Action::Removed(warning);
        self
    }

    const fn idle(mut self, level: LogType, text: &'static str) -> Self {
        self.action = Action::Idle(level, text);
        self
    }

    const fn refused(mut self, reason: &'static str) -> Self {
        self.action = Action::Refused(reason);
        self
    }
}
