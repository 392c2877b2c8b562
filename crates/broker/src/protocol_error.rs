//! What the log says about clients that break the rules: Mosquitto's lines, and lines of our own where it has none.

use crate::log::log;
use crate::{ConnectionId, LogLevel, Shard};
use mosquitto_mqtt::packet::{Connect, ConnectError, SubscriptionOptions};
use mosquitto_mqtt::{
    DecodeError, Fault, FilterError, PacketType, Property, PropertyId, ProtocolVersion, QoS, ReasonCode, TopicError,
};
use std::fmt::Arguments;

/// Why a packet ends its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// It cannot be decoded.
    Faulty(DecodeError),
    /// It says what must not be said, and the log has it already.
    Told(Fault),
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        Refused::Faulty(error)
    }
}

/// A packet that cannot be decoded.
pub(crate) struct FaultyPacket<'a> {
    pub(crate) first_byte: u8,
    /// What follows the fixed header; empty where only that was looked at.
    pub(crate) body: &'a [u8],
    pub(crate) version: ProtocolVersion,
    pub(crate) error: DecodeError,
}

impl Shard {
    /// Says what is wrong with what a client wants. Returned as an error, the result ends the connection.
    #[cold]
    pub(crate) fn protocol_error(&mut self, id: ConnectionId, said: Arguments<'_>) -> Refused {
        log!(self.home.log, Information, "Protocol error from {}: {said}.", self.home.name_of(id));
        Refused::Told(Fault::Protocol)
    }

    /// Says what is wrong with a packet.
    #[cold]
    pub(crate) fn log_faulty(&mut self, id: ConnectionId, packet: &FaultyPacket<'_>) {
        if !self.home.log.wants(LogLevel::Information) {
            return;
        }
        let Some(connection) = self.home.connections.get(id) else { return };
        let line = packet.line(self.home.name_of(id), connection.address());
        log!(self.home.log, Information, "{line}");
    }
}

impl FaultyPacket<'_> {
    fn line(&self, name: &str, address: &str) -> String {
        let mosquittos = match PacketType::from_first_byte(self.first_byte) {
            Some(PacketType::Publish) => self.publish(name),
            Some(kind @ (PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp)) => {
                self.ack(kind).map(|said| from(name, format_args!("{said}")))
            }
            Some(PacketType::Subscribe) => self.subscribe(name, address),
            Some(PacketType::Unsubscribe) => self.unsubscribe(name),
            Some(PacketType::Disconnect) => self.disconnect().map(|said| from(name, format_args!("{said}"))),
            Some(PacketType::Auth) if self.version.is_v5() => {
                Some(from(name, format_args!("AUTH packet without existing auth-method")))
            }
            Some(PacketType::Auth) => Some(from(name, format_args!("AUTH packet when session not MQTT v5.0"))),
            Some(kind @ (PacketType::ConnAck | PacketType::SubAck | PacketType::UnsubAck | PacketType::PingResp))
                if self.error.fault == Fault::Protocol =>
            {
                Some(from(name, format_args!("{} when not a bridge", kind.name())))
            }
            _ => None,
        };
        mosquittos.unwrap_or_else(|| from(name, format_args!("{} {}", self.error.field, self.error.what)))
    }

    fn publish(&self, name: &str) -> Option<String> {
        let (qos, dup) = (QoS::from_bits(self.first_byte >> 1 & 3), self.first_byte & 8 != 0);
        match qos {
            None => Some(format!("Invalid QoS in PUBLISH from {name}, disconnecting.")),
            Some(QoS::AtMostOnce) if dup => {
                Some(format!("Invalid PUBLISH (QoS=0 and DUP=1) from {name}, disconnecting."))
            }
            Some(QoS::AtLeastOnce | QoS::ExactlyOnce) if self.u16_at(2 + usize::from(self.u16_at(0)?)) == Some(0) => {
                Some(from(name, format_args!("PUBLISH packet with mid = 0")))
            }
            Some(_) => None,
        }
    }

    fn ack(&self, kind: PacketType) -> Option<String> {
        let kind_name = kind.name();
        if self.error.fault != Fault::Protocol {
            return None;
        }
        if self.u16_at(0) == Some(0) {
            return Some(format!("{kind_name} with mid = 0"));
        }
        let reason = ReasonCode(*self.body.get(2)?);
        if !reason.belongs_in(kind) {
            return Some(format!("{kind_name} with reason code = {}", reason.0));
        }
        matches!(kind, PacketType::PubRec | PacketType::PubRel).then(|| format!("{kind_name} with invalid properties"))
    }

    fn subscribe(&self, name: &str, address: &str) -> Option<String> {
        let DecodeError { field, what, .. } = self.error;
        if self.error.property().is_some() {
            return Some(from(name, format_args!("SUBSCRIBE packet with invalid properties")));
        }
        if field == SubscriptionOptions::NO_LOCAL {
            return Some(from(name, format_args!("$share subscription with no-local set")));
        }
        // In MQTT 3 the whole byte is the QoS.
        if field == SubscriptionOptions::QOS || (field == SubscriptionOptions::RESERVED && !self.version.is_v5()) {
            return Some(format!("Invalid QoS in subscription command from {address}, disconnecting."));
        }
        filter_is(what).map(|filter| format!("{filter} subscription string from {address}, disconnecting."))
    }

    fn unsubscribe(&self, name: &str) -> Option<String> {
        if self.error.property().is_some() {
            return Some(from(name, format_args!("UNSUBSCRIBE packet with invalid properties")));
        }
        let filter = filter_is(self.error.what)?;
        Some(format!("{filter} unsubscription string from {name}, disconnecting."))
    }

    /// The length of what a DISCONNECT says, and that of what it brings, where the latter is more.
    fn disconnect(&self) -> Option<String> {
        let len = self.body.len();
        // The reason code, and properties of less than 128 bytes. In MQTT 3 there is nothing to be said.
        let said = 2 + usize::from(*self.body.get(1).filter(|&&len| len < 0x80)?);
        (said < len).then(|| format!("DISCONNECT packet with overlong remaining length ({said}:{len})"))
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        let (bytes, _) = self.body.get(at..)?.split_first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    }
}

