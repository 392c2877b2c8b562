//! What can be wrong with a file.

use crate::{ChunkType, OLDEST_VERSION};
use mosquitto_mqtt::DecodeError;
use std::{fmt, io};

/// What is wrong, and where.
#[derive(Debug)]
pub struct Error {
    /// Bytes from the beginning of the file to the field that is wrong or missing.
    pub offset: u64,
    /// The chunk that it was found in, with its length as the file has it; none: before or between chunks, or in one of an
    /// unknown type.
    pub chunk: Option<(ChunkType, u32)>,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum ErrorKind {
    /// It cannot be read.
    Io(io::Error),
    /// It does not begin with [`MAGIC`](crate::MAGIC).
    Magic,
    /// It has a version that is not known.
    Version(u32),
    /// The file ends within this field, of which so many bytes are missing.
    FileEnds {
        /// The field.
        field: &'static str,
        /// How many bytes there would have to be still.
        missing: u64,
    },
    /// The chunk ends within this field, of which so many bytes are missing.
    ChunkEnds {
        /// The field.
        field: &'static str,
        /// How many bytes there would have to be still.
        missing: u64,
    },
    /// The chunk has so many bytes behind its last field.
    ChunkGoesOn(u64),
    /// Store ids have another size than 8 bytes.
    IdSize {
        /// The size in bytes.
        found: u8,
        /// What the chunk says besides.
        shutdown: bool,
    },
    /// The field has a value that it cannot have.
    Value {
        /// The field.
        field: &'static str,
        /// The values that it may have.
        expected: &'static str,
        /// What it has.
        found: u64,
    },
    /// The field is empty.
    Empty(&'static str),
    /// The field is not UTF-8.
    NotText(&'static str),
    /// The properties are none that may stand there.
    Properties(DecodeError),
}

impl Error {
    /// Whether there may be more chunks behind the one that is wrong.
    pub fn can_go_on(&self) -> bool {
        !matches!(self.kind, ErrorKind::Io(_) | ErrorKind::Magic | ErrorKind::Version(_) | ErrorKind::FileEnds { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.offset)?;
        if let Some((chunk, length)) = self.chunk {
            write!(f, ", in a chunk of {length} bytes for a {}", chunk.name())?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Io(error) => write!(f, "cannot be read: {error}"),
            ErrorKind::Magic => write!(f, "expected the first bytes of a mosquitto.db"),
            ErrorKind::Version(found) => {
                write!(f, "expected a version from {OLDEST_VERSION} to {}, found {found}", crate::CURRENT_VERSION)
            }
            ErrorKind::FileEnds { field, missing } => {
                write!(f, "expected {missing} more bytes for the {field}, but the file ends")
            }
            ErrorKind::ChunkEnds { field, missing } => {
                write!(f, "expected {missing} more bytes for the {field}, but the chunk ends")
            }
            ErrorKind::ChunkGoesOn(bytes) => write!(f, "expected the end of the chunk, found {bytes} more bytes"),
            ErrorKind::IdSize { found, .. } => write!(f, "expected store ids of 8 bytes, found {found}"),
            ErrorKind::Value { field, expected, found } => write!(f, "expected {expected} as {field}, found {found}"),
            ErrorKind::Empty(field) => write!(f, "expected a {field}, found an empty one"),
            ErrorKind::NotText(field) => write!(f, "expected UTF-8 as {field}"),
            ErrorKind::Properties(error) => write!(f, "expected properties of a message, found a {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Properties(error) => Some(error),
            _ => None,
        }
    }
}
