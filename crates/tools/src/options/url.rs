//! The server, the user and the topic in one argument.

use super::{add_topic, text};
use crate::arguments::ArgumentError;
use crate::number::leading_integer;
use crate::settings::Settings;

/// The port where none is given.
const PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;

/// Reads `mqtt://[username[:password]@]host[:port]/topic`. There is no percent encoding in it. With
/// `mqtts`, `ws` and `wss` TLS and WebSockets are chosen.
pub(super) fn read(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let url = text(value, "-L")?;
    let Some((scheme, rest)) = url.split_once("://") else { return Err(unsupported_scheme()) };
    let (tls, websocket) = match scheme.to_ascii_lowercase().as_str() {
        "mqtt" => (false, false),
        "mqtts" => (true, false),
        "ws" => (false, true),
        "wss" => (true, true),
        _ => return Err(unsupported_scheme()),
    };
    let Some((server, topic)) = rest.split_once('/') else {
        return Err(ArgumentError::plain("Error: Invalid URL for -L argument specified - topic missing."));
    };
    settings.connection.tls.use_os_certs |= tls;
    settings.connection.websocket |= websocket;
    add_topic(settings, topic.as_bytes(), "-L topic")?;
    let server = match server.split_once('@') {
        Some((user, server)) => {
            let (username, password) = user.split_once(':').map_or((user, None), |(name, pw)| (name, Some(pw)));
            settings.connection.username = Some(username.to_owned());
            if let Some(password) = password {
                settings.connection.password = Some(password.as_bytes().to_vec());
            }
            server
        }
        None => server,
    };
    let (host, port) = server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port)));
    let port = port.map_or(i64::from(if tls { TLS_PORT } else { PORT }), |port| leading_integer(port.as_bytes()));
    host.clone_into(&mut settings.connection.host);
    let port = u16::try_from(port).map_err(|_| ArgumentError::plain(format!("Error: Invalid port given: {port}")))?;
    settings.connection.port = Some(port);
    Ok(())
}

fn unsupported_scheme() -> ArgumentError {
    ArgumentError::spaced("Error: Unsupported URL scheme.")
}
