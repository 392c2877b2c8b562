//! Reads the arguments of a program.

use crate::Tool;
use crate::options::{self, Act, CommandOption};
use crate::settings::{ConnectionSettings, Settings};
use mosquitto_client::mqtt::ProtocolVersion;
use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Do the program's work.
    Run(Box<Settings>),
    /// `--help`
    Help,
    /// `--version`
    Version,
}

/// Why arguments were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    /// The line to show on standard error.
    pub text: String,
    /// Whether a blank line follows: scripts compare the whole of it with the original's.
    pub blank_line: bool,
    /// Whether a hint to `--help` follows.
    pub hint: bool,
}

impl ArgumentError {
    /// An error after which the original leaves a blank line.
    pub(crate) fn spaced(text: impl Into<String>) -> Self {
        Self { text: text.into(), blank_line: true, hint: true }
    }

    /// An error after which it does not.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), blank_line: false, hint: true }
    }

    pub(crate) fn not_supported_yet(name: &str) -> Self {
        let text = format!("Error: The '{name}' option is not supported yet.");
        Self { text, blank_line: false, hint: false }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ArgumentError {}

/// Reads the arguments of `tool`, without the program's name, after the options of a file: a line is an option and its
/// value. Which file that is, `options_file` says.
pub fn parse(
    tool: Tool,
    file: Vec<Vec<OsString>>,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, ArgumentError> {
    let mut settings = Box::new(Settings::new(tool));
    for line in file {
        if let ControlFlow::Break(command) = take(&mut settings, line.into_iter())? {
            return Ok(command);
        }
    }
    if let ControlFlow::Break(command) = take(&mut settings, arguments.into_iter())? {
        return Ok(command);
    }
    check(&mut settings)?;
    Ok(Command::Run(settings))
}

/// Takes in arguments, up to one that asks for something else than the program's work.
fn take(
    settings: &mut Settings,
    mut arguments: impl Iterator<Item = OsString>,
) -> Result<ControlFlow<Command>, ArgumentError> {
    while let Some(argument) = arguments.next() {
        let option = options::find(settings.tool, &argument).ok_or_else(|| {
            let text = format!("Error: Unknown option '{}'.", argument.to_string_lossy());
            ArgumentError::plain(text)
        })?;
        match option.act {
            Act::Flag(act) => {
                if let flow @ ControlFlow::Break(_) = act(settings)? {
                    return Ok(flow);
                }
            }
            Act::Value { missing, act, .. } => {
                let value = arguments.next().ok_or_else(|| without_value(option, missing))?;
                act(settings, value.as_encoded_bytes())?;
            }
            Act::Property => options::property::read(settings, &mut arguments)?,
            Act::NotSupportedYet { missing } => {
                if let Some(missing) = missing {
                    arguments.next().ok_or_else(|| without_value(option, missing))?;
                }
                return Err(ArgumentError::not_supported_yet(&argument.to_string_lossy()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn without_value(option: &CommandOption, missing: &str) -> ArgumentError {
    ArgumentError::spaced(format!("Error: {} argument given but {missing} specified.", option.shown()))
}

/// A pre-shared key stands in the place of certificates, and somebody has it.
fn check_key(connection: &ConnectionSettings) -> Result<(), ArgumentError> {
    let tls = &connection.tls;
    if tls.psk.is_none() {
        return Ok(());
    }
    if tls.cafile.is_some() || tls.capath.is_some() {
        return Err(ArgumentError::plain("Error: Only one of --psk or --cafile/--capath may be used at once."));
    }
    if tls.psk_identity.is_none() {
        return Err(ArgumentError::plain("Error: --psk-identity required if --psk used."));
    }
    // The original would leave the key out.
    if tls.use_os_certs && connection.uses_psk() {
        let text = "Error: Only one of --psk or --tls-use-os-certs, mqtts:// and wss:// may be used at once.";
        return Err(ArgumentError::plain(text));
    }
    Ok(())
}

/// Options that do not go together, or that need each other.
fn check(settings: &mut Settings) -> Result<(), ArgumentError> {
    let connection = &mut settings.connection;
    if connection.has_will_payload && connection.will_topic.is_none() {
        return Err(ArgumentError::plain("Error: Will payload given, but no will topic given."));
    }
    if connection.will.retain && connection.will_topic.is_none() {
        return Err(ArgumentError::plain("Error: Will retain given, but no will topic given."));
    }
    if connection.tls.certfile.is_some() != connection.tls.keyfile.is_some() {
        let text = "Error: Both certfile and keyfile must be provided if one of them is set.";
        return Err(ArgumentError::plain(text));
    }
    check_key(connection)?;
    let unnamed = connection.client_id.is_none();
    if connection.version == ProtocolVersion::V5 {
        if !connection.clean_start && connection.session_expiry_s.is_none() {
            connection.session_expiry_s = Some(u32::MAX);
        }
        if connection.session_expiry_s == Some(u32::MAX) && unnamed {
            let text =
                "Error: You must provide a client id if you are using an infinite session expiry interval.".to_owned();
            return Err(ArgumentError::plain(text));
        }
    } else if !connection.clean_start && unnamed {
        return Err(ArgumentError::plain("Error: You must provide a client id if you are using the -c option."));
    }
    let subscribe = &settings.subscribe;
    if settings.tool == Tool::Sub && subscribe.filters.is_empty() && subscribe.unsubscribe.is_empty() {
        let text = "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).";
        return Err(ArgumentError::plain(text));
    }
    Ok(())
}
