//! The disk of a simulated broker: the frames of all shards in the order in which they came, and when they are safe.

use super::Net;
use super::replay::Replay;
use mosquitto_broker::{Change, Persistence, Settings};

/// Whether every broker of this test program has one: it runs all scenarios once more.
pub(crate) const IS_ALWAYS: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"kept");

pub(crate) struct Disk {
    pub(crate) is_on: bool,
    /// The frames of all shards.
    pub(crate) frames: Vec<Vec<u8>>,
    /// How many of each shard were taken.
    taken: Vec<u64>,
    /// Whether nothing gets safe.
    pub(crate) hold: bool,
    /// Whether what the records come to is not to be compared with the broker at its end.
    pub(crate) unchecked: bool,
    queues_qos_0: bool,
}

impl Disk {
    pub(crate) fn new(shards: u16, settings: &Settings) -> Self {
        Self {
            is_on: settings.persistence != Persistence::Off,
            frames: Vec::new(),
            taken: vec![0; usize::from(shards)],
            hold: false,
            unchecked: false,
            queues_qos_0: settings.queue_qos0_messages,
        }
    }

    /// The records since the last look, as text.
    pub(crate) fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.frames).iter().flat_map(|frame| records(frame)).map(|r| format!("{r:?}")).collect()
    }
}

/// The records of a frame.
pub(crate) fn records(mut frame: &[u8]) -> Vec<Change<'_>> {
    let records = std::iter::from_fn(|| Change::decode(&mut frame)).collect();
    assert!(frame.is_empty(), "a record that cannot be read");
    records
}

impl Net {
    /// Writes down what a tick has changed.
    pub(crate) fn write_changes(&mut self, at: usize) {
        if let Some(frame) = self.shards[at].take_changes(Vec::new()) {
            self.disk.frames.push(frame);
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
        let mut replay = Replay::default();
        self.disk.frames.iter().flat_map(|frame| records(frame)).for_each(|change| replay.play(&change));
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
        let count = self.shared.retained_count();
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
