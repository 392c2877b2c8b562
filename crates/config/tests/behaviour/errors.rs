//! An error says what is wrong, what was expected, and where.

use crate::folder::{Folder, complaint, refusal};
use mosquitto_config::{Config, Location};

#[test]
fn an_error_tells_file_line_and_what_was_expected() {
    assert_eq!(
        refusal("# first\n\nmax_keepalive 70000\n"),
        "Error: Invalid 'max_keepalive' value (70000).\n\
         Expected: a whole number from 0 to 65535 (seconds).\n\
         Error found at DIR/x:3."
    );
}

#[test]
fn an_unknown_option_is_named_and_the_nearest_one_suggested() {
    assert_eq!(
        refusal("alow_anonymous true\n"),
        "Error: Unknown configuration variable 'alow_anonymous'.\n\
         Expected: a known option. Did you mean 'allow_anonymous'?\n\
         Error found at DIR/x:1."
    );
    assert_eq!(
        refusal("something_else\n"),
        "Error: Unknown configuration variable 'something_else'.\nError found at DIR/x:1."
    );
}

#[test]
fn a_missing_value_is_told_as_empty() {
    for (line, expected) in [
        ("set_tcp_nodelay", "Error: Empty 'set_tcp_nodelay' value in configuration."),
        ("max_keepalive  ", "Error: Empty 'max_keepalive' value in configuration."),
        ("log_timestamp_format \t", "Error: Empty 'log_timestamp_format' value in configuration."),
        ("log_type", "Error: Empty 'log_type' value in configuration."),
        ("log_dest", "Error: Empty 'log_dest' value in configuration."),
        ("log_dest file ", "Error: Empty \"log_dest file\" value in configuration."),
        ("include_dir", "Error: Empty 'include_dir' value in configuration."),
        ("listener", "Error: Empty 'listener port' value in configuration."),
        ("protocol", "Error: Empty 'protocol' value in configuration."),
        ("bind_address", "Error: Empty 'default listener bind_address' value in configuration."),
    ] {
        assert_eq!(complaint(line), expected, "{line}");
    }
}

#[test]
fn an_error_about_a_word_lists_the_words_there_are() {
    assert_eq!(
        refusal("protocol mqqt\n"),
        "Error: Invalid 'protocol' value (mqqt).\nExpected: mqtt, websockets or http_api.\nError found at DIR/x:1."
    );
    assert_eq!(
        refusal("allow_anonymous maybe\n"),
        "Error: Invalid 'allow_anonymous' value (maybe).\nExpected: true or false.\nError found at DIR/x:1."
    );
}

