//! `mosquitto_pub`

mod lines;
mod once;

use crate::connecting::connect;
use crate::report::{FAILURE, Report, packet_line};
use crate::settings::{Settings, Source};
use crate::{Tool, connecting, usage};
use mosquitto_client::mqtt::{PropertiesBuf, Property, ReasonCode};
use mosquitto_client::{Client, RequestError};
use mosquitto_transport::error_text;
use std::fs::File;
use std::io::{self, Read, Write};

/// The most bytes of a message: what MQTT can express.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 268_435_455;

/// Publishes what the settings ask for. Returns the exit status.
pub fn run(settings: Settings) -> u8 {
    let report = Report { quiet: settings.quiet, debug: settings.debug };
    let source = settings.publish.source.clone();
    let message = match source.map(|source| load(source, report)) {
        Some(Err(status)) => return status,
        Some(Ok(message)) => message,
        None => return incomplete(),
    };
    let Some(topic) = settings.publish.topic.clone() else { return incomplete() };
    let mut client = match connecting::client(&settings, report) {
        Ok(client) => client,
        Err(status) => return status,
    };
    if connect(&mut client, &settings.connection).is_err() {
        return report.lookup();
    }
    let publisher = Publisher { client, settings, topic, report, refused: None };
    match message {
        Message::Payload(payload) => once::run(publisher, &payload),
        Message::Lines => lines::run(publisher),
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
        self.report.error(&match error {
            RequestError::TooLarge { .. } => "Error: Message payload is too large.".to_owned(),
            RequestError::QoSNotSupported { .. } => {
                "Error: Message QoS not supported on broker, try a lower QoS.".to_owned()
            }
            error => format!("Error: Message not sent: {error}."),
        });
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
        if !reason.is_error() {
            return;
        }
        self.report.error(&format!("Warning: Publish {packet_id} failed: {}.", reason.text()));
        for property in properties.as_properties().iter() {
            if let Property::ReasonString(text) = property {
                self.report.error(text);
            }
        }
    }
}

fn incomplete() -> u8 {
    eprintln!("Error: Both topic and message must be supplied.");
    let _ = io::stdout().write_all(usage::help(Tool::Pub).as_bytes());
    FAILURE
}

/// Reads what is to be published. An error is the exit status, and has been shown.
fn load(source: Source, report: Report) -> Result<Message, u8> {
    let failed = |lines: &[String]| {
        for line in lines {
            report.error(line);
        }
        FAILURE
    };
    match source {
        Source::Argument(payload) => Ok(Message::Payload(payload)),
        Source::Null => Ok(Message::Payload(Vec::new())),
        Source::StdinLines => Ok(Message::Lines),
        Source::File(path) => {
            let name = path.display();
            let last = format!("Error loading input file \"{name}\".");
            match File::open(&path).and_then(read_payload) {
                Ok(Some(payload)) => Ok(Message::Payload(payload)),
                Ok(None) => Err(failed(&[format!("Error: File must be less than {PAYLOAD_BYTES_MAX} bytes.\n"), last])),
                Err(error) => {
                    let text = error_text(&error);
                    Err(failed(&[format!("Error: Unable to read file \"{name}\": {text}."), last]))
                }
            }
        }
        Source::Stdin => {
            let first = match read_payload(io::stdin().lock()) {
                Ok(Some(payload)) if !payload.is_empty() => return Ok(Message::Payload(payload)),
                Ok(Some(_)) => "Error: Zero length input.".to_owned(),
                Ok(None) => format!("Error: Message length must be less than {PAYLOAD_BYTES_MAX} bytes.\n"),
                Err(error) => format!("Error: {}.", error_text(&error)),
            };
            Err(failed(&[first, "Error loading input from stdin.".to_owned()]))
        }
    }
}

/// All that can be read, unless it is more than a message can hold.
fn read_payload(input: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut payload = Vec::new();
    input.take(PAYLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut payload)?;
    Ok(Some(payload).filter(|payload| payload.len() <= PAYLOAD_BYTES_MAX))
}
