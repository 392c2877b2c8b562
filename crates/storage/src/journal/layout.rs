//! The bytes of segments: headers and frames to values and back. The drawing is in the module's first comment.

use super::Identity;
use crc_fast::{CrcAlgorithm, Digest};

/// What every segment begins with.
pub const MAGIC: &[u8; 16] = b"\x00\xB5\x00mosquitto jnl";

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// The bytes of a segment's header that mean something.
pub const HEADER_BYTES: usize = 88;

/// Where the second copy of the header stands.
pub const HEADER_COPY_AT: usize = 4096;

/// Where the first frame of a segment stands.
pub const FRAMES_AT: u64 = 8192;

/// The bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 40;

/// The longest payload of a frame, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// No number of a frame or a segment is above this, so that counting on comes to no end.
pub(super) const NUMBER_MAX: u64 = 1 << 62;

/// Frames begin at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) segment: u64,
    /// Random; the same in all segments of a journal.
    pub(super) salt: u64,
    /// The sequence number of the first frame here. All frames before it were on disk when this was written.
    pub(super) first: u64,
    pub(super) base: Base,
}

/// A snapshot, and the first frame that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) identity: Identity,
    /// The sequence number from which on frames are replayed over it.
    pub(super) sequence: u64,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// It is none, or damaged.
    Damaged,
    /// It is whole and of a version that is not known.
    Version(u32),
}

impl Header {
    /// Both copies, with what is between them: all that comes before the first frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let one = self.encode_one();
        let mut bytes = one.clone();
        bytes.resize(HEADER_COPY_AT, 0);
        bytes.extend_from_slice(&one);
        bytes.resize(FRAMES_AT as usize, 0);
        bytes
    }

    /// One copy.
    pub(super) fn encode_one(&self) -> Vec<u8> {
        let mut one = Vec::with_capacity(HEADER_BYTES);
        one.extend_from_slice(MAGIC);
        one.extend_from_slice(&VERSION.to_le_bytes());
        one.extend_from_slice(&[0; 4]);
        for field in [
            self.segment,
            self.salt,
            self.first,
            self.base.identity.size,
            self.base.identity.checksum,
            self.base.sequence,
            0,
        ] {
            one.extend_from_slice(&field.to_le_bytes());
        }
        one.extend_from_slice(&[0; 4]);
        one.extend_from_slice(&crc(None, &one).to_le_bytes());
        one
    }

    /// Reads the first `FRAMES_AT` bytes of a segment, or as many as there are: the first copy, or else the second; and the
    /// snapshot that the second copy names.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, Option<Base>), HeaderError> {
        let first = Self::decode_one(bytes);
        let second = bytes.get(HEADER_COPY_AT..).map_or(Err(HeaderError::Damaged), Self::decode_one);
        let header = if first == Err(HeaderError::Damaged) { second } else { first };
        Ok((header?, second.ok().map(|header| header.base)))
    }

    fn decode_one(bytes: &[u8]) -> Result<Self, HeaderError> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(HeaderError::Damaged)?;
        let (content, checksum) = bytes.split_at(HEADER_BYTES - 4);
        let mut fields = Fields(content);
        if fields.take() != Some(*MAGIC) {
            return Err(HeaderError::Damaged);
        }
        let version = fields.u32().ok_or(HeaderError::Damaged)?;
        if Fields(checksum).u32() != Some(crc(None, content)) {
            return Err(HeaderError::Damaged);
        }
        // Later versions keep magic, version, length and checksum where they are.
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        Self::fields(fields).ok_or(HeaderError::Damaged)
    }

    fn fields(mut fields: Fields<'_>) -> Option<Self> {
        fields.u32()?;
        Some(Self {
            segment: fields.number()?,
            salt: fields.u64()?,
            first: fields.number()?,
            base: Base {
                identity: Identity { size: fields.u64()?, checksum: fields.u64()? },
                sequence: fields.number()?,
            },
        })
    }
}

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The changes of a tick.
    Changes,
    /// What a start of the broker has to say to those that come after it.
    Boot,
    /// That a snapshot is whole; the journal's own.
    Snapshot,
    /// One of a later version.
    Unknown(u8),
}

