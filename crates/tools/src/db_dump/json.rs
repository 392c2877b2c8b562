//! `--json`: one object, with a list for each type of chunk. It is laid out as the original lays it out, with tabs.

use super::View;
use super::plain::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mosquitto_mqtt::Property;
use mosquitto_storage::{BaseMessage, Chunk, Client, ClientMessage, Entry, Subscription};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The lists, written already: that the first type may still come when the last has come is what the file allows, and text
/// takes less room than values.
#[derive(Debug, Default)]
pub(super) struct Json {
    version: u32,
    base_messages: Vec<u8>,
    clients: Vec<u8>,
    client_messages: Vec<u8>,
    retained: Vec<u8>,
    subscriptions: Vec<u8>,
}

impl View for Json {
    fn head(&mut self, _checksum: u32, version: u32, _out: &mut dyn Write) -> io::Result<()> {
        self.version = version;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let (list, value) = match &entry.chunk {
            Chunk::BaseMessage(message) => (&mut self.base_messages, base_message(message)),
            Chunk::Client(client) => {
                let interval = if matches!(self.version, 5 | 6) { client.session_expiry_interval } else { 0 };
                (&mut self.clients, self::client(client, interval))
            }
            Chunk::ClientMessage(message) => (&mut self.client_messages, client_message(message)),
            Chunk::Retained(retained) => (&mut self.retained, object([("storeid", json!(retained.store_id))])),
            Chunk::Subscription(subscription) => (&mut self.subscriptions, self::subscription(subscription)),
            Chunk::Config(_) | Chunk::Unknown(_) => return Ok(()),
        };
        if !list.is_empty() {
            list.extend_from_slice(b", ");
        }
        put_value(list, &value, 2)
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let lists = [
            ("base-messages", &self.base_messages, ",\n"),
            ("clients", &self.clients, ",\n"),
            ("client-messages", &self.client_messages, ",\n"),
            ("retained-messages", &self.retained, ",\n"),
            ("subscriptions", &self.subscriptions, "\n"),
        ];
        out.write_all(b"{\n")?;
        for (name, list, end) in lists {
            write!(out, "\t\"{name}\":\t[")?;
            out.write_all(list)?;
            write!(out, "]{end}")?;
        }
        out.write_all(b"}\n")
    }
}

fn base_message(message: &BaseMessage<'_>) -> Value {
    let mut value = object([
        ("storeid", json!(message.store_id)),
        ("expiry-time", json!(message.expiry_time)),
        ("source-mid", json!(message.source_mid)),
        ("source-port", json!(message.source_port)),
        ("qos", json!(message.qos.bits())),
        ("retain", json!(u8::from(message.retain))),
        ("topic", json!(message.topic)),
    ]);
    let some = |text: &str| Some(json!(text)).filter(|_| !text.is_empty());
    let payload = Some(message.payload).filter(|payload| !payload.is_empty());
    let properties: Vec<Value> = message.properties.iter().map(property).collect();
    add(&mut value, "clientid", some(message.source_id));
    add(&mut value, "username", message.source_username.and_then(some));
    add(&mut value, "payload", payload.map(|payload| json!(BASE64.encode(payload))));
    add(&mut value, "properties", Some(json!(properties)).filter(|_| !properties.is_empty()));
    value
}

fn property(property: Property<'_>) -> Value {
    let identifier = ("identifier", json!(property.id().name()));
    match property {
        Property::UserProperty((name, text)) => object([identifier, ("name", json!(name)), ("value", json!(text))]),
        Property::PayloadFormatIndicator(number) => object([identifier, ("value", json!(number))]),
        Property::ContentType(text) | Property::ResponseTopic(text) => object([identifier, ("value", json!(text))]),
        Property::CorrelationData(data) => object([identifier, ("value", json!(hex(data)))]),
        // None that a base message has.
        _ => object([identifier]),
    }
}

fn client(client: &Client<'_>, interval: u32) -> Value {
    let mut value = object([("clientid", json!(client.client_id))]);
    add(&mut value, "username", client.username.map(|username| json!(username)));
    add(&mut value, "session-expiry-time", Some(json!(client.session_expiry_time)));
    add(&mut value, "session-expiry-interval", Some(json!(interval)));
    add(&mut value, "last-mid", Some(json!(client.last_mid)));
    add(&mut value, "listener-port", Some(json!(client.listener_port)));
    value
}

/// `storeid` is not what its name says, as in the original; programs that read this know it.
fn client_message(message: &ClientMessage<'_>) -> Value {
    let identifier = message.subscription_identifiers().next().unwrap_or(0);
    object([
        ("clientid", json!(message.client_id)),
        ("storeid", json!(identifier)),
        ("mid", json!(message.mid)),
        ("qos", json!(message.qos.bits())),
        ("state", json!(message.state as u8)),
        ("retain-dup", json!(u8::from(message.retain) << 4 | u8::from(message.dup))),
        ("direction", json!(message.direction as u8)),
        ("subscription-identifier", json!(identifier)),
    ])
}

fn subscription(subscription: &Subscription<'_>) -> Value {
    object([
        ("clientid", json!(subscription.client_id)),
        ("topic", json!(subscription.filter)),
        ("qos", json!(subscription.qos.bits())),
        ("options", json!(subscription.options)),
        ("identifier", json!(subscription.identifier)),
    ])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn add(value: &mut Value, name: &str, member: Option<Value>) {
    if let (Some(object), Some(member)) = (value.as_object_mut(), member) {
        object.insert(name.to_owned(), member);
    }
}

/// The members of an object stand one step deeper than its braces, and those two deeper than a list.
fn put_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> io::Result<()> {
    match value {
        Value::Object(members) => {
            out.extend_from_slice(b"{\n");
            let mut more = members.len();
            for (name, member) in members {
                more -= 1;
                out.extend(std::iter::repeat_n(b'\t', depth + 1));
                serde_json::to_writer(&mut *out, name)?;
                out.extend_from_slice(b":\t");
                put_value(out, member, depth + 1)?;
                out.extend_from_slice(if more > 0 { b",\n" } else { b"\n" });
            }
            out.extend(std::iter::repeat_n(b'\t', depth));
            out.push(b'}');
        }
        Value::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                out.extend_from_slice(if at > 0 { b", " } else { b"" });
                put_value(out, value, depth + 1)?;
            }
            out.push(b']');
        }
        other => serde_json::to_writer(&mut *out, other)?,
    }
    Ok(())
}
