//! The program: arguments in, exit status out.

use crate::log::{self, Logger, level_of};
use crate::{VERSION, broker, sensitive};
use mosquitto_broker::LogLevel;
use mosquitto_config::{Command, CommandLineError, Notice, Settings, parse_command_line, usage};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// A listener could not be opened, or the system refused something else that the broker cannot do without.
const CANNOT_START: u8 = 1;

/// Runs the broker with these arguments (without the program's name) until it is told to stop. The exit status is
/// Mosquitto's: 0 after SIGINT or SIGTERM, 1 if it cannot start, 3 if arguments or configuration are wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse_command_line(arguments) {
        Ok(Command::Run(settings)) => run_broker(&settings),
        Ok(Command::TestConfig(settings)) => test_configuration(&settings),
        Ok(Command::Help) => {
            show(&usage(VERSION));
            ExitCode::SUCCESS
        }
        Ok(Command::Version) => {
            show(&format!("mosquitto {VERSION}\nCopyright the project's contributors.\nLicence: MIT OR Apache-2.0.\n"));
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error),
    }
}

/// On standard output, where nobody may be listening any more.
fn show(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The log is not open yet: what is wrong with arguments and configuration goes to standard error.
fn refuse(error: &CommandLineError) -> ExitCode {
    if let CommandLineError::Config(config) = error {
        config.notices().iter().for_each(|notice| complain(&notice.text));
    }
    error.lines().iter().for_each(|line| complain(line));
    if matches!(error, CommandLineError::UnknownOption(_)) {
        show(&usage(VERSION));
    }
    ExitCode::from(error.exit_code())
}

fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn test_configuration(settings: &Settings) -> ExitCode {
    settings.config.notices.iter().for_each(|notice| complain(&notice.text));
    complain("Configuration file is OK.");
    ExitCode::SUCCESS
}

fn run_broker(settings: &Settings) -> ExitCode {
    let (logger, writer) = match log::open(&settings.config.log) {
        Ok(opened) => opened,
        Err(error) => {
            complain(&format!("Error: {error}"));
            return ExitCode::from(CANNOT_START);
        }
    };
    announce(settings, &logger);
    let outcome = broker::run(settings, &logger);
    if let Err(text) = &outcome {
        logger.log(LogLevel::Error, text.as_str());
    }
    logger.log(LogLevel::Information, format!("mosquitto version {VERSION} terminating"));
    drop(writer);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(CANNOT_START) }
}

/// The first lines of the log.
fn announce(settings: &Settings, logger: &Logger) {
    for Notice { level, text } in &settings.config.notices {
        logger.log(level_of(*level), text.as_str());
    }
    if sensitive::links_are_allowed() {
        let text =
            format!("{} is set, loading of sensitive files through symbolic links is allowed.", sensitive::ALLOW_LINKS);
        logger.log(LogLevel::Notice, text);
    }
    logger.log(LogLevel::Information, format!("mosquitto version {VERSION} starting"));
    match settings.config_files.as_slice() {
        [] => logger.log(LogLevel::Information, "Using default config."),
        files => files
            .iter()
            .for_each(|file| logger.log(LogLevel::Information, format!("Config loaded from {}.", file.display()))),
    }
    for feature in ["Bridge", "Persistence", "TLS", "TLS-PSK", "Websockets"] {
        logger.log(LogLevel::Information, format!("{feature} support NOT available."));
    }
    if settings.config.local_only() {
        for line in [
            "Starting in local only mode. Connections will only be possible from clients running on this machine.",
            "Create a configuration file which defines a listener to allow remote access.",
            "For more details see mosquitto.conf(5), the options listener and allow_anonymous.",
        ] {
            logger.log(LogLevel::Warning, line);
        }
    }
}
