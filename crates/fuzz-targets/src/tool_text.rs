//! `tool_text`: arguments of the command line clients, among them the URL of `-L` and the properties of `-D`, and
//! formats of `-F`, which print a message made of the same bytes.

use mosquitto_client::Message;
use mosquitto_client::mqtt::{Property, QoS, SharedFilter, TopicName};
use mosquitto_tools::Tool;
use mosquitto_tools::arguments::{Command, parse};
use mosquitto_tools::format::Format;
use mosquitto_tools::settings::Settings;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;

/// What one byte of a format can print of a message besides the message itself: a width of 65,535 takes five digits, a
/// percent sign and a letter; precisions add as much.
const PRINTED_A_BYTE: usize = 65_535;

/// The first byte says what: a format, or arguments of which program. Arguments are divided by line feeds.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    match first & 3 {
        0 => format(rest),
        1 => arguments(Tool::Rr, rest),
        2 => arguments(Tool::Pub, rest),
        _ => arguments(Tool::Sub, rest),
    }
}

fn arguments(tool: Tool, bytes: &[u8]) {
    let words = bytes.split(|&byte| byte == b'\n').map(|word| OsString::from_vec(word.to_vec()));
    match parse(tool, Vec::new(), words) {
        Ok(Command::Run(settings)) => are_valid(&settings),
        Ok(Command::Help | Command::Version) => {}
        Err(error) => assert!(error.text.starts_with("Error: "), "{error:?}"),
    }
}

/// What was accepted need not be checked again.
fn are_valid(settings: &Settings) {
    let topics = settings.publish.topic.iter().chain(&settings.connection.will_topic);
    let topics = topics.chain(&settings.request.response_topic);
    topics.for_each(|topic| _ = TopicName::new(topic).expect("a topic was checked"));
    let subscribe = &settings.subscribe;
    for filter in subscribe.filters.iter().chain(&subscribe.unsubscribe).chain(&subscribe.filter_out) {
        SharedFilter::new(filter).expect("a filter was checked");
    }
    assert!(settings.connection.inflight_max > 0);
}

/// The format stands before the first line feed; what is behind it is the payload of the message, and more.
fn format(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == b'\n');
    let (text, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(format) = Format::new(text) else { return };
    let lossy = String::from_utf8_lossy(payload);
    let properties = [
        Property::ContentType(&lossy),
        Property::CorrelationData(payload),
        Property::UserProperty((&lossy, "v")),
        Property::ResponseTopic(&lossy),
        Property::MessageExpiryInterval(7),
        Property::SubscriptionIdentifier(9),
    ];
    let message = Message {
        topic: lossy.clone().into_owned(),
        payload: payload.to_vec(),
        qos: QoS::from_bits(payload.first().copied().unwrap_or_default() & 3).unwrap_or_default(),
        packet_id: 1,
        properties: properties.into_iter().collect(),
        ..Message::default()
    };
    for pretty in [false, true] {
        let mut printed = Count(0);
        let result = format.print(&message, pretty, &mut printed).expect("counting does not fail");
        // Only a payload that is no JSON cannot be printed as such.
        assert!(result.is_ok() || text.contains(&b'J'));
        let limit = text.len() * (PRINTED_A_BYTE + 40 * payload.len() + 1000);
        assert!(printed.0 <= limit, "{} bytes", printed.0);
    }
}

/// Counts what is written.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
