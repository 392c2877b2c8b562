//! The passphrase of the own key.

use mosquitto_terminal::{Answer, ask, controlling_terminal};
use mosquitto_transport::{KeyFile, PASSPHRASE_BYTES_MAX, Passphrase, error_text};
use signal_hook::low_level::emulate_default_handler;
use std::path::Path;

/// Asks for it where the key in this file is encrypted, in OpenSSL's words. The error is what to say. To be called while there
/// is one thread. A file of no use is left to who opens it.
pub(super) fn of(keyfile: &Path) -> Result<Option<Passphrase>, String> {
    if !KeyFile::read(keyfile).is_ok_and(|key| key.is_encrypted()) {
        return Ok(None);
    }
    let failed = |why: String| format!("Error: The private key in \"{}\" is encrypted, and {why}.", keyfile.display());
    let mut terminal = controlling_terminal()
        .map_err(|error| failed(format!("there is no terminal to ask for its passphrase: {}", error_text(&error))))?;
    let asked = terminal
        .try_clone()
        .and_then(|input| ask(input, &mut terminal, "Enter PEM pass phrase:", PASSPHRASE_BYTES_MAX));
    match asked {
        Ok(Answer::Line(passphrase)) => Ok(Some(passphrase)),
        Ok(Answer::TooLong) => Err(failed(format!("a passphrase has no more than {PASSPHRASE_BYTES_MAX} bytes"))),
        Ok(Answer::Nothing) => Err(failed("its passphrase was not given".to_owned())),
        Ok(Answer::Signal(signal)) => {
            // It ends the process, as it would without a question.
            let _ = emulate_default_handler(signal);
            Err(failed("a signal has come instead of its passphrase".to_owned()))
        }
        Err(error) => Err(failed(format!("its passphrase cannot be asked for: {}", error_text(&error)))),
    }
}
