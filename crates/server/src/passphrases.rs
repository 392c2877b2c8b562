//! The passphrases of encrypted keys: asked for at the start, once for each key, or said by a command.
//!
//! Whoever started the broker is there to be asked at the start only, and only as long as the process has a terminal: so that
//! comes before it goes to the background, and what was answered is kept for reloads. A reload asks nobody; it may run a
//! command, for a time that is bounded.

mod command;

use mosquitto_config::{Bridge, Endpoint, Tls};
use mosquitto_terminal::{Answer, ask, controlling_terminal};
use mosquitto_transport::{KeyError, KeyFile, PASSPHRASE_BYTES_MAX, Passphrase, PrivateKey, TlsSetupError, error_text};
use signal_hook::low_level::emulate_default_handler;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How long a command may take at the start: there may be somebody behind it.
const START_MAX: Duration = Duration::from_mins(1);

/// How long it may take at a reload, while the main thread waits. Clients are served meanwhile.
const RELOAD_MAX: Duration = Duration::from_secs(5);

/// What else could have been done.
const EXPECTED: &str =
    "Expected: a start from a terminal, where the passphrase is asked for, or keyfile_passphrase_command.";

/// Likewise for the key of a bridge, for which there is no command.
const EXPECTED_OF_BRIDGE: &str = "Expected: a start from a terminal, where the passphrase is asked for.";

/// The passphrases that are known, by the path of the key file.
#[derive(Clone, Default)]
pub(crate) struct Passphrases {
    /// Or why one is not: what is wrong, and perhaps what was expected.
    answers: BTreeMap<String, Result<Passphrase, Vec<String>>>,
    /// Whether the start is over.
    is_running: bool,
}

/// Without what it holds.
impl fmt::Debug for Passphrases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrases")
    }
}

impl Passphrases {
    /// Finds out the passphrases that these listeners and bridges need. To be called by the user that the broker is to be, while there
    /// is a terminal, and one thread. What is wrong is told when the keys are opened: then there is a log.
    pub(crate) fn gather(endpoints: &[Endpoint], bridges: &[Bridge]) -> Self {
        let mut passphrases = Self::default();
        for tls in endpoints.iter().map(|endpoint| &endpoint.tls).filter(|tls| tls.is_on()) {
            let Some(path) = &tls.keyfile else { continue };
            if !passphrases.answers.contains_key(path) && is_encrypted(path) {
                let answer = match &tls.keyfile_passphrase_command {
                    Some(command) => command::run(command, START_MAX).map_err(|why| vec![reason(&why)]),
                    None => ask_for(path, EXPECTED),
                };
                passphrases.answers.insert(path.clone(), answer);
            }
        }
        for path in bridges.iter().filter(|bridge| bridge.tls.is_on()).filter_map(|bridge| bridge.tls.keyfile.as_ref())
        {
            if !passphrases.answers.contains_key(path) && is_encrypted(path) {
                passphrases.answers.insert(path.clone(), ask_for(path, EXPECTED_OF_BRIDGE));
            }
        }
        passphrases
    }

    /// The passphrase of a bridge's key, if it needs one. The error is the lines that say why it is not known.
    pub(crate) fn of_bridge(&self, path: &str) -> Result<Option<Passphrase>, Vec<String>> {
        // What else is wrong with the file is seen when it is used.
        if !is_encrypted(path) {
            return Ok(None);
        }
        let why = match self.answers.get(path) {
            Some(Ok(passphrase)) => return Ok(Some(passphrase.clone())),
            Some(Err(why)) => why.clone(),
            None => vec![
                reason("the key is encrypted, and nobody can be asked for its passphrase while the broker runs"),
                EXPECTED_OF_BRIDGE.to_owned(),
            ],
        };
        let text = format!("Error: Unable to load client key file, check bridge_keyfile \"{path}\".");
        Err(std::iter::once(text).chain(why).collect())
    }

    /// The start is over: from now on nobody is asked.
    pub(crate) fn running(self) -> Self {
        Self { is_running: true, ..self }
    }

    /// The key of a listener. The error is the lines that say what is wrong.
    pub(crate) fn open(&mut self, tls: &Tls, path: &str) -> Result<PrivateKey, Vec<String>> {
        let key = KeyFile::read(Path::new(path)).map_err(lines)?;
        let command = tls.keyfile_passphrase_command.as_ref().filter(|_| self.is_running);
        let refused = match self.answers.get(path) {
            _ if !key.is_encrypted() => return key.open(&[]).map_err(|error| lines(setup_error(error))),
            Some(Ok(passphrase)) => match key.open(passphrase) {
                Ok(key) => return Ok(key),
                Err(KeyError::Unusable(error)) => return Err(lines(error)),
                Err(KeyError::WrongPassphrase(error)) => lines(error),
            },
            Some(Err(why)) => with_reason(&key, why),
            None => with_reason(
                &key,
                &[
                    reason("the key is encrypted, and nobody can be asked for its passphrase while the broker runs"),
                    EXPECTED.to_owned(),
                ],
            ),
        };
        // A key that is another one than it was may have another passphrase.
        let Some(command) = command else { return Err(refused) };
        let passphrase = command::run(command, RELOAD_MAX).map_err(|why| with_reason(&key, &[reason(&why)]))?;
        let opened = key.open(&passphrase).map_err(|error| lines(setup_error(error)))?;
        self.answers.insert(path.to_owned(), Ok(passphrase));
        Ok(opened)
    }
}

fn is_encrypted(path: &str) -> bool {
    KeyFile::read(path.as_ref()).is_ok_and(|key| key.is_encrypted())
}

/// Asks whoever sits before the terminal. A signal that comes meanwhile ends the broker, as it would without a question.
fn ask_for(path: &str, expected: &str) -> Result<Passphrase, Vec<String>> {
    let unasked = |why: String| vec![reason(&why), expected.to_owned()];
    let mut terminal = controlling_terminal().map_err(|error| {
        unasked(format!(
            "the key is encrypted, and there is no terminal to ask for its passphrase: {}",
            error_text(&error)
        ))
    })?;
    // Where there are several keys, one has to know which.
    let _ = writeln!(terminal, "The key in {path} is encrypted.");
    let asked = terminal
        .try_clone()
        .and_then(|input| ask(input, &mut terminal, "Enter PEM pass phrase:", PASSPHRASE_BYTES_MAX));
    match asked {
        Ok(Answer::Line(passphrase)) => Ok(passphrase),
        Ok(Answer::TooLong) => Err(unasked(format!("the passphrase has more than {PASSPHRASE_BYTES_MAX} bytes"))),
        Ok(Answer::Nothing) => Err(unasked("the passphrase of the key was asked for, and not given".to_owned())),
        Ok(Answer::Signal(signal)) => {
            let _ = emulate_default_handler(signal);
            Err(unasked("a signal has come instead of the passphrase of the key".to_owned()))
        }
        Err(error) => Err(unasked(format!("the passphrase of the key cannot be asked for: {}", error_text(&error)))),
    }
}

/// What the log says of a file of a listener's TLS that is of no use.
pub(crate) fn lines(error: TlsSetupError) -> Vec<String> {
    vec![error.text, reason(&error.why)]
}

fn reason(why: &str) -> String {
    format!("Reason: {why}.")
}

fn with_reason(key: &KeyFile, why: &[String]) -> Vec<String> {
    std::iter::once(key.unusable()).chain(why.iter().cloned()).collect()
}

fn setup_error(error: KeyError) -> TlsSetupError {
    match error {
        KeyError::WrongPassphrase(error) | KeyError::Unusable(error) => error,
    }
}
