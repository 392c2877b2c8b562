//! The same on the machine's own disk.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "these tests are about files")]

use super::{SEGMENT_BYTES, append, payload};
use mosquitto_storage::journal::{Identity, Lock, LockError, NewDatabase, Opening, RealDisk, Recovery};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory that is removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mosquitto-journal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> BTreeSet<String> {
        std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn open(directory: &Path, snapshot: Identity) -> Recovery {
    let disk = Arc::new(RealDisk::new(directory));
    let opening = Opening {
        disk,
        database: "mosquitto.db".into(),
        snapshot,
        snapshot_is_damaged: false,
        segment_bytes: SEGMENT_BYTES,
        wall_clock_s: 0,
        salt: 5,
    };
    opening.open().unwrap()
}

#[test]
fn segments_lie_beside_the_database_and_go_with_it() {
    let directory = Directory::new("segments");
    let mut writer = open(&directory.0, Identity::NONE).into_writer().unwrap();
    for _ in 0..20 {
        append(&mut writer).unwrap();
    }
    writer.sync().unwrap();
    drop(writer);
    for name in directory.names() {
        let permissions = std::fs::metadata(directory.0.join(&name)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{name}");
    }
    assert!(directory.names().contains("mosquitto.db.journal.00000001"), "{:?}", directory.names());

    let recovery = open(&directory.0, Identity::NONE);
    let mut frames = recovery.frames();
    for sequence in 1..=20 {
        let frame = frames.next().unwrap().unwrap();
        assert_eq!((frame.sequence, frame.payload), (sequence, payload(sequence).as_slice()));
    }
    assert!(frames.next().unwrap().is_none());

    let mut writer = recovery.into_writer().unwrap();
    let ticket = writer.begin_snapshot().unwrap();
    let mut database = NewDatabase::create(&RealDisk::new(&directory.0), "mosquitto.db").unwrap();
    database.write_all(b"all of it").unwrap();
    let identity = database.finish().unwrap();
    writer.commit_snapshot(&ticket, identity, b"").unwrap();
    assert!(writer.remove().unwrap());
    assert_eq!(directory.names(), BTreeSet::from(["mosquitto.db".to_owned()]));
    assert_eq!(std::fs::read(directory.0.join("mosquitto.db")).unwrap(), b"all of it");
}

#[test]
fn a_second_broker_is_refused() {
    let directory = Directory::new("lock");
    let database = directory.0.join("mosquitto.db");
    let lock = Lock::acquire(&database).unwrap();
    let error = Lock::acquire(&database).unwrap_err();
    assert!(matches!(&error, LockError::Taken { process: Some(id), .. } if *id == std::process::id()), "{error}");
    let other = Lock::acquire(&directory.0.join("other.db")).unwrap();
    drop(lock);
    drop(Lock::acquire(&database).unwrap());
    // One whose owner was killed.
    std::fs::write(directory.0.join("mosquitto.db.lock"), "1\n").unwrap();
    drop(Lock::acquire(&database).unwrap());
    drop(other);
    assert_eq!(directory.names(), BTreeSet::new());
    let nowhere = Lock::acquire(&directory.0.join("nowhere/mosquitto.db")).unwrap_err();
    assert!(matches!(nowhere, LockError::Io { .. }), "{nowhere}");
}
