//! `mosquitto_pub`

mod lines;
mod once;

use crate::connecting::connect;
use crate::progress::Progress;
use crate::report::{self, FAILURE, Report, packet_line};
use crate::settings::{Settings, Source};
use crate::{Tool, connecting, payload, usage};
use mosquitto_client::mqtt::{PropertiesBuf, ReasonCode};
use mosquitto_client::{Client, RequestError};
use std::io::{self, Write};

/// Publishes what the settings ask for. Returns the exit status.
pub fn run(settings: Settings) -> u8 {
    let report = Report::new(&settings);
    let source = settings.publish.source.clone();
    let mut progress = match source {
        Some(Source::StdinLines | Source::Stdin) => Progress::begin(&settings, true),
        Some(Source::File(_)) => Progress::begin(&settings, false),
        _ => Progress::none(),
    };
    let message = match source {
        Some(Source::StdinLines) => Message::Lines,
        Some(source) => match payload::load(source, report, &mut progress) {
            Ok(payload) => Message::Payload(payload),
            Err(status) => return status,
        },
        None => return incomplete(),
    };
    let Some(topic) = settings.publish.topic.clone() else { return incomplete() };
    let mut client = match connecting::client(&settings, report) {
        Ok(client) => client,
        Err(status) => return status,
    };
    if let Err(error) = connect(&mut client, &settings.connection) {
        return report.lookup(Some(&error));
    }
    let mut publisher = Publisher { client, settings, topic, report, progress, refused: None };
    match message {
        Message::Payload(payload) => once::run(publisher, &payload),
        Message::Lines => {
            publisher.client.set_gathering(true);
            lines::run(publisher)
        }
    }
}

/// The messages to publish.
enum Message {
    Payload(Vec<u8>),
    Lines,
}

/// What both ways of publishing have.
struct Publisher {
    client: Client,
    settings: Settings,
    topic: String,
    report: Report,
    progress: Progress,
    /// The exit status for a message that could not be sent.
    refused: Option<u8>,
}

impl Publisher {
    /// Publishes a message, unless there is no room for it now. One that can never be sent ends the connection.
    fn publish(&mut self, payload: &[u8]) -> Result<(), RequestError> {
        let mut message = mosquitto_client::Publication::new(&self.topic, payload, self.settings.qos);
        message.retain = self.settings.publish.retain;
        message.properties = self.settings.properties.publish.as_properties();
        let error = match self.client.publish(message) {
            Ok(_) => return Ok(()),
            Err(error @ (RequestError::Full | RequestError::NotConnected)) => return Err(error),
            Err(error) => error,
        };
        self.report.error(&report::not_sent(&error));
        self.refused = Some(FAILURE);
        self.disconnect();
        Err(error)
    }

    /// Ends the connection, once everything is sent.
    fn disconnect(&mut self) {
        let properties = self.settings.properties.disconnect.as_properties();
        self.client.disconnect_with(ReasonCode::SUCCESS, properties);
    }

    fn print_packet(&self, text: &str) {
        // Nobody who reads it is no reason to stop.
        let _ = writeln!(io::stdout(), "{}", packet_line(&self.client, text));
    }

    /// A message was acknowledged.
    fn acknowledged(&self, packet_id: u16, reason: ReasonCode, properties: &PropertiesBuf) {
        self.report.acknowledged(packet_id, reason, properties);
    }
}

fn incomplete() -> u8 {
    eprintln!("Error: Both topic and message must be supplied.");
    let _ = io::stdout().write_all(usage::help(Tool::Pub).as_bytes());
    FAILURE
}
