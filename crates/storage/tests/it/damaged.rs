//! Files that are cut short, or have bytes that are none of theirs.

use crate::samples::{all, old, recover, v6};
use mosquitto_storage::{Chunk, ChunkType, Error, ErrorKind, Reader};
use std::io::{self, Read};
use std::ops::Range;

/// What holds for any bytes: an end, errors in order and within the file, and nothing is counted twice.
fn holds(bytes: &[u8]) -> (usize, Option<Vec<Error>>) {
    let mut seen = 0;
    let (reader, errors) = match recover(bytes, |_| seen += 1) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.can_go_on() && error.offset <= bytes.len() as u64, "{error}");
            return (0, None);
        }
    };
    let offsets: Vec<_> = errors.iter().map(|error| error.offset).collect();
    assert!(offsets.is_sorted() && offsets.iter().all(|offset| *offset <= bytes.len() as u64), "{errors:?}");
    assert!(errors.iter().rev().skip(1).all(Error::can_go_on), "{errors:?}");
    assert_eq!(reader.lost().chunks, errors.len() as u64);
    assert!(reader.lost().bytes <= bytes.len() as u64);
    (seen, Some(errors))
}

#[test]
fn a_file_that_is_cut_short_keeps_the_chunks_before() {
    for (bytes, values) in all() {
        for len in 0..bytes.len() {
            let (seen, errors) = holds(&bytes[..len]);
            assert!(seen < values.len());
            match errors {
                // Before the first chunk.
                None => assert!(len < 23),
                // Between two chunks nobody can tell.
                Some(errors) if errors.is_empty() => assert!(len >= 23),
                Some(errors) => {
                    let [Error { offset, kind: ErrorKind::FileEnds { missing, .. }, .. }] = errors.as_slice() else {
                        panic!("{errors:?}")
                    };
                    assert!(*offset == len as u64 && *missing > 0, "{errors:?}");
                }
            }
        }
    }
}

#[test]
fn no_bit_and_no_byte_makes_it_panic_or_lose_count() {
    for (bytes, values) in all() {
        let bodies = bodies(&bytes);
        for at in 0..bytes.len() {
            let flips = (0..8).map(|bit| bytes[at] ^ 1 << bit);
            for other in flips.chain([0, 0xff, bytes[at].wrapping_add(1), bytes[at].wrapping_sub(1)]) {
                let mut damaged = bytes.clone();
                damaged[at] = other;
                let (seen, errors) = holds(&damaged);
                // Where a chunk ends is what its head says; what is wrong behind it costs one chunk at most.
                if bytes[22] >= 5 && bodies.iter().any(|body| body.contains(&at)) {
                    let errors = errors.unwrap().len();
                    assert!(errors <= 1 && seen + errors == values.len(), "byte {at}");
                }
            }
        }
    }
}

/// Where the bodies of chunks are.
fn bodies(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut reader = Reader::new(bytes).unwrap();
    let mut bodies = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        bodies.push(entry.offset as usize..entry.offset as usize + entry.length as usize);
    }
    bodies
}

#[test]
fn a_damaged_chunk_does_not_hide_those_behind_it() {
    let (bytes, values) = v6();
    // The QoS of the base message.
    let mut damaged = bytes.clone();
    damaged[31 + 16 + 8 + 30] = 7;
    let mut seen = Vec::new();
    let (reader, errors) = recover(&damaged, |chunk| seen.push(format!("{chunk:?}"))).unwrap();
    let others = values.iter().filter(|value| !matches!(value, Chunk::BaseMessage(_)));
    assert_eq!(seen, others.map(|value| format!("{value:?}")).collect::<Vec<_>>());
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!(
        error.to_string(),
        "at byte 85, in a chunk of 49 bytes for a base message: expected 0, 1 or 2 as QoS, found 7"
    );
    assert_eq!((reader.lost().chunks, reader.lost().bytes), (1, 49 + 8));
}

#[test]
fn each_fault_is_told_with_its_place() {
    let (v6, _) = v6();
    let (v4, _) = old(4);
    let first = |bytes: &[u8]| match recover(bytes, |_| ()) {
        Ok((_, errors)) => errors.first().map(ToString::to_string).unwrap(),
        Err(error) => error.to_string(),
    };
    let with = |bytes: &[u8], at: usize, byte: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] = byte;
        first(&bytes)
    };
    assert_eq!(with(&v6, 3, b'M'), "at byte 0: expected the first bytes of a mosquitto.db");
    assert_eq!(with(&v6, 22, 7), "at byte 19: expected a version from 2 to 6, found 7");
    assert_eq!(with(&v6, 22, 1), "at byte 19: expected a version from 2 to 6, found 1");
    let config = "in a chunk of 16 bytes for a configuration";
    assert_eq!(with(&v6, 40, 4), format!("at byte 40, {config}: expected store ids of 8 bytes, found 4"));
    assert_eq!(with(&v6, 39, 2), format!("at byte 39, {config}: expected 0 or 1 as shutdown flag, found 2"));
    assert_eq!(
        with(&v6, 30, 15),
        "at byte 41, in a chunk of 15 bytes for a configuration: expected 1 more bytes for the padding, but the chunk ends"
    );
    assert_eq!(
        with(&v6, 30, 17),
        "at byte 47, in a chunk of 17 bytes for a configuration: expected the end of the chunk, found 1 more bytes"
    );
    let message = "in a chunk of 49 bytes for a base message";
    assert_eq!(with(&v6, 87, 0xff), format!("at byte 87, {message}: expected UTF-8 as source id"));
    assert_eq!(
        with(&v6, 55 + 19, 255),
        format!("at byte 96, {message}: expected 247 more bytes for the payload, but the chunk ends")
    );
    assert!(
        with(&v6, 55 + 45, 0x21).starts_with(&format!("at byte 99, {message}: expected properties of a message, "))
    );
    assert_eq!(
        with(&v4, 30, 9),
        "at byte 30, in a chunk of 10 bytes for a configuration: expected store ids of 8 bytes, found 9"
    );
}

#[test]
fn a_length_that_is_wrong_costs_no_memory() {
    // A chunk of 4 GiB of which there are some bytes: what a hostile length asks for is never reserved at once.
    let (mut bytes, _) = v6();
    bytes.truncate(23);
    bytes.extend_from_slice(&[0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    let mut largest = 0;
    let mut reader = Reader::new(Asked { rest: &bytes, largest: &mut largest }).unwrap();
    let error = reader.next_entry().unwrap_err();
    assert_eq!(error.chunk, Some((ChunkType::BaseMessage, u32::MAX)));
    assert!(matches!(error.kind, ErrorKind::FileEnds { missing: 4_294_967_292, .. }), "{error}");
    drop(reader);
    assert!(largest <= 1 << 20, "{largest}");
}

/// Notes the largest buffer that it is asked to fill.
struct Asked<'a> {
    rest: &'a [u8],
    largest: &'a mut usize,
}

impl Read for Asked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        *self.largest = buffer.len().max(*self.largest);
        self.rest.read(buffer)
    }
}

#[test]
fn an_input_that_fails_is_an_error_and_the_end() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no"))
        }
    }
    let (bytes, _) = v6();
    let mut reader = Reader::new(bytes[..40].chain(Fails)).unwrap();
    let error = reader.next_entry().unwrap_err();
    assert_eq!(error.to_string(), "at byte 31: cannot be read: no");
    assert_eq!(reader.next_entry().unwrap(), None);
}