impl Kind {
    fn to_byte(self) -> u8 {
        match self {
            Self::Changes => 1,
            Self::Boot => 2,
            Self::Snapshot => 3,
            Self::Unknown(byte) => byte,
        }
    }

    /// 0 is none, so that zeros are never a frame.
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => None,
            1 => Some(Self::Changes),
            2 => Some(Self::Boot),
            3 => Some(Self::Snapshot),
            _ => Some(Self::Unknown(byte)),
        }
    }
}

/// Where a frame stands: what its checksums begin with, so that it is valid nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) salt: u64,
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// What stands in front of a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Of the payload, in bytes.
    pub(super) size: u32,
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    /// Frames up to this one were on disk when this was written.
    pub(super) synced: u64,
    pub(super) epoch_ms: i64,
    payload_crc: u32,
}

impl FrameHeader {
    /// The bytes that a frame with such a payload takes.
    pub(super) fn frame_bytes(payload_bytes: usize) -> u64 {
        (FRAME_HEADER_BYTES as u64 + payload_bytes as u64).next_multiple_of(ALIGNMENT)
    }

    /// Appends a whole frame to `out`. The payload is at most [`PAYLOAD_BYTES_MAX`] long.
    pub(super) fn encode(
        place: Place,
        (kind, sequence, synced, epoch_ms): (Kind, u64, u64, i64),
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        out.extend_from_slice(&[kind.to_byte(), 0, 0, 0]);
        out.extend_from_slice(&sequence.to_le_bytes());
        out.extend_from_slice(&synced.to_le_bytes());
        out.extend_from_slice(&epoch_ms.to_le_bytes());
        out.extend_from_slice(&crc(Some(place), payload).to_le_bytes());
        let checksum = crc(Some(place), out.get(start..).unwrap_or_default());
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(payload);
        out.resize(start + Self::frame_bytes(payload.len()) as usize, 0);
    }

    /// Reads a header from the first bytes of `bytes`; `None` if there is none that is valid in this place.
    pub(super) fn decode(place: Place, bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.get(..FRAME_HEADER_BYTES)?.split_at_checked(FRAME_HEADER_BYTES - 4)?;
        let mut fields = Fields(content);
        let size = fields.u32()?;
        let [kind, rest @ ..] = fields.take::<4>()?;
        // Looked at first: they rule out most places where there is none.
        let kind = Kind::from_byte(kind)?;
        if size as usize > PAYLOAD_BYTES_MAX || rest != [0; 3] || Fields(checksum).u32()? != crc(Some(place), content) {
            return None;
        }
        Some(Self {
            size,
            kind,
            sequence: fields.number()?,
            synced: fields.number()?,
            epoch_ms: i64::from_le_bytes(fields.take()?),
            payload_crc: fields.u32()?,
        })
    }

    /// Whether this payload is the one that was written with this header.
    pub(super) fn fits(&self, place: Place, payload: &[u8]) -> bool {
        payload.len() == self.size as usize && crc(Some(place), payload) == self.payload_crc
    }

    /// The bytes of the whole frame.
    pub(super) fn frame_size(&self) -> u64 {
        Self::frame_bytes(self.size as usize)
    }
}

/// What the journal itself writes into a [`Kind::Snapshot`], before what its owner has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SnapshotFrame {
    pub(super) base: Base,
    /// The first segment with frames that are not in the snapshot.
    pub(super) segment: u64,
}

impl SnapshotFrame {
    pub(super) fn encode(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + payload.len());
        for field in [self.base.identity.size, self.base.identity.checksum, self.base.sequence, self.segment] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut fields = Fields(bytes);
        let identity = Identity { size: fields.u64()?, checksum: fields.u64()? };
        let frame = Self { base: Base { identity, sequence: fields.number()? }, segment: fields.number()? };
        Some((frame, fields.0))
    }
}

/// CRC-32C (Castagnoli) of the place, if any, and the bytes.
fn crc(place: Option<Place>, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    if let Some(Place { salt, segment, offset }) = place {
        let mut seed = [0; 24];
        for (field, value) in seed.chunks_exact_mut(8).zip([salt, segment, offset]) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        digest.update(&seed);
    }
    digest.update(bytes);
    digest.finalize() as u32
}

/// Integers, little-endian, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.u64().filter(|number| *number <= NUMBER_MAX)
    }
}
