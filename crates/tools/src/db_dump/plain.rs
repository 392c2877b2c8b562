//! Every chunk, field by field.

use super::View;
use mosquitto_mqtt::{Properties, Property, valid_text};
use mosquitto_storage::{
    BaseMessage, CURRENT_VERSION, Chunk, ChunkType, Client, ClientMessage, Entry, Error, ErrorKind, ID_BYTES,
    Subscription,
};
use std::io::{self, Write};

/// Payloads from this length on are not shown.
const PAYLOAD_BYTES: usize = 256;

/// The view without an option.
#[derive(Debug, Default)]
pub(super) struct Plain {
    version: u32,
}

impl View for Plain {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Mosquitto DB dump")
    }

    fn head(&mut self, checksum: u32, version: u32, out: &mut dyn Write) -> io::Result<()> {
        self.version = version;
        writeln!(out, "CRC: {}", checksum.cast_signed())?;
        writeln!(out, "DB version: {}", version.cast_signed())?;
        if version > CURRENT_VERSION {
            writeln!(
                out,
                "Warning: mosquitto_db_dump does not support this DB version, continuing but expecting errors."
            )?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()> {
        let length = entry.length;
        match &entry.chunk {
            Chunk::Config(config) => {
                writeln!(out, "DB_CHUNK_CFG:\n\tLength: {length}\n\tShutdown: {}", u8::from(config.shutdown))?;
                writeln!(out, "\tDB ID size: {ID_BYTES}\n\tLast DB ID: {}", config.last_store_id)
            }
            Chunk::BaseMessage(message) => base_message(message, length, out),
            Chunk::ClientMessage(message) => client_message(message, length, out),
            Chunk::Retained(retained) => {
                writeln!(out, "DB_CHUNK_RETAIN:\n\tLength: {length}\n\tStore ID: {}", retained.store_id)
            }
            Chunk::Subscription(subscription) => self::subscription(subscription, length, out),
            Chunk::Client(client) => self::client(client, length, self.interval(client), out),
            Chunk::Unknown(_) => Ok(()),
        }
    }

    /// The original shows what it has read of these two before it looks further.
    fn damaged(&mut self, error: &Error, out: &mut dyn Write) -> io::Result<()> {
        match (error.chunk, &error.kind) {
            (Some((ChunkType::Config, length)), ErrorKind::IdSize { found, shutdown }) => {
                writeln!(out, "DB_CHUNK_CFG:\n\tLength: {length}\n\tShutdown: {}", u8::from(*shutdown))?;
                writeln!(out, "\tDB ID size: {found}")
            }
            (Some((ChunkType::Retained, length)), _) => writeln!(out, "DB_CHUNK_RETAIN:\n\tLength: {length}"),
            _ => Ok(()),
        }
    }
}

impl Plain {
    /// Versions up to 4 have no interval, which the original shows as 0.
    fn interval(&self, client: &Client<'_>) -> u32 {
        if matches!(self.version, 5 | 6) { client.session_expiry_interval } else { 0 }
    }
}

fn base_message(message: &BaseMessage<'_>, length: u32, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "DB_CHUNK_BASE_MSG:\n\tLength: {length}\n\tStore ID: {}", message.store_id)?;
    writeln!(out, "\tSource Port: {}\n\tSource MID: {}", message.source_port, message.source_mid)?;
    writeln!(out, "\tTopic: {}\n\tQoS: {}", message.topic, message.qos.bits())?;
    writeln!(out, "\tRetain: {}\n\tPayload Length: {}", u8::from(message.retain), message.payload.len())?;
    writeln!(out, "\tExpiry Time: {}", message.expiry_time.cast_unsigned())?;
    let short = Some(message.payload).filter(|payload| (1..PAYLOAD_BYTES).contains(&payload.len()));
    if let Some(text) = short.and_then(valid_text) {
        writeln!(out, "\tPayload: {text}")?;
    }
    properties(message.properties, out)
}

fn properties(properties: Properties<'_>, out: &mut dyn Write) -> io::Result<()> {
    if !properties.is_empty() {
        writeln!(out, "\tProperties:")?;
    }
    for property in properties.iter() {
        match property {
            Property::PayloadFormatIndicator(value) => writeln!(out, "\t\tPayload format indicator: {value}"),
            Property::ContentType(text) => writeln!(out, "\t\tContent type: {}", or_null(text)),
            Property::ResponseTopic(text) => writeln!(out, "\t\tResponse topic: {}", or_null(text)),
            Property::CorrelationData(data) => writeln!(out, "\t\tCorrelation data: {}", hex(data)),
            Property::UserProperty((name, value)) => {
                writeln!(out, "\t\tUser property: {} , {}", or_null(name), or_null(value))
            }
            other => writeln!(out, "\t\tInvalid property type: {}", other.id() as u8),
        }?;
    }
    Ok(())
}

/// Text that is empty is none, for the original.
fn or_null(text: &str) -> &str {
    if text.is_empty() { "(null)" } else { text }
}

pub(super) fn hex(data: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).map(|digit| char::from(*digit));
    data.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).filter_map(digit).collect()
}

fn client_message(message: &ClientMessage<'_>, length: u32, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "DB_CHUNK_CLIENT_MSG:\n\tLength: {length}\n\tClient ID: {}", message.client_id)?;
    writeln!(out, "\tStore ID: {}\n\tMID: {}", message.store_id, message.mid)?;
    writeln!(out, "\tQoS: {}\n\tRetain: {}", message.qos.bits(), u8::from(message.retain))?;
    writeln!(out, "\tDirection: {}\n\tState: {}", message.direction as u8, message.state as u8)?;
    writeln!(out, "\tDup: {}", u8::from(message.dup))?;
    message.subscription_identifiers().try_for_each(|id| writeln!(out, "\tSubscription identifier: {id}"))
}

fn subscription(subscription: &Subscription<'_>, length: u32, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "DB_CHUNK_SUB:\n\tLength: {length}\n\tClient ID: {}", subscription.client_id)?;
    writeln!(out, "\tTopic: {}\n\tQoS: {}", subscription.filter, subscription.qos.bits())?;
    writeln!(out, "\tSubscription ID: {}\n\tOptions: 0x{:02X}", subscription.identifier, subscription.options)
}

fn client(client: &Client<'_>, length: u32, interval: u32, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "DB_CHUNK_CLIENT:\n\tLength: {length}\n\tClient ID: {}", client.client_id)?;
    if let Some(username) = client.username {
        writeln!(out, "\tUsername: {username}")?;
    }
    if client.listener_port > 0 {
        writeln!(out, "\tListener port: {}", client.listener_port)?;
    }
    writeln!(out, "\tLast MID: {}", client.last_mid)?;
    writeln!(out, "\tSession expiry time: {}", client.session_expiry_time.cast_unsigned())?;
    writeln!(out, "\tSession expiry interval: {interval}")
}
