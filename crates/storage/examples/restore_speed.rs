//! What it costs to have much that outlives the broker: to read it in, to hand it over bit by bit, and to have it.
//!
//!     cargo run --release -p mosquitto-storage --example restore_speed -- retained|queued|sessions|subscriptions [N]
//!
//! CPU time of this thread, and bytes as they were asked for from the allocator. Messages have 64 bytes of payload.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    clippy::needless_for_each,
    reason = "it measures time, and stops at the first error"
)]

use mosquitto_broker::{
    Change, KeptMessage, Moment, Persistence, Restore, SessionKey, Settings, Shard, ShardId, Shared, Slice, Target,
};
use mosquitto_mqtt::QoS;
use mosquitto_storage::Reader;
use mosquitto_storage::snapshot::{SnapshotWriter, load};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Duration;

#[global_allocator]
static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;

const FRAME_BYTES: usize = 64 * 1024;

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn message(number: u64, topic: &str) -> KeptMessage<'_> {
    let expires_at = Moment::NEVER;
    KeptMessage { number, topic, properties: b"", payload: &[7; 64], qos: QoS::AtLeastOnce, retain: false, expires_at }
}

fn key(slot: u64) -> SessionKey {
    SessionKey { shard: ShardId(0), slot: slot as u32, epoch: slot as u32 + 1 }
}

fn connected(slot: u64, client_id: &str) -> Change<'_> {
    Change::Connected { session: key(slot), client_id, username: None, listener_port: 1883, expiry_s: u32::MAX }
}

fn to(slot: u64) -> Target {
    Target { session: key(slot), qos: QoS::AtLeastOnce, retain: false, identifier: 0 }
}

/// The records of which one step of this kind consists.
fn records(kind: &str, n: u64, out: &mut Vec<u8>) {
    if n == 1 && matches!(kind, "queued" | "subscriptions") {
        connected(0, "client").encode(out);
    }
    match kind {
        "retained" => {
            let topic = format!("site/{}/device/{n}", n % 100);
            Change::Published { message: message(n, &topic), targets: vec![] }.encode(out);
            Change::Retained { serial: n, message: n, publisher: None }.encode(out);
        }
        "queued" => Change::Published { message: message(n, "site/1/device"), targets: vec![to(0)] }.encode(out),
        "sessions" => {
            connected(n, &format!("client-{n}")).encode(out);
            Change::Published { message: message(n, "site/1/device"), targets: vec![to(n)] }.encode(out);
        }
        "subscriptions" => {
            let filter = format!("site/{}/device/{n}", n % 100);
            Change::Subscribed { session: key(0), filter: &filter, options: 1, identifier: 0 }.encode(out);
        }
        other => panic!("{other}?"),
    }
}

struct Broker {
    shared: Arc<Shared>,
    shards: Vec<Shard>,
}

fn restored(settings: &Arc<Settings>, what: &str, fill: impl FnOnce(&mut Restore)) -> Broker {
    let (start, bytes) = (cpu(), mosquitto_allocator::in_use());
    let mut restore = Restore::new(Arc::clone(settings), 1_000_000_000_000, Moment(0));
    fill(&mut restore);
    let read = cpu();
    let shared = Shared::new(1);
    let mut shards = vec![Shard::new(ShardId(0), Arc::clone(&shared), Arc::clone(settings), [1; 32])];
    restore.install(&shared, &mut shards);
    let (end, bytes) = (cpu(), mosquitto_allocator::in_use() - bytes);
    let (read, install, all) = (read - start, end - read, end - start);
    println!("from {what}: {all:.2?} CPU (read {read:.2?}, install {install:.2?}), {bytes} bytes");
    Broker { shared, shards }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_else(|| "retained".to_owned());
    let count: u64 = arguments.next().map_or(1_000_000, |n| n.parse().unwrap());
    let settings = Settings { persistence: Persistence::Synced, max_queued_messages: 0, ..Settings::default() };
    let settings = Arc::new(settings);
    let mut frames = vec![Vec::new()];
    for n in 1..=count {
        let frame = frames.last_mut().unwrap();
        records(&kind, n, frame);
        if frame.len() >= FRAME_BYTES {
            frames.push(Vec::new());
        }
    }
    let mut broker = restored(&settings, "records", |restore| {
        frames.iter().for_each(|frame| restore.frame(1_000_000_000_000, frame));
    });
    drop(frames);
    let file = snapshot(&mut broker);
    drop(broker);
    let broker = restored(&settings, "file", |restore| {
        load(&mut Reader::new(&file[..]).unwrap(), restore).unwrap();
    });
    drop(file);
    drop(broker);
}

/// Takes one bit by bit, and says what each took.
fn snapshot(Broker { shared, shards }: &mut Broker) -> Vec<u8> {
    let mut writer = SnapshotWriter::new(Vec::new(), 1_000_000_000_000, u64::MAX >> 2, false).unwrap();
    let mut slices: Vec<Duration> = Vec::with_capacity(1_000_000);
    let mut from = Some(0);
    while let Some(at) = from {
        let mut parts = Vec::new();
        let start = cpu();
        from = shared.retained_slice(at, Shard::HAND_OVER_STEPS, &mut parts);
        slices.push(cpu() - start);
        parts.iter().for_each(|part| writer.retained(part).unwrap());
    }
    report("retained", &mut slices);
    shards[0].begin(Moment(1));
    shards[0].begin_hand_over();
    shards[0].end();
    loop {
        let mut parts = Vec::new();
        shards[0].begin(Moment(1));
        let start = cpu();
        let slice = shards[0].hand_over(Shard::HAND_OVER_STEPS, &mut parts);
        slices.push(cpu() - start);
        shards[0].end();
        parts.iter().for_each(|part| writer.session(part).unwrap());
        if slice == Slice::Done {
            break;
        }
    }
    report("sessions", &mut slices);
    let mut from = Some(0);
    while let Some(at) = from {
        let mut filters = Vec::new();
        let start = cpu();
        from = shared.subscription_slice(at, Shard::HAND_OVER_STEPS as u32, &mut filters);
        slices.push(cpu() - start);
        filters.iter().for_each(|kept| writer.filter(kept).unwrap());
    }
    report("subscriptions", &mut slices);
    writer.finish().0
}

fn report(what: &str, slices: &mut Vec<Duration>) {
    let first = slices[0];
    let longest = slices.iter().enumerate().max_by_key(|(_, time)| **time).unwrap();
    let longest = format!("{:?} (the {}th)", longest.1, longest.0 + 1);
    let count = slices.len();
    slices.sort();
    println!("{count} slices of {what}: first {first:?}, median {:?}, longest {longest}", slices[count / 2]);
    slices.clear();
}
