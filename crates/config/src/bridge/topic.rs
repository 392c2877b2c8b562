//! One `topic` line of a bridge.

/// What one `topic` line passes on.
///
/// The filter at this broker is the local prefix and the pattern, that at the remote broker the remote prefix and the
/// pattern. Without a pattern, both prefixes are there, and a single topic of one name is passed on under the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BridgeTopic {
    /// A topic filter; `None`: there are both prefixes.
    pub pattern: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// The highest QoS, 0 to 2.
    pub qos: u8,
    /// What stands before the pattern at this broker, without wildcards. May be empty.
    pub local_prefix: String,
    /// What stands before the pattern at the remote broker, without wildcards. May be empty.
    pub remote_prefix: String,
}

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From this broker to the remote one.
    Out,
    /// From the remote broker to this one.
    In,
    /// Both ways.
    Both,
}

impl Direction {
    /// Whether messages go from this broker to the remote one.
    pub fn is_out(self) -> bool {
        self != Self::In
    }

    /// Whether messages come from the remote broker to this one.
    pub fn is_in(self) -> bool {
        self != Self::Out
    }
}

impl BridgeTopic {
    /// The topic filter at this broker.
    pub fn local_filter(&self) -> String {
        format!("{}{}", self.local_prefix, self.pattern.as_deref().unwrap_or_default())
    }

    /// The topic filter at the remote broker.
    pub fn remote_filter(&self) -> String {
        format!("{}{}", self.remote_prefix, self.pattern.as_deref().unwrap_or_default())
    }
}

/// Whether this is a topic filter as far as its wildcards go: each of them alone in its level, and `#` the last of all.
pub(crate) fn has_wildcards_in_place(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let in_place = match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            other => !other.contains(['+', '#']),
        };
        if !in_place {
            return false;
        }
    }
    true
}
