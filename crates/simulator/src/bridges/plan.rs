//! What a bridge is to do: its lines, and what becomes of a message by them, worked out without the bridge's own code.

use crate::random::Random;
use std::fmt::Write;

/// Which topics a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// All behind the prefix.
    All,
    /// The prefixes are the topics.
    One,
    /// `+/x` behind the prefix.
    Plus,
}

/// A `topic` line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) pattern: Pattern,
    pub(crate) out: bool,
    pub(crate) inward: bool,
    pub(crate) qos: u8,
    /// The prefixes.
    pub(crate) home: String,
    pub(crate) remote: String,
}

/// A bridge as it is configured.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Plan {
    pub(crate) home: usize,
    pub(crate) remote: usize,
    pub(crate) lines: Vec<Line>,
    pub(crate) version: u8,
    pub(crate) clean: bool,
    pub(crate) local_clean: bool,
    /// Whether the remote broker of MQTT 5 is asked to keep the session.
    pub(crate) expires: bool,
    pub(crate) outgoing_retain: bool,
    /// Whether messages that are long do not go out.
    pub(crate) is_narrow: bool,
    /// Messages under way from the remote broker of MQTT 5; 0: as many as the window.
    pub(crate) receive_maximum: u16,
    /// Waiting messages that make it connect; 0: it is not lazy.
    pub(crate) threshold: u32,
    pub(crate) notifications: Notifications,
    pub(crate) two_addresses: bool,
    /// The longest pause in milliseconds, and how it is configured.
    pub(crate) pause_ms: u64,
    pause: &'static str,
    pub(crate) local_id: String,
    pub(crate) remote_id: String,
}

/// Who is told of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notifications {
    Both,
    Home,
    Nobody,
}

/// A payload of that many bytes is long.
pub(crate) const LONG: usize = 400;

/// What a message is at one broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

impl Line {
    fn text(&self) -> String {
        let pattern = match self.pattern {
            Pattern::All => "#",
            Pattern::One => "\"\"",
            Pattern::Plus => "+/x",
        };
        let direction = match (self.out, self.inward) {
            (true, true) => "both",
            (true, false) => "out",
            _ => "in",
        };
        format!("topic {pattern} {direction} {} {} {}", self.qos, self.home, self.remote)
    }

    /// The topic on the other side, if this line takes it there.
    pub(crate) fn cross(&self, outward: bool, topic: &str) -> Option<String> {
        let (from, to) = if outward { (&self.home, &self.remote) } else { (&self.remote, &self.home) };
        if !(if outward { self.out } else { self.inward }) {
            return None;
        }
        let rest = topic.strip_prefix(from.as_str())?;
        let is_meant = match self.pattern {
            Pattern::All => true,
            Pattern::One => rest.is_empty(),
            Pattern::Plus => rest.split('/').count() == 2 && rest.ends_with("/x"),
        };
        is_meant.then(|| format!("{to}{rest}"))
    }
}

impl Plan {
    /// A bridge between two brokers by chance; `number` makes its names.
    pub(crate) fn new(number: usize, home: usize, remote: usize, remaps: bool, random: &mut Random) -> Self {
        let mut lines = Vec::new();
        let name = |base: &str, at: usize| format!("{base}{number}{at}/");
        let mut line = |pattern, (out, inward), home: String, remote: String, random: &mut Random| {
            let qos = *random.pick(&[0, 1, 1, 2, 2]);
            lines.push(Line { pattern, out, inward, qos, home, remote });
        };
        if random.below(4) > 0 {
            let shared = |at: usize| if remaps { format!("s{at}/") } else { "s/".to_owned() };
            line(Pattern::All, (true, true), shared(home), shared(remote), random);
        }
        if random.below(3) > 0 {
            line(Pattern::All, (true, false), name("o", 0), name("o", 1), random);
        }
        if random.below(3) > 0 {
            line(Pattern::All, (false, true), name("i", 0), name("i", 1), random);
        }
        if random.one_in(3) {
            line(Pattern::One, (true, true), format!("one{number}"), format!("other{number}"), random);
        }
        if random.one_in(3) || random.one_in(3) {
            let same = name("p", 0);
            line(Pattern::Plus, (true, random.one_in(2)), same.clone(), same, random);
        }
        // A lazy one comes for what goes out.
        let is_lazy = random.one_in(5);
        if is_lazy {
            let (home, remote) = (name("w", 0), name("w", 1));
            lines.push(Line { pattern: Pattern::All, out: true, inward: false, qos: 1, home, remote });
        }
        if lines.is_empty() {
            let (home, remote) = (name("e", 0), name("e", 1));
            lines.push(Line { pattern: Pattern::All, out: true, inward: true, qos: 2, home, remote });
        }
        let (pause, pause_ms) =
            *random.pick(&[("2", 2000), ("1 8", 8000), ("2 20 30", 20_000), ("5 30", 30_000), ("1 1", 1000)]);
        let clean = random.one_in(5);
        Self {
            home,
            remote,
            lines,
            version: *random.pick(&[3, 4, 4, 5, 5]),
            clean,
            local_clean: !is_lazy && if random.one_in(3) { random.one_in(2) } else { clean },
            expires: random.below(4) > 0,
            outgoing_retain: random.below(5) > 0,
            is_narrow: random.one_in(5),
            receive_maximum: *random.pick(&[0, 0, 1, 3]),
            threshold: if is_lazy { 1 + random.below(3) as u32 } else { 0 },
            notifications: *random.pick(&[
                Notifications::Both,
                Notifications::Both,
                Notifications::Both,
                Notifications::Home,
                Notifications::Nobody,
            ]),
            two_addresses: random.one_in(5),
            pause_ms,
            pause,
            local_id: String::new(),
            remote_id: String::new(),
        }
    }

