//! How a new `mosquitto.db` takes the place of the old one, and the journal before it goes.

use super::layout::{Base, Kind, SnapshotFrame};
use super::names::Names;
use super::writer::{WriteError, Writer};
use super::{Disk, DiskFile, Identity, IdentityHasher};
use std::io;

/// What is written at once into a new database, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// That a snapshot has begun: frames from its sequence number on will be replayed over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The sequence number of the first frame that came after.
    pub sequence: u64,
    pub(super) segment: u64,
    pub(super) total_bytes: u64,
}

impl Writer {
    /// Begins a snapshot: what is appended from now on is replayed over it. If there is room, that begins a segment.
    pub fn begin_snapshot(&mut self) -> Result<Ticket, WriteError> {
        if self.has_frames() {
            match self.rotate(0) {
                // Then what comes before stays a little longer; the sequence number tells what is to be replayed.
                Ok(()) | Err(WriteError::NoRoom) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Ticket { sequence: self.next_sequence(), segment: self.segment(), total_bytes: self.total_bytes })
    }

    /// Ends a snapshot, which is whole in `mosquitto.db.new` and [on disk](NewDatabase::finish): it takes the place of
    /// `mosquitto.db`, and the journal before its beginning is removed. What was appended so far is on disk then.
    ///
    /// `payload` is found again by [`Recovery::snapshot_payload`](super::Recovery::snapshot_payload), and given the time 0
    /// of whoever opens it. After [`WriteError::NoRoom`] nothing has changed, and it may be tried again.
    pub fn commit_snapshot(&mut self, ticket: &Ticket, identity: Identity, payload: &[u8]) -> Result<(), WriteError> {
        let base = Base { identity, sequence: ticket.sequence };
        let frame = SnapshotFrame { base, segment: ticket.segment }.encode(payload);
        self.encode(Kind::Snapshot, self.next_sequence() - 1, 0, &frame)?;
        self.sync()?;
        replace_database(&*self.disk, &self.names).map_err(|error| {
            let what = format!("renaming {}", self.names.new_database());
            self.failed(what, error)
        })?;
        self.sync_dir()?;
        self.base = base;
        self.snapshot_bytes = ticket.total_bytes;
        match self.name_base() {
            // The frame says the same.
            Ok(()) | Err(WriteError::NoRoom) => {}
            Err(error) => return Err(error),
        }
        self.remove_before(ticket.segment)
    }

    /// Removes the segments before this one. What was damaged gets another name instead.
    fn remove_before(&mut self, segment: u64) -> Result<(), WriteError> {
        let keep = self.kept.partition_point(|kept| kept.number < segment);
        let removed: Vec<_> = self.kept.drain(..keep).collect();
        for kept in removed {
            let name = self.names.segment(kept.number);
            let done = match &kept.aside {
                Some(aside) => self.disk.rename(&name, aside),
                None => self.disk.remove(&name),
            };
            done.map_err(|error| self.fatal(format!("removing {name}"), error))?;
        }
        self.sync_dir()
    }

    /// Removes the journal, so that another broker may change the database: after a snapshot has been committed with nothing
    /// appended since its beginning. Where something has, the journal stays as it is, on disk, and this is `false`.
    pub fn remove(mut self) -> Result<bool, WriteError> {
        self.sync()?;
        if self.next_sequence() != self.base.sequence {
            return Ok(false);
        }
        self.remove_before(u64::MAX)?;
        // Last that which says that it belongs to the database.
        for name in self.forget() {
            self.disk.remove(&name).map_err(|error| self.fatal(format!("removing {name}"), error))?;
        }
        self.sync_dir().map(|()| true)
    }
}

fn replace_database(disk: &dyn Disk, names: &Names) -> io::Result<()> {
    disk.rename(&names.new_database(), names.database())
}

/// `mosquitto.db.new` while it is written; its identity is made on the way.
pub struct NewDatabase {
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    written: u64,
    hasher: IdentityHasher,
}

impl NewDatabase {
    /// An empty one, which only the broker's user may read. `database` is the name of the database's file.
    pub fn create(disk: &dyn Disk, database: &str) -> io::Result<Self> {
        let file = disk.create(&Names::new(database).new_database())?;
        Ok(Self { file, buffer: Vec::with_capacity(BUFFER_BYTES), written: 0, hasher: IdentityHasher::new() })
    }

    /// Returns once it is on disk.
    pub fn finish(mut self) -> io::Result<Identity> {
        io::Write::flush(&mut self)?;
        self.file.sync()?;
        Ok(self.hasher.finish())
    }

    /// Removes what an attempt has left. That there is nothing is no error.
    pub fn remove(disk: &dyn Disk, database: &str) -> io::Result<()> {
        match disk.remove(&Names::new(database).new_database()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Puts it into the place of the database, where there is no journal.
    pub fn replace(disk: &dyn Disk, database: &str) -> io::Result<()> {
        replace_database(disk, &Names::new(database))?;
        disk.sync_dir()
    }
}

impl io::Write for NewDatabase {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        self.hasher.update(bytes);
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
        Ok(())
    }
}
