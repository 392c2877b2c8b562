//! Files that were torn, cut, or have other bytes than were written: the broker starts, and says what it could not read.

use super::{directory, files, kept_in};
use crate::harness::{Broker, Scratch, client};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Has everything that is kept, in the file and in the journal.
fn prepare(directory: &Arc<Scratch>) {
    let broker = kept_in(directory, "worker_threads 2").start();
    let mut away = client("away").persistent().to(&broker);
    away.subscribe("t/#", 2);
    away.disconnect();
    publish(&broker, "first", 30);
    broker.stop();
    let broker = kept_in(directory, "worker_threads 2").start();
    publish(&broker, "second", 30);
    broker.kill();
}

fn publish(broker: &Broker, name: &str, count: usize) {
    let mut publisher = client("publisher").to(broker);
    for n in 0..count {
        publisher.publish(&format!("t/{name}"), format!("{name} {n}"), 1 + n as u8 % 2);
        publisher.publish_retained(&format!("r/{name}/{n}"), "retained", 1);
    }
    publisher.finish();
}

/// The files with something in them.
fn databases_and_segments(directory: &Scratch) -> Vec<PathBuf> {
    let is_one = |name: &String| {
        let extension = name.rsplit('.').next().unwrap();
        !["lock", "spare"].contains(&extension)
    };
    files(directory.path()).iter().filter(|name| is_one(name)).map(|name| directory.path().join(name)).collect()
}

/// The broker starts, is of use, and starts again without complaint once it has been stopped.
fn starts(directory: &Arc<Scratch>, what: &str) -> Vec<String> {
    let setup = kept_in(directory, "log_timestamp false\nworker_threads 2");
    let broker = setup.start();
    let (mut away, _) = client("away").persistent().resume(&broker);
    away.subscribe("t/#", 1);
    let mut publisher = client("publisher").to(&broker);
    publisher.publish("t/now", what, 1);
    publisher.finish();
    while away.message().text() != what {}
    away.all_messages();
    away.disconnect();
    let log = broker.stop();
    let again = setup.start().stop();
    let complaints = |log: &[String]| log.iter().any(|line| line.contains("Error") || line.contains("damaged"));
    assert!(!complaints(&again), "{what}: {again:#?}");
    log
}

fn copy(from: &Scratch, to: &Scratch) {
    for path in fs::read_dir(from.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn whatever_happened_to_its_files_the_broker_starts() {
    let original = directory();
    prepare(&original);
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below.max(1)
    };
    for round in 0..12 {
        for at in 0..databases_and_segments(&original).len() {
            let directory = directory();
            copy(&original, &directory);
            let path = &databases_and_segments(&directory)[at];
            let mut bytes = fs::read(path).unwrap();
            // Where there is something: segments are longer than what stands in them.
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1) as u64;
            let place = next(used) as usize;
            match round % 4 {
                0 => bytes.truncate(place),
                1 => bytes[place] ^= 1 << next(8),
                2 => bytes.iter_mut().skip(place).take(512).for_each(|byte| *byte = 0),
                _ => bytes.truncate(0),
            }
            fs::write(path, bytes).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            starts(&directory, &format!("round {round}, {name} at {place} of {used}"));
        }
    }
}

#[test]
fn a_database_that_is_damaged_is_kept_under_a_name_with_the_date_and_the_rest_is_used() {
    let directory = directory();
    prepare(&directory);
    let path = directory.path().join("mosquitto.db");
    let mut bytes = fs::read(&path).unwrap();
    // The topic of a message that is queued is none any more.
    let at = bytes.windows(7).position(|window| window == b"t/first").unwrap();
    bytes[at..at + 7].copy_from_slice(b"t/\xff\xff\xff\xff\xff");
    fs::write(&path, &bytes).unwrap();
    let setup = kept_in(&directory, "log_timestamp false");
    let broker = setup.start();
    broker.log.wait_for(" is damaged, at byte ");
    broker.log.wait_for("could not be read. What could be read is used.");
    let aside = files(directory.path()).into_iter().find(|name| name.starts_with("mosquitto.db.damaged-")).unwrap();
    assert_eq!(fs::read(directory.path().join(aside)).unwrap(), bytes);
    let (mut away, present) = client("away").persistent().resume(&broker);
    assert!(present);
    // All but one of the file, and all of the journal.
    let came = away.all_messages();
    let of = |name: &str| came.iter().filter(|message| message.text().starts_with(name)).count();
    assert_eq!((of("first "), of("second ")), (29, 30));
}

/// As after a power cut: some of what was written last is not there.
#[test]
fn the_end_of_a_journal_that_was_torn_is_cut_off() {
    let directory = directory();
    prepare(&directory);
    let path = databases_and_segments(&directory).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    fs::write(&path, &bytes[..used - 3]).unwrap();
    let broker = kept_in(&directory, "").start();
    let (mut away, present) = client("away").persistent().resume(&broker);
    assert!(present);
    broker.log.wait_for(" that were not written completely");
    // All of the file, and of the journal what stands before its last entry, in which there may be several.
    let came = away.all_messages();
    let of = |name: &str| came.iter().filter(|message| message.text().starts_with(name)).count();
    assert_eq!(of("first "), 30);
    assert!((1..=30).contains(&of("second ")), "{}", of("second "));
}

#[test]
fn an_empty_database_is_warned_of_and_one_of_another_version_set_aside() {
    let directory = directory();
    let path = directory.path().join("mosquitto.db");
    fs::write(&path, "").unwrap();
    let broker = kept_in(&directory, "").start();
    broker.log.wait_for("Warning: Persistence file is empty.");
    broker.stop();
    let mut bytes = fs::read(&path).unwrap();
    bytes[22] = 99;
    fs::write(&path, &bytes).unwrap();
    let broker = kept_in(&directory, "").start();
    broker.log.wait_for("expected a version from 2 to 6, found 99");
    assert!(files(directory.path()).iter().any(|name| name.starts_with("mosquitto.db.damaged-")));
    client("user").to(&broker).ping();
}
