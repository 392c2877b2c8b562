//! Where each field stands.

use crate::samples::{all, recover, v6};
use mosquitto_storage::{Chunk, Lost, Reader, WriteError, Writer};

#[test]
fn every_version_is_read() {
    for (bytes, expected) in all() {
        let mut expected = expected.into_iter();
        let (reader, errors) = recover(&bytes, |chunk| assert_eq!(Some(chunk), expected.next())).unwrap();
        assert_eq!(expected.next(), None);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((reader.lost(), reader.checksum()), (Lost::default(), 0));
        assert_eq!(reader.version(), u32::from(bytes[22]));
    }
}

#[test]
fn what_is_written_is_version_6_byte_by_byte() {
    let (bytes, values) = v6();
    assert_eq!(write(&values), bytes);
}

#[test]
fn a_chunk_says_where_it_stands() {
    let (bytes, _) = v6();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let config = reader.next_entry().unwrap().unwrap();
    assert_eq!((config.offset, config.length), (31, 16));
    let message = reader.next_entry().unwrap().unwrap();
    assert_eq!((message.offset, message.length), (31 + 16 + 8, 49));
}

#[test]
fn a_user_name_that_is_memory_of_the_broker_is_none() {
    // As Mosquitto 2.0 writes a client without a user name behind one with a name of 2 bytes: 0x0200 bytes of its memory.
    let (mut bytes, _) = v6();
    bytes.truncate(23);
    bytes.extend_from_slice(&[
        0, 0, 0, 6, 0, 0, 2, 0x1a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 7, 0, 2, 7, 0x5c, 2, 0,
    ]);
    bytes.extend_from_slice(b"\0\0\0\0clme\0");
    bytes.resize(bytes.len() + 509, 0xb2);
    let mut found = Vec::new();
    let (_, errors) = recover(&bytes, |chunk| match chunk {
        Chunk::Client(client) => found.push((client.client_id.to_owned(), client.username.map(str::to_owned))),
        other => panic!("{other:?}"),
    })
    .unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(found, [("cl".to_owned(), None)]);
}

#[test]
fn chunks_of_unknown_type_are_skipped_and_counted() {
    let (mut bytes, values) = v6();
    bytes.splice(23..23, [0, 0, 1, 44, 0, 0, 0, 3, 1, 2, 3]);
    let mut seen = 0;
    let (reader, errors) = recover(&bytes, |chunk| {
        assert!(seen > 0 || chunk == Chunk::Unknown(300), "{chunk:?}");
        seen += 1;
    })
    .unwrap();
    assert!(errors.is_empty());
    assert_eq!((seen, reader.lost().unknown_chunks), (values.len() + 1, 1));
}

#[test]
fn a_text_that_is_too_long_is_not_written_and_spoils_nothing() {
    let (bytes, values) = v6();
    let long = "x".repeat(65_536);
    let Chunk::Config(config) = values[0] else { panic!("{:?}", values[0]) };
    let mut writer = Writer::new(Vec::new(), config).unwrap();
    for value in &values {
        let refused = match *value {
            Chunk::BaseMessage(mut message) => {
                message.topic = &long;
                writer.base_message(&message)
            }
            Chunk::Subscription(mut subscription) => {
                subscription.filter = &long;
                writer.subscription(&subscription)
            }
            Chunk::Client(mut client) => {
                client.username = Some(&long);
                writer.client(&client)
            }
            _ => Err(WriteError::TooLong("nothing")),
        };
        assert!(matches!(refused, Err(WriteError::TooLong(_))), "{refused:?}");
        put(&mut writer, value);
    }
    assert_eq!(writer.into_output(), bytes);
}

/// Writes these values, of which the first is the configuration.
pub(crate) fn write(values: &[Chunk<'_>]) -> Vec<u8> {
    let Some((Chunk::Config(config), rest)) = values.split_first() else { panic!("{values:?}") };
    let mut writer = Writer::new(Vec::new(), *config).unwrap();
    for value in rest {
        put(&mut writer, value);
    }
    writer.into_output()
}

fn put(writer: &mut Writer<Vec<u8>>, value: &Chunk<'_>) {
    match value {
        Chunk::BaseMessage(message) => writer.base_message(message).unwrap(),
        Chunk::ClientMessage(message) => writer.client_message(message).unwrap(),
        Chunk::Retained(retained) => writer.retained(*retained).unwrap(),
        Chunk::Subscription(subscription) => writer.subscription(subscription).unwrap(),
        Chunk::Client(client) => writer.client(client).unwrap(),
        Chunk::Config(_) | Chunk::Unknown(_) => {}
    }
}
