//! The journal: what has changed since the snapshot, in files beside `mosquitto.db`.
//!
//! It stores *frames*, of which it knows nothing but the bytes. A frame is there whole or not at all; frames have numbers,
//! one after the other, and come back in their order. [`Opening`] finds out what is there, [`Recovery`] has the frames to
//! replay and a [`Report`] of what was found, and becomes the [`Writer`]; a [`Journal`] is a writer with a thread and a queue
//! in front. All of it sees the disk through [`Disk`], which is a directory ([`RealDisk`]) or, for tests, a disk in memory
//! that loses what it may lose (`TestDisk`, feature `test-disk`). A [`Lock`] keeps a second broker away.
//!
//! # Files
//!
//! | name | what it is |
//! |---|---|
//! | `mosquitto.db` | the snapshot |
//! | `mosquitto.db.new` | the next one, while it is written |
//! | `mosquitto.db.lock` | who uses all of this |
//! | `mosquitto.db.journal.00000001` | a segment: eight digits, or more |
//! | `mosquitto.db.journal.spare` | the next segment, of its full size and without a header |
//! | `mosquitto.db.journal.00000001.WHY-20261128T224500Z` | a segment that was set aside: `stale` belongs to another snapshot, `damaged` has places that cannot be read, `version` is of a version that is not known, `torn` is behind the end of the journal |
//!
//! Only the broker's user may read them.
//!
//! # Segments
//!
//! Integers are little-endian, checksums CRC-32C (Castagnoli). A segment is as long as it was allocated; zeros follow its last
//! frame. One that was the last when a broker started has been cut off behind its last frame.
//!
//! | bytes | in a segment |
//! |---|---|
//! | 0 to 87 | header |
//! | 4,096 to 4,183 | the same again, on another sector; after a snapshot it names this one |
//! | from 8,192 | frames |
//! | all others | 0 |
//!
//! | bytes | in a header |
//! |---|---|
//! | 0 to 15 | magic: `00 B5 00`, `mosquitto jnl` |
//! | 16 to 19 | u32 version, 1 |
//! | 20 to 23 | 0 |
//! | 24 to 31 | u64 number of the segment, as in its name |
//! | 32 to 39 | u64 salt, random, the same in all segments of a journal |
//! | 40 to 47 | u64 sequence number of the first frame; all before it were on disk when this was written |
//! | 48 to 63 | u64 length and u64 CRC-64/NVME of the snapshot that the journal continued then; 0 if there was none |
//! | 64 to 71 | u64 sequence number of the first frame that is not in that snapshot |
//! | 72 to 83 | 0 |
//! | 84 to 87 | u32 checksum of bytes 0 to 83 |
//!
//! Other versions keep the place of magic, version and checksum.
//!
//! | bytes | in a frame |
//! |---|---|
//! | 0 to 3 | u32 length of the payload, at most 2^30 |
//! | 4 | kind: 1 changes, 2 boot, 3 snapshot; never 0 |
//! | 5 to 7 | 0 |
//! | 8 to 15 | u64 sequence number |
//! | 16 to 23 | u64 sequence number up to which all frames were on disk when this was written |
//! | 24 to 31 | i64 wall clock in milliseconds since 1970 at the time 0 of the producer |
//! | 32 to 35 | u32 checksum of the place and the payload |
//! | 36 to 39 | u32 checksum of the place and bytes 0 to 35 |
//! | from 40 | payload, and zeros up to a multiple of 8 |
//!
//! The place is salt, number of the segment, and offset of the frame in it, each a u64. So a frame is valid nowhere but where
//! it was written: neither in another journal, nor in another segment, nor inside of a payload. Zeros are no frame, for want
//! of a kind.
//!
//! A frame of the kind *snapshot* is the journal's own. It has no number of its own, but that of the frame before it. Its
//! payload is what makes a database that is about to get into its place known:
//!
//! | bytes | in the payload of a snapshot |
//! |---|---|
//! | 0 to 15 | length and CRC-64/NVME of the database |
//! | 16 to 23 | u64 sequence number of the first frame that is not in it |
//! | 24 to 31 | u64 number of the first segment with such frames |
//! | from 32 | what the owner has to say |
//!
//! # Whose a journal is
//!
//! A header or a frame that names the database that is there says from where on frames are replayed; the last one counts.
//! Without any, the segments are those of another database and are set aside: so after Mosquitto has written it meanwhile.
//!
//! # The end, and damage
//!
//! A frame that is not valid may have been lost by a crash, before it was on disk, or by damage, since. In front of it are
//! valid frames; behind it there may be some. It was on disk if a later header or frame says so: then it is damaged, and
//! those behind it are used. If nothing says so, it is where the journal ends: of what was written and not synced when the
//! machine stopped, any part may be on disk, and frames behind one that is missing are not used. (Should what was written
//! last be damaged later, it cannot be told from that.)
//!
//! A start never writes behind the end, but begins another segment: its header says that all before was on disk.
//!
//! # Snapshots
//!
//! 1. [`Writer::begin_snapshot`]: a new segment begins. What is appended from now on is replayed over the snapshot.
//! 2. Its owner writes `mosquitto.db.new`, and syncs it ([`NewDatabase`]).
//! 3. [`Writer::commit_snapshot`]: the frame that names it is written behind all others, and synced.
//! 4. `mosquitto.db.new` gets the name `mosquitto.db`, and the directory is synced.
//! 5. The second copy of the current segment's header gets to name it too, should the frame be damaged later.
//! 6. Segments before the one of step 1 are removed.
//!
//! Up to step 4 the old database is there with all that came after it; from then on the new one is, and the frame says where
//! it is continued.
//!
//! # Failures
//!
//! Without room for the next segment the journal is *full*: what little remains to be said goes into the rest of the current
//! one. It looks for room again and again. Any other error, and any sync that fails, is for ever: nothing is said to be on disk
//! after it.

mod disk;
mod identity;
mod layout;
mod lock;
mod named;
mod names;
mod opening;
mod plan;
mod queue;
mod real_disk;
mod recovery;
mod report;
mod scan;
mod snapshot;
mod survey;
#[cfg(feature = "test-disk")]
mod test_disk;
mod thread;
mod writer;

pub use disk::{Disk, DiskFile};
pub use identity::{Identity, IdentityHasher};
pub use layout::{
    FRAME_HEADER_BYTES, FRAMES_AT, HEADER_BYTES, HEADER_COPY_AT, Kind, MAGIC, PAYLOAD_BYTES_MAX, VERSION,
};
pub use lock::{Lock, LockError};
pub use named::named_snapshots;
pub use opening::Opening;
pub use real_disk::RealDisk;
pub use recovery::{Frame, Frames, Recovery};
pub use report::{Continues, Report};
pub use snapshot::{NewDatabase, Ticket};
#[cfg(feature = "test-disk")]
pub use test_disk::TestDisk;
pub use thread::{Journal, Notify, PushError, SnapshotBegun, State, SyncMode, ThreadOptions};
pub use writer::{Failure, WriteError, Writer};
