//! What the programs say besides messages, and their exit status.

use crate::advice::{self, Situation};
use crate::progress;
use crate::settings::Settings;
use mosquitto_client::dns::LookupError;
use mosquitto_client::mqtt::{PropertiesBuf, Property, ProtocolVersion, ReasonCode};
use mosquitto_client::{Client, End, RequestError};
use mosquitto_transport::{SocksFailure, TlsFailure, TlsSetupError, WebSocketFailure, error_text};
use std::io::{self, Write};

/// The exit status where arguments, files or the connection's beginning fail.
pub(crate) const FAILURE: u8 = 1;
/// The exit status after `-W`.
pub(crate) const TIMED_OUT: u8 = 27;
/// The exit status of a signal or `-W` while there is nothing yet to end in order.
pub(crate) const TOO_EARLY: u8 = 255;

/// Numbers of the original's library, which the programs exit with.
const PROTOCOL: u8 = 2;
const INVALID: u8 = 3;
const NO_CONNECTION: u8 = 4;
const REFUSED: u8 = 5;
const LOST: u8 = 7;
const TLS: u8 = 8;
const NOT_ALLOWED: u8 = 11;
const UNKNOWN: u8 = 13;
const PROXY: u8 = 16;
const KEEP_ALIVE: u8 = 19;
const MALFORMED: u8 = 21;

/// Where errors go: standard error, unless `--quiet`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) quiet: bool,
    /// `-d`: say on standard output why.
    pub(crate) debug: bool,
    /// What to try where something fails.
    pub(crate) situation: Situation,
}

/// The status and the text for an error of a layer between the socket and MQTT; none if it is not one.
fn of_layer(error: &io::Error) -> Option<(u8, &'static str)> {
    if TlsFailure::of(error).is_some() {
        return Some((TLS, TLS_TEXT));
    }
    if WebSocketFailure::of(error).is_some() {
        return Some((UNKNOWN, "Unknown error"));
    }
    SocksFailure::of(error).map(|failure| match failure {
        SocksFailure::NotAllowed => (NOT_ALLOWED, "Authorisation failed"),
        SocksFailure::Unreachable => (NO_CONNECTION, NO_CONNECTION_TEXT),
        SocksFailure::Faulty => (PROXY, "Proxy error"),
        SocksFailure::Unknown(_) => (INVALID, "Invalid input"),
    })
}

/// Whether an error is not worth another attempt: it will be the same.
pub(crate) fn is_final(error: &io::Error) -> bool {
    // A server that is being started again is no such thing.
    let is_end = TlsFailure::of(error).is_some_and(TlsFailure::is_end);
    !is_end && of_layer(error).is_some_and(|(status, _)| status != NO_CONNECTION)
}

