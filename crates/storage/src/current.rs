//! The chunks of versions 5 and 6: a fixed part, then texts.

use crate::fields::{Fault, Fields, bool_of};
use crate::{
    BaseMessage, Chunk, ChunkType, Client, ClientMessage, Config, Direction, ErrorKind, ID_BYTES, MessageState,
    Retained, Subscription,
};
use mosquitto_mqtt::valid_text;

/// Reads the body of a chunk.
pub(crate) fn decode(chunk: ChunkType, body: &[u8], version: u32) -> Result<Chunk<'_>, Fault> {
    let mut fields = Fields::new(body);
    let decoded = match chunk {
        ChunkType::Config => Chunk::Config(config(&mut fields)?),
        ChunkType::BaseMessage => Chunk::BaseMessage(base_message(&mut fields)?),
        ChunkType::ClientMessage => Chunk::ClientMessage(client_message(&mut fields)?),
        ChunkType::Retained => Chunk::Retained(Retained { store_id: fields.u64("store id")? }),
        ChunkType::Subscription => Chunk::Subscription(subscription(&mut fields)?),
        ChunkType::Client => Chunk::Client(client(&mut fields, version)?),
    };
    fields.end()?;
    Ok(decoded)
}

fn config(fields: &mut Fields<'_>) -> Result<Config, Fault> {
    let last_store_id = fields.u64("last store id")?;
    let shutdown = fields.bool("shutdown flag")?;
    id_size(fields, 9, shutdown)?;
    fields.bytes(6, "padding")?;
    Ok(Config { last_store_id, shutdown })
}

/// The size of a store id, which stands `at` bytes into the body.
pub(crate) fn id_size(fields: &mut Fields<'_>, at: usize, shutdown: bool) -> Result<(), Fault> {
    let found = fields.u8("store id size")?;
    if found == ID_BYTES { Ok(()) } else { Err((at, ErrorKind::IdSize { found, shutdown })) }
}

/// A user name that is empty is none.
pub(crate) fn name(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn base_message<'a>(fields: &mut Fields<'a>) -> Result<BaseMessage<'a>, Fault> {
    let store_id = fields.u64("store id")?;
    let expiry_time = fields.i64("expiry time")?;
    let payload_len = fields.u32("payload length")?;
    let source_mid = fields.u16("source mid")?;
    let source_id_len = fields.u16("source id length")?;
    let source_username_len = fields.u16("source username length")?;
    let topic_len = fields.u16("topic length")?;
    let source_port = fields.u16("source port")?;
    let qos = fields.qos()?;
    let retain = fields.bool("retain flag")?;
    Ok(BaseMessage {
        store_id,
        expiry_time,
        source_id: fields.text(source_id_len, "source id")?,
        source_username: name(fields.text(source_username_len, "source username")?),
        source_port,
        source_mid,
        topic: fields.some_text(topic_len, "topic")?,
        qos,
        retain,
        payload: fields.bytes(payload_len as usize, "payload")?,
        properties: fields.properties()?,
    })
}

fn client_message<'a>(fields: &mut Fields<'a>) -> Result<ClientMessage<'a>, Fault> {
    let store_id = fields.u64("store id")?;
    let mid = fields.u16("mid")?;
    let client_id_len = fields.u16("client id length")?;
    let qos = fields.qos()?;
    let state = fields.one_of("state", "a number up to 11", MessageState::from_number)?;
    let (retain, dup) =
        fields.one_of("retain and dup", "0, 1, 16 or 17", |byte| Some((bool_of(byte >> 4)?, bool_of(byte & 0x0f)?)))?;
    let direction = fields.one_of("direction", "0 or 1", Direction::from_number)?;
    let client_id = fields.some_text(client_id_len, "client id")?;
    let properties = fields.properties()?;
    Ok(ClientMessage { client_id, store_id, mid, qos, state, retain, dup, direction, properties })
}

fn subscription<'a>(fields: &mut Fields<'a>) -> Result<Subscription<'a>, Fault> {
    let identifier = fields.u32("subscription identifier")?;
    let client_id_len = fields.u16("client id length")?;
    let filter_len = fields.u16("topic filter length")?;
    let qos = fields.qos()?;
    let options = fields.one_of("options", "the bits 2 to 5 of Subscription Options", |byte| {
        Some(byte).filter(|byte| byte & !Subscription::OPTIONS == 0 && byte >> 4 != 3)
    })?;
    fields.bytes(2, "padding")?;
    Ok(Subscription {
        client_id: fields.some_text(client_id_len, "client id")?,
        filter: fields.some_text(filter_len, "topic filter")?,
        qos,
        options,
        identifier,
    })
}

/// Mosquitto 2.0 gives a client without a user name the length of another's, in the wrong order of bytes, and so writes whatever
/// stands in its memory there. What is no text that MQTT allows is therefore no user name, rather than a session that is lost.
fn client<'a>(fields: &mut Fields<'a>, version: u32) -> Result<Client<'a>, Fault> {
    let session_expiry_time = fields.i64("session expiry time")?;
    let session_expiry_interval = fields.u32("session expiry interval")?;
    let last_mid = fields.u16("last mid")?;
    let client_id_len = fields.u16("client id length")?;
    let (mut listener_port, mut username_len) = (0, 0);
    if version >= 6 {
        listener_port = fields.u16("listener port")?;
        username_len = fields.u16("username length")?;
        fields.bytes(4, "padding")?;
    }
    Ok(Client {
        client_id: fields.some_text(client_id_len, "client id")?,
        username: valid_text(fields.bytes(username_len.into(), "username")?).and_then(name),
        session_expiry_time,
        session_expiry_interval,
        last_mid,
        listener_port,
    })
}
