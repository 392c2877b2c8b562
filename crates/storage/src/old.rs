//! The chunks of versions 2 to 4: fields in a row, texts with their length in front.

use crate::current::{id_size, name};
use crate::fields::{Fault, Fields};
use crate::{
    BaseMessage, Chunk, ChunkType, Client, ClientMessage, Config, Direction, MessageState, NEVER, Retained,
    Subscription,
};
use mosquitto_mqtt::Properties;

/// A piece of a chunk, for finding its end: the length that the file has for it may be wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece {
    /// So many bytes.
    Bytes(u64),
    /// A length of 16 bits and so many bytes.
    Text,
    /// A length of 32 bits and so many bytes.
    Payload,
}

/// What a chunk is made of.
pub(crate) fn pieces(chunk: ChunkType, version: u32) -> &'static [Piece] {
    use Piece::{Bytes, Payload, Text};
    match chunk {
        ChunkType::Config => &[Bytes(10)],
        ChunkType::BaseMessage if version >= 4 => &[Bytes(8), Text, Text, Bytes(2), Bytes(4), Text, Bytes(2), Payload],
        ChunkType::BaseMessage => &[Bytes(8), Text, Bytes(4), Text, Bytes(2), Payload],
        ChunkType::ClientMessage => &[Text, Bytes(15)],
        ChunkType::Retained => &[Bytes(8)],
        ChunkType::Subscription => &[Text, Text, Bytes(1)],
        ChunkType::Client if version >= 3 => &[Text, Bytes(2), Bytes(8)],
        ChunkType::Client => &[Text, Bytes(2)],
    }
}

/// Reads a chunk of which all pieces are there.
pub(crate) fn decode(chunk: ChunkType, body: &[u8], version: u32) -> Result<Chunk<'_>, Fault> {
    let mut fields = Fields::new(body);
    let decoded = match chunk {
        ChunkType::Config => Chunk::Config(config(&mut fields)?),
        ChunkType::BaseMessage => Chunk::BaseMessage(base_message(&mut fields, version)?),
        ChunkType::ClientMessage => Chunk::ClientMessage(client_message(&mut fields)?),
        ChunkType::Retained => Chunk::Retained(Retained { store_id: fields.u64("store id")? }),
        ChunkType::Subscription => Chunk::Subscription(Subscription {
            client_id: some_text(&mut fields, "client id")?,
            filter: some_text(&mut fields, "topic filter")?,
            qos: fields.qos()?,
            options: 0,
            identifier: 0,
        }),
        ChunkType::Client => Chunk::Client(client(&mut fields, version)?),
    };
    fields.end()?;
    Ok(decoded)
}

fn text<'a>(fields: &mut Fields<'a>, field: &'static str) -> Result<&'a str, Fault> {
    let len = fields.u16(field)?;
    fields.text(len, field)
}

fn some_text<'a>(fields: &mut Fields<'a>, field: &'static str) -> Result<&'a str, Fault> {
    let len = fields.u16(field)?;
    fields.some_text(len, field)
}

fn config(fields: &mut Fields<'_>) -> Result<Config, Fault> {
    let shutdown = fields.bool("shutdown flag")?;
    id_size(fields, 1, shutdown)?;
    Ok(Config { shutdown, last_store_id: fields.u64("last store id")? })
}

fn base_message<'a>(fields: &mut Fields<'a>, version: u32) -> Result<BaseMessage<'a>, Fault> {
    let store_id = fields.u64("store id")?;
    let source_id = text(fields, "source id")?;
    let (mut source_username, mut source_port) = (None, 0);
    if version >= 4 {
        source_username = name(text(fields, "source username")?);
        source_port = fields.u16("source port")?;
    }
    let source_mid = fields.u16("source mid")?;
    fields.u16("mid")?;
    let topic = some_text(fields, "topic")?;
    let qos = fields.qos()?;
    let retain = fields.bool("retain flag")?;
    let payload_len = fields.u32("payload length")?;
    Ok(BaseMessage {
        store_id,
        expiry_time: 0,
        source_id,
        source_username,
        source_port,
        source_mid,
        topic,
        qos,
        retain,
        payload: fields.bytes(payload_len as usize, "payload")?,
        properties: Properties::EMPTY,
    })
}

fn client_message<'a>(fields: &mut Fields<'a>) -> Result<ClientMessage<'a>, Fault> {
    Ok(ClientMessage {
        client_id: some_text(fields, "client id")?,
        store_id: fields.u64("store id")?,
        mid: fields.u16("mid")?,
        qos: fields.qos()?,
        retain: fields.bool("retain flag")?,
        direction: fields.one_of("direction", "0 or 1", Direction::from_number)?,
        state: fields.one_of("state", "a number up to 11", MessageState::from_number)?,
        dup: fields.bool("dup flag")?,
        properties: Properties::EMPTY,
    })
}

/// When the client went away says nothing any more: what it left never expires.
fn client<'a>(fields: &mut Fields<'a>, version: u32) -> Result<Client<'a>, Fault> {
    let client_id = some_text(fields, "client id")?;
    let last_mid = fields.u16("last mid")?;
    if version >= 3 {
        fields.i64("time of disconnecting")?;
    }
    Ok(Client {
        client_id,
        username: None,
        session_expiry_time: 0,
        session_expiry_interval: NEVER,
        last_mid,
        listener_port: 0,
    })
}
