//! The disk of a simulated broker: the frames of all shards in the order in which they came, and when they are safe.

use super::Net;
use super::replay::Replay;
use mosquitto_broker::{Change, KeptMessage, Persistence, SessionKey, Settings, Target};
use std::collections::HashMap;

/// Whether every broker of this test program has one: it runs all scenarios once more.
pub(crate) const IS_ALWAYS: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"kept");

pub(crate) struct Disk {
    pub(crate) is_on: bool,
    /// The frames of all shards, each with its shard.
    pub(super) frames: Vec<(usize, Vec<u8>)>,
    /// How many of them were looked at, and the clients of the sessions that stand in them.
    seen: usize,
    names: HashMap<SessionKey, String>,
    /// How many of each shard were taken.
    taken: Vec<u64>,
    /// Whether nothing gets safe.
    pub(crate) hold: bool,
    /// Whether what the records come to is not to be compared with the broker at its end.
    pub(crate) unchecked: bool,
    /// Messages that are retained below `$SYS`, and so not kept.
    pub(crate) retained_below_sys: usize,
    queues_qos_0: bool,
    pub(super) snapshot: super::kept::Snapshot,
}

impl Disk {
    pub(crate) fn new(shards: u16, settings: &Settings) -> Self {
        Self {
            is_on: settings.persistence != Persistence::Off,
            frames: Vec::new(),
            seen: 0,
            names: HashMap::new(),
            taken: vec![0; usize::from(shards)],
            hold: false,
            unchecked: false,
            retained_below_sys: 0,
            queues_qos_0: settings.queue_qos0_messages,
            snapshot: super::kept::Snapshot::new(),
        }
    }

    /// Of how many shards the numbers of messages are.
    pub(super) fn numbering(&self) -> u64 {
        self.taken.len() as u64
    }

    /// How many frames there are.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// What the first so many frames come to.
    pub(crate) fn replay(&self, frames: usize) -> Replay {
        let mut replay = Replay::default();
        let records = self.frames[..frames].iter().flat_map(|(_, frame)| records(frame));
        records.for_each(|change| replay.play(&change));
        replay
    }

    /// The records since the last look, as text.
    pub(crate) fn news(&mut self) -> Vec<String> {
        let from = std::mem::replace(&mut self.seen, self.frames.len());
        self.frames[from..].iter().flat_map(|(_, frame)| records(frame)).map(|r| line(&mut self.names, &r)).collect()
    }
}

/// A record as text: `Connected c 100`, `Published 1 q1 t "x" [c q1, d q1 retain 7]`, `Launched c 1 q1 id=1`, ... Options
/// of subscriptions are the byte of MQTT 5.
fn line(names: &mut HashMap<SessionKey, String>, record: &Change<'_>) -> String {
    if let Change::Connected { session, client_id, .. } = record {
        names.insert(*session, (*client_id).to_owned());
    }
    let name = |key: &SessionKey| names.get(key).map_or("?", String::as_str).to_owned();
    let target = |Target { session, qos, retain, identifier }: &Target| {
        let mut text = format!("{} q{}", name(session), qos.bits());
        text += if *retain { " retain" } else { "" };
        if *identifier > 0 { text + &format!(" {identifier}") } else { text }
    };
    let message = |m: &KeptMessage<'_>| {
        let retain = if m.retain { " retain" } else { "" };
        format!("{} q{}{retain} {} {:?}", m.number, m.qos.bits(), m.topic, String::from_utf8_lossy(m.payload))
    };
    match record {
        Change::Known { session, client_id } => format!("Known {session:?} {client_id}"),
        Change::Connected { client_id, username, expiry_s, .. } => {
            let username = username.map(|name| format!(" u={name}")).unwrap_or_default();
            format!("Connected {client_id} {expiry_s}{username}")
        }
        Change::Left { session, expiry_s, .. } => format!("Left {} {expiry_s}", name(session)),
        Change::Ended { session } => format!("Ended {}", name(session)),
        Change::Subscribed { session, filter, options, identifier } => {
            format!("Subscribed {} {filter} {options:#04x} {identifier}", name(session))
        }
        Change::Unsubscribed { session, filter } => format!("Unsubscribed {} {filter}", name(session)),
        Change::Published { message: m, targets } => {
            format!("Published {} [{}]", message(m), targets.iter().map(target).collect::<Vec<_>>().join(", "))
        }
        Change::Launched { target: to, message, packet_id } => {
            format!("Launched {message} id={packet_id} {}", target(to))
        }
        Change::HandedOver { session, message, packet_id } => {
            format!("HandedOver {message} id={packet_id} {}", name(session))
        }
        Change::Finished { session, message, packet_id } => {
            format!("Finished {message} id={packet_id} {}", name(session))
        }
        Change::Dropped { session, message } => format!("Dropped {message} {}", name(session)),
        Change::Came { session, packet_id, message: m } => {
            format!("Came id={packet_id} {} {}", name(session), message(m))
        }
        Change::Released { session, packet_id } => format!("Released id={packet_id} {}", name(session)),
        Change::Retained { serial, message, publisher } => {
            let publisher = publisher.map(|p| format!(" by {}", p.client_id)).unwrap_or_default();
            format!("Retained {message} #{serial}{publisher}")
        }
        Change::RetainedUpTo { serial } => format!("RetainedUpTo #{serial}"),
        Change::Cleared { serial, topic } => format!("Cleared {topic} #{serial}"),
    }
}

