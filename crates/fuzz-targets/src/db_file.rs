//! `db_file`: a `mosquitto.db`, read to its end whatever is wrong with it, and written again.

use mosquitto_storage::{Chunk, Config, Error, Reader, Writer};

pub(crate) fn run(bytes: &[u8]) {
    let written = match read(bytes, 0) {
        Ok((written, _)) => written,
        Err(error) => {
            assert!(!error.can_go_on() && error.offset <= bytes.len() as u64, "{error}");
            return;
        }
    };
    let (again, errors) = read(&written, 1).expect("what was written is a database");
    assert_eq!(errors, 0, "what was written is whole");
    assert_eq!(again, written);
}

/// What stands in it, written in the current version without the first `skipped` chunks, and how many chunks were damaged.
fn read(bytes: &[u8], skipped: usize) -> Result<(Vec<u8>, u64), Error> {
    let mut reader = Reader::new(bytes)?;
    let mut writer = Writer::new(Vec::new(), Config::default()).expect("a vector takes it");
    let (mut errors, mut at, mut ended, mut count) = (0, 0, false, 0);
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => {
                assert!(!ended && entry.offset > at && entry.offset <= bytes.len() as u64);
                at = entry.offset;
                count += 1;
                if count > skipped {
                    write(&mut writer, &entry.chunk);
                }
            }
            Ok(None) => break,
            Err(error) => {
                assert!(!ended && error.offset >= at && error.offset <= bytes.len() as u64, "{error}");
                assert!(error.to_string().is_ascii());
                (at, ended) = (error.offset, !error.can_go_on());
                errors += 1;
            }
        }
    }
    assert!(reader.next_entry().expect("the end stays the end").is_none());
    let lost = reader.lost();
    assert!(lost.chunks == errors && lost.bytes <= bytes.len() as u64, "{lost:?}");
    Ok((writer.into_output(), errors))
}

fn write(writer: &mut Writer<Vec<u8>>, chunk: &Chunk<'_>) {
    let written = match chunk {
        Chunk::BaseMessage(message) => writer.base_message(message),
        Chunk::ClientMessage(message) => writer.client_message(message),
        Chunk::Retained(retained) => writer.retained(*retained),
        Chunk::Subscription(subscription) => writer.subscription(subscription),
        Chunk::Client(client) => writer.client(client),
        Chunk::Config(_) | Chunk::Unknown(_) => Ok(()),
    };
    written.expect("what was read can be written");
}
