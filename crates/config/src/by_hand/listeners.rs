//! Listeners, and what about them is no mere number, flag or text.

use crate::config::{Listener, Origin, Protocol, ProtocolVersions, SocketDomain};
use crate::error::{ConfigError, shown};
use crate::log::LogType;
use crate::reader::{OpenFile, Reader};
use crate::reference::Referent;
use crate::words::{Statement, checked_text};

/// `listener PORT [HOST]` or `listener 0 PATH`, perhaps with a comment after it.
pub(crate) fn listener(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = parse_listener(statement);
    if let Ok(listener) = &listener {
        if let Some(host) = &listener.host {
            reader.refer(file, Referent::Host, &statement.name, host);
        }
        if let Some(path) = &listener.unix_path {
            reader.refer(file, Referent::UnixSocket, &statement.name, path);
        }
    }
    // Also one that is wrong takes the options below it: of these, only what is wrong with themselves is to be told.
    reader.add_listener(file, listener.as_ref().cloned().unwrap_or_else(|_| Listener::default_listener()));
    listener.map(drop)
}

fn parse_listener(statement: &mut Statement<'_>) -> Result<Listener, ConfigError> {
    let number = statement.number()?;
    let host = statement.words.next_word().filter(|word| !word.starts_with(b"#"));
    let port = match (u16::try_from(number), host) {
        (Ok(0), None) => {
            return Err(ConfigError::new("A listener with port 0 must provide a Unix socket path."));
        }
        (Ok(0), Some(path)) => {
            let unix_path = Some(checked_text(path)?);
            return Ok(Listener { unix_path, ..Listener::new(0, None, Origin::Listener) });
        }
        (Ok(port), _) => port,
        (Err(_), _) => {
            return Err(
                ConfigError::new(format_args!("Invalid 'port' value ({number}).")).expected("a port from 1 to 65535")
            );
        }
    };
    let host = host.map(checked_text).transpose()?;
    Ok(Listener::new(port, host, Origin::Listener))
}

/// `port`: that of the default listener.
pub(crate) fn port(reader: &mut Reader, file: &mut OpenFile, statement: &mut Statement<'_>) -> Result<(), ConfigError> {
    if std::mem::replace(&mut reader.given.port, true) {
        let text = "Warning: Default listener port specified multiple times. Only the latest will be used.";
        reader.notice(LogType::Warning, text);
    }
    let port = statement.small_int()?;
    let listener = reader.listener(file, &statement.name)?;
    listener.port = port;
    listener.origin = Origin::PortOrBindAddress;
    Ok(())
}

/// `bind_address`: that of the default listener.
pub(crate) fn bind_address(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    listener.host = Some(statement.text(listener.host.is_some())?);
    listener.origin = Origin::PortOrBindAddress;
    Ok(())
}

/// `accept_protocol_versions`: whatever stands between commas and white space; what is no version is no error.
pub(crate) fn accept_protocol_versions(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    let list = statement.words.rest();
    statement.word()?;
    let names = |version: &[u8]| list.split(|byte| b", \t".contains(byte)).any(|word| word == version);
    listener.protocol_versions = ProtocolVersions { v31: names(b"3"), v311: names(b"4"), v5: names(b"5") };
    Ok(())
}

/// `mount_point`: text that could begin a topic.
pub(crate) fn mount_point(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    let text = statement.text(listener.mount_point.is_some())?;
    if text.contains(['+', '#']) {
        let value = shown(text.as_bytes());
        let name = &statement.name;
        return Err(ConfigError::new(format_args!("Invalid {name} '{value}'. Does it contain a wildcard character?"))
            .expected("the beginning of a topic, without + and #"));
    }
    listener.mount_point = Some(text);
    Ok(())
}

/// `protocol`: what is spoken.
pub(crate) fn protocol(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    listener.protocol = match statement.choice()? {
        "mqtt" => Protocol::Mqtt,
        "websockets" => Protocol::WebSockets,
        _ => Protocol::HttpApi,
    };
    Ok(())
}

/// `websockets_origin`: one more.
pub(crate) fn websockets_origin(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    listener.websockets_origins.push(statement.text(false)?);
    Ok(())
}

/// `socket_domain`: one of the versions of IP.
pub(crate) fn socket_domain(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    let domain = if statement.choice()? == "ipv4" { SocketDomain::Ipv4 } else { SocketDomain::Ipv6 };
    listener.socket_domain = Some(domain);
    Ok(())
}