/// The records of a frame.
fn records(mut frame: &[u8]) -> Vec<Change<'_>> {
    let records = std::iter::from_fn(|| Change::decode(&mut frame)).collect();
    assert!(frame.is_empty(), "a record that cannot be read");
    records
}

impl Net {
    /// Writes down what a tick has changed.
    pub(crate) fn write_changes(&mut self, at: usize) {
        if let Some(frame) = self.shards[at].take_changes(Vec::new()) {
            self.disk.frames.push((at, frame));
            self.disk.taken[at] += 1;
        }
        if !self.disk.hold {
            self.shards[at].durable(self.disk.taken[at]);
        }
    }

    /// The first so many frames of a shard are safe.
    pub(crate) fn make_safe(&mut self, shard: usize, frames: u64) {
        self.shards[shard].begin(self.now);
        self.shards[shard].durable(frames);
        self.shards[shard].end();
        self.run();
    }

    /// The first so many frames of all shards together are safe.
    pub(crate) fn make_all_safe(&mut self, frames: usize) {
        for shard in 0..self.shards.len() {
            let safe = self.disk.frames[..frames].iter().filter(|(at, _)| *at == shard).count();
            self.make_safe(shard, safe as u64);
        }
    }

    /// All that was written is safe, and all that will be.
    pub(crate) fn release_disk(&mut self) {
        self.disk.hold = false;
        self.run();
    }

    /// How many frames of a shard there are.
    pub(crate) fn frames_of(&self, shard: usize) -> u64 {
        self.disk.taken[shard]
    }

    /// What the records come to must be what the broker has.
    fn compare(&mut self) {
        (0..self.shards.len()).for_each(|at| self.write_changes(at));
        if self.mail.iter().any(|mail| !mail.is_empty())
            || self.shards.iter().any(|s| s.mail_waiting().next().is_some())
        {
            return;
        }
        self.compare_restored();
        let replay = self.disk.replay(self.disk.len());
        let reports: Vec<_> = self.shards.iter().flat_map(|shard| shard.session_reports(0, u32::MAX).0).collect();
        let mut dump = Vec::new();
        self.shared.copy_subscriptions().write(&reports, &mut dump).unwrap();
        let dump = String::from_utf8_lossy(&dump);
        let mut sessions = replay.sessions();
        for report in reports.iter().filter(|report| report.is_durable) {
            let name = &*report.client_id;
            let kept = sessions.remove(name).unwrap_or_else(|| panic!("the session of {name:?} is not kept"));
            assert_eq!(kept.is_connected, report.connected, "{name:?}");
            assert_eq!(kept.in_flight.len(), report.in_flight, "in flight to {name:?}: {kept:?}");
            if !self.disk.queues_qos_0 {
                assert_eq!(kept.queue.len(), report.queued, "queued for {name:?}: {kept:?}");
                assert_eq!(replay.bytes_of(kept), report.bytes, "{name:?}: {kept:?}");
            }
            for qos in 0..3 {
                let subscriptions = kept.subscriptions.values().filter(|(options, _)| options & 3 == qos).count();
                assert_eq!(dump.matches(&format!(" ({name}, {qos})")).count(), subscriptions, "{name:?} {dump}");
            }
        }
        assert!(sessions.is_empty(), "kept, but there are no such sessions: {sessions:?}");
        let (all, unexpired) = replay.retained(self.now);
        let count = self.shared.retained_count() - self.disk.retained_below_sys;
        assert!((unexpired..=all).contains(&count), "{count} retained, {all} kept, {unexpired} of them not expired");
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if self.disk.is_on && !self.disk.unchecked && !std::thread::panicking() {
            self.compare();
        }
    }
}
