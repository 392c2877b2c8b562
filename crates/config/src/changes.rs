//! What is different between two configurations, option by option.

use crate::config::{Config, Listener, Security};
use crate::endpoint::Place;
use crate::options::options;
use crate::written::Written;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// The option that brings a listener into being.
const LISTENER: &str = "listener";

/// When this broker goes by a value that has changed while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// At once, also for clients that are there.
    AtOnce,
    /// For clients that connect from then on: what was said to a client when it connected holds.
    LaterConnections,
    /// Only when it is started again.
    Restart,
}

/// An option that has another value than before, or a listener that has come or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The option's name in [`crate::options`]; `listener` for one that has come or gone.
    pub option: &'static str,
    /// The listener whose option it is; `None`: it is the whole broker's.
    pub listener: Option<Place>,
    /// What held before, as a file could say it. `None`: nothing was said.
    pub old: Option<String>,
    /// What holds now. `None`: nothing is said any more.
    pub new: Option<String>,
    /// When it does.
    pub effect: Effect,
}

/// How the value of an option is seen, and when a new one takes effect: what a row of the table says about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    pub(crate) effect: Effect,
    value: Watched,
}

/// What has the value.
#[derive(Debug, Clone, Copy)]
enum Watched {
    Global(fn(&Config) -> Option<String>),
    Listener(fn(&Listener) -> Option<String>),
    Security(fn(&Security) -> Option<String>),
    /// With another value it is another listener.
    Place,
}

impl Watch {
    pub(crate) const fn global(effect: Effect, value: fn(&Config) -> Option<String>) -> Self {
        Self { effect, value: Watched::Global(value) }
    }

    pub(crate) const fn listener(effect: Effect, value: fn(&Listener) -> Option<String>) -> Self {
        Self { effect, value: Watched::Listener(value) }
    }

    pub(crate) const fn security(effect: Effect, value: fn(&Security) -> Option<String>) -> Self {
        Self { effect, value: Watched::Security(value) }
    }

    pub(crate) const fn place() -> Self {
        Self { effect: Effect::AtOnce, value: Watched::Place }
    }

    pub(crate) fn is_place(&self) -> bool {
        matches!(self.value, Watched::Place)
    }

    fn of_config(&self, config: &Config) -> Option<String> {
        match self.value {
            Watched::Global(value) => value(config),
            Watched::Security(value) => value(config.security()),
            Watched::Listener(_) | Watched::Place => None,
        }
    }

    fn of_listener(&self, listener: &Listener) -> Option<String> {
        match self.value {
            Watched::Listener(value) => value(listener),
            Watched::Security(value) => value(&listener.security),
            Watched::Global(_) | Watched::Place => None,
        }
    }
}

impl Config {
    /// What is different in another configuration: first options of the whole broker in the order of the table, then
    /// listeners that have gone, then, listener by listener, options of those at the same place and listeners that have
    /// come. Local only mode counts as a listener.
    pub fn changes_to(&self, new: &Config) -> Vec<Change> {
        let mut changes = Vec::new();
        compare(&mut changes, None, |watch| (watch.of_config(self), watch.of_config(new)));
        if self.local_only() != new.local_only() {
            let text = |config: &Config| config.local_only().then(|| "in local only mode".to_owned());
            changes.push(Change::of_listener(None, text(self), text(new)));
        }
        let mut gone: BTreeMap<Place, VecDeque<&Listener>> = BTreeMap::new();
        self.open_listeners().for_each(|listener| gone.entry(listener.place()).or_default().push_back(listener));
        let mut there = Vec::new();
        for listener in new.open_listeners() {
            let place = listener.place();
            match gone.get_mut(&place).and_then(VecDeque::pop_front) {
                Some(old) => {
                    compare(&mut there, Some(&place), |watch| (watch.of_listener(old), watch.of_listener(listener)));
                }
                None => there.push(Change::of_listener(Some(place.clone()), None, Some(place.to_string()))),
            }
        }
        for place in gone.iter().flat_map(|(place, listeners)| listeners.iter().map(move |_| place)) {
            changes.push(Change::of_listener(Some(place.clone()), Some(place.to_string()), None));
        }
        changes.append(&mut there);
        changes
    }

    fn open_listeners(&self) -> impl Iterator<Item = &Listener> {
        let open = !self.local_only();
        self.listeners.iter().filter(move |_| open)
    }
}

/// Adds the options whose values differ.
fn compare(
    changes: &mut Vec<Change>,
    listener: Option<&Place>,
    values: impl Fn(&Watch) -> (Option<String>, Option<String>),
) {
    for (option, watch) in options().filter_map(|option| Some((option, option.watch?))) {
        let (old, new) = values(&watch);
        if old != new {
            changes.push(Change { option: option.name, listener: listener.cloned(), old, new, effect: watch.effect });
        }
    }
}

impl Change {
    fn of_listener(listener: Option<Place>, old: Option<String>, new: Option<String>) -> Self {
        Self { option: LISTENER, listener, old, new, effect: Effect::AtOnce }
    }
}

/// A line for the log, without a full stop: `max_qos of listener 1884: 2 -> 1 (for later connections)`, or
/// `listener 1884: closed`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.option, &self.old, &self.new) {
            (LISTENER, Some(listener), None) => return write!(f, "listener {listener}: closed"),
            (LISTENER, None, Some(listener)) => return write!(f, "listener {listener}: opened"),
            _ => f.write_str(self.option)?,
        }
        if let Some(listener) = &self.listener {
            write!(f, " of listener {listener}")?;
        }
        let [old, new] = [&self.old, &self.new].map(|value| value.as_deref().unwrap_or("unset"));
        write!(f, ": {old} -> {new}")?;
        f.write_str(match self.effect {
            Effect::AtOnce => "",
            Effect::LaterConnections => " (for later connections)",
            Effect::Restart => " (after a restart)",
        })
    }
}

/// Port and host as in a `listener` line, and in brackets what else decides where it listens.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        if let Some(place) = self.unix_path.as_ref().or(self.host.as_ref()) {
            write!(f, " {place}")?;
        }
        if let Some(interface) = &self.bind_interface {
            write!(f, " (interface {interface})")?;
        }
        if let Some(domain) = self.socket_domain.written() {
            write!(f, " ({domain})")?;
        }
        if self.http_api {
            write!(f, " (http_api)")?;
        }
        Ok(())
    }
}
