//! Reading the same files once more while the broker runs.

use crate::folder::Folder;
use mosquitto_config::{Command, LogTypes, Settings, parse_command_line};
use std::ffi::OsString;
use std::fs;

fn start(folder: &Folder, flags: &[&str]) -> Settings {
    let arguments = [OsString::from("-c"), folder.path("x").into()].into_iter();
    match parse_command_line(arguments.chain(flags.iter().map(OsString::from))) {
        Ok(Command::Run(settings)) => settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reload_gives_what_the_files_say_now() {
    let folder = Folder::new().with("x", "max_keepalive 7\ninclude_dir DIR/d\n").with_directory("d");
    let before = start(&folder, &[]);
    let folder = folder.with("d/new.conf", "max_queued_messages 5\n");
    let after = before.reload().unwrap();
    assert_eq!(after.config.global.max_queued_messages, 5);
    assert_eq!(after.config.global.max_keepalive, 7);
    fs::write(folder.path("x"), "").unwrap();
    assert_eq!(after.reload().unwrap().config.global.max_keepalive, 0);
}

#[test]
fn a_reload_keeps_what_the_command_line_said() {
    let folder = Folder::new().with("x", "log_type error\n");
    let before = start(&folder, &["-v", "-p", "1884"]);
    let after = before.reload().unwrap();
    assert_eq!(after, before);
    assert_eq!(after.config.log.types, LogTypes::ALL);
    assert_eq!(start(&folder, &["-q"]).reload().unwrap().config.log.types, LogTypes::NONE);
}

#[test]
fn a_reload_of_the_defaults_gives_the_defaults() {
    assert_eq!(Settings::default().reload(), Ok(Settings::default()));
}

#[test]
fn a_reload_with_an_error_gives_nothing_but_the_error() {
    let folder = Folder::new().with("x", "max_keepalive 7\n");
    let before = start(&folder, &[]);
    let folder = folder.with("x", "max_keepalive 8\nbogus\n");
    let error = before.reload().unwrap_err();
    assert_eq!(folder.shown(&error), "Error: Unknown configuration variable 'bogus'.\nError found at DIR/x:2.");
    fs::remove_file(folder.path("x")).unwrap();
    assert!(before.reload().is_err());
}
