//! The broker's command line. Every flag is declared once, in [`FLAGS`]; the usage text comes from there.

use crate::error::{ConfigErrors, EXIT_CODE};
use crate::reader::Reader;
use crate::settings::{Settings, Verbosity};
use crate::words::leading_number;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run the broker.
    Run(Settings),
    /// `--test-config`: the files are in order. Say `Configuration file is OK.` and exit with 0.
    TestConfig(Settings),
    /// `-h`: show [`usage`] on standard output and exit with 0.
    Help,
    /// `--version`: show name, version, copyright and licence on standard output and exit with 0.
    Version,
}

/// Why a command line was refused. The exit status is [`CommandLineError::exit_code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLineError {
    /// A flag that there is none of. To be shown on standard error without a time, and [`usage`] on standard output.
    UnknownOption(String),
    /// A flag whose value is missing or wrong, or flags that do not go together; the text is the line to log.
    Argument(String),
    /// Configuration files with errors.
    Config(ConfigErrors),
}

/// One flag of the command line.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The short form, with its dash.
    pub short: Option<&'static str>,
    /// The long form, with its dashes.
    pub long: &'static str,
    /// The value that follows it, as the usage line shows it.
    pub value: Option<&'static str>,
    /// The same in an error message.
    value_name: &'static str,
    /// What it does, for the usage text, in lines.
    pub help: &'static [&'static str],
    act: fn(&mut CommandLine, &OsStr) -> Result<ControlFlow<Command>, CommandLineError>,
}

/// All flags, in the order of the usage text.
pub static FLAGS: &[Flag] = &[
    Flag::with_value("-c", "--config-file", "config_file", "config file", |line, file| {
        line.reader.read(file.as_ref());
        line.config_files.push(PathBuf::from(file));
        Ok(ControlFlow::Continue(()))
    })
    .help(&["read this configuration file; if given again, on top of the earlier ones."]),
    Flag::short("-d", "--daemon", |line, _| {
        line.daemon = true;
        Ok(ControlFlow::Continue(()))
    })
    .help(&["run in the background."]),
    Flag::short("-h", "--help", |_, _| Ok(ControlFlow::Break(Command::Help))).help(&["show this text."]),
    Flag::with_value("-p", "--port", "port", "port", CommandLine::add_port)
        .help(&["listen on this port of the local machine; at most ten times.", "Ignored with a listener in a file."]),
    Flag::short("-v", "--verbose", |line, _| {
        line.verbose = true;
        Ok(ControlFlow::Continue(()))
    })
    .help(&["log everything, whatever the files say."]),
    Flag::short("-q", "--quiet", |line, _| {
        line.quiet = true;
        Ok(ControlFlow::Continue(()))
    })
    .help(&["log nothing, whatever the files and -v say."]),
    Flag::long("--test-config", |line, _| {
        line.test_config = true;
        Ok(ControlFlow::Continue(()))
    })
    .help(&[
        "read the configuration files, report errors, and exit.",
        "Users, interfaces and directories that they name have to be there.",
    ]),
    Flag::long_with_value("--tls-keylog", "file", |line, file| {
        line.tls_keylog = Some(PathBuf::from(file));
        Ok(ControlFlow::Continue(()))
    })
    .help(&[
        "write the keys of TLS connections to a file, for debugging only.",
        "The file must be readable for its owner alone.",
    ]),
    Flag::long("--version", |_, _| Ok(ControlFlow::Break(Command::Version))).help(&["show the version."]),
];

