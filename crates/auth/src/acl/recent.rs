//! What was found out about one client lately.

use super::{AccessList, Rights, Subject};
use std::hash::BuildHasher;

/// Topics that are remembered, a power of two.
const PLACES: usize = 16;

/// Bytes of the longest topic that is remembered.
const TOPIC_BYTES_MAX: usize = 256;

/// The latest answers of a list about one client. Forgotten when another list is asked; whoever owns it must forget it when
/// the client has another name.
#[derive(Debug, Default)]
pub struct RecentRights {
    /// Which list answered; 0: none.
    serial: u64,
    places: [Place; PLACES],
    /// The place of the last answer: most clients ask for one topic again and again.
    latest: usize,
    /// Whether the list was found to take the client for dangerous.
    warned: bool,
}

#[derive(Debug, Default)]
struct Place {
    /// No topic is empty.
    topic: Vec<u8>,
    rights: Rights,
}

impl RecentRights {
    /// What a client may do with messages of a topic, as [`AccessList::rights`] has it.
    #[inline]
    pub fn ask(&mut self, list: &AccessList, subject: Subject<'_>, topic: &[u8]) -> Rights {
        if self.serial != list.serial {
            *self = Self { serial: list.serial, ..Self::default() };
        }
        if let Some(place) = self.places.get(self.latest)
            && place.topic == topic
        {
            return place.rights;
        }
        let at = foldhash::fast::FixedState::default().hash_one(topic) as usize % PLACES;
        let Some(place) = self.places.get_mut(at) else { return list.rights(subject, topic) };
        self.latest = at;
        if place.topic == topic {
            return place.rights;
        }
        let rights = list.rights(subject, topic);
        if topic.len() <= TOPIC_BYTES_MAX {
            place.topic.clear();
            place.topic.extend_from_slice(topic);
            place.rights = rights;
        }
        rights
    }

    /// Whether it is the first time that this is asked since the list is asked: what there is to say about a client is said
    /// once.
    pub fn warn_once(&mut self) -> bool {
        !std::mem::replace(&mut self.warned, true)
    }
}
