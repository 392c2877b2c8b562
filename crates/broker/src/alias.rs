//! Topic aliases (MQTT 5, 3.3.2.3.4), a table for each direction of a connection.

use hashbrown::HashMap;

/// The aliases that a client has set.
#[derive(Debug, Default)]
pub(crate) struct AliasesIn(Vec<Option<Box<str>>>);

impl AliasesIn {
    /// Lets `alias`, which is at least 1 and within the maximum, stand for `topic` from now on.
    pub(crate) fn set(&mut self, alias: u16, topic: &str) {
        let at = usize::from(alias);
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        if let Some(place) = self.0.get_mut(at)
            && place.as_deref() != Some(topic)
        {
            *place = Some(topic.into());
        }
    }

    /// The topic that `alias` stands for.
    pub(crate) fn topic(&self, alias: u16) -> Option<&str> {
        self.0.get(usize::from(alias))?.as_deref()
    }
}

/// The aliases that the broker uses towards a client: one for each of the first topics, as many as the client takes.
#[derive(Debug)]
pub(crate) struct AliasesOut {
    maximum: u16,
    topics: HashMap<Box<[u8]>, u16, foldhash::fast::RandomState>,
}

/// How a topic is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alias {
    /// By its name.
    None,
    /// By its name, and from then on by this number.
    New(u16),
    /// By this number alone.
    Known(u16),
}

impl AliasesOut {
    /// For a client that takes `maximum` aliases, at least one.
    pub(crate) fn new(maximum: u16) -> Self {
        Self { maximum, topics: HashMap::default() }
    }

    /// The alias under which `topic` goes out now.
    pub(crate) fn of(&self, topic: &[u8]) -> Alias {
        match self.topics.get(topic) {
            Some(&alias) => Alias::Known(alias),
            None if self.topics.len() < usize::from(self.maximum) => Alias::New(self.topics.len() as u16 + 1),
            None => Alias::None,
        }
    }

    /// The client was told a new alias.
    pub(crate) fn told(&mut self, topic: &[u8], alias: u16) {
        self.topics.insert(topic.into(), alias);
    }
}
