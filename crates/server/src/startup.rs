//! The program: arguments in, exit status out.

use crate::failure::Failure;
use crate::launch::Launch;
use crate::log::{self, Logger, level_of};
use crate::passphrases::Passphrases;
use crate::{VERSION, broker, check, privileges, sensitive};
use mosquitto_broker::{LogLevel, LogLine};
use mosquitto_config::{Command, CommandLineError, Notice, Settings, parse_command_line, usage};
use mosquitto_daemon::Detached;
use mosquitto_transport::error_text;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs the broker with these arguments (without the program's name) until it is told to stop. The exit status is
/// Mosquitto's: 0 after SIGINT or SIGTERM, 1 if it cannot start, 3 if arguments, configuration or environment are wrong,
/// 13 if a file that says who may do what cannot be read, 14 if the system refuses another user, the pid file or what persistence
/// needs. In the
/// background: 0 as soon as the daemon runs.
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
    let problems = check::problems(settings);
    if problems.is_empty() {
        complain("Configuration file is OK.");
        return ExitCode::SUCCESS;
    }
    for problem in &problems {
        complain(problem);
    }
    ExitCode::from(Failure::INVALID)
}

/// First the user, then what has to be asked for, then the background, then everything that is opened or has a thread: the order is Mosquitto's.
fn run_broker(settings: &Settings) -> ExitCode {
    survive_full_files();
    let mut lines = Vec::new();
    let global = &settings.config.global;
    let identity = privileges::identity(global.user.as_deref(), &mut lines);
    let became = identity.and_then(|identity| identity.assume()).and_then(|()| privileges::set_umask());
    if let Err(failure) = became {
        for line in &lines {
            complain(&line.text);
        }
        complain(&failure.text);
        return ExitCode::from(failure.code);
    }
    privileges::describe(&mut lines);
    // While there is a terminal.
    let passphrases = Passphrases::gather(&settings.endpoints(), &settings.config.bridges);
    let report = match settings.daemon.then(mosquitto_daemon::detach).transpose() {
        Ok(Some(Detached::Launcher(outcome))) => {
            outcome.text.lines().for_each(complain);
            return ExitCode::from(outcome.code);
        }
        Ok(Some(Detached::Daemon(report))) => Some(report),
        Ok(None) => None,
        Err(error) => {
            complain(&format!("Error: Unable to go into the background: {}.", error_text(&error)));
            return ExitCode::from(Failure::CANNOT_START);
        }
    };
    log_and_run(settings, passphrases, &lines, Launch::new(global.pid_file.clone(), report))
}

/// A log file that has reached the limit of the process (RLIMIT_FSIZE) is full, as where the disk is: writing fails. The
/// system would end the process instead, had it not said that it wants to know of the signal.
fn survive_full_files() {
    // It is refused for numbers that are no signals.
    let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
}

/// `lines` are what there was to say before there was a log.
fn log_and_run(settings: &Settings, passphrases: Passphrases, lines: &[LogLine], mut launch: Launch) -> ExitCode {
    let (logger, writer) = match log::open(&settings.config.log) {
        Ok(opened) => opened,
        Err(error) => {
            let failure = Failure::from(format!("Error: {error}"));
            complain(&failure.text);
            launch.failed(&failure);
            return ExitCode::from(failure.code);
        }
    };
    for line in lines {
        logger.log(line.level, line.text.as_str());
    }
    announce(settings, &logger);
    match Logger::check(&settings.config.log) {
        Ok(lines) => lines.into_iter().for_each(|line| logger.log(line.level, line.text)),
        Err(error) => launch.warn(format!("Error: {error}")),
    }
    let outcome = broker::run(settings, passphrases, &logger, &mut launch);
    let code = match &outcome {
        Ok(()) => 0,
        Err(failure) => {
            failure.text.lines().for_each(|line| logger.log(LogLevel::Error, line));
            launch.failed(failure);
            failure.code
        }
    };
    drop(launch);
    logger.log(LogLevel::Information, format!("mosquitto version {VERSION} terminating"));
    drop(writer);
    ExitCode::from(code)
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
    for (feature, available) in
        [("Bridge", true), ("Persistence", true), ("TLS", true), ("TLS-PSK", true), ("Websockets", true)]
    {
        let not = if available { "" } else { "NOT " };
        logger.log(LogLevel::Information, format!("{feature} support {not}available."));
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
