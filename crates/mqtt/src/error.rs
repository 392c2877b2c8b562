//! What can be wrong with received bytes.

use crate::{PropertyId, ReasonCode};
use std::fmt;

/// The kind of fault, which decides the reason code that MQTT 5 answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The bytes cannot be parsed as the specification says (MQTT 5, 1.2 "Malformed Packet").
    Malformed,
    /// The bytes parse, but say what must not be said (MQTT 5, 1.2 "Protocol Error").
    Protocol,
    /// The packet is larger than the receiver takes.
    TooLarge,
    /// A client identifier that is not valid text.
    ClientIdentifier,
    /// The protocol level is none that this side speaks.
    UnsupportedVersion,
}

impl Fault {
    /// The reason code for this fault in a CONNACK or DISCONNECT of MQTT 5.
    pub fn reason(self) -> ReasonCode {
        match self {
            Fault::Malformed => ReasonCode::MALFORMED_PACKET,
            Fault::Protocol => ReasonCode::PROTOCOL_ERROR,
            Fault::TooLarge => ReasonCode::PACKET_TOO_LARGE,
            Fault::ClientIdentifier => ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
            Fault::UnsupportedVersion => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        }
    }
}

/// Why a packet was refused: what kind of fault, and in which field.
///
/// The peer that sent the bytes is always the one at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// What kind of fault.
    pub fault: Fault,
    /// The field in which it was found, in the words of the specification (`"topic name"`).
    pub field: &'static str,
    /// What was wrong with the field, as the end of a sentence (`"is cut short"`).
    pub what: &'static str,
}

impl DecodeError {
    pub(crate) const fn malformed(field: &'static str, what: &'static str) -> Self {
        Self { fault: Fault::Malformed, field, what }
    }

    pub(crate) const fn protocol(field: &'static str, what: &'static str) -> Self {
        Self { fault: Fault::Protocol, field, what }
    }

    /// The property in which the fault was found, if it was in one that MQTT 5 knows.
    pub fn property(&self) -> Option<PropertyId> {
        (0..=u8::MAX).filter_map(PropertyId::from_byte).find(|id| id.name() == self.field)
    }

    /// The same error blamed on another fault, where the packet around a field decides how it counts.
    #[must_use]
    pub(crate) const fn as_fault(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.fault {
            Fault::Malformed => "malformed packet",
            Fault::Protocol => "protocol error",
            Fault::TooLarge => "packet too large",
            Fault::ClientIdentifier => "client identifier not valid",
            Fault::UnsupportedVersion => "unsupported protocol version",
        };
        write!(f, "{kind}: {} {}", self.field, self.what)
    }
}

impl std::error::Error for DecodeError {}