impl Report {
    /// What the settings ask for.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { quiet: settings.quiet, debug: settings.debug, situation: Situation::of(settings) }
    }

    /// Shows a line on standard error.
    pub(crate) fn error(self, line: &str) {
        if !self.quiet {
            progress::erase();
            eprintln!("{line}");
        }
    }

    /// The server cannot be found or reached, or what stands between the socket and MQTT does not open.
    pub(crate) fn unreachable(self, error: &io::Error) -> u8 {
        let status = self.not_reached(error);
        if let Some(text) = self.situation.unreachable(error) {
            advice::show(self, &text);
        }
        status
    }

    fn not_reached(self, error: &io::Error) -> u8 {
        match of_layer(error) {
            Some((status, text)) => {
                self.detail(error);
                self.error(&format!("Error: {text}"));
                status
            }
            // The server has closed the connection before it was open.
            None if error.kind() == io::ErrorKind::UnexpectedEof => self.end(&End::Lost),
            None => {
                self.error(&format!("Error: {}", error_text(error)));
                FAILURE
            }
        }
    }

    /// TLS cannot be set up.
    pub(crate) fn no_tls(self, error: &TlsSetupError) -> u8 {
        if self.debug && !self.quiet {
            print(&format!("{}\n{}", error.text, error.why));
        }
        self.error(&format!("Unable to connect ({TLS_TEXT})."));
        advice::show(self, "-d tells why. Are the files of --cafile, --capath, --cert and --key there, and right?");
        FAILURE
    }

    /// With `-d`, why a layer has failed.
    pub(crate) fn detail(self, error: &io::Error) {
        if self.debug && !self.quiet {
            let layer = if TlsFailure::of(error).is_some() { "TLS error: " } else { "" };
            print(&format!("{layer}{}", error_text(error)));
        }
    }

    /// The server's name or service cannot be looked up; of a service, `-d` tells why.
    pub(crate) fn lookup(self, error: Option<&io::Error>) -> u8 {
        let why = error.and_then(io::Error::get_ref).and_then(|error| error.downcast_ref::<LookupError>());
        if let Some(why) = why.filter(|_| self.debug && !self.quiet) {
            print(&format!("Error: SRV lookup failed ({why})."));
        }
        self.error("Unable to connect (Lookup error).");
        advice::show(self, self.situation.lookup());
        FAILURE
    }

    /// CONNACK refuses the connection. Returns the exit status, which is the reason.
    pub(crate) fn refused(self, reason: ReasonCode, version: ProtocolVersion) -> u8 {
        let text = if version.is_v5() { reason.text() } else { connack_text(reason) };
        let advice = if version.is_v5() && reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION {
            ". Try connecting to an MQTT v5 broker, or use MQTT v3.x mode."
        } else if version.is_v5() {
            ""
        } else {
            "."
        };
        self.error(&format!("Connection error: {text}{advice}"));
        if let Some(text) = self.situation.refused(reason, version) {
            advice::show(self, text);
        }
        reason.0
    }

    /// The connection has ended in a way that ends the program. Returns the exit status.
    pub(crate) fn end(self, end: &End) -> u8 {
        let (status, text) = match end {
            End::Requested => return 0,
            End::Refused { .. } => (REFUSED, "The connection was refused"),
            End::ByServer { .. } => (NO_CONNECTION, NO_CONNECTION_TEXT),
            End::Lost => (LOST, "The connection was lost"),
            End::KeepAlive => (KEEP_ALIVE, "Keepalive exceeded"),
            End::ServerMisbehaved { reason: ReasonCode::MALFORMED_PACKET, .. } => (MALFORMED, "Malformed packet"),
            End::ServerMisbehaved { .. } => (PROTOCOL, PROTOCOL_TEXT),
        };
        self.error(&format!("Error: {text}"));
        if matches!(end, End::Lost) {
            advice::show(self, self.situation.lost());
        }
        status
    }

    /// A message of QoS 1 or 2 is through, or has failed.
    pub(crate) fn acknowledged(self, packet_id: u16, reason: ReasonCode, properties: &PropertiesBuf) {
        if !reason.is_error() {
            return;
        }
        self.error(&format!("Warning: Publish {packet_id} failed: {}.", reason.text()));
        for property in properties.as_properties().iter() {
            if let Property::ReasonString(text) = property {
                self.error(text);
            }
        }
    }

    /// What else `mosquitto_pub` says when it is refused.
    pub(crate) fn refused_publisher(self, version: ProtocolVersion) {
        let text = if version.is_v5() { PROTOCOL_TEXT } else { "The connection was refused" };
        self.error(&format!("Error: {text}"));
    }
}

const TLS_TEXT: &str = "A TLS error occurred";
const NO_CONNECTION_TEXT: &str = "The client is not currently connected";
const PROTOCOL_TEXT: &str = "A network protocol error occurred when communicating with the broker";

/// The return codes of MQTT 3.
fn connack_text(code: ReasonCode) -> &'static str {
    match code.0 {
        1 => "Connection Refused: unacceptable protocol version",
        2 => "Connection Refused: identifier rejected",
        3 => "Connection Refused: broker unavailable",
        4 => "Connection Refused: bad user name or password",
        5 => "Connection Refused: not authorised",
        _ => "Connection Refused: unknown reason",
    }
}

/// A line on standard output. Nobody who reads it is no reason to stop.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The line of `-d` for a packet.
pub(crate) fn packet_line(client: &Client, text: &str) -> String {
    let id = client.session().client_id();
    format!("Client {} {text}", if id.is_empty() { "(null)" } else { id })
}

/// What is said of a message that can never be sent.
pub(crate) fn not_sent(error: &RequestError) -> String {
    match error {
        RequestError::TooLarge { .. } => "Error: Message payload is too large.".to_owned(),
        RequestError::QoSNotSupported { .. } => {
            "Error: Message QoS not supported on broker, try a lower QoS.".to_owned()
        }
        error => format!("Error: Message not sent: {error}."),
    }
}