    /// The lines of mosquitto.conf(5).
    pub(crate) fn text(&self) -> String {
        let version = match self.version {
            3 => "mqttv31",
            4 => "mqttv311",
            _ => "mqttv50",
        };
        let addresses = if self.two_addresses { "one two" } else { "one" };
        let mut text = format!(
            "connection b\naddresses {addresses}\nremote_clientid {}\nlocal_clientid {}\nbridge_protocol_version {version}\n\
             cleansession {}\nlocal_cleansession {}\nbridge_outgoing_retain {}\nrestart_timeout {}\n",
            self.remote_id, self.local_id, self.clean, self.local_clean, self.outgoing_retain, self.pause
        );
        let mut say = |line: &str| {
            let _ = writeln!(text, "{line}");
        };
        match self.notifications {
            Notifications::Both => {}
            Notifications::Home => say("notifications_local_only true"),
            Notifications::Nobody => say("notifications false"),
        }
        if self.version == 5 {
            if self.expires {
                say("bridge_session_expiry_interval 100000000");
            }
            if self.receive_maximum > 0 {
                say(&format!("bridge_receive_maximum {}", self.receive_maximum));
            }
        }
        if self.is_narrow {
            say("bridge_max_packet_size 300");
        }
        if self.threshold > 0 {
            say(&format!("start_type lazy\nthreshold {}\nidle_timeout 90", self.threshold));
        }
        self.lines.iter().for_each(|line| say(&line.text()));
        text
    }

    /// Whether the session there outlives a connection.
    pub(crate) fn is_kept(&self, at: usize) -> bool {
        if at == self.home { !self.local_clean } else { !self.clean && (self.version < 5 || self.expires) }
    }

    /// Whether there is one while there is no connection, of use or not.
    pub(crate) fn is_there(&self, at: usize) -> bool {
        self.is_kept(at) || (at == self.remote && self.version == 5 && self.expires)
    }

    /// Whether a bridge that is stopped may leave messages of QoS 2 at the remote broker that no other one knows of: unreleased for
    /// ever, they take from what that broker allows to be in flight.
    pub(crate) fn orphans(&self) -> bool {
        !self.is_kept(self.home) && self.is_kept(self.remote) && self.lines.iter().any(|line| line.out && line.qos == 2)
    }

    pub(crate) fn state_topic(&self) -> String {
        format!("$SYS/broker/connection/{}/state", self.remote_id)
    }

    /// Whether the broker there is told of the state.
    pub(crate) fn notifies(&self, at: usize) -> bool {
        match self.notifications {
            Notifications::Both => true,
            Notifications::Home => at == self.home,
            Notifications::Nobody => false,
        }
    }

    /// What a message of one broker is at the other one, if it goes there.
    pub(crate) fn cross(&self, from: usize, look: &Look, len: usize) -> Option<Look> {
        let outward = from == self.home;
        if outward && self.is_narrow && len >= LONG {
            return None;
        }
        let found = self.lines.iter().find_map(|line| Some((line.cross(outward, &look.topic)?, line.qos)));
        let (topic, qos) = found?;
        Some(Look { topic, qos: look.qos.min(qos), retain: look.retain && (!outward || self.outgoing_retain) })
    }

    /// Whether a retained message that has crossed to this broker goes back when the bridge subscribes again.
    pub(crate) fn comes_back(&self, from: usize, topic: &str) -> bool {
        self.lines.iter().any(|line| line.out && line.inward && line.cross(from == self.home, topic).is_some())
    }

    pub(crate) fn other(&self, at: usize) -> Option<usize> {
        match at {
            _ if at == self.home => Some(self.remote),
            _ if at == self.remote => Some(self.home),
            _ => None,
        }
    }
}

/// What a message is at each broker that it gets to, and from which it comes there (from itself, where it is published).
pub(crate) fn looks(
    plans: &[Plan],
    brokers: usize,
    origin: usize,
    look: &Look,
    len: usize,
) -> Vec<Option<(Look, usize)>> {
    let mut looks = vec![None; brokers];
    let mut open = vec![(origin, origin, look.clone())];
    while let Some((at, from, look)) = open.pop() {
        for plan in plans {
            // Nothing goes back.
            if let Some(to) = plan.other(at).filter(|to| *to != from)
                && let Some(there) = plan.cross(at, &look, len)
            {
                open.push((to, at, there));
            }
        }
        looks[at] = Some((look, from));
    }
    looks
}
