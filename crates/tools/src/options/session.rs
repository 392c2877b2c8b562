//! The protocol and the session.

use super::{ALL, Act, CommandOption, GO_ON, qos, text};
use crate::arguments::ArgumentError;
use crate::number::{leading_integer, whole_integer};
use crate::settings::Settings;
use mosquitto_client::mqtt::ProtocolVersion;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::value("-V", "version", "no version", version)
        .long("--protocol-version")
        .help(&["the protocol: mqttv5, mqttv311 or mqttv31. If not given mqttv311, and mqttv5 for mosquitto_rr."]),
    CommandOption::value("-i", "id", "no id", client_id)
        .long("--id")
        .help(&["the client id; the server chooses one if neither -i nor -I is given."]),
    CommandOption::value("-I", "prefix", "no id prefix", client_id_prefix)
        .long("--id-prefix")
        .help(&["make the client id of this prefix and the number of the process."]),
    CommandOption::flag("-c", |settings| {
        settings.connection.clean_start = false;
        GO_ON
    })
    .long("--disable-clean-session")
    .help(&[
        "keep the session: go on with what the server has kept for this client id, and have it",
        "kept afterwards, with MQTT 5 for as long as -x says, or for ever.",
    ]),
    CommandOption::value("-x", "seconds", "no session expiry interval", session_expiry).help(&[
        "how long the server keeps the session after the connection, 0 to 4294967295 seconds;",
        "-1 or \u{221e} is for ever. Chooses MQTT 5.",
    ]),
    CommandOption::value("-k", "seconds", "no keepalive", keep_alive)
        .long("--keepalive")
        .help(&["say something to the server at least so often, 5 to 65535 seconds; 60 if not given."]),
    CommandOption {
        short: Some("-D"),
        long: Some("--property"),
        tools: ALL,
        help: &[
            "a property of the connect, publish, subscribe, unsubscribe or disconnect packets, or of the",
            "will: its packet, its name and its value; for a user-property a name and a value.",
            "Chooses MQTT 5.",
        ],
        act: Act::Property,
    },
    CommandOption::value("-q", "qos", "no QoS", |settings, value| {
        let number = leading_integer(value);
        settings.qos =
            qos(number).ok_or_else(|| ArgumentError::plain(format!("Error: Invalid QoS given: {number}")))?;
        Ok(())
    })
    .long("--qos")
    .help(&["the quality of service: 0, 1 or 2; 0 if not given."]),
    CommandOption::value("-M", "count", "max_inflight not", inflight_max)
        .help(&["how many messages of QoS 1 and 2 may be under way at a time; 20 if not given."]),
];

fn version(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    settings.connection.version = match value {
        b"mqttv31" | b"31" => ProtocolVersion::V31,
        b"mqttv311" | b"311" => ProtocolVersion::V311,
        b"mqttv5" | b"5" => ProtocolVersion::V5,
        _ => return Err(ArgumentError::spaced("Error: Invalid protocol version argument given.")),
    };
    Ok(())
}

const ID_AND_PREFIX: &str = "Error: -i and -I argument cannot be used together.";

fn client_id(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    if settings.connection.client_id_prefix.is_some() {
        return Err(ArgumentError::spaced(ID_AND_PREFIX));
    }
    settings.connection.client_id = Some(text(value, "-i")?);
    Ok(())
}

fn client_id_prefix(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    if settings.connection.client_id.is_some() {
        return Err(ArgumentError::spaced(ID_AND_PREFIX));
    }
    settings.connection.client_id_prefix = Some(text(value, "-I")?);
    Ok(())
}

fn session_expiry(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let number = if value == "\u{221e}".as_bytes() {
        i64::from(u32::MAX)
    } else {
        whole_integer(value).ok_or_else(|| ArgumentError::spaced("Error: session-expiry-interval not a number."))?
    };
    let number = if number == -1 { i64::from(u32::MAX) } else { number };
    let seconds =
        u32::try_from(number).map_err(|_| ArgumentError::spaced("Error: session-expiry-interval out of range."))?;
    settings.connection.session_expiry_s = Some(seconds);
    settings.connection.version = ProtocolVersion::V5;
    Ok(())
}

fn keep_alive(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    settings.connection.keep_alive_s =
        u16::try_from(leading_integer(value)).ok().filter(|&seconds| seconds >= 5).ok_or_else(|| {
            let text = "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.";
            ArgumentError::spaced(text)
        })?;
    Ok(())
}

fn inflight_max(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let number = leading_integer(value);
    if number < 1 {
        return Err(ArgumentError::spaced("Error: Maximum inflight messages must be greater than 0."));
    }
    settings.connection.inflight_max = u16::try_from(number).unwrap_or(u16::MAX);
    Ok(())
}
