//! Options of TLS of a bridge that do not go together, or whose text means something.

use crate::bridge::{Bridge, BridgeTlsVersion};
use crate::error::ConfigError;
use crate::reader::{OpenFile, Reader};
use crate::words::Statement;

/// `bridge_cafile`: not with a pre-shared key.
pub(crate) fn bridge_cafile(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    of_certificates(reader, file, statement, |bridge| &mut bridge.tls.cafile)
}

/// `bridge_capath`: not with a pre-shared key.
pub(crate) fn bridge_capath(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    of_certificates(reader, file, statement, |bridge| &mut bridge.tls.capath)
}

/// `bridge_certfile`: not with a pre-shared key.
pub(crate) fn bridge_certfile(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    of_certificates(reader, file, statement, |bridge| &mut bridge.tls.certfile)
}

/// `bridge_keyfile`: not with a pre-shared key.
pub(crate) fn bridge_keyfile(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    of_certificates(reader, file, statement, |bridge| &mut bridge.tls.keyfile)
}

fn of_certificates(
    reader: &mut Reader,
    file: &OpenFile,
    statement: &Statement<'_>,
    place: fn(&mut Bridge) -> &mut Option<String>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    if bridge.tls.has_psk() {
        return Err(not_both(statement, "psk"));
    }
    let place = place(bridge);
    *place = Some(statement.text(place.is_some())?);
    Ok(())
}

/// `bridge_identity`: not with certificates.
pub(crate) fn bridge_identity(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    if bridge.tls.has_certificates() {
        return Err(not_both(statement, "identity"));
    }
    bridge.tls.identity = Some(statement.text(bridge.tls.identity.is_some())?);
    Ok(())
}

/// `bridge_psk`: not with certificates. Whether it is made of hexadecimal digits is looked at last.
pub(crate) fn bridge_psk(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    if bridge.tls.has_certificates() {
        return Err(not_both(statement, "identity"));
    }
    let text = statement.text(bridge.tls.psk.is_some())?;
    bridge.tls.psk = Some(text);
    Ok(())
}

fn not_both(statement: &Statement<'_>, other: &str) -> ConfigError {
    ConfigError::new(format_args!(
        "'{}': Cannot use both certificate and {other} encryption in a single bridge.",
        statement.name
    ))
}

/// `bridge_tls_version`: the lowest version.
pub(crate) fn bridge_tls_version(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    let version = match statement.text(bridge.tls.version.is_some())?.as_str() {
        "tlsv1.2" => BridgeTlsVersion::Tls12,
        "tlsv1.3" => BridgeTlsVersion::Tls13,
        other => return Err(statement.invalid(other.as_bytes()).expected("tlsv1.2 or tlsv1.3")),
    };
    bridge.tls.version = Some(version);
    Ok(())
}

/// `bridge_require_ocsp`: nobody can ask for what is not looked at.
pub(crate) fn bridge_require_ocsp(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    reader.bridge(file, &statement.name)?;
    if statement.bool()? {
        return Err(ConfigError::not_supported_yet(format_args!("{} true", statement.name)));
    }
    Ok(())
}
