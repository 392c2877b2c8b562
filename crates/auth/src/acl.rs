//! Access lists: which topics a client may publish to, and of which it gets messages.
//!
//! A list is made of the text of an `acl_file`. Its rules are kept as trees over the levels of their filters, one for
//! anonymous clients, one for each user, and one of patterns, which hold for everybody; so a question costs about as much
//! as its topic has levels, however many rules there are. [`RecentRights`] remembers the last answers for one client.

mod parse;
mod recent;
mod tree;

pub use parse::{AclError, Fault};
pub use recent::RecentRights;

use hashbrown::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tree::{Named, Tree, Verdict};

type ByName<T> = HashMap<Box<str>, T, foldhash::fast::FixedState>;

/// What a client wants to do with a message of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To get it.
    Read,
    /// To publish it.
    Write,
}

/// What a client may do with messages of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// Whether it gets them.
    pub read: bool,
    /// Whether it may publish them.
    pub write: bool,
}

impl Rights {
    /// Whether this is among them.
    #[inline]
    pub fn allow(self, access: Access) -> bool {
        match access {
            Access::Read => self.read,
            Access::Write => self.write,
        }
    }
}

/// Who wants to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// None for an anonymous client.
    pub username: Option<&'a str>,
}

/// The name by which a client cannot be told from others where patterns are: a wildcard stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dangerous {
    /// The username.
    Username,
    /// The client id.
    ClientId,
}

/// The rules of an `acl_file`. Two of them are equal if they are one and the same: what was found out with one does not
/// hold for another, whatever rules it has.
#[derive(Debug)]
pub struct AccessList {
    serial: u64,
    anonymous: Tree,
    users: ByName<Tree>,
    patterns: Tree,
    warnings: Vec<String>,
}

impl PartialEq for AccessList {
    fn eq(&self, other: &Self) -> bool {
        self.serial == other.serial
    }
}

impl Eq for AccessList {}

impl Default for AccessList {
    /// Without rules, so that nothing is allowed.
    fn default() -> Self {
        static LAST_SERIAL: AtomicU64 = AtomicU64::new(0);
        Self {
            serial: LAST_SERIAL.fetch_add(1, Ordering::Relaxed) + 1,
            anonymous: Tree::default(),
            users: ByName::default(),
            patterns: Tree::default(),
            warnings: Vec::new(),
        }
    }
}

impl AccessList {
    /// From the bytes of a file. An empty one allows nothing.
    pub fn parse(text: &[u8]) -> Result<Self, AclError> {
        let mut list = Self::default();
        parse::read(text, &mut list)?;
        Ok(list)
    }

    /// What the log should say about the rules, a line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What a client may do with messages of a topic: the rules for its user decide, and what they do not allow, the
    /// patterns may. Among either, a rule that denies counts for more than any that allows.
    ///
    /// `topic` is a valid topic name, as a whole: with the mount point before it, if there is one.
    pub fn rights(&self, subject: Subject<'_>, topic: &[u8]) -> Rights {
        let own = match subject.username {
            None => Some(&self.anonymous),
            Some(username) => self.users.get(username),
        };
        let own = own.map_or(Verdict::NOTHING, |rules| rules.verdict(topic, Named::NOBODY));
        if own.denies() {
            return Rights::default();
        }
        let patterns = match self.danger_of(subject) {
            Some(_) => Verdict::NOTHING,
            None => self.patterns.verdict(topic, Named::of(subject)),
        };
        let granted = if patterns.denies() { own } else { own.and(patterns) };
        Rights { read: granted.reads(), write: granted.writes() }
    }

    /// Whether a client is called as if it were many: `+` or `#` in its username or client id. No pattern allows it
    /// anything, also none without `%u` and `%c`. None where there are no patterns.
    pub fn danger_of(&self, subject: Subject<'_>) -> Option<Dangerous> {
        if self.patterns.is_empty() {
            return None;
        }
        let is_dangerous = |name: &str| name.contains(['+', '#']);
        if subject.username.is_some_and(is_dangerous) {
            return Some(Dangerous::Username);
        }
        is_dangerous(subject.client_id).then_some(Dangerous::ClientId)
    }
}

#[cfg(test)]
mod tests;
