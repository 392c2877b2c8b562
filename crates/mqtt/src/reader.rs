//! Reads the fields of one packet, front to back, never past its end.

use crate::varint::{Varint, read_varint, varint_len};
use crate::{DecodeError, check_text};

/// The part of a packet that has not been read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    #[inline]
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(cut_short(field))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(cut_short(field))?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk::<2>().ok_or(cut_short(field))?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(cut_short(field))?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        match read_varint(self.rest) {
            Varint::Complete(value, len) if len == varint_len(value) => {
                self.take(len, field)?;
                Ok(value)
            }
            // [MQTT-1.5.5-1]
            Varint::Complete(..) => Err(DecodeError::malformed(field, "takes more bytes than it needs")),
            Varint::CutShort => Err(cut_short(field)),
            Varint::TooLong => Err(DecodeError::malformed(field, "is longer than four bytes")),
        }
    }

    /// Binary data: a two-byte length and as many bytes (MQTT 5, 1.5.6).
    #[inline]
    pub(crate) fn binary(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.u16(field)?;
        self.take(usize::from(len), field)
    }

    #[inline]
    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        check_text(self.binary(field)?, field)
    }

    /// A packet identifier, which is never 0 `[MQTT-2.2.1-3]`.
    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<u16, DecodeError> {
        match self.u16("packet identifier")? {
            0 => Err(DecodeError::protocol("packet identifier", "is zero")),
            id => Ok(id),
        }
    }

    /// Refuses what stands behind the last field.
    pub(crate) fn end(self, field: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::malformed(field, "is followed by surplus bytes")) }
    }
}

fn cut_short(field: &'static str) -> DecodeError {
    DecodeError::malformed(field, "is cut short")
}
