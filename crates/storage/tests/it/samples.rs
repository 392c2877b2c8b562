//! Small files of every version, spelled out, and what stands in them.

use mosquitto_mqtt::{Properties, QoS};
use mosquitto_storage::{
    BaseMessage, Chunk, Client, ClientMessage, Config, Direction, Error, MessageState, NEVER, Reader, Retained,
    Subscription,
};

/// A chunk with its type and length in front, as a header of 8 bytes.
fn chunk(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[0, 0, 0, number, 0, 0, 0, body.len() as u8][..], &body].concat()
}

/// Likewise of 6 bytes.
fn old_chunk(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[0, number, 0, 0, 0, body.len() as u8][..], &body].concat()
}

fn file(version: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\0\xb5\0mosquitto db\0\0\0\0\0\0\0".as_slice(), &[version], &chunks.concat()].concat()
}

/// Every type of chunk in version 6, and what stands in it.
pub(crate) fn v6() -> (Vec<u8>, Vec<Chunk<'static>>) {
    let bytes = file(
        6,
        &[
            chunk(1, &[&[0x0d, 0x0c, 0, 0, 0, 0, 0, 1], &[1, 8], &[0; 6]]),
            chunk(
                2,
                &[
                    &[0x0d, 0x0c, 0, 0, 0, 0, 0, 1],
                    &[0x15, 0xcd, 0x5b, 0x07, 0, 0, 0, 0],
                    &[0, 0, 0, 3],
                    &[0x12, 0x34, 0, 4, 0, 2, 0, 3, 0x07, 0x5b],
                    &[1, 1],
                    b"fromusa/bpay",
                    &[4, 3, 0, 1, b't'],
                ],
            ),
            chunk(6, &[&[9, 0, 0, 0, 0, 0, 0, 0], &[0, 0, 0, 60], &[0, 7, 0, 2, 7, 0x5c, 0, 3], &[0; 4], b"clusr"]),
            chunk(3, &[&[0x0d, 0x0c, 0, 0, 0, 0, 0, 1], &[0, 7, 0, 2, 1, 3, 0x11, 1], b"cl", &[2, 0x0b, 42]]),
            chunk(5, &[&[0, 0, 0, 42], &[0, 2, 0, 3, 2, 0x2c, 0, 0], b"cla/#"]),
            chunk(4, &[&[0x0d, 0x0c, 0, 0, 0, 0, 0, 1]]),
        ],
    );
    let store_id = 0x0100_0000_0000_0c0d;
    let values = vec![
        Chunk::Config(Config { last_store_id: store_id, shutdown: true }),
        Chunk::BaseMessage(BaseMessage {
            store_id,
            expiry_time: 123_456_789,
            source_id: "from",
            source_username: Some("us"),
            source_port: 1883,
            source_mid: 0x1234,
            topic: "a/b",
            qos: QoS::AtLeastOnce,
            retain: true,
            payload: b"pay",
            properties: Properties::from_checked(&[3, 0, 1, b't']),
        }),
        Chunk::Client(Client {
            client_id: "cl",
            username: Some("usr"),
            session_expiry_time: 9,
            session_expiry_interval: 60,
            last_mid: 7,
            listener_port: 1884,
        }),
        Chunk::ClientMessage(ClientMessage {
            client_id: "cl",
            store_id,
            mid: 7,
            qos: QoS::AtLeastOnce,
            state: MessageState::WaitForPuback,
            retain: true,
            dup: true,
            direction: Direction::Out,
            properties: Properties::from_checked(&[0x0b, 42]),
        }),
        Chunk::Subscription(Subscription {
            client_id: "cl",
            filter: "a/#",
            qos: QoS::ExactlyOnce,
            options: 0x2c,
            identifier: 42,
        }),
        Chunk::Retained(Retained { store_id }),
    ];
    (bytes, values)
}

