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
    assert_eq!(error.locations(), [inner, outer]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new().with_directory("d");
    assert_eq!(folder.refusal("d"), "Error: Config file 'DIR/d' is a directory.");
    let missing = folder.refusal("none");
    assert!(missing.starts_with("Error: Unable to open config file 'DIR/none'.\n"), "{missing}");
    assert!(folder.read("none").unwrap_err().locations().is_empty());
}

#[test]
fn the_exit_status_is_3_for_every_error() {
    let folder = Folder::new().with("x", "bogus\n").with("y", "persistence true\n").with_directory("d");
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
fn the_first_error_ends_the_reading() {
    let folder = Folder::new().with("a", "bogus_a\nbogus_b\n").with("b", "bogus_c\n");
    let error = Config::read([folder.path("a"), folder.path("b")]).unwrap_err();
    assert_eq!(folder.shown(&error), "Error: Unknown configuration variable 'bogus_a'.\nError found at DIR/a:1.");
}
