//! From `mosquitto.db` to values of the broker's.

use crate::log::Logger;
use crate::sensitive;
use mosquitto_broker::{KeptDelivery, KeptMessage, KeptSession, LogLevel, Moment, Publisher, Restore, Stage};
use mosquitto_storage::journal::{Identity, IdentityHasher};
use mosquitto_storage::{Chunk, ClientMessage, Direction, Error, Lost, MessageState, Reader};
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
        match reader.next_entry() {
            Ok(Some(entry)) => take(&entry.chunk, restore),
            Ok(None) => break,
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

fn take(chunk: &Chunk<'_>, restore: &mut Restore) {
    match chunk {
        Chunk::Config(config) => restore.number_used(config.last_store_id),
        Chunk::BaseMessage(message) => {
            let expires_at = match u64::try_from(message.expiry_time) {
                Ok(0) | Err(_) => Moment::NEVER,
                Ok(at_s) => restore.moment(at_s.saturating_mul(1000)),
            };
            let publisher = Publisher {
                client_id: message.source_id,
                username: message.source_username,
                listener_port: message.source_port,
            };
            let message = KeptMessage {
                number: message.store_id,
                topic: message.topic,
                properties: message.properties.as_bytes(),
                payload: message.payload,
                qos: message.qos,
                retain: message.retain,
                expires_at,
            };
            restore.message(message, Some(publisher));
        }
        Chunk::ClientMessage(message) => {
            if let Some(stage) = stage_of(message) {
                let delivery = KeptDelivery {
                    number: message.store_id,
                    packet_id: message.mid,
                    qos: message.qos,
                    retain: message.retain,
                    identifier: message.subscription_identifiers().next().unwrap_or_default(),
                    stage,
                };
                restore.delivery(message.client_id, delivery);
            }
        }
        Chunk::Retained(retained) => restore.retained(retained.store_id),
        Chunk::Subscription(subscription) => {
            let options = subscription.options | subscription.qos.bits();
            restore.subscription(subscription.client_id, subscription.filter, options, subscription.identifier);
        }
        Chunk::Client(client) => restore.session(KeptSession {
            client_id: client.client_id,
            username: client.username,
            listener_port: client.listener_port,
            expiry_s: client.session_expiry_interval,
            ends_at_ms: u64::try_from(client.session_expiry_time)
                .ok()
                .filter(|at_s| *at_s > 0)
                .map(|at_s| at_s.saturating_mul(1000)),
            last_packet_id: client.last_mid,
        }),
        // Mosquitto leaves them out, too.
        Chunk::Unknown(_) => {}
    }
}

/// How far a message has come; none where its exchange is as good as over.
fn stage_of(message: &ClientMessage<'_>) -> Option<Stage> {
    use MessageState as S;
    Some(match (message.direction, message.state) {
        (Direction::In, S::ResendPubcomp | S::Invalid) => return None,
        (Direction::In, _) => Stage::Incoming,
        (Direction::Out, S::PublishQos1 | S::WaitForPuback) => Stage::PubAck,
        (Direction::Out, S::PublishQos2 | S::WaitForPubrec) => Stage::PubRec,
        (Direction::Out, S::ResendPubrel | S::WaitForPubcomp) => Stage::PubComp,
        (Direction::Out, S::PublishQos0 | S::Queued) => Stage::Queued,
        (Direction::Out, S::Invalid | S::WaitForPubrel | S::ResendPubcomp | S::SendPubrec) => return None,
    })
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
