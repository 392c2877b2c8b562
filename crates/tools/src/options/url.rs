//! The server, the user and the topic in one argument.

use super::{add_topic, text};
use crate::arguments::ArgumentError;
use crate::number::leading_integer;
use crate::settings::Settings;

/// The port of `mqtt://` where none is given.
const PORT: u16 = 1883;

/// Reads `mqtt://[username[:password]@]host[:port]/topic`. There is no percent encoding in it.
pub(super) fn read(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let url = text(value, "-L")?;
    let Some((scheme, rest)) = url.split_once("://") else { return Err(unsupported_scheme()) };
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "mqtt" | "mqtts" | "ws" | "wss") {
        return Err(unsupported_scheme());
    }
    let Some((server, topic)) = rest.split_once('/') else {
        return Err(ArgumentError::plain("Error: Invalid URL for -L argument specified - topic missing."));
    };
    if scheme != "mqtt" {
        return Err(ArgumentError::not_supported_yet(&format!("-L {scheme}://")));
    }
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
    let port = port.map_or(i64::from(PORT), |port| leading_integer(port.as_bytes()));
    host.clone_into(&mut settings.connection.host);
    settings.connection.port =
        u16::try_from(port).map_err(|_| ArgumentError::plain(format!("Error: Invalid port given: {port}")))?;
    Ok(())
}

fn unsupported_scheme() -> ArgumentError {
    ArgumentError::spaced("Error: Unsupported URL scheme.")
}
