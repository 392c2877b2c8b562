//! Fields of a message.

use super::{Now, time};
use mosquitto_client::Message;
use mosquitto_client::mqtt::{Property, PropertyId};
use std::io::{self, Write};

/// What can stand between `%` and the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// `-`: fill up on the right.
    pub(super) left: bool,
    /// `0`: fill up with zeros.
    pub(super) zero: bool,
    /// Characters at least; 0 if not given.
    pub(super) width: usize,
    /// Characters at most, digits behind the point, or digits of a group.
    pub(super) precision: Option<usize>,
    /// What stands between groups of hexadecimal digits; a space if not given.
    pub(super) separator: Option<u8>,
}

/// Digits behind the point where no precision is given.
const DECIMALS: usize = 6;

pub(super) fn print(letter: u8, layout: Layout, message: &Message, now: &Now, out: &mut impl Write) -> io::Result<()> {
    let find = |id| message.properties.as_properties().iter().find(|property| property.id() == id);
    match letter {
        b'A' => optional_number(layout, find(PropertyId::TopicAlias), out),
        b'E' => optional_number(layout, find(PropertyId::MessageExpiryInterval), out),
        b'F' => optional_number(layout, find(PropertyId::PayloadFormatIndicator), out),
        b'S' => optional_number(layout, find(PropertyId::SubscriptionIdentifier), out),
        b'C' => match find(PropertyId::ContentType) {
            Some(Property::ContentType(value)) => text(layout, value, out),
            _ => fill(layout.width, layout.filler(), out),
        },
        b'R' => match find(PropertyId::ResponseTopic) {
            Some(Property::ResponseTopic(value)) => text(layout, value, out),
            _ => Ok(()),
        },
        b'D' => match find(PropertyId::CorrelationData) {
            Some(Property::CorrelationData(value)) => out.write_all(value),
            _ => Ok(()),
        },
        b'P' => user_properties(message, out),
        b'I' => text(layout, &time(now.get(), "%Y-%m-%dT%H:%M:%S%z"), out),
        b'U' => write!(out, "{}.{:09}", now.get().timestamp().as_second(), now.get().subsec_nanosecond()),
        b'l' => number(layout, message.payload.len() as u64, out),
        b'm' => number(layout, message.packet_id.into(), out),
        b'q' => write!(out, "{}", message.qos.bits()),
        b'r' => write!(out, "{}", u8::from(message.retain)),
        b't' => text(layout, &message.topic, out),
        b'p' => payload(layout, &message.payload, out),
        b'x' => hexadecimal(layout, &message.payload, b"0123456789abcdef", out),
        b'X' => hexadecimal(layout, &message.payload, b"0123456789ABCDEF", out),
        b'f' => {
            float(layout, message.payload.as_slice().try_into().ok().map(|b| f64::from(f32::from_ne_bytes(b))), out)
        }
        b'd' => float(layout, message.payload.as_slice().try_into().ok().map(f64::from_ne_bytes), out),
        _ => Ok(()),
    }
}

impl Layout {
    fn filler(self) -> u8 {
        if self.zero { b'0' } else { b' ' }
    }
}

fn fill(len: usize, filler: u8, out: &mut impl Write) -> io::Result<()> {
    (0..len).try_for_each(|_| out.write_all(&[filler]))
}

fn optional_number(layout: Layout, property: Option<Property<'_>>, out: &mut impl Write) -> io::Result<()> {
    let value = match property {
        Some(Property::TopicAlias(value)) => u64::from(value),
        Some(Property::MessageExpiryInterval(value) | Property::SubscriptionIdentifier(value)) => u64::from(value),
        Some(Property::PayloadFormatIndicator(value)) => u64::from(value),
        _ => return fill(layout.width, layout.filler(), out),
    };
    number(layout, value, out)
}

fn number(Layout { left, zero, width, .. }: Layout, value: u64, out: &mut impl Write) -> io::Result<()> {
    match (left, zero) {
        (true, _) => write!(out, "{value:<width$}"),
        (false, true) => write!(out, "{value:0width$}"),
        (false, false) => write!(out, "{value:width$}"),
    }
}

/// Nothing where the payload is no such number.
fn float(
    Layout { left, zero, width, precision, .. }: Layout,
    value: Option<f64>,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let decimals = precision.unwrap_or(DECIMALS);
    match (left, zero) {
        (true, _) => write!(out, "{value:<width$.decimals$}"),
        (false, true) => write!(out, "{value:0width$.decimals$}"),
        (false, false) => write!(out, "{value:width$.decimals$}"),
    }
}

/// Width and precision count bytes, as in C.
fn text(layout: Layout, value: &str, out: &mut impl Write) -> io::Result<()> {
    let bytes = value.as_bytes();
    let bytes = layout.precision.and_then(|len| bytes.get(..len)).unwrap_or(bytes);
    let missing = layout.width.saturating_sub(bytes.len());
    if layout.left {
        out.write_all(bytes)?;
        return fill(missing, b' ', out);
    }
    fill(missing, b' ', out)?;
    out.write_all(bytes)
}

fn user_properties(message: &Message, out: &mut impl Write) -> io::Result<()> {
    let mut between = "";
    for property in message.properties.as_properties().iter() {
        if let Property::UserProperty((name, value)) = property {
            write!(out, "{between}{name}:{value}")?;
            between = " ";
        }
    }
    Ok(())
}

/// A width cuts the payload too.
fn cut(layout: Layout, payload: &[u8]) -> &[u8] {
    if layout.width == 0 { payload } else { payload.get(..layout.width).unwrap_or(payload) }
}

fn payload(layout: Layout, payload: &[u8], out: &mut impl Write) -> io::Result<()> {
    let payload = cut(layout, payload);
    let missing = layout.width.saturating_sub(payload.len());
    if layout.left {
        out.write_all(payload)?;
        return fill(missing, b' ', out);
    }
    fill(missing, layout.filler(), out)?;
    out.write_all(payload)
}

fn hexadecimal(layout: Layout, payload: &[u8], digits: &[u8; 16], out: &mut impl Write) -> io::Result<()> {
    let payload = cut(layout, payload);
    let missing = layout.width.saturating_sub(payload.len() * 2);
    let before = if layout.left { 0 } else { missing };
    let digit = |nibble: u8| digits.get(usize::from(nibble & 15)).copied().unwrap_or_default();
    let shown = payload.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]);
    let group = layout.precision.filter(|&len| len > 0);
    let separator = layout.separator.unwrap_or(b' ');
    let all = std::iter::repeat_n(layout.filler(), before).chain(shown);
    for (at, byte) in all.enumerate() {
        if let Some(len) = group
            && at > 0
            && at % len == 0
        {
            out.write_all(&[separator])?;
        }
        out.write_all(&[byte])?;
    }
    fill(missing - before, b' ', out)
}