/// Reads the arguments, without the program's name, in order; configuration files as soon as they are named. What is
/// wrong with the files comes before all else.
pub fn parse_command_line(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, CommandLineError> {
    let mut line = CommandLine::default();
    let asked_for = line.read(arguments.into_iter());
    match asked_for {
        _ if !line.reader.is_in_order() => line.command(),
        Ok(ControlFlow::Break(command)) => Ok(command),
        Ok(ControlFlow::Continue(())) => line.command(),
        Err(error) => Err(error),
    }
}

/// The text that `-h` shows. `version` is that of the broker.
pub fn usage(version: &str) -> String {
    let mut text = format!("mosquitto version {version}\n\nAn MQTT broker for MQTT 5.0, 3.1.1 and 3.1.\n\n");
    let start = "Usage: mosquitto";
    let (short, long): (Vec<_>, Vec<_>) = FLAGS.iter().map(Flag::synopsis).partition(|flag| !flag.starts_with("[--"));
    let lines = format!("{start} {}\n{:width$} {}\n\n", short.join(" "), "", long.join(" "), width = start.len());
    text.push_str(&lines);
    for flag in FLAGS {
        let names: Vec<_> = flag.names().collect();
        let _ = write!(text, " {}", names.join(", "));
        if let Some(value) = flag.value {
            let _ = write!(text, " {value}");
        }
        text.push('\n');
        flag.help.iter().for_each(|line| {
            let _ = writeln!(text, "      {line}");
        });
    }
    text
}

/// What the arguments have said so far.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of flags, not the state of a machine")]
struct CommandLine {
    reader: Reader,
    config_files: Vec<PathBuf>,
    ports: Vec<u16>,
    daemon: bool,
    verbose: bool,
    quiet: bool,
    test_config: bool,
    tls_keylog: Option<PathBuf>,
}

impl CommandLine {
    fn read(
        &mut self,
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Result<ControlFlow<Command>, CommandLineError> {
        while let Some(argument) = arguments.next() {
            let flag = FLAGS
                .iter()
                .find(|flag| flag.names().any(|name| argument == name))
                .ok_or_else(|| CommandLineError::UnknownOption(argument.to_string_lossy().into_owned()))?;
            let value = match flag.value {
                Some(_) => arguments.next().ok_or_else(|| flag.without_value())?,
                None => OsString::new(),
            };
            let flow = (flag.act)(self, &value)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn add_port(&mut self, value: &OsStr) -> Result<ControlFlow<Command>, CommandLineError> {
        if self.ports.len() == Settings::PORTS_MAX {
            let text = "Error: Only 10 ports can be specified on the command line.";
            return Err(CommandLineError::Argument(text.to_owned()));
        }
        let (number, _) = leading_number(value.as_encoded_bytes());
        match u16::try_from(number) {
            Ok(port @ 1..) => self.ports.push(port),
            _ => return Err(CommandLineError::Argument(format!("Error: Invalid port specified ({number})."))),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn command(self) -> Result<Command, CommandLineError> {
        if self.test_config && self.config_files.is_empty() {
            return Err(CommandLineError::Argument("Please provide a configuration file to test.".to_owned()));
        }
        let settings = Settings {
            config: self.reader.finish().map_err(CommandLineError::Config)?,
            config_files: self.config_files,
            ports: self.ports,
            daemon: self.daemon,
            verbosity: match (self.quiet, self.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, true) => Verbosity::Verbose,
                (false, false) => Verbosity::AsConfigured,
            },
            tls_keylog: self.tls_keylog,
        }
        .with_verbosity();
        Ok(if self.test_config { Command::TestConfig(settings) } else { Command::Run(settings) })
    }
}

impl Flag {
    /// The forms in which it may be given.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.short.into_iter().chain([self.long])
    }

    fn synopsis(&self) -> String {
        let name = self.short.unwrap_or(self.long);
        match self.value {
            Some(value) => format!("[{name} {value}]"),
            None => format!("[{name}]"),
        }
    }

    fn without_value(&self) -> CommandLineError {
        let (name, value) = (self.short.unwrap_or(self.long), self.value_name);
        CommandLineError::Argument(format!("Error: {name} argument given, but no {value} specified."))
    }

    const fn long(long: &'static str, act: Act) -> Self {
        Self { short: None, long, value: None, value_name: "", help: &[], act }
    }

    const fn short(short: &'static str, long: &'static str, act: Act) -> Self {
        Self { short: Some(short), ..Self::long(long, act) }
    }

    const fn long_with_value(long: &'static str, value: &'static str, act: Act) -> Self {
        Self { value: Some(value), value_name: value, ..Self::long(long, act) }
    }

    const fn with_value(
        short: &'static str,
        long: &'static str,
        value: &'static str,
        value_name: &'static str,
        act: Act,
    ) -> Self {
        Self { short: Some(short), value_name, ..Self::long_with_value(long, value, act) }
    }

    const fn help(mut self, help: &'static [&'static str]) -> Self {
        self.help = help;
        self
    }
}

/// What a flag does: change what the arguments have said so far, or end their reading.
type Act = fn(&mut CommandLine, &OsStr) -> Result<ControlFlow<Command>, CommandLineError>;

impl CommandLineError {
    /// The exit status of the broker.
    pub fn exit_code(&self) -> u8 {
        EXIT_CODE
    }

    /// The lines to show or log, in order, without line ends.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::UnknownOption(name) => vec![format!("Error: Unknown option '{name}'.")],
            Self::Argument(text) => vec![text.clone()],
            Self::Config(errors) => errors.lines(),
        }
    }
}

impl fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for CommandLineError {}