#[test]
fn an_error_in_an_included_file_is_found_there_in_quotes_and_then_where_it_was_included() {
    let folder = Folder::new().with("x", "\ninclude_dir DIR/d\n").with("d/y.conf", "\n\nbogus_option\n");
    let error = folder.read("x").unwrap_err();
    assert_eq!(
        folder.shown(&error),
        "Error: Unknown configuration variable 'bogus_option'.\n\
         Error found at 'DIR/d/y.conf:3'.\n\
         Error found at DIR/x:2."
    );
    let inner = Location { file: folder.path("d/y.conf"), line: 3, included: true };
    let outer = Location { file: folder.path("x"), line: 2, included: false };
    assert_eq!(error.errors()[0].locations(), [inner, outer]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new().with_directory("d");
    assert_eq!(folder.refusal("d"), "Error: Config file 'DIR/d' is a directory.");
    let missing = folder.refusal("none");
    assert!(missing.starts_with("Error: Unable to open config file 'DIR/none'.\n"), "{missing}");
    assert!(folder.read("none").unwrap_err().errors()[0].locations().is_empty());
}

#[test]
fn the_exit_status_is_3_for_every_error() {
    let folder = Folder::new().with("x", "bogus\n").with("y", "connection x\n").with_directory("d");
    for name in ["x", "y", "d", "none"] {
        assert_eq!(folder.read(name).unwrap_err().exit_code(), 3, "{name}");
    }
}

#[test]
fn an_error_keeps_what_was_noticed_before_it() {
    let folder = Folder::new().with("x", "dhparamfile x\nbogus\n");
    let error = folder.read("x").unwrap_err();
    let texts: Vec<_> = error.notices().iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(texts, ["Warning: dhparamfile is no longer required."]);
}

#[test]
fn all_errors_of_all_files_are_told_at_once() {
    let folder = Folder::new()
        .with("a", "bogus_a\nmax_keepalive 7\nmax_keepalive x\ninclude_dir DIR/d\nbogus_b\n")
        .with("b", "bogus_c\n")
        .with("d/1.conf", "\nbogus_d\n")
        .with_directory("d/2.conf")
        .with("d/3.conf", "bogus_e\n");
    let errors = Config::read(["a", "none", "b"].map(|name| folder.path(name))).unwrap_err();
    let shown = folder.shown(&errors);
    let lines: Vec<_> = shown.lines().filter(|line| !line.starts_with("Expected")).collect();
    assert_eq!(
        lines,
        [
            "Error: Unknown configuration variable 'bogus_a'.",
            "Error found at DIR/a:1.",
            "Error: 'max_keepalive' value not a number.",
            "Error found at DIR/a:3.",
            "Error: Unknown configuration variable 'bogus_d'.",
            "Error found at 'DIR/d/1.conf:2'.",
            "Error found at DIR/a:4.",
            "Error: Config file 'DIR/d/2.conf' is a directory.",
            "Error found at DIR/a:4.",
            "Error: Unknown configuration variable 'bogus_e'.",
            "Error found at 'DIR/d/3.conf:1'.",
            "Error found at DIR/a:4.",
            "Error: Unknown configuration variable 'bogus_b'.",
            "Error found at DIR/a:5.",
            "Error: Unable to open config file 'DIR/none'.",
            "Error: Unknown configuration variable 'bogus_c'.",
            "Error found at DIR/b:1.",
        ]
    );
    assert_eq!((errors.errors().len(), errors.left_out()), (8, 0));
}

#[test]
fn a_hundred_errors_are_told_and_the_others_counted() {
    let hundred = refusal("bogus\n".repeat(100));
    assert_eq!(hundred.lines().count(), 200);
    assert!(hundred.ends_with("Error found at DIR/x:100."));
    let folder = Folder::new().with("x", "bogus\n".repeat(123));
    let errors = folder.read("x").unwrap_err();
    assert_eq!((errors.errors().len(), errors.left_out()), (100, 23));
    assert_eq!(errors.lines().last().unwrap(), "Error: 23 further errors are left out.");
}

#[test]
fn options_below_a_listener_that_is_wrong_are_not_wrong_for_it() {
    for line in ["listener", "listener x", "listener 0", "listener 70000", "lisener 1884", "listener\t1884"] {
        let contents = format!("{line}\nlistener_allow_anonymous true\nmax_connections 5\nmount_point a/\nmax_qos 3\n");
        let folder = Folder::new().with("x", contents);
        let errors = folder.read("x").unwrap_err();
        let lines: Vec<_> = errors.errors().iter().map(|error| error.locations()[0].line).collect();
        assert_eq!(lines, [1, 5], "{line}: {errors}");
        assert!(errors.notices().is_empty(), "{line}");
    }
}

#[test]
fn what_was_found_is_told_where_the_error_does_not_say_it() {
    assert_eq!(
        refusal("listener 1884\nmax_qos 3\n"),
        "Error: 'max_qos' must be between 0 and 2 inclusive.\n\
         Expected: a whole number from 0 to 2, not 3.\n\
         Error found at DIR/x:2."
    );
    assert_eq!(
        refusal("max_keepalive five\n"),
        "Error: 'max_keepalive' value not a number.\n\
         Expected: a whole number from 0 to 65535 (seconds), not five.\n\
         Error found at DIR/x:1."
    );
}
