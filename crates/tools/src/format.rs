//! `-F`: how messages are printed.

mod field;
mod json;
mod parse;

pub use parse::{FIELDS, FormatError};

use field::Layout;
use jiff::Zoned;
use mosquitto_client::Message;
use std::cell::OnceCell;
use std::io::{self, Write};

/// A format, checked: text with fields of the message and of the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// `%`, with a letter that is known.
    Field(u8, Layout),
    /// `@`, with what follows `%` in `strftime`.
    Time(char),
    /// `@N`: the nanoseconds of the time.
    Nanoseconds,
}

/// A message has no JSON in it, and so is not printed as `%J`.
#[derive(Debug)]
pub struct NotJson;

impl Format {
    /// Reads a format.
    pub fn new(text: &[u8]) -> Result<Self, FormatError> {
        parse::pieces(text).map(|pieces| Self { pieces })
    }

    /// Prints a message. All times in it are the same.
    pub fn print(&self, message: &Message, pretty: bool, out: &mut impl Write) -> io::Result<Result<(), NotJson>> {
        let now = Now::default();
        let mut result = Ok(());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.write_all(text)?,
                Piece::Field(b'j', _) => json::print(message, &now, pretty, out)?,
                Piece::Field(b'J', _) => result = result.and(json::print_embedded(message, &now, pretty, out)?),
                Piece::Field(letter, layout) => field::print(*letter, *layout, message, &now, out)?,
                Piece::Time(letter) => out.write_all(time(now.get(), &format!("%{letter}")).as_bytes())?,
                Piece::Nanoseconds => write!(out, "{:09}", now.get().subsec_nanosecond())?,
            }
        }
        Ok(result)
    }
}

/// The time of printing, looked at when it is needed first: many formats have none, and there is a time zone to it.
#[derive(Debug, Default)]
struct Now(OnceCell<Zoned>);

impl Now {
    fn get(&self) -> &Zoned {
        self.0.get_or_init(Zoned::now)
    }
}

