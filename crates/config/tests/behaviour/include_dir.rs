//! Files that are read because another one includes their directory.

use crate::folder::{Folder, complaint, notices};
use mosquitto_config::LogType;

/// The files that were read, in order, by their names.
fn read(folder: &Folder) -> Vec<String> {
    let config = folder.config("x");
    notices(&config, LogType::Information).into_iter().map(|text| folder.shown(&text)).collect()
}

#[test]
fn files_are_read_in_the_order_of_their_letters_upper_before_lower() {
    let names = ["00", "01", "A", "AB", "a", "aa", "B", "b"];
    let folder = names
        .iter()
        .rev()
        .fold(Folder::new().with("x", "include_dir DIR/d\n"), |folder, name| folder.with(format!("d/{name}.conf"), ""));
    let expected: Vec<_> = names.iter().map(|name| format!("Loading config file 'DIR/d/{name}.conf'")).collect();
    assert_eq!(read(&folder), expected);
}

#[test]
fn only_names_that_end_in_conf_are_read() {
    let folder = Folder::new()
        .with("x", "include_dir DIR/d\n")
        .with("d/a.conf", "")
        .with("d/.conf", "bogus\n")
        .with("d/b.conf~", "bogus\n")
        .with("d/c.CONF", "bogus\n")
        .with("d/README", "bogus\n")
        .with("d/deeper/d.conf", "bogus\n");
    assert_eq!(read(&folder), ["Loading config file 'DIR/d/a.conf'"]);
}

#[test]
fn a_directory_is_read_where_it_is_named() {
    let folder = Folder::new()
        .with("x", "max_keepalive 1\ninclude_dir DIR/d\nmax_queued_messages 3\n")
        .with("d/a.conf", "max_keepalive 2\nmax_queued_messages 2\n");
    let config = folder.config("x");
    assert_eq!((config.global.max_keepalive, config.global.max_queued_messages), (2, 3));
}

#[test]
fn several_directories_are_read_one_after_the_other() {
    let folder = Folder::new()
        .with("x", "include_dir DIR/e\ninclude_dir DIR/d\n")
        .with("d/a.conf", "max_keepalive 2\n")
        .with("e/b.conf", "max_keepalive 3\n");
    assert_eq!(read(&folder), ["Loading config file 'DIR/e/b.conf'", "Loading config file 'DIR/d/a.conf'"]);
    assert_eq!(folder.config("x").global.max_keepalive, 2);
}

#[test]
fn what_the_files_say_adds_up() {
    let folder = Folder::new()
        .with("x", "log_type error\ninclude_dir DIR/d\n")
        .with("d/a.conf", "log_type debug\nlistener 1884\n")
        .with("d/b.conf", "listener 1885\n");
    let config = folder.config("x");
    assert_eq!(format!("{:?}", config.log.types), "{Error, Debug}");
    assert_eq!(config.listeners.len(), 2);
}

#[test]
fn an_included_file_cannot_include() {
    let folder =
        Folder::new().with("x", "include_dir DIR/d\n").with("d/a.conf", "\ninclude_dir DIR/e\n").with("e/b.conf", "");
    assert_eq!(
        folder.refusal("x"),
        "Error: The include_dir option is only valid in the main configuration file.\n\
         Error found at 'DIR/d/a.conf:2'.\n\
         Error found at DIR/x:1."
    );
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let folder = Folder::new().with("x.conf", "listener 1884\ninclude_dir DIR\n");
    assert_eq!(
        folder.refusal("x.conf"),
        "Error: The include_dir option is only valid in the main configuration file.\n\
         Error found at 'DIR/x.conf:2'.\n\
         Error found at DIR/x.conf:2."
    );
}

#[test]
fn an_empty_directory_says_nothing() {
    let folder = Folder::new().with("x", "include_dir DIR/d\n").with_directory("d");
    assert!(read(&folder).is_empty());
}

#[test]
fn a_directory_that_is_missing_or_a_file_is_an_error() {
    assert_eq!(complaint("include_dir DIR/none\n"), "Error: Unable to open include_dir 'DIR/none'.");
    assert_eq!(complaint("include_dir DIR/x\n"), "Error: Unable to open include_dir 'DIR/x'.");
}

#[test]
fn a_directory_with_the_name_of_a_file_is_an_error() {
    let folder = Folder::new().with("x", "include_dir DIR/d\n").with_directory("d/a.conf");
    assert_eq!(folder.refusal("x"), "Error: Config file 'DIR/d/a.conf' is a directory.\nError found at DIR/x:1.");
}

#[test]
fn a_broken_link_in_the_directory_is_an_error() {
    let folder = Folder::new().with("x", "include_dir DIR/d\n").with_directory("d");
    std::os::unix::fs::symlink("nowhere", folder.path("d/a.conf")).unwrap();
    let text = folder.refusal("x");
    assert!(text.starts_with("Error: Unable to open config file 'DIR/d/a.conf'.\n"), "{text}");
}
