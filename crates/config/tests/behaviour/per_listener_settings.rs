//! `per_listener_settings true`: security options belong to the listener above them.

use crate::folder::{complaint, config, notices, refusal};
use mosquitto_config::LogType;
use std::path::PathBuf;

/// Of every endpoint: whether clients may be anonymous, and may come without an id, and the prefix of made up ids.
fn security(contents: &str) -> Vec<(bool, bool, String)> {
    let endpoints = config(contents).endpoints(&[]);
    endpoints.into_iter().map(|at| (at.allow_anonymous, at.allow_zero_length_clientid, at.auto_id_prefix)).collect()
}

#[test]
fn each_listener_has_its_own_security_options() {
    assert_eq!(
        security(
            "per_listener_settings true\n\
             listener 1884\nallow_anonymous true\nauto_id_prefix a-\n\
             listener 1885\nallow_zero_length_clientid false\nauto_id_prefix b-\n\
             listener 1886\n"
        ),
        [(true, true, "a-".to_owned()), (false, false, "b-".to_owned()), (false, true, "auto-".to_owned())]
    );
}

#[test]
fn without_it_they_belong_to_the_whole_broker_wherever_they_stand() {
    assert_eq!(
        security(
            "listener 1884\nallow_anonymous true\nallow_zero_length_clientid false\nlistener 1885\nauto_id_prefix b-\n"
        ),
        [(true, false, "b-".to_owned()), (true, false, "b-".to_owned())]
    );
}

#[test]
fn the_listeners_own_options_win() {
    assert_eq!(
        security(
            "per_listener_settings true\nlistener 1884\nlistener_allow_anonymous false\nallow_anonymous true\n\
             listener_auto_id_prefix a-\nauto_id_prefix b-\n"
        ),
        [(false, true, "a-".to_owned())]
    );
}

#[test]
fn a_security_option_then_needs_a_listener_above_it() {
    for line in [
        "allow_anonymous true",
        "allow_zero_length_clientid true",
        "auto_id_prefix a",
        "acl_file a",
        "password_file a",
        "psk_file a",
    ] {
        let name = line.split(' ').next().unwrap();
        assert_eq!(
            complaint(format!("per_listener_settings true\n{line}\nlistener 1884\n")),
            format!("Error: The '{name}' option requires a listener to be defined first.")
        );
    }
}

#[test]
fn it_must_stand_above_all_security_options() {
    for line in
        ["allow_anonymous true", "allow_zero_length_clientid true", "auto_id_prefix a", "acl_file a", "psk_file a"]
    {
        assert_eq!(
            refusal(format!("{line}\nper_listener_settings true\nlistener 1884\n")),
            "Error: per_listener_settings must be set before any other security settings.\n\
             Expected: this line above all of acl_file, allow_anonymous, allow_zero_length_clientid, auto_id_prefix, \
             password_file and psk_file.\n\
             Error found at DIR/x:2."
        );
        config(format!("{line}\nper_listener_settings false\n"));
    }
}

#[test]
fn it_cannot_be_taken_back() {
    let config = config("per_listener_settings true\nper_listener_settings false\nper_listener_settings true\n");
    assert!(config.global.per_listener_settings);
    let warning = "Warning: 'per_listener_settings true' cannot be taken back; it stays in force.";
    assert_eq!(notices(&config, LogType::Warning), [warning]);
}

#[test]
fn allow_anonymous_of_a_listener_has_a_successor_that_the_log_names() {
    let config = config("per_listener_settings true\nlistener 1884\nallow_anonymous true\n");
    assert_eq!(
        notices(&config, LogType::Notice),
        [
            "The 'per_listener_settings' option is now deprecated and will be removed in version 3.0. Please see the \
             documentation for how to achieve the same effect.",
            "You are using the 'allow_anonymous' option with 'per_listener_settings true'. Please replace this with \
             'listener_allow_anonymous'."
        ]
    );
}

#[test]
fn in_local_only_mode_anybody_is_let_in_unless_the_default_listener_says_otherwise() {
    let anyone = (true, true, "auto-".to_owned());
    assert_eq!(security("per_listener_settings true\n"), vec![anyone; 3]);
    let not_anonymous = (false, true, "auto-".to_owned());
    assert_eq!(
        security("per_listener_settings true\nmax_connections 5\nallow_anonymous false\n"),
        vec![not_anonymous; 3]
    );
}

fn acl_files(text: &str) -> (Option<PathBuf>, Vec<Option<PathBuf>>) {
    let config = config(text);
    (config.acl_file(), config.endpoints(&[]).into_iter().map(|endpoint| endpoint.acl_file).collect())
}

#[test]
fn an_access_list_is_the_brokers_or_the_listeners_and_the_last_line_counts() {
    let file = |name: &str| Some(PathBuf::from(name));
    let listeners = "listener 1884\nacl_file a\nlistener 1885\n";
    assert_eq!(acl_files(listeners), (file("a"), vec![file("a"), file("a")]));
    assert_eq!(acl_files(&format!("{listeners}acl_file b c\n")), (file("b c"), vec![file("b c"), file("b c")]));
    assert_eq!(acl_files(&format!("per_listener_settings true\n{listeners}")), (None, vec![file("a"), None]));
    assert_eq!(acl_files("acl_file a\n"), (file("a"), vec![file("a"); 3]), "in local only mode as well");
    let default = "per_listener_settings true\nmax_connections 5\nacl_file a\n";
    assert_eq!(acl_files(default), (None, vec![file("a"); 3]), "and that of the default listener counts there");
}

fn password_files(text: &str) -> Vec<Option<String>> {
    config(text).endpoints(&[]).into_iter().map(|endpoint| endpoint.password_file).collect()
}

#[test]
fn a_password_file_is_the_brokers_or_the_listeners_and_the_last_line_counts() {
    let file = |name: &str| Some(name.to_owned());
    let listeners = "listener 1884\npassword_file a\nlistener 1885\n";
    assert_eq!(password_files(listeners), [file("a"), file("a")]);
    assert_eq!(password_files(&format!("{listeners}password_file b c\n")), [file("b c"), file("b c")]);
    assert_eq!(password_files(&format!("per_listener_settings true\n{listeners}")), [file("a"), None]);
    // In local only mode as well.
    assert_eq!(password_files("password_file a\n"), vec![file("a"); 3]);
    assert_eq!(password_files("per_listener_settings true\nmax_connections 3\npassword_file a\n"), vec![file("a"); 3]);
    assert_eq!(password_files("per_listener_settings true\n"), [None, None, None]);
}
