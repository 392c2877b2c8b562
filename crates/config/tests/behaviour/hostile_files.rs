//! Files that nobody would write on purpose.

use crate::folder::{Folder, complaint, config, notices, refusal};
use mosquitto_config::{Config, LogType};
use std::fs::File;

const MIB: usize = 1 << 20;

/// The longest line of an error, in bytes. The log cuts longer ones.
fn longest_line(text: &str) -> usize {
    text.lines().map(str::len).max().unwrap_or(0)
}

#[test]
fn a_huge_name_is_refused_in_a_short_line() {
    let text = refusal(vec![b'x'; MIB]);
    assert!(text.starts_with("Error: Unknown configuration variable 'xxxx"));
    assert!(longest_line(&text) < 1000, "{}", longest_line(&text));
}

#[test]
fn a_huge_value_is_refused_in_a_short_line() {
    let huge = "x".repeat(MIB);
    for name in ["set_tcp_nodelay", "max_keepalive", "listener", "log_type", "protocol", "log_dest"] {
        let text = refusal(format!("{name} {huge}\n"));
        assert!(text.starts_with("Error: "), "{name}");
        assert!(longest_line(&text) < 1000, "{name}: {}", longest_line(&text));
    }
    assert!(complaint(format!("listener 0 {huge}\n")).len() < 100);
}

#[test]
fn a_number_of_a_million_digits_is_out_of_range() {
    assert_eq!(complaint(format!("max_keepalive {}\n", "9".repeat(MIB))), "Error: 'max_keepalive' value out of range.");
    assert_eq!(config(format!("max_keepalive {}7\n", "0".repeat(MIB))).global.max_keepalive, 7);
}

#[test]
fn a_text_has_at_most_65535_bytes() {
    let longest = "é".repeat(65534 / 2) + "x";
    let read = config(format!("log_timestamp_format {longest}\n")).log.timestamp_format;
    assert_eq!(read, Some(longest.clone()));
    for name in ["log_timestamp_format", "log_dest file", "bind_address", "listener 1884", "include_dir"] {
        let text = refusal(format!("{name} {longest}x\n"));
        assert_eq!(
            text,
            format!(
                "Error: Malformed UTF-8 in configuration.\n\
                 Expected: UTF-8 without control characters, at most 65535 bytes, not {}.\n\
                 Error found at DIR/x:1.",
                "é".repeat(50)
            ),
            "{name}"
        );
    }
}

#[test]
fn a_huge_comment_and_a_million_spaces_say_nothing() {
    assert_eq!(config([b"#".as_slice(), &vec![b'x'; MIB]].concat()), Config::default());
    assert_eq!(config(vec![b' '; MIB]), Config::default());
    assert_eq!(config(format!("max_keepalive{}7\n", " ".repeat(MIB))).global.max_keepalive, 7);
}

#[test]
fn a_nul_byte_ends_the_reading_and_is_told() {
    for contents in
        ["max_keepalive 7\n\0\nbogus\n", "max_keepalive 7\nbogus\0bogus\nbogus\n", "max_keepalive 7\n#\0\nbogus\n"]
    {
        let folder = Folder::new().with("x", contents);
        let config = folder.config("x");
        assert_eq!(config.global.max_keepalive, 7);
        let warnings: Vec<_> = notices(&config, LogType::Warning).iter().map(|text| folder.shown(text)).collect();
        assert_eq!(
            warnings,
            ["Warning: NUL byte in the configuration, the rest of the file is ignored: DIR/x:2."],
            "{contents:?}"
        );
    }
}

#[test]
fn a_nul_byte_in_a_last_line_without_an_end_leaves_what_stands_before_it() {
    let config = config("max_keepalive 7\0bogus");
    assert_eq!(config.global.max_keepalive, 7);
    assert_eq!(config.notices.len(), 1);
}

#[test]
fn a_file_of_nul_bytes_gives_the_defaults_and_a_warning() {
    let config = config(vec![0; MIB]);
    assert_eq!(config.notices.len(), 1);
    assert_eq!(Config { notices: Vec::new(), ..config }, Config::default());
}

#[test]
fn text_in_utf_16_is_not_taken_for_anything() {
    let utf_16: Vec<u8> = "listener 1884\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let config = config(utf_16);
    assert!(config.local_only());
    assert_eq!(notices(&config, LogType::Warning).len(), 1);
}

