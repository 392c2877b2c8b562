//! CONNECT (MQTT 5, 3.1; 3.1.1, 3.1).

use super::{put_data, put_header, put_text};
use crate::reader::Reader;
use crate::{
    Carrier, DecodeError, Fault, PacketType, Properties, ProtocolVersion, QoS, TopicError, TopicName, check_text,
    valid_text,
};

/// The message that the server publishes when the client is gone without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// A valid topic name.
    pub topic: &'a str,
    /// May be empty.
    pub payload: &'a [u8],
    /// At which it is published.
    pub qos: QoS,
    /// Whether it is published as a retained message.
    pub retain: bool,
    /// The message's properties and the Will Delay Interval; empty in MQTT 3.
    pub properties: Properties<'a>,
}

/// The first packet of every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// What the client speaks.
    pub version: ProtocolVersion,
    /// Bit 7 of the protocol level: the client is a bridge of another Mosquitto (MQTT 3 only).
    pub bridge: bool,
    /// Clean Start of MQTT 5, Clean Session of MQTT 3.
    pub clean_start: bool,
    /// Seconds; 0 turns it off.
    pub keep_alive_s: u16,
    /// Empty in MQTT 3.
    pub properties: Properties<'a>,
    /// May be empty.
    pub client_id: &'a str,
    /// What to publish when the client is gone.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub username: Option<&'a str>,
    /// The password: any bytes.
    pub password: Option<&'a [u8]>,
}

struct Flags(u8);

impl Flags {
    fn clean_start(&self) -> bool {
        self.0 & 2 != 0
    }
    fn will(&self) -> bool {
        self.0 & 4 != 0
    }
    fn will_qos(&self) -> u8 {
        (self.0 >> 3) & 3
    }
    fn will_retain(&self) -> bool {
        self.0 & 0x20 != 0
    }
    fn password(&self) -> bool {
        self.0 & 0x40 != 0
    }
    fn username(&self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl<'a> Connect<'a> {
    /// The name of a field in errors about it.
    pub const USERNAME: &'static str = "user name";
    /// Likewise.
    pub const PASSWORD: &'static str = "password";
    /// Likewise.
    pub const FLAGS: &'static str = "connect flags";
    /// Likewise, where bytes follow the last field.
    pub const END: &'static str = "CONNECT";

    /// Decodes what follows the fixed header.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(body).map_err(|refused| refused.error)
    }

    /// [`decode`](Self::decode) with what a server needs to answer a faulty CONNECT, and to say what is wrong with it.
    pub fn read(body: &'a [u8]) -> Result<Self, ConnectError<'a>> {
        let (mut reader, mut known) = (Reader::new(body), Known::default());
        Self::read_fields(&mut reader, &mut known).map_err(|Refused { error, answerable }| ConnectError {
            error,
            answerable,
            version: known.version,
            client_id: known.client_id,
            unread: reader.rest().len(),
        })
    }

    fn read_fields(reader: &mut Reader<'a>, known: &mut Known<'a>) -> Result<Self, Refused> {
        let (version, bridge) = read_version(reader, known)?;
        known.version = Some(version);
        // What is wrong in the flags or in most of the payload is not answered, as in Mosquitto.
        let answerable = |error| Refused { error, answerable: version.is_v5() };
        let (flags, keep_alive_s) = read_flags(reader, version).map_err(silent)?;
        let properties = if version.is_v5() {
            Properties::decode(reader, Carrier::Packet(PacketType::Connect)).map_err(answerable)?
        } else {
            Properties::EMPTY
        };
        // [MQTT-3.1.2-12]
        let will_qos = QoS::from_bits(flags.will_qos()).ok_or(silent(DecodeError::malformed("will QoS", "is 3")))?;
        let client_id = read_client_id(reader).map_err(answerable)?;
        known.client_id = Some(client_id);
        let will = if flags.will() {
            let properties = read_will_properties(reader, version).map_err(answerable)?;
            let topic = reader.binary("will topic").map_err(answerable)?;
            if topic.is_empty() {
                return Err(answerable(DecodeError::protocol("will topic", TopicError::Empty.what())));
            }
            let payload = reader.binary("will payload").map_err(answerable)?;
            let topic = check_will_topic(topic).map_err(silent)?;
            Some(Will { topic, payload, qos: will_qos, retain: flags.will_retain(), properties })
        } else {
            check_no_will(&flags, version).map_err(silent)?;
            None
        };
        let (username, password) = read_credentials(reader, &flags, version).map_err(silent)?;
        reader.end(Self::END).map_err(answerable)?;
        let clean_start = flags.clean_start();
        Ok(Self { version, bridge, clean_start, keep_alive_s, properties, client_id, will, username, password })
    }

    /// Appends the whole packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let version = self.version;
        let mut body = Vec::with_capacity(64);
        put_text(&mut body, version.name());
        body.push(version.level() | u8::from(self.bridge) << 7);
        body.push(self.flags());
        body.extend_from_slice(&self.keep_alive_s.to_be_bytes());
        if version.is_v5() {
            self.properties.encode(&mut body);
        }
        put_text(&mut body, self.client_id);
        if let Some(will) = &self.will {
            if version.is_v5() {
                will.properties.encode(&mut body);
            }
            put_text(&mut body, will.topic);
            put_data(&mut body, will.payload);
        }
        if let Some(username) = self.username {
            put_text(&mut body, username);
        }
        if let Some(password) = self.password {
            put_data(&mut body, password);
        }
        put_header(out, PacketType::Connect.first_byte(), body.len());
        out.extend_from_slice(&body);
    }

    fn flags(&self) -> u8 {
        let will = self.will.map_or(0, |w| 4 | w.qos.bits() << 3 | u8::from(w.retain) << 5);
        u8::from(self.clean_start) << 1
            | will
            | u8::from(self.password.is_some()) << 6
            | u8::from(self.username.is_some()) << 7
    }
}

/// Why a CONNECT was refused, and whether the client is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectError<'a> {
    /// What is wrong.
    pub error: DecodeError,
    /// Whether a CONNACK with the fault's reason code is due; else the connection is just closed.
    pub answerable: bool,
    /// What the client speaks, as far as it got to say it.
    pub version: Option<ProtocolVersion>,
    /// Who the client is, as far as it got to say it.
    pub client_id: Option<&'a str>,
    /// Bytes behind the last field that could be read.
    pub unread: usize,
}

