//! How a file is taken apart into options and values.

use crate::folder::{Folder, complaint, config, refusal};
use mosquitto_config::Config;

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(config(""), Config::default());
    assert_eq!(config("\n\r\n\n"), Config::default());
}

#[test]
fn comments_blank_lines_and_lines_of_spaces_say_nothing() {
    assert_eq!(config("# max_keepalive 5\n\n   \n#\n#max_keepalive 6\n"), Config::default());
}

#[test]
fn an_indented_comment_is_refused_with_a_hint() {
    assert_eq!(
        refusal("  # comment\n"),
        "Error: Unknown configuration variable '#'.\n\
         Expected: '#' at the very start of the line, if this is a comment.\n\
         Error found at DIR/x:1."
    );
}

#[test]
fn spaces_before_the_name_and_between_name_and_value_do_not_count() {
    assert_eq!(config("   max_keepalive    7   \n").global.max_keepalive, 7);
}

#[test]
fn a_tab_does_not_separate_name_and_value() {
    assert_eq!(
        refusal("max_keepalive\t7\n"),
        "Error: Unknown configuration variable 'max_keepalive\t7'.\n\
         Expected: a space between name and value; a tab does not separate them.\n\
         Error found at DIR/x:1."
    );
}

#[test]
fn a_tab_before_a_number_or_around_text_is_white_space() {
    assert_eq!(config("max_keepalive \t7\n").global.max_keepalive, 7);
    assert_eq!(config("log_timestamp_format \t%H:%M\t \n").log.timestamp_format.as_deref(), Some("%H:%M"));
}

#[test]
fn lines_may_end_in_carriage_return_and_line_feed() {
    let config = config("listener 1884 localhost\r\nlog_timestamp_format %H\r\nmax_keepalive 7\r\n\r\n# x\r\n");
    assert_eq!(config.listeners[0].host.as_deref(), Some("localhost"));
    assert_eq!(config.log.timestamp_format.as_deref(), Some("%H"));
    assert_eq!(config.global.max_keepalive, 7);
}

#[test]
fn a_carriage_return_alone_ends_no_line() {
    assert_eq!(complaint("max_keepalive 7\rmax_packet_size 20\r"), "Error: 'max_keepalive' value not a number.");
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(config("max_keepalive 7").global.max_keepalive, 7);
    assert_eq!(complaint("\nmax_keepalive"), "Error: Empty 'max_keepalive' value in configuration.");
}

#[test]
fn names_of_options_are_case_sensitive() {
    assert_eq!(
        refusal("Max_Keepalive 7\n"),
        "Error: Unknown configuration variable 'Max_Keepalive'.\n\
         Expected: a known option. Did you mean 'max_keepalive'?\n\
         Error found at DIR/x:1."
    );
}

#[test]
fn true_false_1_and_0_are_the_only_booleans() {
    for (word, value) in [("true", true), ("1", true), ("false", false), ("0", false)] {
        assert_eq!(config(format!("set_tcp_nodelay {word}\n")).global.set_tcp_nodelay, value, "{word}");
    }
    for word in ["True", "TRUE", "yes", "no", "on", "2", "01", "true,", "\"true\""] {
        let expected = format!("Error: Invalid 'set_tcp_nodelay' value ({word}).");
        assert_eq!(complaint(format!("set_tcp_nodelay {word}\n")), expected);
    }
}

#[test]
fn words_after_a_boolean_or_a_number_are_ignored() {
    assert!(config("set_tcp_nodelay true # on small machines\n").global.set_tcp_nodelay);
    assert_eq!(config("max_keepalive 7 # seconds\n").global.max_keepalive, 7);
}

#[test]
fn text_is_the_rest_of_the_line_with_its_inner_spaces_quotes_and_number_signs() {
    let text = config("log_timestamp_format   \"%d  %b\" # x  \n").log.timestamp_format;
    assert_eq!(text.as_deref(), Some("\"%d  %b\" # x"));
}

#[test]
fn of_repeated_numbers_and_booleans_the_last_one_counts() {
    let config = config("max_keepalive 7\nset_tcp_nodelay true\nmax_keepalive 8\nset_tcp_nodelay false\n");
    assert_eq!(config.global.max_keepalive, 8);
    assert!(!config.global.set_tcp_nodelay);
}

#[test]
fn a_text_given_twice_is_refused() {
    assert_eq!(
        refusal("log_timestamp_format a\n\nlog_timestamp_format b\n"),
        "Error: Duplicate 'log_timestamp_format' value in configuration.\nError found at DIR/x:3."
    );
}

#[test]
fn several_files_are_read_on_top_of_each_other() {
    let folder = Folder::new()
        .with("a", "listener 1884\nmax_keepalive 7\nlog_type error\n")
        .with("b", "listener 1885\nmax_keepalive 8\nlog_type debug\n");
    let config = Config::read([folder.path("a"), folder.path("b")]).unwrap();
    let ports: Vec<_> = config.listeners.iter().map(|listener| listener.port).collect();
    assert_eq!(ports, [1884, 1885]);
    assert_eq!(config.global.max_keepalive, 8);
    assert_eq!(format!("{:?}", config.log.types), "{Error, Debug}");
}

#[test]
fn a_listener_ends_with_its_file() {
    let folder = Folder::new().with("a", "listener 1884\n").with("b", "listener_allow_anonymous true\n");
    let error = Config::read([folder.path("a"), folder.path("b")]).unwrap_err();
    assert_eq!(
        folder.shown(&error),
        "Error: The 'listener_allow_anonymous' option requires a listener to be defined first.\n\
         Error found at DIR/b:1."
    );
}
