//! `-F`: each field, each time, each escape and what can stand before a letter.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper fails the test that it serves"
)]

use super::bench::open_directory;
use crate::harness::{Broker, SUB, Whose, text};

/// The letters of the original.
const LETTERS: &str = "%ACDEFIJPRSUXdfjlmpqrtx";

/// Formats with what they print of the message with properties.
const FIELDS: &[(&str, &str)] = &[
    ("%%", "%"),
    ("%A|%4A|%-4A|", "|    |    |"),
    ("%C|%12C|%-12C|%.4C|%6.4C|", "text/plain|  text/plain|text/plain  |text|  text|"),
    ("%D", "c d"),
    ("%F|%3F|%03F|%-3F|", "1|  1|001|1  |"),
    ("%P", "name:value other:one more"),
    ("%R", "answers/here"),
    ("%S|%5S|%05S|%-5S|", "300|  300|00300|300  |"),
    ("%l|%4l|%04l|%-4l|", "4|   4|0004|4   |"),
    ("%m|%3m|%-3m|", "1|  1|1  |"),
    ("%p|%8p|%-8p|%2p|", "\"ab\"|    \"ab\"|\"ab\"    |\"a|"),
    ("%q", "1"),
    ("%r", "1"),
    ("%t|%8t|%-8t|%.2t|%5.2t|", "here/a|  here/a|here/a  |he|   he|"),
    (
        "%x|%.1x|%.2x|%.1:x|%12x|%-12x|",
        "22616222|2 2 6 1 6 2 2 2|22 61 62 22|2:2:6:1:6:2:2:2|    22616222|22616222    |",
    ),
    ("%X|%.4-X|", "22616222|2261-6222|"),
    ("@@", "@"),
    ("\\\\|\\0|\\a|\\e|\\n|\\r|\\t|\\v|", "\\|\0|\x07|\x1b|\n|\r|\t|\x0b|"),
    ("text", "text"),
];

/// Formats with what they print of a message without properties.
const WITHOUT: &[(&str, &str)] =
    &[("%A|%C|%D|%E|%F|%P|%R|%S|", "||||||||"), ("%3A|%3C|%3E|%3F|%3S|", "   |   |   |   |   |")];

/// These depend on the time, or need another payload: each has a check of its own.
const OTHERS: &str = "EIJUdfj";

struct Reader(Broker);

impl Reader {
    fn open(whose: Whose) -> Option<Self> {
        let broker = Broker::of(whose, "allow_anonymous true\n")?;
        let properties = [
            ["content-type", "text/plain"],
            ["correlation-data", "c d"],
            ["payload-format-indicator", "1"],
            ["message-expiry-interval", "1000"],
            ["response-topic", "answers/here"],
        ];
        let words: Vec<_> =
            properties.iter().flat_map(|words| ["-D", "publish"].iter().chain(words)).copied().collect();
        let user =
            ["-D", "publish", "user-property", "name", "value", "-D", "publish", "user-property", "other", "one more"];
        broker.publish(&[&["-t", "here/a", "-m", "\"ab\"", "-r", "-q", "1"], &words[..], &user].concat());
        broker.publish(&["-t", "here/plain", "-m", "plain", "-r", "-q", "1"]);
        Some(Self(broker))
    }

    /// A message in this form.
    fn print(&self, topic: &str, format: &str) -> String {
        let arguments = ["-t", topic, "-V", "5", "-q", "1", "-C", "1", "-N", "-F", format];
        let mut command = self.0.command(SUB, &arguments);
        if topic == "here/a" {
            command.args(["-D", "subscribe", "subscription-identifier", "300"]);
        }
        let output = command.env("TZ", "UTC-2").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{format} {output:?}");
        text(&output.stdout)
    }
}

#[test]
fn each_letter_of_the_original_is_looked_at() {
    let letters = |format: &str| -> Vec<char> {
        let is_before = |c: &char| c.is_ascii_digit() || ".-:".contains(*c);
        let fields = format.split('%').skip(1);
        fields.filter_map(|rest| rest.chars().find(|c| !is_before(c))).collect()
    };
    let mut seen: Vec<_> = FIELDS.iter().flat_map(|(format, _)| letters(format)).filter(|c| *c != '|').collect();
    seen.extend(OTHERS.chars().chain(['%']));
    for letter in LETTERS.chars() {
        assert!(seen.contains(&letter), "{letter}");
    }
}

