//! The start of a broker from what is on a disk.

use super::broker::{Broker, PowerOff};
use crate::random::Random;
use mosquitto_broker::{Moment, Restore, Restored, Settings, Shard, ShardId, Shared};
use mosquitto_storage::journal::{Continues, Identity, Kind, Opening, TestDisk, WriteError};
use mosquitto_storage::{Reader, snapshot};
use std::sync::Arc;

/// The name of the database.
pub(crate) const DATABASE: &str = "mosquitto.db";

/// What a start has found.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) restored: Restored,
    /// Whether anything was damaged, or does not fit together.
    pub(crate) is_loss: bool,
    pub(crate) lines: Vec<String>,
}

/// What a broker starts with.
pub(crate) struct Beginning<'a> {
    pub(crate) disk: TestDisk,
    pub(crate) settings: &'a Settings,
    pub(crate) shards: usize,
    /// The wall clock, in milliseconds.
    pub(crate) wall_ms: u64,
    pub(crate) segment_bytes: u64,
    /// Whose homes are to follow from the seed.
    pub(crate) clients: &'a [String],
}

/// Starts a broker. The outer error: it does not start, which is never to be.
pub(crate) fn start(
    beginning: Beginning<'_>,
    random: &mut Random,
) -> Result<Result<(Broker, Start), PowerOff>, String> {
    let Beginning { disk, settings, shards: count, wall_ms, segment_bytes, clients } = beginning;
    let settings = Arc::new(settings.clone());
    let now = Moment(random.below(20) as u64);
    let epoch_ms = wall_ms - now.0;
    let mut restore = Restore::new(Arc::clone(&settings), epoch_ms, now);
    let (mut identity, mut is_damaged) = (Identity::NONE, false);
    if let Some(bytes) = disk.read(DATABASE) {
        identity = Identity::of(&bytes);
        is_damaged = bytes.is_empty();
        match Reader::new(bytes.as_slice()) {
            Ok(mut reader) => {
                while let Err(error) = snapshot::load(&mut reader, &mut restore) {
                    is_damaged = true;
                    if !error.can_go_on() {
                        break;
                    }
                }
            }
            Err(_) => is_damaged = true,
        }
    }
    let opening = Opening {
        disk: Arc::new(disk.clone()),
        database: DATABASE.to_owned(),
        snapshot: identity,
        snapshot_is_damaged: is_damaged,
        segment_bytes,
        wall_clock_s: (wall_ms / 1000).cast_signed(),
        salt: random.below(1 << 40) as u64,
    };
    let recovery = opening.open().map_err(|error| format!("the journal cannot be opened: {error}"))?;
    if let Some(payload) = recovery.snapshot_payload() {
        restore.known(payload);
    }
    let mut frames = recovery.frames();
    while let Some(frame) = frames.next().map_err(|error| format!("the journal cannot be read: {error}"))? {
        let epoch_ms = u64::try_from(frame.epoch_ms).unwrap_or_default();
        match frame.kind {
            Kind::Changes => restore.frame(epoch_ms, frame.payload),
            Kind::Boot => restore.boot(epoch_ms, frame.payload),
            _ => {}
        }
    }
    let shared = shared(count, clients, random);
    let shard = |at: usize| {
        let seed = [at as u8 + 1; 32];
        Shard::new(ShardId(at as u16), Arc::clone(&shared), Arc::clone(&settings), seed)
    };
    let mut shards: Vec<Shard> = (0..count).map(shard).collect();
    let restored = restore.install(&shared, &mut shards);
    let report = recovery.report();
    let is_loss = is_damaged || report.is_loss() || report.continues == Continues::Another;
    let start = Start { restored: restored.clone(), is_loss, lines: report.lines.clone() };
    let writer = match recovery.into_writer() {
        Ok(writer) => writer,
        Err(WriteError::NoRoom) => return Err("a start needs no room".to_owned()),
        Err(WriteError::Failed(failure)) if failure.error.to_string().contains("power") => return Ok(Err(PowerOff)),
        Err(error) => return Err(format!("the journal cannot be continued: {error}")),
    };
    let mut broker = Broker::new(disk, (now, epoch_ms), (shared, shards), writer, restored.next_number);
    broker.push_boot(restored.boot);
    Ok(Ok((broker, start)))
}

/// For so many shards: one that gives each client the home that chance wants. Which that is, is not the simulator's own
/// chance otherwise.
fn shared(shards: usize, clients: &[String], random: &mut Random) -> Arc<Shared> {
    let clients = || clients.iter().map(String::as_str).chain(["looks"]);
    let homes: Vec<usize> = clients().map(|_| random.below(shards)).collect();
    loop {
        let shared = Shared::new(shards as u16);
        if clients().zip(&homes).all(|(client, home)| shared.home_of(client).index() == *home) {
            return shared;
        }
    }
}
