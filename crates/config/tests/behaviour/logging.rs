//! What is logged, and where.

use crate::folder::{complaint, config, refusal};
use mosquitto_config::{Destinations, LogType, LogTypes};
use std::path::Path;

fn types(contents: &str) -> LogTypes {
    config(contents).log.types
}

fn destinations(contents: &str) -> Destinations {
    config(contents).log.destinations
}

#[test]
fn by_default_all_but_details_goes_to_standard_error_with_the_time() {
    let log = config("").log;
    assert_eq!(format!("{:?}", log.types), "{Error, Warning, Notice, Information}");
    assert_eq!(log.destinations, Destinations { stderr: true, ..Destinations::NONE });
    assert!(log.timestamp && log.connection_messages);
    assert_eq!(log.timestamp_format, None);
}

#[test]
fn the_first_log_type_replaces_the_default_and_the_others_add_to_it() {
    assert_eq!(types("log_type debug\n"), LogTypes::from(LogType::Debug));
    assert_eq!(types("log_type debug\nlog_type error\n"), LogTypes::from(LogType::Debug).with(LogType::Error));
}

#[test]
fn log_type_none_forgets_those_above_it_and_all_adds_every_one() {
    assert_eq!(types("log_type none\n"), LogTypes::NONE);
    assert_eq!(types("log_type debug\nlog_type none\nlog_type error\n"), LogTypes::from(LogType::Error));
    assert_eq!(types("log_type all\n"), LogTypes::ALL);
    assert_eq!(types("log_type all\nlog_type none\n"), LogTypes::NONE);
}

#[test]
fn every_log_type_has_its_name_and_all_of_them_together_are_all() {
    let lines = LogType::ALL.map(|kind| format!("log_type {}\n", kind.name())).concat();
    assert_eq!(types(&lines), LogTypes::ALL);
    for kind in LogType::ALL {
        assert_eq!(types(&format!("log_type {}\n", kind.name())), LogTypes::from(kind));
    }
}

#[test]
fn an_unknown_log_type_is_refused() {
    assert_eq!(
        refusal("log_type verbose\n"),
        "Error: Invalid 'log_type' value (verbose).\n\
         Expected: debug, error, warning, notice, information, subscribe, unsubscribe, websockets, internal, none or all.\n\
         Error found at DIR/x:1."
    );
    assert_eq!(complaint("log_type Debug\n"), "Error: Invalid 'log_type' value (Debug).");
}

#[test]
fn the_first_log_dest_replaces_the_default_and_the_others_add_to_it() {
    assert_eq!(destinations("log_dest stdout\n"), Destinations { stdout: true, ..Destinations::NONE });
    assert_eq!(
        destinations("log_dest file /tmp/a  b.log \nlog_dest stderr\nlog_dest stdout\n"),
        Destinations {
            stdout: true,
            stderr: true,
            file: Some(Path::new("/tmp/a  b.log").to_owned()),
            ..Destinations::NONE
        }
    );
}

#[test]
fn log_dest_none_forgets_those_above_it() {
    assert_eq!(destinations("log_dest none\n"), Destinations::NONE);
    assert_eq!(destinations("log_dest stdout\nlog_dest file x\nlog_dest none\n"), Destinations::NONE);
    let after = destinations("log_dest stdout\nlog_dest none\nlog_dest stderr\n");
    assert_eq!(after, Destinations { stderr: true, ..Destinations::NONE });
}

#[test]
fn there_is_one_log_file_at_most() {
    assert_eq!(
        refusal("log_dest file a\nlog_dest file b\n"),
        "Error: Duplicate \"log_dest file\" value.\nExpected: at most one log file.\nError found at DIR/x:2."
    );
    assert_eq!(
        complaint("log_dest file a\nlog_dest none\nlog_dest file b\n"),
        "Error: Duplicate \"log_dest file\" value."
    );
}

#[test]
fn the_log_goes_to_syslog_and_to_topics() {
    let log = config("log_dest syslog\nlog_facility 3\n").log;
    assert_eq!((log.destinations, log.facility), (Destinations { syslog: true, ..Destinations::NONE }, Some(3)));
    assert_eq!(destinations("log_dest topic\n"), Destinations { topic: true, ..Destinations::NONE });
    assert_eq!(config("").log.facility, None);
    for word in ["8", "-1"] {
        assert_eq!(
            complaint(format!("log_facility {word}\n")),
            format!("Error: Invalid 'log_facility' value ({word}).")
        );
    }
}

#[test]
fn destinations_that_this_broker_lacks_are_named() {
    for word in ["dlt", "android"] {
        assert_eq!(
            refusal(format!("log_dest {word}\n")),
            format!(
                "Error: Invalid 'log_dest' value ({word}).\n\
                 Expected: stdout, stderr, syslog, topic, none, or file and a path; this broker has no such log.\n\
                 Error found at DIR/x:1."
            )
        );
    }
    assert_eq!(
        refusal("log_dest printer\n"),
        "Error: Invalid 'log_dest' value (printer).\n\
         Expected: stdout, stderr, syslog, topic, none, or file and a path.\n\
         Error found at DIR/x:1."
    );
}

#[test]
fn nothing_is_written_without_a_destination_or_a_type() {
    assert!(config("").log.writes(LogType::Error));
    assert!(!config("").log.writes(LogType::Debug));
    assert!(!config("log_dest none\nlog_type all\n").log.writes(LogType::Error));
    assert!(!config("log_type none\n").log.writes(LogType::Error));
}

#[test]
fn timestamps_and_connection_messages_can_be_turned_off() {
    let log = config("log_timestamp false\nconnection_messages false\nlog_timestamp_format %Y-%m-%dT%H:%M:%S\n").log;
    assert!(!log.timestamp && !log.connection_messages);
    assert_eq!(log.timestamp_format.as_deref(), Some("%Y-%m-%dT%H:%M:%S"));
}
