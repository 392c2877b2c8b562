//! Options for encryption that do not go together.

use crate::config::Listener;
use crate::error::ConfigError;
use crate::reader::{OpenFile, Reader};
use crate::words::Statement;

/// `certfile`: not below a `psk_hint`.
pub(crate) fn certfile(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    below_no_hint(reader, file, statement, |listener| &mut listener.tls.certfile)
}

/// `cafile`: not below a `psk_hint`.
pub(crate) fn cafile(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    below_no_hint(reader, file, statement, |listener| &mut listener.tls.cafile)
}

/// `psk_hint`: not below a certificate.
pub(crate) fn psk_hint(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    let hint = statement.text(listener.tls.psk_hint.is_some())?;
    // Of one without the other, that is what is told.
    if listener.tls.certfile.is_some() && listener.tls.keyfile.is_some() {
        return Err(not_both());
    }
    listener.tls.psk_hint = Some(hint);
    Ok(())
}

/// `psk_file`: not below the certificate of a listener, even where it is not the listener's alone, as in Mosquitto.
pub(crate) fn psk_file(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let has_certificate = reader.current_listener(file).is_some_and(|listener| listener.tls.certfile.is_some());
    let security = reader.security(file, &statement.name)?;
    let path = statement.text(security.psk_file.is_some())?;
    if has_certificate {
        return Err(not_both().expected("psk_file above this listener, or below the one with psk_hint"));
    }
    security.psk_file = Some(path);
    Ok(())
}

fn below_no_hint(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
    place: fn(&mut Listener) -> &mut Option<String>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    let has_hint = listener.tls.is_psk();
    let place = place(listener);
    let path = statement.text(place.is_some())?;
    if has_hint {
        return Err(not_both());
    }
    *place = Some(path);
    Ok(())
}

fn not_both() -> ConfigError {
    ConfigError::new("Cannot use both certificate and psk encryption in a single listener.")
}