/// What was read before something turned out to be wrong.
#[derive(Default)]
struct Known<'a> {
    version: Option<ProtocolVersion>,
    client_id: Option<&'a str>,
}

struct Refused {
    error: DecodeError,
    answerable: bool,
}

fn silent(error: DecodeError) -> Refused {
    Refused { error, answerable: false }
}

fn read_flags(reader: &mut Reader<'_>, version: ProtocolVersion) -> Result<(Flags, u16), DecodeError> {
    let flags = Flags(reader.u8(Connect::FLAGS)?);
    if flags.0 & 1 != 0 && version != ProtocolVersion::V31 {
        return Err(DecodeError::malformed(Connect::FLAGS, "have the reserved bit set")); // [MQTT-3.1.2-3]
    }
    Ok((flags, reader.u16("keep alive")?))
}

fn read_client_id<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let bytes = reader.binary("client identifier")?;
    valid_text(bytes).ok_or(DecodeError {
        fault: Fault::ClientIdentifier,
        field: "client identifier",
        what: "is not valid UTF-8 text",
    })
}

fn read_version(reader: &mut Reader<'_>, known: &mut Known<'_>) -> Result<(ProtocolVersion, bool), Refused> {
    let name = reader.binary("protocol name").map_err(silent)?;
    // Other lengths are no name at all, and not worth an answer.
    if !matches!(name.len(), 4 | 6) {
        return Err(silent(unknown_name()));
    }
    let level = reader.u8("protocol level").map_err(silent)?;
    let unsupported = |what| Refused {
        error: DecodeError { fault: Fault::UnsupportedVersion, field: "protocol level", what },
        answerable: true,
    };
    let version = match (name, level & 0x7f) {
        (b"MQIsdp", 3) => ProtocolVersion::V31,
        (b"MQTT", 4) => ProtocolVersion::V311,
        (b"MQTT", 5) => ProtocolVersion::V5,
        // [MQTT-3.1.2-2]: Mosquitto answers a known level under the wrong name as MQTT 3 does.
        (b"MQIsdp" | b"MQTT", 3..=5) => {
            known.version = Some(ProtocolVersion::V311);
            return Err(unsupported("does not go with the protocol name"));
        }
        // [MQTT-3.1.2-1]
        (_, 3..=5) => return Err(silent(unknown_name())),
        // Looked at before the name is, as in Mosquitto.
        _ => return Err(unsupported("is none of 3, 4 and 5")),
    };
    // Bit 7 marks a bridge in the versions that bridges speak privately; MQTT 5 has No Local instead.
    Ok((version, level & 0x80 != 0 && !version.is_v5()))
}

fn unknown_name() -> DecodeError {
    DecodeError::protocol("protocol name", "is neither MQTT nor MQIsdp")
}

/// Without a will, its QoS and retain have to be 0 `[MQTT-3.1.2-11]` `[MQTT-3.1.2-13]`, which MQTT 3.1 did not say yet.
fn check_no_will(flags: &Flags, version: ProtocolVersion) -> Result<(), DecodeError> {
    if version != ProtocolVersion::V31 && (flags.will_qos() != 0 || flags.will_retain()) {
        return Err(DecodeError::malformed(Connect::FLAGS, "give a will's QoS or retain without a will"));
    }
    Ok(())
}

