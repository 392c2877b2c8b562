//! `config_text`: the text of a `mosquitto.conf`. Nothing of the file system is looked at: `include_dir` is refused.

use mosquitto_config::{Config, ConfigError, ConfigErrors, Notice};
use std::path::Path;

/// Notices that are kept, at most: 10,000, and one that says so.
const NOTICES_MAX: usize = 10_001;

/// Errors that are told, at most.
const ERRORS_MAX: usize = 100;

/// Bytes of a line to show: of what stands in the file, 900 bytes are.
const LINE_BYTES_MAX: usize = 2_000;

pub(crate) fn run(bytes: &[u8]) {
    let read = Config::parse(Path::new("text"), bytes);
    match &read {
        Ok(config) => is_valid(config),
        Err(error) => tells_where(error, bytes),
    }
    assert_eq!(Config::parse(Path::new("text"), bytes), read, "the same text says something else");
    comments_say_nothing(bytes, &read);
}

fn is_valid(config: &Config) {
    for endpoint in config.endpoints(&[1884]) {
        assert_eq!(endpoint.port == 0, endpoint.unix_path.is_some(), "a Unix socket has no port");
        assert!(endpoint.unix_path.is_none_or(|path| !path.is_empty()));
        assert!(endpoint.host.is_none_or(|host| !host.is_empty()));
    }
    assert!(config.global.max_packet_size >= 20);
    are_readable(&config.notices);
    assert!(config.changes_to(config).is_empty(), "differs from itself");
    let default = Config::default();
    assert_eq!(default.changes_to(config).len(), config.changes_to(&default).len());
}

/// Errors say what is wrong and where, in the order of the text, in lines that a terminal and a log can take.
fn tells_where(errors: &ConfigErrors, bytes: &[u8]) {
    for line in errors.lines() {
        is_readable(&line);
    }
    assert_eq!(errors.exit_code(), 3);
    let count = bytes.split_inclusive(|&byte| byte == b'\n').count();
    assert!((1..=ERRORS_MAX).contains(&errors.errors().len()));
    assert!(errors.errors().len() + errors.left_out() <= count);
    let mut latest = 0;
    for error in errors.errors() {
        let lines = error.lines();
        assert!(lines.first().is_some_and(|line| line.starts_with("Error: ")), "{lines:?}");
        let location = match error.locations() {
            [location] => location,
            // What options of a listener say together stands in no line.
            [] => {
                assert!(lines.iter().any(|line| line.contains("listener with port ")), "{lines:?}");
                continue;
            }
            _ => panic!("{lines:?}"),
        };
        assert!((latest + 1..=count).contains(&location.line) && !location.included, "{location:?}");
        assert_eq!(lines.last(), Some(&format!("Error found at text:{}.", location.line)));
        latest = location.line;
    }
    are_readable(errors.notices());
}

fn are_readable(notices: &[Notice]) {
    assert!(notices.len() <= NOTICES_MAX);
    for notice in notices {
        is_readable(&notice.text);
    }
}

fn is_readable(line: &str) {
    assert!(line.len() <= LINE_BYTES_MAX && line.chars().all(|c| !c.is_control() || c == '\t'), "{line:?}");
}

/// Comments and empty lines around a text change nothing but the numbers of the lines.
fn comments_say_nothing(bytes: &[u8], read: &Result<Config, ConfigErrors>) {
    // A NUL byte ends the text in its own way.
    if bytes.contains(&0) {
        return;
    }
    let around = [b"# listener 1\n\r\n", bytes, b"\n#port 1\n\n"].concat();
    match (Config::parse(Path::new("text"), &around), read) {
        (Ok(mut again), Ok(first)) => {
            again.references.iter_mut().for_each(|reference| reference.location.line -= 2);
            assert_eq!(&again, first);
        }
        (Err(again), Err(first)) => {
            assert_eq!(again.left_out(), first.left_out());
            assert_eq!(lines(&again), lines(first).iter().map(|line| line + 2).collect::<Vec<_>>());
        }
        (again, _) => panic!("comments matter: {again:?}"),
    }
}

/// The numbers of the lines that are wrong.
fn lines(errors: &ConfigErrors) -> Vec<usize> {
    errors.errors().iter().flat_map(ConfigError::locations).map(|at| at.line).collect()
}