/// The time as `strftime` writes it; nothing for what it does not know.
fn time(now: &Zoned, format: &str) -> String {
    jiff::fmt::strtime::format(format, now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_client::mqtt::{Property, QoS};

    fn printed(format: &str, message: &Message) -> String {
        let mut out = Vec::new();
        Format::new(format.as_bytes()).unwrap().print(message, false, &mut out).unwrap().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn message(payload: &[u8], properties: &[Property<'_>]) -> Message {
        Message {
            topic: "a/b".to_owned(),
            payload: payload.to_vec(),
            qos: QoS::AtLeastOnce,
            retain: true,
            packet_id: 7,
            properties: properties.iter().copied().collect(),
            ..Message::default()
        }
    }

    #[test]
    fn every_field_of_the_message_is_printed() {
        let properties = [
            Property::TopicAlias(3),
            Property::ContentType("text"),
            Property::CorrelationData(b"data"),
            Property::MessageExpiryInterval(90),
            Property::PayloadFormatIndicator(1),
            Property::ResponseTopic("r"),
            Property::SubscriptionIdentifier(5),
            Property::UserProperty(("k", "v")),
            Property::UserProperty(("k2", "v2")),
        ];
        let message = message(b"Abc", &properties);
        for (format, expected) in [
            ("%t %p %l %q %r %m", "a/b Abc 3 1 1 7"),
            ("%x %X", "416263 416263"),
            ("%A|%C|%D|%E|%F|%R|%S|%P", "3|text|data|90|1|r|5|k:v k2:v2"),
            ("%%@@\\\\", "%@\\"),
            ("a\\tb\\nc", "a\tb\nc"),
        ] {
            assert_eq!(printed(format, &message), expected, "{format}");
        }
    }

    #[test]
    fn widths_and_precisions_are_kept() {
        let message = message(b"\xab\xcd\xef", &[]);
        for (format, expected) in [
            ("[%5l]", "[    3]"),
            ("[%-5l]", "[3    ]"),
            ("[%05l]", "[00003]"),
            ("[%6t]", "[   a/b]"),
            ("[%-6t]", "[a/b   ]"),
            ("[%.2t]", "[a/]"),
            ("[%5.2t]", "[   a/]"),
            ("[%5A]", "[     ]"),
            ("[%5R]", "[]"),
            ("[%10x]", "[    abcdef]"),
            ("[%010X]", "[0000ABCDEF]"),
            ("[%2x]", "[abcd]"),
            ("[%.2x]", "[ab cd ef]"),
            ("[%.2:x]", "[ab:cd:ef]"),
            ("[%.4-X]", "[ABCD-EF]"),
        ] {
            assert_eq!(printed(format, &message), expected, "{format}");
        }
    }

    #[test]
    fn floating_point_payloads_are_numbers() {
        assert_eq!(printed("%.2d", &message(&1.5_f64.to_ne_bytes(), &[])), "1.50");
        assert_eq!(printed("[%8.1f]", &message(&(-2.25_f32).to_ne_bytes(), &[])), "[    -2.2]");
        assert_eq!(printed("%f", &message(&1.5_f32.to_ne_bytes(), &[])), "1.500000");
    }

    #[test]
    fn times_have_their_forms() {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let text = printed("%U", &message(b"", &[]));
        assert!(text.split_once('.').is_some_and(|(s, ns)| is_number(s) && ns.len() == 9 && is_number(ns)), "{text}");
        let text = printed("@Y|@N", &message(b"", &[]));
        assert!(text.split_once('|').is_some_and(|(year, ns)| year.len() == 4 && ns.len() == 9), "{text}");
        let text = printed("%I", &message(b"", &[]));
        assert_eq!((text.len(), text.get(10..11)), (24, Some("T")), "{text}");
    }

    #[test]
    fn json_has_the_message_and_its_properties() {
        let json = |message: &Message, format| {
            let text = printed(format, message);
            let rest = text.strip_prefix("{\"tst\":\"").unwrap();
            rest.split_once("\",").unwrap().1.to_owned()
        };
        let plain = message(b"say \"hi\"\n\x01", &[]);
        let expected = r#""topic":"a/b","qos":1,"retain":true,"payloadlen":10,"mid":7,"payload":"say \"hi\"\n\u0001"}"#;
        assert_eq!(json(&plain, "%j"), expected);
        let properties =
            [Property::ContentType("c"), Property::UserProperty(("k", "v")), Property::MessageExpiryInterval(9)];
        let mut full = message(b" {\"b\": [1.50, null], \"a\": {}} ", &properties);
        full.qos = QoS::AtMostOnce;
        assert_eq!(
            json(&full, "%J"),
            "\"topic\":\"a/b\",\"qos\":0,\"retain\":true,\"payloadlen\":30,\"properties\":{\"content-type\":\"c\",\
             \"user-properties\":[{\"k\":\"v\"}],\"message-expiry-interval\":9},\"payload\":{\"b\":[1.50,null],\"a\":{}}}"
        );
        assert!(json(&message(b"", &[]), "%J").ends_with("\"payload\":null}"));
        let mut out = Vec::new();
        let not = Format::new(b"%J").unwrap().print(&message(b"{", &[]), false, &mut out).unwrap();
        assert!(not.is_err() && out.is_empty());
    }

    #[test]
    fn pretty_json_is_indented() {
        let mut out = Vec::new();
        let message = message(b"{\"a\":[1,{\"b\":2}]}", &[]);
        Format::new(b"%J").unwrap().print(&message, true, &mut out).unwrap().unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "\t\"mid\":\t7,\n\t\"payload\":\t{\n\t\t\"a\":\t[1, {\n\t\t\t\t\"b\":\t2\n\t\t\t}]\n\t}\n}";
        assert!(text.starts_with("{\n\t\"tst\":\t\"") && text.ends_with(expected), "{text}");
    }
}