fn read_will_properties<'a>(reader: &mut Reader<'a>, version: ProtocolVersion) -> Result<Properties<'a>, DecodeError> {
    if version.is_v5() { Properties::decode(reader, Carrier::Will) } else { Ok(Properties::EMPTY) }
}

fn check_will_topic(topic: &[u8]) -> Result<&str, DecodeError> {
    let topic = check_text(topic, "will topic")?;
    TopicName::new(topic).map_err(|e| DecodeError::malformed("will topic", e.what()))?;
    Ok(topic)
}

type Credentials<'a> = (Option<&'a str>, Option<&'a [u8]>);

fn read_credentials<'a>(
    reader: &mut Reader<'a>,
    flags: &Flags,
    version: ProtocolVersion,
) -> Result<Credentials<'a>, DecodeError> {
    if flags.password() && !flags.username() && !version.is_v5() {
        return Err(DecodeError::protocol(Connect::PASSWORD, "is given without a user name")); // [3.1.1 MQTT-3.1.2-22]
    }
    // MQTT 3.1 lets fields be missing that the flags announce.
    let lenient = version == ProtocolVersion::V31;
    let username = if flags.username() && !(lenient && reader.is_empty()) {
        Some(check_text(reader.binary(Connect::USERNAME)?, Connect::USERNAME)?)
    } else {
        None
    };
    let password = if flags.password() && !(lenient && reader.is_empty()) {
        Some(reader.binary(Connect::PASSWORD)?)
    } else {
        None
    };
    Ok((username, password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FixedHeader, PropertiesBuf, Property};

    fn body(packet: &Connect<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        packet.encode(&mut out);
        let header = FixedHeader::parse(&out).unwrap().unwrap();
        assert_eq!(header.packet_len(), out.len());
        out.split_off(usize::from(header.header_len))
    }

    fn plain(version: ProtocolVersion) -> Connect<'static> {
        Connect {
            version,
            bridge: false,
            clean_start: true,
            keep_alive_s: 60,
            properties: Properties::EMPTY,
            client_id: "id",
            will: None,
            username: None,
            password: None,
        }
    }

    #[test]
    fn every_version_round_trips_with_all_fields() {
        let properties: PropertiesBuf = [Property::ReceiveMaximum(7)].into_iter().collect();
        for version in [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5] {
            let properties = if version.is_v5() { properties.as_properties() } else { Properties::EMPTY };
            let will = Will {
                topic: "w",
                payload: b"gone",
                qos: QoS::AtLeastOnce,
                retain: true,
                properties: Properties::EMPTY,
            };
            let packet = Connect {
                properties,
                will: Some(will),
                username: Some("u"),
                password: Some(b"\xff"),
                clean_start: false,
                ..plain(version)
            };
            assert_eq!(Connect::decode(&body(&packet)).unwrap(), packet);
        }
    }

    #[test]
    fn the_bridge_bit_is_seen_in_mqtt_3_only() {
        let packet = Connect { bridge: true, ..plain(ProtocolVersion::V311) };
        assert!(Connect::decode(&body(&packet)).unwrap().bridge);
        let packet = Connect { bridge: true, ..plain(ProtocolVersion::V5) };
        assert!(!Connect::decode(&body(&packet)).unwrap().bridge);
    }

    #[test]
    fn faults_are_told_apart() {
        use ProtocolVersion::*;
        let fault_at = |version, at: usize, byte: u8| {
            let mut bytes = body(&plain(version));
            bytes[at] = byte;
            Connect::decode(&bytes).unwrap_err().fault
        };
        assert_eq!(fault_at(V311, 6, 6), Fault::UnsupportedVersion); // [MQTT-3.1.2-2]
        assert_eq!(fault_at(V311, 2, b'X'), Fault::Protocol); // [MQTT-3.1.2-1] [3.1.1 MQTT-3.1.2-1]
        assert_eq!(fault_at(V311, 7, 3), Fault::Malformed); // [MQTT-3.1.2-3] [3.1.1 MQTT-3.1.2-3]
        assert_eq!(fault_at(V311, 7, 0x0a), Fault::Malformed); // [3.1.1 MQTT-3.1.2-13]
        assert_eq!(fault_at(V311, 7, 0x1e), Fault::Malformed); // [3.1.1 MQTT-3.1.2-14]
        assert_eq!(fault_at(V311, 7, 0x42), Fault::Protocol); // [3.1.1 MQTT-3.1.2-22]
        assert_eq!(fault_at(V5, 13, 0xff), Fault::ClientIdentifier); // [MQTT-3.1.3-4]
        assert_eq!(fault_at(V311, 12, 0xff), Fault::ClientIdentifier); // [3.1.1 MQTT-3.1.3-4]
        assert_eq!(fault_at(V311, 12, 1), Fault::ClientIdentifier);
        let mut surplus = body(&plain(V5));
        surplus.push(0);
        assert_eq!(Connect::decode(&surplus).unwrap_err().fault, Fault::Malformed);
    }
}
