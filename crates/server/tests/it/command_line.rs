//! What the broker says and exits with when it does not run.

use crate::harness::{Broker, Scratch, mosquitto};

#[test]
fn help_shows_the_usage_and_exits_with_0() {
    for flag in ["-h", "--help"] {
        let help = mosquitto([flag]);
        assert_eq!((help.code, help.stderr.len()), (Some(0), 0));
        assert!(help.stdout.iter().any(|line| line.starts_with("Usage: mosquitto ")), "{help:?}");
        assert!(help.stdout.iter().any(|line| line.contains("-c, --config-file")), "{help:?}");
    }
}

#[test]
fn the_version_is_shown_in_three_lines_and_exits_with_0() {
    let version = mosquitto(["--version"]);
    assert_eq!((version.code, version.stdout.len(), version.stderr.len()), (Some(0), 3, 0));
    assert_eq!(version.stdout[0], format!("mosquitto {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_unknown_option_is_named_and_exits_with_3() {
    let refused = mosquitto(["--no-such-option"]);
    assert_eq!(refused.code, Some(3));
    assert_eq!(refused.stderr, ["Error: Unknown option '--no-such-option'."]);
    assert!(refused.stdout.iter().any(|line| line.starts_with("Usage: mosquitto ")), "{refused:?}");
}

#[test]
fn a_bad_port_exits_with_3() {
    let refused = mosquitto(["-p", "70000"]);
    assert_eq!((refused.code, refused.stderr), (Some(3), vec!["Error: Invalid port specified (70000).".to_owned()]));
    let refused = mosquitto(["-p"]);
    assert_eq!((refused.code, refused.stderr.len()), (Some(3), 1));
}

#[test]
fn a_bad_line_is_told_with_file_and_number_and_what_was_expected_and_exits_with_3() {
    let scratch = Scratch::new();
    let file = scratch.file("bad.conf", "# a comment\nlistener 1883\nallow_anonymous perhaps\n");
    let path = file.to_str().unwrap();
    for arguments in [["-c", path].as_slice(), &["-c", path, "-v"], &["--test-config", "-c", path]] {
        let refused = mosquitto(arguments);
        assert_eq!((refused.code, refused.stdout.len()), (Some(3), 0));
        assert_eq!(
            refused.stderr,
            [
                "Error: Invalid 'allow_anonymous' value (perhaps).".to_owned(),
                "Expected: true or false.".to_owned(),
                format!("Error found at {path}:3."),
            ]
        );
    }
}

#[test]
fn a_configuration_file_that_is_not_there_is_named_and_exits_with_3() {
    let scratch = Scratch::new();
    let path = scratch.path().join("none.conf");
    let refused = mosquitto(["-c".as_ref(), path.as_os_str()]);
    assert_eq!(refused.code, Some(3));
    let lines = [
        format!("Error: Unable to open config file '{}'.", path.display()),
        "Expected: a file that can be read (No such file or directory).".to_owned(),
    ];
    assert_eq!(refused.stderr, lines);
}

#[test]
fn a_good_configuration_is_said_to_be_ok_and_not_run() {
    let scratch = Scratch::new();
    let file = scratch.file("good.conf", "listener 1883\n");
    let tested = mosquitto(["--test-config", "-c", file.to_str().unwrap()]);
    assert_eq!((tested.code, tested.stderr), (Some(0), vec!["Configuration file is OK.".to_owned()]));
    let nothing = mosquitto(["--test-config"]);
    assert_eq!(nothing.code, Some(3));
    assert_eq!(nothing.stderr, ["Please provide a configuration file to test."]);
}

#[test]
fn a_port_that_is_taken_is_named_and_exits_with_1() {
    let other = Broker::open("worker_threads 2");
    let port = other.port();
    for threads in [1, 3] {
        let scratch = Scratch::new();
        let text = format!("listener {port} 127.0.0.1\nworker_threads {threads}\nlog_timestamp false\n");
        let file = scratch.file("mosquitto.conf", &text);
        let refused = mosquitto(["-c", file.to_str().unwrap()]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let line = format!("Error: Unable to listen on 127.0.0.1, port {port}: Address already in use.");
        assert!(refused.stderr.contains(&line), "{refused:?}");
        assert!(refused.stderr.last().unwrap().ends_with("terminating"), "{refused:?}");
    }
}

#[test]
fn an_address_that_cannot_be_found_or_used_exits_with_1() {
    // No name may have a part of more than 63 characters: nobody has to be asked for it.
    let no_name = format!("{}.invalid", "x".repeat(64));
    for (host, text) in [
        (no_name.as_str(), format!("Error: Unable to find the address of listener '{no_name}': ")),
        // Of a net that is for documentation only.
        ("203.0.113.1", "Error: Unable to listen on 203.0.113.1, port 1883: ".to_owned()),
    ] {
        let scratch = Scratch::new();
        let file = scratch.file("mosquitto.conf", &format!("listener 1883 {host}\nlog_timestamp false\n"));
        let refused = mosquitto(["-c", file.to_str().unwrap()]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.iter().any(|line| line.starts_with(&text)), "{refused:?}");
    }
}

/// Mosquitto's looks at nothing but the configuration file.
#[test]
fn what_a_good_configuration_names_has_to_be_there_too_and_nothing_is_made() {
    let scratch = Scratch::new();
    let dir = scratch.path().display();
    let test = |text: &str| {
        let file = scratch.file("mosquitto.conf", text);
        mosquitto(["--test-config", "-c", file.to_str().unwrap()])
    };
    let good =
        test(&format!("listener 1883\nbind_interface lo\nuser root\nlog_dest file {dir}/log\npid_file {dir}/pid\n"));
    assert_eq!((good.code, good.stderr), (Some(0), vec!["Configuration file is OK.".to_owned()]));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1, "the configuration alone");
    let bad = test(&format!(
        "listener 1883 ::1\nlistener 1883 ::1\nlistener 1884\nbind_interface no-such-one\nlog_dest file {dir}/no/log\npid_file {dir}\n"
    ));
    assert_eq!(bad.code, Some(3));
    assert_eq!(
        bad.stderr,
        [
            format!("Error: Log file {dir}/no/log cannot be made in {dir}/no: No such file or directory."),
            format!("Error: pid file {dir} is not a file."),
            "Error: Two listeners at 1883 ::1: only one of them can be opened.".to_owned(),
            "Error: Interface no-such-one does not exist.".to_owned(),
        ]
    );
}