#[test]
fn a_byte_order_mark_is_named() {
    assert_eq!(
        refusal("\u{FEFF}listener 1884\n"),
        "Error: Unknown configuration variable '\u{FEFF}listener'.\n\
         Expected: no byte order mark at the start of the file.\n\
         Error found at DIR/x:1."
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_refused_wherever_they_stand() {
    let cases: &[(&[u8], &str)] = &[
        (b"\xff\xfe 1\n", "Error: Unknown configuration variable '\u{FFFD}\u{FFFD}'."),
        (b"set_tcp_nodelay \xff\n", "Error: Invalid 'set_tcp_nodelay' value (\u{FFFD})."),
        (b"max_keepalive \xff\n", "Error: 'max_keepalive' value not a number."),
        (b"log_timestamp_format \xc3\x28\n", "Error: Malformed UTF-8 in configuration."),
        (b"log_dest file /tmp/\xed\xa0\x80\n", "Error: Malformed UTF-8 in configuration."),
        (b"listener 1884 \xf0\x9f\n", "Error: Malformed UTF-8 in configuration."),
        (b"bind_address \xc0\xaf\n", "Error: Malformed UTF-8 in configuration."),
        (b"include_dir \xff\n", "Error: Malformed UTF-8 in configuration."),
    ];
    for (contents, expected) in cases {
        assert_eq!(complaint(contents), *expected, "{contents:?}");
    }
}

#[test]
fn control_characters_and_non_characters_are_no_text() {
    for text in ["a\u{1}b", "a\u{7f}b", "a\u{9f}b", "a\rb", "a\tb", "\u{FFFE}", "\u{1FFFF}", "\u{FDD0}"] {
        let expected = "Error: Malformed UTF-8 in configuration.";
        assert_eq!(complaint(format!("log_timestamp_format {text}\n")), expected, "{text:?}");
    }
    assert_eq!(config("log_timestamp_format \u{1F980}\n").log.timestamp_format.as_deref(), Some("\u{1F980}"));
}

#[test]
fn an_error_shows_no_escape_sequences() {
    let text = refusal("set_tcp_nodelay \x1b[2J\n");
    assert!(text.starts_with("Error: Invalid 'set_tcp_nodelay' value (\u{FFFD}[2J).\n"), "{text:?}");
}

#[test]
fn thousands_of_listeners_are_read_in_order() {
    let lines: Vec<_> = (1..=20_000).map(|port| format!("listener {port}\nmax_connections {port}\n")).collect();
    let endpoints = config(lines.concat()).endpoints(&[]);
    assert_eq!(endpoints.len(), 20_000);
    for (port, endpoint) in (1..).zip(&endpoints) {
        assert_eq!((endpoint.port, endpoint.max_connections), (port, Some(u32::from(port))));
    }
}

#[test]
fn a_million_notices_are_told_as_ten_thousand() {
    let config = config("store_clean_interval 1\n".repeat(700_000));
    assert_eq!(config.notices.len(), 10_001);
    assert_eq!(config.notices[10_000].text, "Warning: Further notices are left out.");
}

#[test]
fn a_file_of_millions_of_lines_is_read() {
    assert_eq!(config("max_keepalive 7\n#\n\n".repeat(800_000)).global.max_keepalive, 7);
}

#[test]
fn a_file_beyond_16_mib_is_no_configuration() {
    assert_eq!(config(vec![b'\n'; 16 * MIB]), Config::default());
    assert_eq!(
        refusal(vec![b'\n'; 16 * MIB + 1]),
        "Error: Unable to open config file 'DIR/x'.\nExpected: a file of at most 16777216 bytes."
    );
}

#[test]
fn a_pipe_is_read_where_the_operator_names_it() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, b"listener 1884\n").unwrap();
    drop(writer);
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    assert_eq!(Config::read([path]).unwrap().listeners[0].port, 1884);
    assert_eq!(Config::read(["/dev/null"]).unwrap(), Config::default());
}

#[test]
fn a_device_without_end_and_a_socket_are_errors() {
    let folder = Folder::new();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    assert!(folder.refusal("socket").starts_with("Error: Unable to open config file 'DIR/socket'.\n"));
    assert!(folder.refusal("/dev/zero").ends_with("Expected: a file of at most 16777216 bytes."));
}

#[test]
fn a_directory_of_files_may_hold_a_socket_only_under_another_name() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("conf.d")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("conf.d/a.conf")).unwrap();
    std::fs::write(folder.path("x"), format!("include_dir {}\n", folder.path("conf.d").display())).unwrap();
    assert!(folder.refusal("x").contains("Expected: a regular file."));
}

#[test]
fn a_link_in_a_circle_is_an_error() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("x", folder.path("x")).unwrap();
    assert!(folder.refusal("x").starts_with("Error: Unable to open config file 'DIR/x'.\n"));
}

#[test]
fn a_sparse_file_of_a_terabyte_takes_no_memory() {
    let folder = Folder::new();
    let file = File::create(folder.path("x")).unwrap();
    if file.set_len(1 << 40).is_ok() {
        assert!(folder.refusal("x").ends_with("Expected: a file of at most 16777216 bytes."));
    }
}

#[test]
fn a_hundred_thousand_bridges_and_topics_are_read() {
    let topics: String = (0..100_000).fold(String::from("connection a\naddress x\n"), |mut text, n| {
        text.push_str("topic t");
        text.push_str(&n.to_string());
        text.push('\n');
        text
    });
    assert_eq!(config(topics).bridges[0].topics.len(), 100_000);
    let bridges = (0..100_000).fold(String::new(), |text, n| text + "connection " + &n.to_string() + "\n");
    assert!(complaint(bridges).starts_with("Error: Invalid bridge configuration"));
}
