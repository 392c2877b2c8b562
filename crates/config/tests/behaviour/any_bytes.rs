//! No input at all makes the reader panic, and every error can be shown.

use crate::folder::Folder;
use mosquitto_config::{CommandLineError, parse_command_line};
use proptest::collection::vec;
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Bytes that are hardly ever a configuration.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

/// A word that some option might take, or might not.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "true",
        "0",
        "-1",
        "1883",
        "65535",
        "65536",
        "0x7fffffff",
        "-2147483649",
        "08",
        "mqtt",
        "file",
        "none",
        "all",
        "stdout",
        "localhost",
        "::1",
        "#",
        "\t",
        "\r",
        "\0",
        "\"",
        "%s",
        "\u{FEFF}",
        "\u{FFFF}",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(|w| w.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..12)]
}

/// A line that begins with the name of an option and goes on anyhow.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<&str> =
        mosquitto_config::options::options().flat_map(mosquitto_config::options::Declaration::names).collect();
    (proptest::sample::select(names), vec(word(), 0..4), proptest::sample::select(vec!["\n", "\r\n", "", "\0"]))
        .prop_map(|(name, words, end)| {
            let mut line = name.as_bytes().to_vec();
            for word in words {
                line.push(b' ');
                line.extend(word);
            }
            line.extend(end.bytes());
            line
        })
}

/// Reads a file, and looks at all that comes of it.
fn read(contents: &[u8]) {
    let folder = Folder::new();
    std::fs::write(folder.path("x"), contents).unwrap();
    let arguments = [OsString::from("-v"), "-c".into(), folder.path("x").into()];
    match parse_command_line(arguments) {
        Ok(command) => {
            let mosquitto_config::Command::Run(settings) = command else { panic!("{command:?}") };
            assert!(settings.endpoints().iter().all(|endpoint| (endpoint.port > 0) != endpoint.unix_path.is_some()));
            assert!(settings.config.global.max_packet_size >= 20);
            assert_eq!(settings.reload().as_ref(), Ok(&settings));
        }
        Err(CommandLineError::Config(error)) => {
            let lines = error.lines();
            assert!(lines.first().is_some_and(|line| line.starts_with("Error: ")), "{lines:?}");
            assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
            assert_eq!(error.exit_code(), 3);
        }
        Err(other) => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_bytes_are_read_without_panic(contents in noise()) {
        read(&contents);
    }

    #[test]
    fn any_values_of_known_options_are_read_without_panic(lines in vec(line(), 0..6)) {
        read(&lines.concat());
    }

    #[test]
    fn any_arguments_are_parsed_without_panic(arguments in vec(argument(), 0..5)) {
        if let Err(error) = parse_command_line(arguments) {
            prop_assert!(!error.lines().is_empty());
            prop_assert_eq!(error.exit_code(), 3);
        }
    }
}

/// A flag, or anything else that a shell could hand over.
fn argument() -> impl Strategy<Value = OsString> {
    let flags: Vec<&str> = mosquitto_config::FLAGS.iter().flat_map(mosquitto_config::Flag::names).collect();
    prop_oneof![
        proptest::sample::select(flags).prop_map(OsString::from),
        vec(any::<u8>(), 0..8).prop_map(OsString::from_vec)
    ]
}
