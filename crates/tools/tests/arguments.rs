//! What the programs say about their arguments: whole texts and exit status, as scripts see them. Nothing here gets as
//! far as a connection.

#![allow(clippy::panic, reason = "a helper fails the test that it serves")]

use std::process::{Command, Output, Stdio};

const PUB: &str = env!("CARGO_BIN_EXE_mosquitto_pub");
const SUB: &str = env!("CARGO_BIN_EXE_mosquitto_sub");
const RR: &str = env!("CARGO_BIN_EXE_mosquitto_rr");

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    // No options of the user who runs the tests.
    command.env("XDG_CONFIG_HOME", "/nonexistent").args(arguments).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{program} does not run: {error}"))
}

/// Standard error has to be these lines, and the hint to `--help` of an argument error.
fn refuses(program: &str, arguments: &str, lines: &str) {
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let output = run(program, &arguments);
    let name = match program {
        PUB => "mosquitto_pub",
        SUB => "mosquitto_sub",
        _ => "mosquitto_rr",
    };
    let expected = format!("{lines}\nUse '{name} --help' to see usage.\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected, "{arguments:?}");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{arguments:?}");
}

#[test]
fn unknown_options_are_refused_by_name() {
    for (program, option) in [(PUB, "--zz"), (PUB, "x"), (SUB, "-Z")] {
        refuses(program, option, &format!("Error: Unknown option '{option}'.\n"));
    }
}

#[test]
fn options_of_the_other_program_are_unknown() {
    for option in ["-C", "-F", "-N", "-R", "-T", "-U", "-W", "-v", "-E", "--retained-only"] {
        refuses(PUB, option, &format!("Error: Unknown option '{option}'.\n"));
    }
    for option in ["-l", "-m", "-n", "-f", "-r", "-s", "--repeat", "--repeat-delay"] {
        refuses(SUB, option, &format!("Error: Unknown option '{option}'.\n"));
    }
    for option in ["-l", "-r", "--repeat", "-C", "-E", "-T", "-U", "-w", "--retained-only", "--random-filter"] {
        refuses(RR, option, &format!("Error: Unknown option '{option}'.\n"));
    }
    for program in [PUB, SUB] {
        for option in ["-e", "--latency"] {
            refuses(program, option, &format!("Error: Unknown option '{option}'.\n"));
        }
    }
}

#[test]
fn a_request_needs_topic_message_and_response_topic() {
    let missing = "Error: All of topic, message, and response topic must be supplied.\n";
    for arguments in ["", "-t a -m b", "-t a -e b", "-e a -m b"] {
        refuses(RR, arguments, missing);
    }
    refuses(RR, "-e", "Error: -e argument given but no response topic specified.\n\n");
    refuses(RR, "-e a/+", "Error: Invalid response topic 'a/+', does it contain '+' or '#'?\n");
    refuses(RR, "-t a/#", "Error: Invalid publish topic 'a/#', does it contain '+' or '#'?\n");
    let twice = run(RR, &["-t", "a", "-e", "b", "-m", "c", "-D", "publish", "response-topic", "d"]);
    let said = "Error in PUBLISH properties: Duplicate response topic.\n";
    assert_eq!((String::from_utf8_lossy(&twice.stderr).as_ref(), twice.status.code()), (said, Some(1)));
}

