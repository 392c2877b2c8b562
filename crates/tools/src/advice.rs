//! What to try after an error: a second line on standard error, for people.
//!
//! Scripts compare what the programs say with what the originals say, so only a terminal gets to see it.

use crate::report::Report;
use crate::settings::Settings;
use mosquitto_client::mqtt::{ProtocolVersion, ReasonCode};
use mosquitto_transport::{SocksFailure, TlsFailure, WebSocketFailure};
use std::io::{self, ErrorKind, IsTerminal};

/// What the advice depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    target: Target,
    tls: bool,
    websocket: bool,
    has_username: bool,
}

/// What is connected to.
#[derive(Debug, Clone, Copy)]
enum Target {
    Server {
        port: u16,
    },
    /// What name servers say: `-S`.
    Service,
    Proxy {
        port: u16,
    },
    Unix,
}

impl Situation {
    pub(crate) fn of(settings: &Settings) -> Self {
        let connection = &settings.connection;
        let target = match (&connection.unix_path, &connection.proxy) {
            (Some(_), _) => Target::Unix,
            (None, Some(proxy)) => Target::Proxy { port: proxy.port },
            (None, None) if connection.looks_up_service => Target::Service,
            (None, None) => Target::Server { port: connection.port() },
        };
        Self {
            target,
            tls: connection.uses_tls(),
            websocket: connection.websocket,
            has_username: connection.username.is_some(),
        }
    }

    /// After an error of connecting.
    pub(crate) fn unreachable(self, error: &io::Error) -> Option<String> {
        if let Some(failure) = TlsFailure::of(error) {
            return Some(tls(failure).to_owned());
        }
        if WebSocketFailure::of(error).is_some() {
            return Some("Does the broker speak WebSockets at this port? Without --ws it is plain MQTT.".to_owned());
        }
        if SocksFailure::of(error).is_some() {
            return Some("The proxy (--proxy) was reached, but not the broker: are -h and -p right?".to_owned());
        }
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => Some(match self.target {
                Target::Server { port } => {
                    format!("Is the broker running, and is {port} its port? -h and -p choose host and port.")
                }
                Target::Service => "Is the broker running where the SRV records say (-S)?".to_owned(),
                Target::Proxy { port } => format!("Is the proxy running, and is {port} its port? --proxy names both."),
                Target::Unix => "Is the broker running, with a listener at this path (--unix)?".to_owned(),
            }),
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                Some("Is the host (-h) right, and does a firewall let the connection through?".to_owned())
            }
            ErrorKind::PermissionDenied => Some("The system does not allow it: look at the rights.".to_owned()),
            _ => None,
        }
    }

    /// After a name that is not known.
    pub(crate) fn lookup(self) -> &'static str {
        match self.target {
            Target::Service => {
                "Is there an SRV record _mqtt._tcp (with TLS: _secure-mqtt._tcp) of this domain? -d tells more."
            }
            Target::Proxy { .. } => "Is the name of the proxy (--proxy) right? And that of -A, if it is given?",
            _ => "Is the name of the host (-h) right? And that of -A, if it is given?",
        }
    }

    /// After a connection that ended before it was accepted, or on the way.
    pub(crate) fn lost(self) -> &'static str {
        if self.tls || self.websocket {
            "The broker's log may tell why."
        } else {
            "If the broker expects TLS at this port, give --cafile or --tls-use-os-certs; if WebSockets, --ws."
        }
    }

    /// After a CONNACK that refuses the connection.
    pub(crate) fn refused(self, reason: ReasonCode, version: ProtocolVersion) -> Option<&'static str> {
        match (version.is_v5(), reason.0) {
            (false, 1) => Some("-V chooses another version of MQTT."),
            (false, 2) | (true, 0x85) => Some("-i chooses another client id."),
            (false, 4 | 5) | (true, 0x86 | 0x87) if self.has_username => {
                Some("Are user name and password (-u, -P) right, and may this user connect?")
            }
            (false, 4 | 5) | (true, 0x86 | 0x87) => Some("The broker may want a user name and a password: -u and -P."),
            _ => None,
        }
    }
}

fn tls(failure: &TlsFailure) -> &'static str {
    if failure.is_not_tls() {
        "This port does not speak TLS: is it the right one (-p)? --no-tls does without."
    } else if failure.is_end() {
        "The broker ended the handshake: does it speak TLS at this port (-p), and want a certificate (--cert, --key)?"
    } else {
        "-d tells why. --cafile says whom to trust; the certificate has to be for the name after -h."
    }
}

/// Shows it, where only people read it.
pub(crate) fn show(report: Report, text: &str) {
    if io::stderr().is_terminal() {
        report.error(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tool;
    use std::path::PathBuf;

    fn refused(settings: &Settings) -> Option<String> {
        Situation::of(settings).unreachable(&ErrorKind::ConnectionRefused.into())
    }

    #[test]
    fn the_port_that_was_tried_is_named() {
        let mut settings = Settings::new(Tool::Pub);
        assert!(refused(&settings).is_some_and(|text| text.contains("is 1883 its port")));
        settings.connection.tls.cafile = Some(PathBuf::from("ca.crt"));
        assert!(refused(&settings).is_some_and(|text| text.contains("is 8883 its port")));
        settings.connection.unix_path = Some(PathBuf::from("socket"));
        assert!(refused(&settings).is_some_and(|text| text.contains("--unix") && !text.contains("port")));
    }

    #[test]
    fn who_is_not_let_in_is_told_of_what_was_not_given() {
        let mut settings = Settings::new(Tool::Sub);
        for (version, reason) in [(ProtocolVersion::V311, 5), (ProtocolVersion::V5, 0x87)] {
            let text = Situation::of(&settings).refused(ReasonCode(reason), version);
            assert!(text.is_some_and(|text| text.contains("may want")), "{text:?}");
        }
        settings.connection.username = Some("me".to_owned());
        let text = Situation::of(&settings).refused(ReasonCode(5), ProtocolVersion::V311);
        assert!(text.is_some_and(|text| text.contains("right")), "{text:?}");
        // The numbers of one version mean nothing in another.
        assert_eq!(Situation::of(&settings).refused(ReasonCode(5), ProtocolVersion::V5), None);
    }
}
