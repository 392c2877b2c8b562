//! Values to a file of version 6.

use crate::{
    BaseMessage, CURRENT_VERSION, ChunkType, Client, ClientMessage, Config, ID_BYTES, MAGIC, Retained, Subscription,
};
use mosquitto_mqtt::Properties;
use std::fmt;
use std::io::{self, Write};

/// Why a value was not written.
#[derive(Debug)]
pub enum WriteError {
    /// The output does not take it; how much of it was written is not known.
    Io(io::Error),
    /// This field is longer than the format can say. Nothing was written, and other values still may be.
    TooLong(&'static str),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Io(error) => write!(f, "cannot be written: {error}"),
            WriteError::TooLong(field) => write!(f, "the {field} is too long for the file"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WriteError::Io(error) => Some(error),
            WriteError::TooLong(_) => None,
        }
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        WriteError::Io(error)
    }
}

/// Writes a file of version 6 from front to back.
///
/// The order is the caller's to keep, for Mosquitto's sake: base messages; each client with its messages (in, then out, of
/// each those in flight, then those queued); subscriptions; retained messages. Each value is one write; nothing is buffered,
/// flushed or synchronised here.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    /// Of the chunk that is being written; kept for the next.
    chunk: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(output: W, config: Config) -> Result<Self, WriteError> {
        let mut writer = Self { output, chunk: Vec::new() };
        writer.chunk.extend_from_slice(MAGIC);
        writer.chunk.extend_from_slice(&[0; 4]);
        writer.chunk.extend_from_slice(&CURRENT_VERSION.to_be_bytes());
        writer.output.write_all(&writer.chunk)?;
        writer.write(ChunkType::Config, |body| {
            body.extend_from_slice(&config.last_store_id.to_le_bytes());
            body.extend_from_slice(&[config.shutdown.into(), ID_BYTES]);
            body.extend_from_slice(&[0; 6]);
            Ok(())
        })?;
        Ok(writer)
    }

    /// Writes a message.
    pub fn base_message(&mut self, message: &BaseMessage<'_>) -> Result<(), WriteError> {
        let username = message.source_username.unwrap_or_default();
        self.write(ChunkType::BaseMessage, |body| {
            body.extend_from_slice(&message.store_id.to_le_bytes());
            body.extend_from_slice(&message.expiry_time.to_le_bytes());
            let payload_len = u32::try_from(message.payload.len()).map_err(|_| WriteError::TooLong("payload"))?;
            body.extend_from_slice(&payload_len.to_be_bytes());
            put_u16(body, message.source_mid);
            put_len(body, message.source_id, "source id")?;
            put_len(body, username, "source username")?;
            put_len(body, message.topic, "topic")?;
            put_u16(body, message.source_port);
            body.extend_from_slice(&[message.qos.bits(), message.retain.into()]);
            body.extend_from_slice(message.source_id.as_bytes());
            body.extend_from_slice(username.as_bytes());
            body.extend_from_slice(message.topic.as_bytes());
            body.extend_from_slice(message.payload);
            put_properties(body, message.properties);
            Ok(())
        })
    }

    /// Writes a session.
    pub fn client(&mut self, client: &Client<'_>) -> Result<(), WriteError> {
        let username = client.username.unwrap_or_default();
        self.write(ChunkType::Client, |body| {
            body.extend_from_slice(&client.session_expiry_time.to_le_bytes());
            body.extend_from_slice(&client.session_expiry_interval.to_be_bytes());
            put_u16(body, client.last_mid);
            put_len(body, client.client_id, "client id")?;
            put_u16(body, client.listener_port);
            put_len(body, username, "username")?;
            body.extend_from_slice(&[0; 4]);
            body.extend_from_slice(client.client_id.as_bytes());
            body.extend_from_slice(username.as_bytes());
            Ok(())
        })
    }

    /// Writes a message of a client. Mosquitto 2.1 takes a file with more than one Subscription Identifier for damaged.
    pub fn client_message(&mut self, message: &ClientMessage<'_>) -> Result<(), WriteError> {
        self.write(ChunkType::ClientMessage, |body| {
            body.extend_from_slice(&message.store_id.to_le_bytes());
            put_u16(body, message.mid);
            put_len(body, message.client_id, "client id")?;
            let retain_dup = u8::from(message.retain) << 4 | u8::from(message.dup);
            body.extend_from_slice(&[message.qos.bits(), message.state as u8, retain_dup, message.direction as u8]);
            body.extend_from_slice(message.client_id.as_bytes());
            put_properties(body, message.properties);
            Ok(())
        })
    }

    /// Writes a subscription.
    pub fn subscription(&mut self, subscription: &Subscription<'_>) -> Result<(), WriteError> {
        self.write(ChunkType::Subscription, |body| {
            body.extend_from_slice(&subscription.identifier.to_be_bytes());
            put_len(body, subscription.client_id, "client id")?;
            put_len(body, subscription.filter, "topic filter")?;
            body.extend_from_slice(&[subscription.qos.bits(), subscription.options, 0, 0]);
            body.extend_from_slice(subscription.client_id.as_bytes());
            body.extend_from_slice(subscription.filter.as_bytes());
            Ok(())
        })
    }

    /// Writes that a message is retained.
    pub fn retained(&mut self, retained: Retained) -> Result<(), WriteError> {
        self.write(ChunkType::Retained, |body| {
            body.extend_from_slice(&retained.store_id.to_le_bytes());
            Ok(())
        })
    }

    /// The output, to be flushed and synchronised.
    pub fn into_output(self) -> W {
        self.output
    }

    fn write(
        &mut self,
        chunk: ChunkType,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.chunk.clear();
        self.chunk.extend_from_slice(&(chunk as u32).to_be_bytes());
        self.chunk.extend_from_slice(&[0; 4]);
        body(&mut self.chunk)?;
        let length = u32::try_from(self.chunk.len() - 8).map_err(|_| WriteError::TooLong(chunk.name()))?;
        if let Some(place) = self.chunk.get_mut(4..8) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        self.output.write_all(&self.chunk)?;
        Ok(())
    }
}

fn put_u16(body: &mut Vec<u8>, value: u16) {
    body.extend_from_slice(&value.to_be_bytes());
}

fn put_len(body: &mut Vec<u8>, text: &str, field: &'static str) -> Result<(), WriteError> {
    let len = u16::try_from(text.len()).map_err(|_| WriteError::TooLong(field))?;
    put_u16(body, len);
    Ok(())
}

/// No properties are no bytes at all.
fn put_properties(body: &mut Vec<u8>, properties: Properties<'_>) {
    if !properties.is_empty() {
        properties.encode(body);
    }
}
