//! The broker's flags, and what becomes of them.

use crate::folder::Folder;
use mosquitto_config::{Command, CommandLineError, FLAGS, LogTypes, Settings, Verbosity, parse_command_line, usage};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

fn parse(arguments: &[&str]) -> Result<Command, CommandLineError> {
    parse_command_line(arguments.iter().map(OsString::from))
}

/// What the broker runs with; the arguments must be in order.
fn settings(arguments: &[&str]) -> Settings {
    match parse(arguments) {
        Ok(Command::Run(settings)) => settings,
        other => panic!("{other:?}"),
    }
}

/// The lines of the error; the arguments must be refused, with exit status 3.
fn refusal(arguments: &[&str]) -> String {
    let error = parse(arguments).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    error.to_string()
}

#[test]
fn without_arguments_the_defaults_hold() {
    assert_eq!(settings(&[]), Settings::default());
}

#[test]
fn a_configuration_file_is_read_by_either_name_of_its_flag() {
    let folder = Folder::new().with("x", "max_keepalive 7\n");
    let path = folder.path("x");
    for flag in ["-c", "--config-file"] {
        let settings = settings(&[flag, path.to_str().unwrap()]);
        assert_eq!(settings.config.global.max_keepalive, 7);
        assert_eq!(settings.config_files, [path.as_path()]);
    }
}

#[test]
fn further_files_are_read_on_top() {
    let folder = Folder::new().with("a", "max_keepalive 7\nmax_queued_messages 5\n").with("b", "max_keepalive 8\n");
    let (a, b) = (folder.path("a"), folder.path("b"));
    let settings = settings(&["-c", a.to_str().unwrap(), "-c", b.to_str().unwrap()]);
    assert_eq!(settings.config.global.max_keepalive, 8);
    assert_eq!(settings.config.global.max_queued_messages, 5);
    assert_eq!(settings.config_files, [a, b]);
}

#[test]
fn a_file_may_have_a_name_that_is_no_text() {
    let folder = Folder::new();
    let name = OsString::from_vec(b"\xff.conf".to_vec());
    let folder = folder.with(&name, "max_keepalive 7\n");
    let Ok(Command::Run(settings)) = parse_command_line([OsString::from("-c"), folder.path(&name).into()]) else {
        panic!("refused");
    };
    assert_eq!(settings.config.global.max_keepalive, 7);
}

#[test]
fn an_error_in_a_file_comes_before_all_else() {
    let folder = Folder::new().with("x", "\nbogus\n");
    let path = folder.path("x");
    let text = refusal(&["-c", path.to_str().unwrap(), "-h"]);
    let expected = "Error: Unknown configuration variable 'bogus'.\nError found at DIR/x:2.";
    assert_eq!(folder.shown(&text), expected);
    assert_eq!(folder.shown(&refusal(&["-c", path.to_str().unwrap(), "--bogus"])), expected);
    assert_eq!(folder.shown(&refusal(&["-c", path.to_str().unwrap(), "--test-config"])), expected);
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let folder = Folder::new().with_directory("d");
    let text = refusal(&["-c", folder.path("d").to_str().unwrap()]);
    assert_eq!(folder.shown(&text), "Error: Config file 'DIR/d' is a directory.");
    let text = refusal(&["-c", folder.path("none").to_str().unwrap()]);
    assert!(folder.shown(&text).starts_with("Error: Unable to open config file 'DIR/none'.\n"), "{text}");
    assert!(refusal(&["-c", ""]).starts_with("Error: Unable to open config file ''.\n"));
}

#[test]
fn ports_are_collected_and_used_in_local_only_mode_alone() {
    let local = settings(&["-p", "1884", "--port", "1885"]);
    assert_eq!(local.ports, [1884, 1885]);
    assert_eq!(local.endpoints().iter().map(|at| at.port).collect::<Vec<_>>(), [1884, 1884, 1885, 1885, 9883]);
    let folder = Folder::new().with("x", "listener 1900\n");
    let listening = settings(&["-p", "1884", "-c", folder.path("x").to_str().unwrap()]);
    assert_eq!(listening.endpoints().iter().map(|at| at.port).collect::<Vec<_>>(), [1900]);
}

#[test]
fn a_port_is_from_1_to_65535() {
    for (word, shown) in [
        ("0", "0"),
        ("-1", "-1"),
        ("65536", "65536"),
        ("x", "0"),
        ("", "0"),
        ("99999999999999999999", "9223372036854775807"),
    ] {
        assert_eq!(refusal(&["-p", word]), format!("Error: Invalid port specified ({shown})."), "{word}");
    }
    assert_eq!(settings(&["-p", "1"]).ports, [1]);
    assert_eq!(settings(&["-p", "65535"]).ports, [65535]);
}

