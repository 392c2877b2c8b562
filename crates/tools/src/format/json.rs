//! Messages as JSON objects, in the form of the original's library.

use super::{NotJson, Now, time};
use mosquitto_client::Message;
use mosquitto_client::mqtt::{Property, QoS};
use serde_json::Value;
use std::io::{self, Write};

/// A value to print. Text may be any bytes: what is no UTF-8 is printed as it is.
enum Json<'a> {
    Null,
    Bool(bool),
    Number(String),
    Text(&'a [u8]),
    Array(Vec<Json<'a>>),
    Object(Vec<(&'a str, Json<'a>)>),
}

/// Prints the message with its payload as text.
pub(super) fn print(message: &Message, now: &Now, pretty: bool, out: &mut impl Write) -> io::Result<()> {
    let payload = if message.payload.is_empty() { Json::Null } else { Json::Text(&message.payload) };
    print_with(message, payload, now, pretty, out)
}

/// Prints the message with its payload as JSON in JSON, if it is that.
pub(super) fn print_embedded(
    message: &Message,
    now: &Now,
    pretty: bool,
    out: &mut impl Write,
) -> io::Result<Result<(), NotJson>> {
    let value = if message.payload.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&message.payload) };
    let Ok(value) = value else { return Ok(Err(NotJson)) };
    print_with(message, from_value(&value), now, pretty, out).map(Ok)
}

fn print_with(message: &Message, payload: Json<'_>, now: &Now, pretty: bool, out: &mut impl Write) -> io::Result<()> {
    let time = format!(
        "{}.{:06}{}",
        time(now.get(), "%Y-%m-%dT%H:%M:%S"),
        now.get().subsec_nanosecond() / 1000,
        time(now.get(), "%z")
    );
    let mut members = vec![
        ("tst", Json::Text(time.as_bytes())),
        ("topic", Json::Text(message.topic.as_bytes())),
        ("qos", Json::Number(message.qos.bits().to_string())),
        ("retain", Json::Bool(message.retain)),
        ("payloadlen", Json::Number(message.payload.len().to_string())),
    ];
    if message.qos != QoS::AtMostOnce {
        members.push(("mid", Json::Number(message.packet_id.to_string())));
    }
    if !message.properties.as_properties().is_empty() {
        members.push(("properties", properties(message)));
    }
    members.push(("payload", payload));
    write(&Json::Object(members), pretty, 0, out)
}

/// User properties are gathered where the first of them stands.
fn properties(message: &Message) -> Json<'_> {
    let mut members: Vec<(&str, Json<'_>)> = Vec::new();
    for property in message.properties.as_properties().iter() {
        let value = match property {
            Property::PayloadFormatIndicator(value) => Json::Number(value.to_string()),
            Property::MessageExpiryInterval(value) | Property::SubscriptionIdentifier(value) => {
                Json::Number(value.to_string())
            }
            Property::TopicAlias(value) => Json::Number(value.to_string()),
            Property::ContentType(value) | Property::ResponseTopic(value) => Json::Text(value.as_bytes()),
            Property::CorrelationData(value) => Json::Text(value),
            Property::UserProperty((name, value)) => {
                let pair = Json::Object(vec![(name, Json::Text(value.as_bytes()))]);
                match members.iter_mut().find(|(name, _)| *name == USER_PROPERTIES) {
                    Some((_, Json::Array(pairs))) => pairs.push(pair),
                    _ => members.push((USER_PROPERTIES, Json::Array(vec![pair]))),
                }
                continue;
            }
            _ => continue,
        };
        members.push((property.id().name(), value));
    }
    Json::Object(members)
}

const USER_PROPERTIES: &str = "user-properties";

fn from_value(value: &Value) -> Json<'_> {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Number(number.to_string()),
        Value::String(text) => Json::Text(text.as_bytes()),
        Value::Array(list) => Json::Array(list.iter().map(from_value).collect()),
        Value::Object(map) => {
            Json::Object(map.iter().map(|(name, value)| (name.as_str(), from_value(value))).collect())
        }
    }
}

/// Prints a value that stands `depth` levels deep. Pretty, a member has a line and a tab for each level; the elements of
/// a list stay on theirs.
fn write(value: &Json<'_>, pretty: bool, depth: usize, out: &mut impl Write) -> io::Result<()> {
    match value {
        Json::Null => out.write_all(b"null"),
        Json::Bool(value) => write!(out, "{value}"),
        Json::Number(number) => out.write_all(number.as_bytes()),
        Json::Text(text) => write_text(text, out),
        Json::Array(list) => {
            out.write_all(b"[")?;
            for (at, element) in list.iter().enumerate() {
                if at > 0 {
                    out.write_all(if pretty { b", " } else { b"," })?;
                }
                write(element, pretty, depth + 1, out)?;
            }
            out.write_all(b"]")
        }
        Json::Object(members) => {
            out.write_all(if pretty { b"{\n" } else { b"{" })?;
            for (at, (name, value)) in members.iter().enumerate() {
                indent(pretty, depth + 1, out)?;
                write_text(name.as_bytes(), out)?;
                out.write_all(if pretty { b":\t" } else { b":" })?;
                write(value, pretty, depth + 1, out)?;
                if at + 1 < members.len() {
                    out.write_all(b",")?;
                }
                if pretty {
                    out.write_all(b"\n")?;
                }
            }
            indent(pretty, depth, out)?;
            out.write_all(b"}")
        }
    }
}

fn indent(pretty: bool, depth: usize, out: &mut impl Write) -> io::Result<()> {
    if pretty { (0..depth).try_for_each(|_| out.write_all(b"\t")) } else { Ok(()) }
}

fn write_text(text: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\"")?;
    for &byte in text {
        match byte {
            b'"' => out.write_all(b"\\\"")?,
            b'\\' => out.write_all(b"\\\\")?,
            8 => out.write_all(b"\\b")?,
            12 => out.write_all(b"\\f")?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            0..0x20 => write!(out, "\\u{byte:04x}")?,
            byte => out.write_all(&[byte])?,
        }
    }
    out.write_all(b"\"")
}