#[test]
fn a_missing_value_is_named() {
    for (option, what) in [
        ("-h", "-h argument given but no host"),
        ("--host", "-h argument given but no host"),
        ("-p", "-p argument given but no port"),
        ("-u", "-u argument given but no username"),
        ("-P", "-P argument given but no password"),
        ("-t", "-t argument given but no topic"),
        ("-i", "-i argument given but no id"),
        ("-I", "-I argument given but no id prefix"),
        ("-k", "-k argument given but no keepalive"),
        ("-q", "-q argument given but no QoS"),
        ("-M", "-M argument given but max_inflight not"),
        ("-V", "--protocol-version argument given but no version"),
        ("-x", "-x argument given but no session expiry interval"),
        ("--will-topic", "--will-topic argument given but no will topic"),
        ("--will-payload", "--will-payload argument given but no will payload"),
        ("--will-qos", "--will-qos argument given but no will QoS"),
    ] {
        refuses(PUB, option, &format!("Error: {what} specified.\n\n"));
        refuses(SUB, option, &format!("Error: {what} specified.\n\n"));
    }
    for (option, what) in [("-m", "message"), ("-f", "file"), ("--repeat", "count"), ("--repeat-delay", "time")] {
        refuses(PUB, option, &format!("Error: {option} argument given but no {what} specified.\n\n"));
    }
    for (option, what) in [("-C", "count"), ("-W", "timeout"), ("-T", "topic filter"), ("-U", "unsubscribe topic")] {
        refuses(SUB, option, &format!("Error: {option} argument given but no {what} specified.\n\n"));
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (arguments, text) in [
        ("-p 65536", "Invalid port given: 65536\n"),
        ("-p -1", "Invalid port given: -1\n"),
        ("-q 3", "Invalid QoS given: 3\n"),
        ("-k 4", "Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n"),
        ("-k 0", "Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n"),
        ("-k 65536", "Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n"),
        ("-M 0", "Maximum inflight messages must be greater than 0.\n\n"),
        ("-V mqttv4", "Invalid protocol version argument given.\n\n"),
        ("-x word", "session-expiry-interval not a number.\n\n"),
        ("-x 1s", "session-expiry-interval not a number.\n\n"),
        ("-x -2", "session-expiry-interval out of range.\n\n"),
        ("-x 4294967296", "session-expiry-interval out of range.\n\n"),
        ("--will-qos 3", "Invalid will QoS 3.\n\n"),
    ] {
        refuses(PUB, arguments, &format!("Error: {text}"));
        refuses(SUB, arguments, &format!("Error: {text}"));
    }
    refuses(PUB, "--repeat 0", "Error: --repeat argument must be >0.\n\n");
    refuses(PUB, "--repeat-delay -0.1", "Error: --repeat-delay argument must be >=0.0.\n\n");
    refuses(SUB, "-C 0", "Error: Invalid message count \"0\".\n\n");
    for (format, text) in [
        ("%", "Incomplete format specifier."),
        ("%k", "Invalid format specifier 'k'."),
        ("\\", "Incomplete escape specifier."),
        ("\\k", "Invalid escape specifier 'k'."),
    ] {
        refuses(SUB, &format!("-F {format}"), &format!("Error: {text}\n"));
    }
    for percentage in ["0", "0.05", "100.1", "x"] {
        let text = "Error: --random-filter chance must be between 0.1-100.0\n\n";
        refuses(SUB, &format!("--random-filter {percentage}"), text);
    }
    refuses(SUB, "-W -1", "Error: Invalid timeout \"-1\".\n\n");
    refuses(SUB, "--color", "Error: --color argument given but no choice specified.\n\n");
    refuses(SUB, "--color always", "Error: Unknown value 'always' for --color.\n\n");
    refuses(PUB, "--color never", "Error: Unknown option '--color'.\n");
    refuses(SUB, "--retain-handling often", "Error: Unknown value 'often' for --retain-handling.\n\n");
}

#[test]
fn topics_and_filters_are_checked_each_with_its_text() {
    for (program, arguments, text) in [
        (PUB, "-t a/+", "Invalid publish topic 'a/+', does it contain '+' or '#'?"),
        (PUB, "--will-topic #", "Invalid will topic '#', does it contain '+' or '#'?"),
        (SUB, "-t ++", "Invalid subscription topic '++', are all '+' and '#' wildcards correct?"),
        (SUB, "-T a#", "Invalid filter topic 'a#', are all '+' and '#' wildcards correct?"),
        (SUB, "-U #/a", "Invalid unsubscribe topic '#/a', are all '+' and '#' wildcards correct?"),
    ] {
        refuses(program, arguments, &format!("Error: {text}\n"));
    }
    for option in ["-t", "-T", "-U", "--will-topic"] {
        let output = run(SUB, &[option, "a\u{1}"]);
        let expected =
            format!("Error: Malformed UTF-8 in {option} argument.\n\n\nUse 'mosquitto_sub --help' to see usage.\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[test]
fn urls_are_checked_part_by_part() {
    for program in [PUB, SUB] {
        refuses(program, "-L http://host/a", "Error: Unsupported URL scheme.\n\n");
        refuses(program, "-L host", "Error: Unsupported URL scheme.\n\n");
        refuses(program, "-L mqtt://host", "Error: Invalid URL for -L argument specified - topic missing.\n");
        refuses(program, "-L mqtt://host:70000/a", "Error: Invalid port given: 70000\n");
        refuses(program, "-L", "Error: -L argument given but no URL specified.\n\n");
        for scheme in ["mqtts", "ws", "WSS"] {
            let topic_missing = "Error: Invalid URL for -L argument specified - topic missing.\n";
            refuses(program, &format!("-L {scheme}://host"), topic_missing);
            refuses(program, &format!("-L {scheme}://host:-1/a"), "Error: Invalid port given: -1\n");
        }
    }
    refuses(PUB, "-L mqtt://host/#", "Error: Invalid publish topic '#', does it contain '+' or '#'?\n");
}

#[test]
fn properties_are_checked_word_by_word() {
    let not_enough = "Error: --property argument given but not enough arguments specified.\n\n";
    for arguments in ["-D", "-D connect", "-D connect receive-maximum", "-D connect user-property key"] {
        refuses(PUB, arguments, not_enough);
    }
    for (arguments, text) in [
        ("-D none receive-maximum 1", "Invalid command none given in --property argument."),
        ("-D connect none 1", "Invalid property name none given in --property argument."),
        (
            "-D connect will-delay-interval 1",
            "will-delay-interval property not allowed for connect in --property argument.",
        ),
        (
            "-D publish subscription-identifier 1",
            "subscription-identifier property not supported for publish in --property argument.",
        ),
        (
            "-D auth authentication-method 1",
            "authentication-method property not supported for auth in --property argument.",
        ),
        ("-D connect receive-maximum 65536", "Property value (65536) out of range for property receive-maximum."),
        (
            "-D publish payload-format-indicator -1",
            "Property value (-1) out of range for property payload-format-indicator.",
        ),
        (
            "-D publish message-expiry-interval 4294967296",
            "Property value (4294967296) out of range for property message-expiry-interval.",
        ),
    ] {
        refuses(PUB, arguments, &format!("Error: {text}\n\n"));
        refuses(SUB, arguments, &format!("Error: {text}\n\n"));
    }
}

#[test]
fn one_file_of_options_can_be_named() {
    refuses(PUB, "-o a -o b", "Error: Duplicate -o argument given.\n\n");
    refuses(SUB, "-o", "Error: -o argument given but no options file specified.\n\n");
    // One that is not there is none.
    refuses(SUB, "-o /nonexistent/file -q 3", "Error: Invalid QoS given: 3\n");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for arguments in ["-l -m a", "-m a -f b", "-n -s", "-s -l", "-m a -m b"] {
        refuses(PUB, arguments, "Error: Only one type of message can be sent at once.\n\n");
    }
    for arguments in ["-i a -I b", "-I b -i a"] {
        refuses(SUB, arguments, "Error: -i and -I argument cannot be used together.\n\n");
    }
    refuses(SUB, "-t a --will-payload x", "Error: Will payload given, but no will topic given.\n");
    refuses(SUB, "-t a --will-retain", "Error: Will retain given, but no will topic given.\n");
}

#[test]
fn a_session_that_lasts_needs_a_name() {
    let needs = |text| format!("Error: You must provide a client id if you are using {text}.\n");
    for arguments in ["-t a -c", "-t a -c -I prefix", "-t a -c -V 31"] {
        refuses(SUB, arguments, &needs("the -c option"));
    }
    for arguments in ["-t a -c -V 5", "-t a -x -1", "-t a -x 4294967295", "-t a -x \u{221e}"] {
        refuses(SUB, arguments, &needs("an infinite session expiry interval"));
    }
}

#[test]
fn something_to_subscribe_to_is_needed() {
    refuses(SUB, "-h x", "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).\n");
}

#[test]
fn a_topic_and_a_message_are_needed() {
    for arguments in [&["-t", "a"][..], &["-m", "a"], &[]] {
        let output = run(PUB, arguments);
        assert_eq!(output.stderr, b"Error: Both topic and message must be supplied.\n");
        assert!(output.stdout.starts_with(b"mosquitto_pub publishes"));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn retained_messages_cannot_be_left_out_and_be_all() {
    let output = run(SUB, &["-t", "a", "-R", "--retained-only"]);
    assert_eq!(output.stderr, b"\nError: Combining '-R' and '--retained-only' makes no sense.\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn help_and_version_exit_with_1() {
    for (program, name) in [(PUB, "mosquitto_pub"), (SUB, "mosquitto_sub")] {
        let help = run(program, &["-t", "a", "--help"]);
        let text = String::from_utf8(help.stdout).unwrap_or_default();
        assert!(text.contains(&format!("Usage: {name} ")) && text.contains("\n -h, --host host\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert_eq!((help.status.code(), help.stderr.as_slice()), (Some(1), &b""[..]));
        let version = run(program, &["--version"]);
        let line = String::from_utf8(version.stdout).unwrap_or_default();
        assert!(line.starts_with(&format!("{name} version ")) && line.lines().count() == 1, "{line}");
        assert_eq!((version.status.code(), version.stderr.as_slice()), (Some(1), &b""[..]));
    }
}

#[test]
fn what_is_not_supported_yet_is_refused_by_name_whatever_follows() {
    for (program, option) in [(SUB, "--tls-engine"), (PUB, "--tls-engine")] {
        let output = run(program, &[option, "value"]);
        let expected = format!("Error: The '{option}' option is not supported yet.\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    }
    refuses(PUB, "--keyform", "Error: --keyform argument given but no keyform specified.\n\n");
}

#[test]
fn a_pre_shared_key_is_somebodys_and_stands_in_the_place_of_certificates() {
    refuses(PUB, "--psk", "Error: --psk argument given but no key specified.\n\n");
    refuses(SUB, "--psk-identity", "Error: --psk-identity argument given but no identity specified.\n\n");
    for program in [PUB, SUB, RR] {
        refuses(program, "-t a --psk 00", "Error: --psk-identity required if --psk used.\n");
        for option in ["--cafile", "--capath"] {
            let text = "Error: Only one of --psk or --cafile/--capath may be used at once.\n";
            refuses(program, &format!("-t a --psk 00 --psk-identity me {option} x"), text);
        }
        let text = "Error: Only one of --psk or --tls-use-os-certs, mqtts:// and wss:// may be used at once.\n";
        for more in ["-t a --tls-use-os-certs", "-L mqtts://localhost/a", "-L wss://localhost/a"] {
            refuses(program, &format!("--psk 00 --psk-identity me {more}"), text);
        }
    }
}

#[test]
fn options_of_tls_and_of_proxies_are_checked_each_with_its_text() {
    for (option, what) in [
        ("--cafile", "file"),
        ("--capath", "directory"),
        ("--cert", "file"),
        ("--key", "file"),
        ("--ciphers", "ciphers"),
        ("--tls-version", "version"),
        ("--tls-alpn", "protocol"),
        ("--tls-keylog", "file"),
        ("--proxy", "proxy url"),
    ] {
        refuses(PUB, option, &format!("Error: {option} argument given but no {what} specified.\n\n"));
        refuses(SUB, option, &format!("Error: {option} argument given but no {what} specified.\n\n"));
    }
    for option in ["--cert", "--key"] {
        let text = "Error: Both certfile and keyfile must be provided if one of them is set.\n";
        refuses(PUB, &format!("{option} file -t a"), text);
        refuses(SUB, &format!("{option} file"), text);
    }
    refuses(PUB, "--proxy socks4://host", "Error: Unsupported proxy protocol: socks4://host\n");
    refuses(SUB, "--proxy socks5h://host:0", "Error: Invalid proxy port 0\n");
}

#[test]
fn what_tls_cannot_be_set_up_with_is_told_unless_quiet() {
    for (arguments, text) in [
        ("--cafile /nonexistent", "Error: Problem setting TLS options: File not found.\n"),
        ("--cafile /nonexistent --tls-keylog /nonexistent/x", "Error: Problem setting TLS options: File not found.\n"),
        ("-p 8883 --tls-version tlsv1.1", "Error: Problem setting TLS options, check the options are valid.\n"),
        ("-p 8883 --tls-keylog /nonexistent/x", "Error: Unable to open the file for --tls-keylog.\n"),
        ("-p 8883 --ciphers none", "Unable to connect (A TLS error occurred).\n"),
        ("--cafile /dev/null", "Unable to connect (A TLS error occurred).\n"),
        ("--capath /nonexistent", "Unable to connect (A TLS error occurred).\n"),
        ("--tls-use-os-certs --cert /nonexistent --key /nonexistent", "Unable to connect (A TLS error occurred).\n"),
    ] {
        let arguments: Vec<_> = arguments.split(' ').chain(["-t", "a"]).collect();
        for (program, more) in [(PUB, &["-m", "b"][..]), (SUB, &[])] {
            let output = run(program, &[&arguments[..], more].concat());
            assert_eq!(String::from_utf8_lossy(&output.stderr), text, "{arguments:?}");
            assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{arguments:?}");
            let output = run(program, &[&arguments[..], more, &["--quiet"]].concat());
            assert_eq!((output.stderr.as_slice(), output.status.code()), (&b""[..], Some(1)), "{arguments:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_unless_quiet() {
    let arguments = ["-t", "a", "-f", "/nonexistent/file"];
    let output = run(PUB, &arguments);
    let expected = "Error: Unable to read file \"/nonexistent/file\": No such file or directory.\n\
                    Error loading input file \"/nonexistent/file\".\n";
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.status.code()), (expected, Some(1)));
    let output = run(PUB, &["-t", "a", "-s"]);
    assert_eq!(output.stderr, b"Error: Zero length input.\nError loading input from stdin.\n");
    assert_eq!(output.status.code(), Some(1));
    let output = run(PUB, &[&arguments[..], &["--quiet"]].concat());
    assert_eq!((output.stderr.as_slice(), output.status.code()), (&b""[..], Some(1)));
}