#[test]
fn each_field_and_escape_prints_what_it_stands_for() {
    for whose in [Whose::Ours, Whose::Debians] {
        let Some(reader) = Reader::open(whose) else { continue };
        for (topic, cases) in [("here/a", FIELDS), ("here/plain", WITHOUT)] {
            for (format, expected) in cases {
                assert_eq!(reader.print(topic, format), *expected, "{format}");
            }
        }
        let expiry: u32 = reader.print("here/a", "%E").parse().unwrap();
        assert!((900..=1000).contains(&expiry), "{expiry}");
    }
}

#[test]
fn times_are_those_of_this_place() {
    let Some(reader) = Reader::open(Whose::Ours) else { return };
    let now = reader.print("here/a", "%I|%U|@Y-@m-@dT@H:@M:@S|@N|@z|@s|%.4I|%26I");
    let parts: Vec<_> = now.split('|').collect();
    let [iso, unix, parted, nanoseconds, zone, seconds, year, padded] = parts[..] else { panic!("{now}") };
    assert!(iso.ends_with("+0200") && iso.len() == 24, "{now}");
    assert!(iso.starts_with(parted) && iso.starts_with(year) && year.len() == 4, "{now}");
    assert_eq!((zone, padded.len(), padded.trim_start()), ("+0200", 26, iso));
    let (whole, fraction) = unix.split_once('.').unwrap();
    assert_eq!((whole, fraction.len(), nanoseconds), (seconds, 9, fraction));
}

#[test]
fn numbers_of_the_machine_are_printed() {
    let (Some(reader), directory) = (Reader::open(Whose::Ours), open_directory()) else { return };
    for (topic, bytes, formats) in [
        (
            "here/f",
            1.5_f32.to_ne_bytes().to_vec(),
            [("%f", "1.500000"), ("%9.2f|", "     1.50|"), ("%-9.1f|", "1.5      |"), ("%d", "")],
        ),
        (
            "here/d",
            (-2.25_f64).to_ne_bytes().to_vec(),
            [("%d", "-2.250000"), ("%09.2d|", "-00002.25|"), ("%.0d", "-2"), ("%f", "")],
        ),
    ] {
        let file = directory.file("number", bytes).display().to_string();
        reader.0.publish(&["-t", topic, "-f", &file, "-r", "-q", "1"]);
        for (format, expected) in formats {
            assert_eq!(reader.print(topic, format), expected, "{format}");
        }
    }
}

#[test]
fn json_has_all_of_the_message_in_the_order_of_the_original() {
    let Some(reader) = Reader::open(Whose::Ours) else { return };
    for (format, payload) in [("%j", "\"payload\":\"\\\"ab\\\"\"}"), ("%J", "\"payload\":\"ab\"}")] {
        let json = reader.print("here/a", format);
        let (time, rest) = json.strip_prefix("{\"tst\":\"").unwrap().split_once("\",").unwrap();
        assert_eq!((time.len(), &time[26..]), (31, "+0200"), "{json}");
        let begin = "\"topic\":\"here/a\",\"qos\":1,\"retain\":true,\"payloadlen\":4,\"mid\":1,";
        assert!(rest.starts_with(&format!("{begin}\"properties\":{{")), "{json}");
        for property in
            ["\"content-type\":\"text/plain\"", "\"payload-format-indicator\":1", "\"correlation-data\":\"c d\""]
        {
            assert!(rest.contains(property), "{json}");
        }
        let user = "\"user-properties\":[{\"name\":\"value\"},{\"other\":\"one more\"}]";
        assert!(rest.contains(user) && rest.contains("\"subscription-identifier\":300"), "{json}");
        assert!(rest.ends_with(payload), "{json}");
    }
    // What is no JSON is told, and nothing is printed of it; its line is there, as with the original.
    let output = reader.0.run(SUB, &["-t", "here/plain", "-F", "%J", "-W", "1"]);
    let said = "Error: Message payload is not valid JSON on topic here/plain.\nTimed out\n";
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("\n", said));
}
