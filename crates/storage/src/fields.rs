//! The fields of a chunk, one after the other.

use crate::ErrorKind;
use mosquitto_mqtt::{Carrier, PacketType, Properties, QoS};

/// What is wrong, and how many bytes into the chunk's body.
pub(crate) type Fault = (usize, ErrorKind);

/// Where in the body of a chunk reading has come to.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body, at: 0 }
    }

    pub(crate) fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err((self.at, ErrorKind::ChunkEnds { field, missing: (len - self.rest.len()) as u64 }));
        };
        self.rest = rest;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N, field)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Fault> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Fault> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Fault> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// In the order of the machine that wrote the file: see the crate's documentation.
    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Fault> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// Likewise.
    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, Fault> {
        self.array(field).map(i64::from_le_bytes)
    }

    /// One byte that stands for a value of few.
    pub(crate) fn one_of<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        known: impl FnOnce(u8) -> Option<T>,
    ) -> Result<T, Fault> {
        let at = self.at;
        let found = self.u8(field)?;
        known(found).ok_or((at, ErrorKind::Value { field, expected, found: found.into() }))
    }

    pub(crate) fn bool(&mut self, field: &'static str) -> Result<bool, Fault> {
        self.one_of(field, "0 or 1", bool_of)
    }

    pub(crate) fn qos(&mut self) -> Result<QoS, Fault> {
        self.one_of("QoS", "0, 1 or 2", QoS::from_bits)
    }

    /// A text of so many bytes.
    pub(crate) fn text(&mut self, len: u16, field: &'static str) -> Result<&'a str, Fault> {
        let at = self.at;
        let bytes = self.bytes(len.into(), field)?;
        std::str::from_utf8(bytes).map_err(|error| (at + error.valid_up_to(), ErrorKind::NotText(field)))
    }

    /// A text of so many bytes that has to be there.
    pub(crate) fn some_text(&mut self, len: u16, field: &'static str) -> Result<&'a str, Fault> {
        let at = self.at;
        match self.text(len, field)? {
            "" => Err((at, ErrorKind::Empty(field))),
            text => Ok(text),
        }
    }

    /// A section of properties to the end of the chunk, which may be missing. Those of PUBLISH may stand there.
    pub(crate) fn properties(&mut self) -> Result<Properties<'a>, Fault> {
        if self.rest.is_empty() {
            return Ok(Properties::EMPTY);
        }
        let read = Properties::read(self.rest, Carrier::Packet(PacketType::Publish));
        let (properties, behind) = read.map_err(|error| (self.at, ErrorKind::Properties(error)))?;
        self.at += self.rest.len() - behind.len();
        self.rest = behind;
        Ok(properties)
    }

    /// Everything must have been read.
    pub(crate) fn end(self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err((self.at, ErrorKind::ChunkGoesOn(self.rest.len() as u64))) }
    }
}

/// 0 or 1.
pub(crate) fn bool_of(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
