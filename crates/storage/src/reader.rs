//! A file, chunk by chunk.

use crate::old::Piece;
use crate::{CURRENT_VERSION, Chunk, ChunkType, Error, ErrorKind, MAGIC, OLDEST_VERSION, current, old};
use std::io::{self, Read};

/// Memory is asked for in steps of so many bytes, so that a length that is wrong costs no more than the file has.
const STEP_BYTES: u64 = 1 << 20;

/// A chunk, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Bytes from the beginning of the file to the body of the chunk, which is behind its type and length.
    pub offset: u64,
    /// The length of the body as the file has it, in bytes. In versions 2 to 4 it may be wrong.
    pub length: u32,
    /// What stands in it.
    pub chunk: Chunk<'a>,
}

/// What could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Chunks that are damaged.
    pub chunks: u64,
    /// The bytes of those chunks, their types and lengths included. What stands behind the end of a file that is cut short
    /// is not counted.
    pub bytes: u64,
    /// Chunks that were skipped, since nobody knows their type.
    pub unknown_chunks: u64,
}

/// Reads a file from front to back. It holds one chunk at a time, and never more memory than the file has bytes and a MiB.
///
/// An error is about one chunk; [`next_entry`](Self::next_entry) may be called again, and goes on behind that chunk where
/// that is possible ([`Error::can_go_on`]), else says that there is no more. Who wants all or nothing stops at the first
/// error; who wants what is left goes on, and finds what was lost in [`lost`](Self::lost).
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    version: u32,
    checksum: u32,
    /// Of the chunk that was read last.
    body: Vec<u8>,
    /// Bytes that were read.
    offset: u64,
    /// Bytes of an unknown chunk that are to be skipped.
    skip: u64,
    ended: bool,
    lost: Lost,
}

impl<R: Read> Reader<R> {
    /// Reads what stands before the first chunk. Reads are many and small: a file needs a buffer.
    pub fn new(input: R) -> Result<Self, Error> {
        let reader = Self::of_any_version(input)?;
        if (OLDEST_VERSION..=CURRENT_VERSION).contains(&reader.version) {
            return Ok(reader);
        }
        Err(Error { offset: MAGIC.len() as u64 + 4, chunk: None, kind: ErrorKind::Version(reader.version) })
    }

    /// The same for versions that nobody knows. They are read like the nearest version up to 4, as Mosquitto's
    /// `mosquitto_db_dump` does.
    pub fn of_any_version(input: R) -> Result<Self, Error> {
        let mut reader = Self {
            input,
            version: 0,
            checksum: 0,
            body: Vec::new(),
            offset: 0,
            skip: 0,
            ended: false,
            lost: Lost::default(),
        };
        reader.whole(MAGIC.len() as u64, "magic", None)?;
        if reader.body != MAGIC {
            return Err(Error { offset: 0, chunk: None, kind: ErrorKind::Magic });
        }
        reader.body.clear();
        reader.whole(8, "checksum and version", None)?;
        if let Some((checksum, version)) = two_u32(&reader.body) {
            (reader.checksum, reader.version) = (checksum, version);
        }
        Ok(reader)
    }

    /// The version that the file says it has.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The checksum that the file says it has: 0, if Mosquitto wrote it.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// What could not be read so far.
    pub fn lost(&self) -> Lost {
        self.lost
    }

