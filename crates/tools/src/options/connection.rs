//! The server, and what the program says of itself.

use super::url;
use super::{Act, CommandOption, GO_ON, qos, text, topic_name};
use crate::arguments::{ArgumentError, Command};
use crate::number::leading_integer;
use crate::settings::Settings;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::value("-h", "host", "no host", |settings, value| {
        settings.connection.host = String::from_utf8_lossy(value).into_owned();
        Ok(())
    })
    .long("--host")
    .help(&["the server's name or address; localhost if not given."]),
    CommandOption::value("-p", "port", "no port", port)
        .long("--port")
        .help(&["the server's port; 1883 if not given, or 8883 with --cafile or --capath. 8883 means TLS."]),
    CommandOption::value("--unix", "path", "no socket path", |settings, value| {
        settings.connection.unix_path = Some(OsStr::from_bytes(value).into());
        // It is what the server is called.
        settings.connection.host = String::from_utf8_lossy(value).into_owned();
        Ok(())
    })
    .only_long()
    .help(&["the server's Unix socket, in place of host and port."]),
    CommandOption::value("-L", "url", "no URL", url::read).long("--url").help(&[
        "server, user and topic in one: mqtt://[username[:password]@]host[:port]/topic; with mqtts://",
        "over TLS (port 8883), with ws:// over WebSockets, with wss:// over both.",
    ]),
    CommandOption::flag("-S", |settings| {
        settings.connection.looks_up_service = true;
        GO_ON
    })
    .help(&[
        "take the host for a domain, and ask its name servers for the server's host and port (SRV",
        "records of _mqtt._tcp; with TLS, of _secure-mqtt._tcp), whatever -p says.",
    ]),
    CommandOption::value("-u", "username", "no username", |settings, value| {
        settings.connection.username = Some(text(value, "-u")?);
        Ok(())
    })
    .long("--username")
    .help(&["the user to log in as."]),
    CommandOption::value("-P", "password", "no password", |settings, value| {
        settings.connection.password = Some(value.to_vec());
        Ok(())
    })
    .long("--pw")
    .help(&["the user's password."]),
    CommandOption::flag("--nodelay", |settings| {
        settings.connection.nodelay = true;
        GO_ON
    })
    .only_long()
    .help(&["send small packets at once (TCP_NODELAY)."]),
    CommandOption::value("-A", "address", "no address", |settings, value| {
        settings.connection.bind_address = Some(String::from_utf8_lossy(value).into_owned());
        Ok(())
    })
    .help(&["the address of this machine to connect from."]),
    CommandOption::flag("--no-tls", |settings| {
        settings.connection.no_tls = true;
        GO_ON
    })
    .only_long()
    .help(&["do without TLS, also at port 8883."]),
    CommandOption::value("--will-topic", "topic", "no will topic", |settings, value| {
        settings.connection.will_topic = Some(topic_name(value, "--will-topic", "will")?);
        Ok(())
    })
    .only_long()
    .help(&["have the server publish a will on this topic if the connection is lost."]),
    CommandOption::value("--will-payload", "payload", "no will payload", |settings, value| {
        settings.connection.will.payload = value.to_vec();
        settings.connection.has_will_payload = true;
        Ok(())
    })
    .only_long()
    .help(&["what the will says; nothing if not given."]),
    CommandOption::value("--will-qos", "qos", "no will QoS", will_qos)
        .only_long()
        .help(&["the QoS of the will; 0 if not given."]),
    CommandOption::flag("--will-retain", |settings| {
        settings.connection.will.retain = true;
        GO_ON
    })
    .only_long()
    .help(&["have the will retained."]),
    CommandOption::value("-o", "file", "no options file", |_, _| Ok(())).help(&[
        "read options from this file first, one with its value on a line; else from the file in",
        "$XDG_CONFIG_HOME or ~/.config that is called like this program.",
    ]),
    CommandOption::flag("-d", |settings| {
        settings.debug = true;
        GO_ON
    })
    .long("--debug")
    .help(&["print a line for each packet."]),
    CommandOption::flag("--quiet", |settings| {
        settings.quiet = true;
        GO_ON
    })
    .only_long()
    .help(&["print no errors but those of the arguments."]),
    CommandOption {
        short: None,
        long: Some("--help"),
        tools: super::ALL,
        help: &["show this text."],
        act: Act::Flag(|_| Ok(ControlFlow::Break(Command::Help))),
    },
    CommandOption::flag("--version", |_| Ok(ControlFlow::Break(Command::Version)))
        .only_long()
        .help(&["show the version."]),
];

fn port(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let number = leading_integer(value);
    let port =
        u16::try_from(number).map_err(|_| ArgumentError::plain(format!("Error: Invalid port given: {number}")))?;
    settings.connection.port = Some(port);
    Ok(())
}

fn will_qos(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let number = leading_integer(value);
    settings.connection.will.qos =
        qos(number).ok_or_else(|| ArgumentError::spaced(format!("Error: Invalid will QoS {number}.")))?;
    Ok(())
}