/// Mosquitto's line about a CONNECT that cannot be decoded, where it has one. `peer` is `ADDRESS:PORT`.
pub(crate) fn connect_line(
    refused: &ConnectError<'_>,
    first_byte: u8,
    body: &[u8],
    peer: &str,
    address: &str,
) -> Option<(LogLevel, String)> {
    let name = refused.client_id.unwrap_or(address);
    let line = match faulty_start(refused, first_byte, body) {
        Err(Start::NoKeepAlive) => format!("{address} sent CONNECT with missing keepalive."),
        Err(Start::Faulty(said)) => from(peer, format_args!("CONNECT with {said}")),
        Ok(_) if refused.error.field == Connect::PASSWORD && refused.error.fault == Fault::Protocol => {
            let line = format!("Protocol error from {name}: password without username, closing connection.");
            return Some((LogLevel::Error, line));
        }
        Ok(flags) => from(name, format_args!("{}", faulty_rest(refused, flags, body.len())?)),
    };
    Some((LogLevel::Information, line))
}

/// What is wrong before the properties.
enum Start {
    Faulty(String),
    NoKeepAlive,
}

/// The fields before the properties, which are looked at in order. Returns the flags where all of them are right.
fn faulty_start(refused: &ConnectError<'_>, first_byte: u8, body: &[u8]) -> Result<u8, Start> {
    let faulty = |said: &str| Start::Faulty(said.to_owned());
    let (len, rest) = body.split_first_chunk().ok_or_else(|| faulty("missing protocol string length"))?;
    let len = u16::from_be_bytes(*len);
    if len != 4 && len != 6 {
        return Err(Start::Faulty(format!("incorrect protocol string length ({len})")));
    }
    let (name, rest) = rest.split_at_checked(usize::from(len)).ok_or_else(|| faulty("missing protocol string"))?;
    let (level, rest) = rest.split_first().ok_or_else(|| faulty("missing protocol version"))?;
    if refused.error.fault == Fault::UnsupportedVersion {
        return Err(Start::Faulty(format!("invalid protocol version ({level})")));
    }
    let Some(version) = refused.version else {
        // Whatever bytes it has, it stays within its line.
        return Err(Start::Faulty(format!("invalid protocol \"{}\"", name.escape_ascii())));
    };
    let tolerant = version == ProtocolVersion::V31;
    if first_byte != PacketType::Connect.first_byte() && !tolerant {
        return Err(Start::Faulty(format!("non-zero reserved flags ({first_byte:02X})")));
    }
    let (&flags, rest) = rest.split_first().ok_or_else(|| faulty("missing connect flags"))?;
    if flags & 1 != 0 && !tolerant {
        return Err(Start::Faulty(format!("non-zero connect reserved flag ({flags:02X})")));
    }
    if rest.len() < 2 {
        return Err(Start::NoKeepAlive);
    }
    let qos = flags >> 3 & 3;
    // Faults of the properties, which come first, are answered.
    if qos == 3 && !refused.answerable {
        return Err(Start::Faulty(format!("invalid Will QoS ({qos})")));
    }
    Ok(flags)
}

/// What is wrong with the properties or the payload.
fn faulty_rest(refused: &ConnectError<'_>, flags: u8, len: usize) -> Option<String> {
    let DecodeError { field, what, .. } = refused.error;
    let said = match refused.error.property() {
        Some(PropertyId::ReceiveMaximum) if what == Property::OUT_OF_RANGE => "CONNECT packet with receive-maximum = 0",
        Some(PropertyId::MaximumPacketSize) if what == Property::OUT_OF_RANGE => {
            "CONNECT packet with maximum-packet-size = 0"
        }
        None if what == TopicError::Empty.what() => "Will with empty topic",
        None if field == Connect::USERNAME => "CONNECT with username flag but no username",
        None if field == Connect::PASSWORD => "CONNECT with password flag but no password",
        None if field == Connect::FLAGS => {
            let (qos, retain) = (flags >> 3 & 3, flags >> 5 & 1);
            return Some(format!("CONNECT without Will with non-zero QoS ({qos}) or retain ({retain})"));
        }
        None if field == Connect::END => {
            let read = len.saturating_sub(refused.unread);
            return Some(format!("CONNECT packet with overlong remaining length ({read}:{len})"));
        }
        _ => return None,
    };
    Some(said.to_owned())
}

fn from(name: &str, said: Arguments<'_>) -> String {
    format!("Protocol error from {name}: {said}.")
}

/// What Mosquitto calls a filter with this fault.
fn filter_is(what: &str) -> Option<&'static str> {
    let is = |error: FilterError| error.what() == what;
    if is(FilterError::Empty) {
        return Some("Empty");
    }
    let invalid = [FilterError::Wildcard, FilterError::TooDeep, FilterError::TooLong].into_iter().any(is);
    invalid.then_some("Invalid")
}