/// Version 5: clients are shorter.
pub(crate) fn v5() -> (Vec<u8>, Vec<Chunk<'static>>) {
    let bytes = file(
        5,
        &[
            chunk(1, &[&[2, 0, 0, 0, 0, 0, 0, 0], &[0, 8], &[0; 6]]),
            chunk(6, &[&[0; 8], &[0xff; 4], &[0, 7, 0, 2], b"cl"]),
        ],
    );
    let client = Client {
        client_id: "cl",
        username: None,
        session_expiry_time: 0,
        session_expiry_interval: NEVER,
        last_mid: 7,
        listener_port: 0,
    };
    (bytes, vec![Chunk::Config(Config { last_store_id: 2, shutdown: false }), Chunk::Client(client)])
}

/// Versions 2 to 4.
pub(crate) fn old(version: u8) -> (Vec<u8>, Vec<Chunk<'static>>) {
    let origin: &[u8] = if version == 4 { &[0, 2, b'u', b's', 0x07, 0x5b] } else { &[] };
    let time: &[u8] = if version == 2 { &[] } else { &[1, 2, 3, 4, 0, 0, 0, 0] };
    let base = [
        &[2, 0, 0, 0, 0, 0, 0, 0],
        b"\0\x04from".as_slice(),
        origin,
        &[0, 5, 0, 0],
        b"\0\x03a/b",
        &[2, 0, 0, 0, 0, 3],
        b"pay",
    ];
    let mut base = old_chunk(2, &base);
    // Mosquitto's files of version 4 have such lengths: that of the source id counts twice.
    base[5] += 4;
    let bytes = file(
        version,
        &[
            old_chunk(1, &[&[1, 8], &[2, 0, 0, 0, 0, 0, 0, 0]]),
            base,
            old_chunk(6, &[b"\0\x02cl\0\x07", time]),
            old_chunk(3, &[b"\0\x02cl", &[2, 0, 0, 0, 0, 0, 0, 0], &[0, 7, 2, 0, 0, 7, 1]]),
            old_chunk(5, &[b"\0\x02cl\0\x03a/#\x01"]),
            old_chunk(4, &[&[2, 0, 0, 0, 0, 0, 0, 0]]),
        ],
    );
    let client = Client {
        client_id: "cl",
        username: None,
        session_expiry_time: 0,
        session_expiry_interval: NEVER,
        last_mid: 7,
        listener_port: 0,
    };
    let values = vec![
        Chunk::Config(Config { last_store_id: 2, shutdown: true }),
        Chunk::BaseMessage(BaseMessage {
            store_id: 2,
            expiry_time: 0,
            source_id: "from",
            source_username: Some("us").filter(|_| version == 4),
            source_port: if version == 4 { 1883 } else { 0 },
            source_mid: 5,
            topic: "a/b",
            qos: QoS::ExactlyOnce,
            retain: false,
            payload: b"pay",
            properties: Properties::EMPTY,
        }),
        Chunk::Client(client),
        Chunk::ClientMessage(ClientMessage {
            client_id: "cl",
            store_id: 2,
            mid: 7,
            qos: QoS::ExactlyOnce,
            state: MessageState::WaitForPubrel,
            retain: false,
            dup: true,
            direction: Direction::In,
            properties: Properties::EMPTY,
        }),
        Chunk::Subscription(Subscription {
            client_id: "cl",
            filter: "a/#",
            qos: QoS::AtLeastOnce,
            options: 0,
            identifier: 0,
        }),
        Chunk::Retained(Retained { store_id: 2 }),
    ];
    (bytes, values)
}

/// A sample of each version.
pub(crate) fn all() -> Vec<(Vec<u8>, Vec<Chunk<'static>>)> {
    vec![old(2), old(3), old(4), v5(), v6()]
}

/// Goes through a file to its end whatever is wrong with it: each chunk by way of `seen`, and the errors.
pub(crate) fn recover(bytes: &[u8], mut seen: impl FnMut(Chunk<'_>)) -> Result<(Reader<&[u8]>, Vec<Error>), Error> {
    let mut reader = Reader::new(bytes)?;
    let mut errors = Vec::new();
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => seen(entry.chunk),
            Ok(None) => return Ok((reader, errors)),
            Err(error) => errors.push(error),
        }
        assert!(errors.len() <= bytes.len(), "it does not come to an end");
    }
}
