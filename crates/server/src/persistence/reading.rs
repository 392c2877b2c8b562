//! From `mosquitto.db` to values of the broker's.

use crate::log::Logger;
use crate::sensitive;
use mosquitto_broker::{LogLevel, Restore};
use mosquitto_storage::journal::{Identity, IdentityHasher};
use mosquitto_storage::{Error, Lost, Reader, snapshot};
use mosquitto_transport::error_text;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What is read at once, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A database that was read.
#[derive(Debug)]
pub(super) struct Database {
    /// [`Identity::NONE`] if there is none.
    pub(super) identity: Identity,
    pub(super) trouble: Trouble,
    pub(super) lost: Lost,
    /// Whether there is a file, with nothing in it.
    pub(super) is_empty: bool,
}

/// What is wrong with it.
#[derive(Debug)]
pub(super) enum Trouble {
    None,
    /// It could not be opened.
    Unreadable(io::Error),
    /// Parts of it are not what they should be; the first of what there was to say.
    Damaged(Error),
}

/// Reads all that can be read. That there is no file is nothing special, as in Mosquitto.
pub(super) fn read(path: &Path, restore: &mut Restore, logger: &Logger) -> Database {
    let mut database =
        Database { identity: Identity::NONE, trouble: Trouble::None, lost: Lost::default(), is_empty: false };
    match open(path, logger) {
        Ok(Some(file)) => read_file(file, &mut database, restore, logger),
        Ok(None) => {}
        Err(error) => database.trouble = Trouble::Unreadable(error),
    }
    database
}

fn open(path: &Path, logger: &Logger) -> io::Result<Option<File>> {
    let links = if sensitive::links_are_allowed() { 0 } else { libc::O_NOFOLLOW };
    let file = match OpenOptions::new().read(true).custom_flags(links | libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    for line in sensitive::warnings(path, &metadata) {
        logger.log(line.level, line.text);
    }
    Ok(Some(file))
}

fn read_file(file: File, database: &mut Database, restore: &mut Restore, logger: &Logger) {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, Hashing { input: file, hasher: IdentityHasher::new() });
    let outcome = read_chunks(&mut input, database, restore);
    // Also what stands behind the place where it makes no sense any more.
    let rest = io::copy(&mut input, &mut io::sink());
    database.identity = input.into_inner().hasher.finish();
    database.is_empty = database.identity == Identity::NONE;
    if database.is_empty {
        logger.log(LogLevel::Warning, "Warning: Persistence file is empty.");
        return;
    }
    match (outcome, rest) {
        (Some(error), _) => database.trouble = Trouble::Damaged(error),
        (None, Err(error)) => {
            logger.log(LogLevel::Error, format!("Error: {} cannot be read to its end.", error_text(&error)));
        }
        (None, Ok(_)) => {}
    }
}

/// Returns the first of what is wrong.
fn read_chunks(input: impl Read, database: &mut Database, restore: &mut Restore) -> Option<Error> {
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(error) => return Some(error),
    };
    let mut first = None;
    loop {
        // It goes on behind what is damaged.
        match snapshot::load(&mut reader, restore) {
            Ok(()) => break,
            Err(error) => {
                let can_go_on = error.can_go_on();
                first.get_or_insert(error);
                if !can_go_on {
                    break;
                }
            }
        }
    }
    database.lost = reader.lost();
    first
}

/// What is read, and its identity.
struct Hashing<R> {
    input: R,
    hasher: IdentityHasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
