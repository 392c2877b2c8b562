//! `address`: where remote brokers are.

use crate::bridge::{BridgeAddress, REMOTE_PORT};
use crate::error::{ConfigError, shown_briefly};
use crate::reader::{OpenFile, Reader};
use crate::words::{Statement, checked_text, leading_number};

/// `address HOST[:PORT] ...`, perhaps with a comment after it.
pub(crate) fn address(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let expected = statement.declaration.argument.expected();
    let bridge = reader.bridge(file, &statement.name)?;
    if !bridge.addresses.is_empty() {
        let error = ConfigError::new("Invalid bridge configuration, 'address' only allowed once.");
        return Err(error.expected("all addresses in one line"));
    }
    let mut addresses = Vec::new();
    while let Some(word) = statement.words.next_word().filter(|word| !word.starts_with(b"#")) {
        addresses.push(one(word)?);
    }
    if addresses.is_empty() {
        return Err(ConfigError::new("Empty address value in configuration.").expected(expected));
    }
    bridge.addresses = addresses;
    Ok(())
}

/// What stands behind the last colon is the port; so an address of IPv6 needs one, unless brackets show where it ends.
fn one(word: &[u8]) -> Result<BridgeAddress, ConfigError> {
    let colon = word.iter().rposition(|byte| *byte == b':').filter(|_| !word.ends_with(b"]"));
    let (host, port) = match colon.and_then(|at| word.split_at_checked(at)) {
        Some((host, port)) => (host, leading_number(port.get(1..).unwrap_or_default()).0),
        None => (word, i64::from(REMOTE_PORT)),
    };
    let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
        ConfigError::new(format_args!("Invalid bridge port value ({port})."))
            .expected(format!("a port from 1 to 65535 behind the last colon, not {}", shown_briefly(word)))
    })?;
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    if host.is_empty() {
        return Err(ConfigError::new("Empty address value in configuration.")
            .expected(format!("a host before the port, not {}", shown_briefly(word))));
    }
    Ok(BridgeAddress { host: checked_text(host)?, port })
}
