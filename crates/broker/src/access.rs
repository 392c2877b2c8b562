//! What a client may publish and what it gets, where there are access lists.
//!
//! A session is judged by the list of the listener that its client has last come through, also while the client is away,
//! and by the list as it is now, also for what was published or queued under an earlier one.

use crate::log::{Log, log};
use crate::session::Session;
use crate::settings::BRIDGE_LISTENER;
use crate::{Publisher, Settings};
use mosquitto_auth::acl::{Access, AccessList, Dangerous, Subject};
use std::sync::Arc;

/// Where the access lists are that the broker goes by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessLists {
    /// There are none: everybody may do everything.
    #[default]
    Nowhere,
    /// One for all clients, wherever they come from.
    One(Arc<AccessList>),
    /// Each listener has its own, or none, for its clients (`per_listener_settings`).
    OfListeners,
}

/// The listener that a client has come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CameThrough {
    number: u16,
    /// Where it listens: its number may come to mean another.
    port: u16,
}

impl CameThrough {
    /// Whether it is one of this broker's own bridges that came.
    pub(crate) fn is_of_bridge(self) -> bool {
        self.number == BRIDGE_LISTENER
    }

    pub(crate) fn new(settings: &Settings, number: u16) -> Self {
        let port = settings.listener(number).map_or(0, |listener| listener.port);
        Self { number, port }
    }

    /// The first listener on a port, where nothing else is known; none decides for a client where there is none.
    pub(crate) fn of_port(settings: &Settings, port: u16) -> Self {
        let is_there = |listener: &crate::ListenerSettings| !listener.closed && listener.port == port;
        let number = settings.listeners.iter().position(is_there).and_then(|number| u16::try_from(number).ok());
        Self { number: number.unwrap_or(u16::MAX), port }
    }

    /// Where it listens.
    pub(crate) fn port(self) -> u16 {
        self.port
    }

    /// Its number, which may mean another by now.
    pub(crate) fn number(self) -> u16 {
        self.number
    }
}

/// Who published a retained message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    client_id: Box<str>,
    username: Option<Box<str>>,
    came_through: CameThrough,
}

impl Source {
    pub(crate) fn new(settings: &Settings, publisher: Publisher<'_>) -> Self {
        let Publisher { client_id, username, listener_port } = publisher;
        let came_through = CameThrough::of_port(settings, listener_port);
        Self { client_id: client_id.into(), username: username.map(Into::into), came_through }
    }

    pub(crate) fn publisher(&self) -> Publisher<'_> {
        let (client_id, username) = (&*self.client_id, self.username.as_deref());
        Publisher { client_id, username, listener_port: self.came_through.port }
    }

    /// Whether its client could publish to this topic now.
    pub(crate) fn may_write(&self, settings: &Settings, topic: &[u8]) -> bool {
        match settings.judge(self.came_through) {
            Judge::Nobody => true,
            Judge::Closed => false,
            Judge::List(list) => {
                let subject = Subject { client_id: &self.client_id, username: self.username.as_deref() };
                list.rights(subject, topic).write
            }
        }
    }
}

/// Who decides about a client.
enum Judge<'a> {
    /// It may do everything.
    Nobody,
    /// It may do nothing: its listener is there no more, and its list with it.
    Closed,
    List(&'a AccessList),
}

impl Settings {
    fn judge(&self, through: CameThrough) -> Judge<'_> {
        match &self.access_lists {
            _ if through.is_of_bridge() => Judge::Nobody,
            AccessLists::Nowhere => Judge::Nobody,
            AccessLists::One(list) => Judge::List(list),
            AccessLists::OfListeners => {
                // The one of its number, unless that means another by now; then the first on its port, as in Mosquitto.
                let numbered = self.listeners.get(usize::from(through.number));
                let mut all = numbered.into_iter().chain(&self.listeners);
                match all.find(|listener| !listener.closed && listener.port == through.port) {
                    Some(listener) => listener.access_list.as_deref().map_or(Judge::Nobody, Judge::List),
                    None => Judge::Closed,
                }
            }
        }
    }
}

impl Session {
    /// Its client has come, perhaps under another name, through this listener.
    pub(crate) fn arrive(&mut self, username: Option<&str>, through: CameThrough) {
        self.username = username.map(Into::into);
        self.came_through = through;
        self.rights = None;
        self.source = None;
    }

    /// Whether its client may publish to a topic, or get what is published there. `topic` is the whole of it, with the mount
    /// point.
    #[inline]
    pub(crate) fn may(&mut self, settings: &Settings, log: &mut Log, access: Access, topic: &[u8]) -> bool {
        matches!(settings.access_lists, AccessLists::Nowhere) || self.is_allowed(settings, log, access, topic)
    }

    /// Not cold, but what comes before it is to be as fast as without it.
    #[cold]
    fn is_allowed(&mut self, settings: &Settings, log: &mut Log, access: Access, topic: &[u8]) -> bool {
        let list = match settings.judge(self.came_through) {
            Judge::Nobody => return true,
            Judge::Closed => return false,
            Judge::List(list) => list,
        };
        let subject = Subject { client_id: &self.client_id, username: self.username.as_deref() };
        let recent = self.rights.get_or_insert_default();
        if recent.ask(list, subject, topic).allow(access) {
            return true;
        }
        // Said once, not for each message: what reads the log over MQTT may be such a client.
        if let Some(danger) = list.danger_of(subject)
            && recent.warn_once()
        {
            match danger {
                Dangerous::Username => {
                    let name = subject.username.unwrap_or_default();
                    log!(log, Notice, "ACL denying access to client with dangerous username \"{name}\"");
                }
                Dangerous::ClientId => {
                    let name = subject.client_id;
                    log!(log, Notice, "ACL denying access to client with dangerous client id \"{name}\"");
                }
            }
        }
        false
    }

    /// Its client, as records tell it.
    pub(crate) fn publisher(&self) -> Publisher<'_> {
        let (client_id, username) = (&*self.client_id, self.username.as_deref());
        Publisher { client_id, username, listener_port: self.came_through.port }
    }

    /// Its client as who has published something that is retained. One copy for all that it retains on a connection.
    pub(crate) fn source(&mut self) -> Arc<Source> {
        let make = || {
            let (client_id, username) = ((&*self.client_id).into(), self.username.clone());
            Arc::new(Source { client_id, username, came_through: self.came_through })
        };
        Arc::clone(self.source.get_or_insert_with(make))
    }
}
