//! A snapshot that is taken while the broker runs, a step at a time.

use super::broker::{Broker, PowerOff, no_room_is_none};
use super::start::DATABASE;
use crate::random::Random;
use mosquitto_broker::{SessionKey, Slice};
use mosquitto_storage::journal::{NewDatabase, Ticket};
use mosquitto_storage::snapshot::SnapshotWriter;
use std::collections::HashMap;

/// Numbers of messages that a broker gives away in a run, at the most.
const NUMBERS: u64 = 1 << 40;

pub(crate) struct Saving {
    ticket: Ticket,
    writer: Option<SnapshotWriter<NewDatabase>>,
    known: Vec<u8>,
    begun: Vec<bool>,
    done: Vec<bool>,
    steps: usize,
    keys: HashMap<Box<str>, SessionKey>,
    retained: Option<usize>,
    filters: Option<u32>,
    /// Given up: there was no room, or sessions have moved.
    is_void: bool,
}

impl Broker {
    /// Begins a snapshot, unless one is under way.
    pub(crate) fn begin_saving(&mut self, random: &mut Random, shutdown: bool) -> Result<(), PowerOff> {
        if self.saving.is_some() || !self.write_frames(usize::MAX)? {
            return Ok(());
        }
        let Some(ticket) = no_room_is_none(self.writer.begin_snapshot())? else { return Ok(()) };
        let number = self.next_number + NUMBERS;
        let new = NewDatabase::create(&self.disk, DATABASE);
        let writer = new.ok().and_then(|new| SnapshotWriter::new(new, self.epoch_ms, number, shutdown).ok());
        let count = self.shards.len();
        let mut known = Vec::new();
        self.shared.retained_so_far().encode(&mut known);
        self.saving = Some(Saving {
            ticket,
            is_void: writer.is_none(),
            writer,
            known,
            begun: vec![false; count],
            done: vec![false; count],
            steps: 1 + random.below(6),
            keys: HashMap::new(),
            retained: Some(0),
            filters: Some(0),
        });
        Ok(())
    }

    /// What a tick does for the snapshot.
    pub(crate) fn hand_over(&mut self, at: usize, random: &mut Random) {
        let Some(saving) = &mut self.saving else { return };
        if saving.retained.is_some() || saving.done[at] || random.one_in(3) {
            return;
        }
        if !saving.begun[at] {
            saving.begun[at] = true;
            self.shards[at].begin_hand_over();
            return;
        }
        let mut parts = Vec::new();
        saving.done[at] = self.shards[at].hand_over(saving.steps, &mut parts) == Slice::Done;
        for part in parts {
            let before = saving.keys.insert(part.client_id.clone(), part.key);
            saving.is_void |= before.is_some_and(|before| before != part.key);
            saving.is_void |= saving.writer.as_mut().is_none_or(|writer| writer.session(&part).is_err());
        }
    }

    /// What the one who saves does beside the shards. True once there is nothing to do any more.
    pub(crate) fn go_on_saving(&mut self) -> Result<bool, PowerOff> {
        let Some(saving) = &mut self.saving else { return Ok(true) };
        if let Some(from) = saving.retained {
            let mut parts = Vec::new();
            saving.retained = self.shared.retained_slice(from, saving.steps, &mut parts);
            for part in parts {
                saving.is_void |= saving.writer.as_mut().is_none_or(|writer| writer.retained(&part).is_err());
            }
            return Ok(false);
        }
        // Shards have to come to their end, also in vain: the next one begins after that.
        if !saving.done.iter().all(|done| *done) {
            return Ok(false);
        }
        if let Some(from) = saving.filters.filter(|_| !saving.is_void) {
            let mut filters = Vec::new();
            saving.filters = self.shared.subscription_slice(from, saving.steps as u32, &mut filters);
            for filter in filters {
                saving.is_void |= saving.writer.as_mut().is_none_or(|writer| writer.filter(&filter).is_err());
            }
            return Ok(false);
        }
        // All that is in there is in the journal first.
        if !saving.is_void && !self.write_frames(usize::MAX)? {
            return Ok(false);
        }
        let Some(mut saving) = self.saving.take() else { return Ok(true) };
        if let Some(writer) = saving.writer.filter(|_| !saving.is_void) {
            let (new, mut known) = writer.finish();
            known.append(&mut saving.known);
            if let Ok(identity) = new.finish() {
                no_room_is_none(self.writer.commit_snapshot(&saving.ticket, identity, &known))?;
            }
        }
        Ok(true)
    }

    /// The last snapshot of a broker that has come to rest. True where there is no journal any more.
    pub(crate) fn save_finally(mut self, random: &mut Random, removes: bool) -> Result<bool, PowerOff> {
        self.saving = None;
        self.begin_saving(random, true)?;
        let Some(saving) = &mut self.saving else { return Ok(false) };
        for shard in &mut self.shards {
            shard.hand_over_all(|parts| {
                for part in parts {
                    saving.is_void |= saving.writer.as_mut().is_none_or(|writer| writer.session(&part).is_err());
                }
            });
        }
        saving.done.iter_mut().for_each(|done| *done = true);
        while !self.go_on_saving()? {}
        if !removes {
            return Ok(false);
        }
        match self.writer.remove() {
            Ok(removed) => Ok(removed),
            Err(_) => Err(PowerOff),
        }
    }
}