#[test]
fn ten_ports_are_accepted_and_no_more() {
    let ten = ["-p", "1"].repeat(10);
    assert_eq!(settings(&ten).ports.len(), Settings::PORTS_MAX);
    let eleven = ["-p", "1"].repeat(11);
    assert_eq!(refusal(&eleven), "Error: Only 10 ports can be specified on the command line.");
}

#[test]
fn verbose_and_quiet_overrule_the_files_and_quiet_overrules_verbose() {
    let folder = Folder::new().with("x", "log_type error\n");
    let path = folder.path("x");
    let file = path.to_str().unwrap();
    for flags in [["-v", "-c", file], ["-c", file, "--verbose"]] {
        let settings = settings(&flags);
        assert_eq!((settings.verbosity, settings.config.log.types), (Verbosity::Verbose, LogTypes::ALL));
    }
    for flags in [["-v", "-q", "-c", file], ["-c", file, "--quiet", "-v"]].map(Vec::from) {
        let settings = settings(&flags);
        assert_eq!((settings.verbosity, settings.config.log.types), (Verbosity::Quiet, LogTypes::NONE));
    }
}

#[test]
fn the_broker_goes_to_the_background_if_told_so() {
    assert!(!settings(&[]).daemon);
    for flag in ["-d", "--daemon"] {
        assert!(settings(&[flag]).daemon);
    }
}

#[test]
fn help_and_version_end_the_reading() {
    for arguments in [["-h", "--bogus"], ["--help", "-c"]] {
        assert_eq!(parse(&arguments), Ok(Command::Help));
    }
    assert_eq!(parse(&["-v", "--version", "--bogus"]), Ok(Command::Version));
}

#[test]
fn a_test_reads_the_files_and_needs_one() {
    let folder = Folder::new().with("x", "max_keepalive 7\n").with("y", "bogus\n");
    let (x, y) = (folder.path("x"), folder.path("y"));
    let Ok(Command::TestConfig(settings)) = parse(&["--test-config", "-c", x.to_str().unwrap()]) else {
        panic!("refused");
    };
    assert_eq!(settings.config_files, [x]);
    assert!(
        refusal(&["--test-config", "-c", y.to_str().unwrap()]).starts_with("Error: Unknown configuration variable")
    );
    assert_eq!(refusal(&["--test-config"]), "Please provide a configuration file to test.");
}

#[test]
fn what_is_no_flag_is_named() {
    for word in ["-x", "--verbos", "mosquitto.conf", "", "-vq", "-p1883", "--port=1883", "-", "--"] {
        let error = parse(&[word]).unwrap_err();
        assert_eq!(error, CommandLineError::UnknownOption(word.to_owned()));
        assert_eq!(error.lines(), [format!("Error: Unknown option '{word}'.")]);
        assert_eq!(error.exit_code(), 3);
    }
    let bytes = OsString::from_vec(b"-\xff".to_vec());
    assert_eq!(parse_command_line([bytes]).unwrap_err().to_string(), "Error: Unknown option '-\u{FFFD}'.");
}

#[test]
fn a_flag_without_its_value_is_named() {
    assert_eq!(refusal(&["-c"]), "Error: -c argument given, but no config file specified.");
    assert_eq!(refusal(&["--port"]), "Error: -p argument given, but no port specified.");
    assert_eq!(refusal(&["--tls-keylog"]), "Error: --tls-keylog argument given, but no file specified.");
}

#[test]
fn the_key_log_is_kept_across_a_reload() {
    let Ok(Command::Run(settings)) = parse_command_line(["--tls-keylog", "a", "--tls-keylog", "x"].map(OsString::from))
    else {
        panic!("settings to run with");
    };
    assert_eq!(settings.tls_keylog.as_deref(), Some(Path::new("x")));
    assert_eq!(settings.reload().unwrap().tls_keylog.as_deref(), Some(Path::new("x")));
}

#[test]
fn the_usage_text_has_every_flag_with_its_value_and_help() {
    let text = usage("9.8.7");
    assert!(text.starts_with("mosquitto version 9.8.7\n"));
    for flag in FLAGS {
        let names: Vec<_> = flag.names().collect();
        let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
        assert!(text.contains(&format!("\n {}{value}\n", names.join(", "))), "{names:?}\n{text}");
        assert!(!flag.help.is_empty(), "{names:?}");
    }
    assert!(text.lines().all(|line| line.len() <= 80 && line == line.trim_end()), "{text}");
}

#[test]
fn no_two_flags_have_the_same_name() {
    let mut names: Vec<_> = FLAGS.iter().flat_map(mosquitto_config::Flag::names).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn config_files_are_remembered_as_they_were_named() {
    let folder = Folder::new().with("x", "");
    let roundabout = folder.path(".").join(".").join("x");
    assert_eq!(settings(&["-c", roundabout.to_str().unwrap()]).config_files, [roundabout]);
}