    /// The next chunk; none at the end of the file.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let start = self.offset;
        let found = match self.next_body() {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.ended = true;
                self.lose(start);
                return Err(error);
            }
        };
        let (number, length, offset) = found;
        let Some(chunk) = ChunkType::from_number(number) else {
            self.skip = length.into();
            self.lost.unknown_chunks += 1;
            return Ok(Some(Entry { offset, length, chunk: Chunk::Unknown(number) }));
        };
        let decode = if self.is_old() { old::decode } else { current::decode };
        match decode(chunk, &self.body, self.version) {
            Ok(chunk) => Ok(Some(Entry { offset, length, chunk })),
            Err((at, kind)) => {
                self.lost.chunks += 1;
                self.lost.bytes += self.offset - start;
                Err(Error { offset: offset + at as u64, chunk: Some((chunk, length)), kind })
            }
        }
    }

    /// Only the versions 5 and 6 are not.
    fn is_old(&self) -> bool {
        !matches!(self.version, 5 | 6)
    }

    /// Reads up to the end of the next chunk: the number of its type, its length, and where its body begins.
    fn next_body(&mut self) -> Result<Option<(u32, u32, u64)>, Error> {
        self.skip_rest()?;
        self.body.clear();
        let head_bytes = if self.is_old() { 6 } else { 8 };
        if self.append(head_bytes)? == 0 {
            self.ended = true;
            return Ok(None);
        }
        self.whole(head_bytes - self.body.len() as u64, "type and length of a chunk", None)?;
        let head = if self.is_old() { u16_and_u32(&self.body) } else { two_u32(&self.body) };
        let (number, length) = head.unwrap_or_default();
        let offset = self.offset;
        self.body.clear();
        match ChunkType::from_number(number) {
            Some(chunk) if self.is_old() => self.pieces(chunk, length)?,
            Some(chunk) => self.whole(length.into(), "chunk", Some((chunk, length)))?,
            None => {}
        }
        Ok(Some((number, length, offset)))
    }

    fn pieces(&mut self, chunk: ChunkType, length: u32) -> Result<(), Error> {
        for piece in old::pieces(chunk, self.version) {
            let bytes = match piece {
                Piece::Bytes(bytes) => *bytes,
                Piece::Text => self.length::<2>((chunk, length))?,
                Piece::Payload => self.length::<4>((chunk, length))?,
            };
            self.whole(bytes, "chunk", Some((chunk, length)))?;
        }
        Ok(())
    }

    /// An integer of N bytes.
    fn length<const N: usize>(&mut self, chunk: (ChunkType, u32)) -> Result<u64, Error> {
        self.whole(N as u64, "length of a text", Some(chunk))?;
        let bytes = self.body.last_chunk::<N>().copied().unwrap_or([0; N]);
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn skip_rest(&mut self) -> Result<(), Error> {
        let skipped = io::copy(&mut self.input.by_ref().take(self.skip), &mut io::sink());
        let skipped = skipped.map_err(|error| self.io(error))?;
        self.offset += skipped;
        let missing = self.skip - skipped;
        self.skip = 0;
        if missing == 0 { Ok(()) } else { Err(self.file_ends("chunk of unknown type", missing, None)) }
    }

    /// So many more bytes of the chunk.
    fn whole(&mut self, bytes: u64, field: &'static str, chunk: Option<(ChunkType, u32)>) -> Result<(), Error> {
        let missing = bytes - self.append(bytes)?;
        if missing == 0 { Ok(()) } else { Err(self.file_ends(field, missing, chunk)) }
    }

    /// Adds as many bytes to the body, or fewer where the file ends: how many.
    fn append(&mut self, bytes: u64) -> Result<u64, Error> {
        let mut added = 0;
        while added < bytes {
            let step = (bytes - added).min(STEP_BYTES);
            self.body.reserve_exact(step as usize);
            let read = self.input.by_ref().take(step).read_to_end(&mut self.body).map_err(|error| self.io(error))?;
            added += read as u64;
            self.offset += read as u64;
            if (read as u64) < step {
                break;
            }
        }
        Ok(added)
    }

    /// Everything from `start` on.
    fn lose(&mut self, start: u64) {
        self.lost.chunks += 1;
        self.lost.bytes += self.offset - start;
    }

    fn io(&self, error: io::Error) -> Error {
        Error { offset: self.offset, chunk: None, kind: ErrorKind::Io(error) }
    }

    fn file_ends(&self, field: &'static str, missing: u64, chunk: Option<(ChunkType, u32)>) -> Error {
        Error { offset: self.offset, chunk, kind: ErrorKind::FileEnds { field, missing } }
    }
}

fn two_u32(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*first), u32::from_be_bytes(*rest.first_chunk()?)))
}

fn u16_and_u32(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*first).into(), u32::from_be_bytes(*rest.first_chunk()?)))
}
