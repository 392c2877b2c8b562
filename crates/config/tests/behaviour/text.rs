//! Text that stands in no file.

use crate::folder::{Folder, config};
use mosquitto_config::Config;
use std::path::Path;

#[test]
fn text_is_read_as_a_file_of_it_is() {
    let text = "listener 1884\nmax_keepalive 7\nmax_connections 5\n";
    assert_eq!(Config::parse(Path::new("name"), text.as_bytes()).unwrap(), config(text));
}

#[test]
fn an_error_names_the_text_and_the_line() {
    let error = Config::parse(Path::new("name"), b"max_keepalive 7\nmax_keepalive x\n").unwrap_err();
    assert_eq!(error.lines().last().unwrap(), "Error found at name:2.");
    assert!(!error.errors()[0].locations()[0].included);
}

#[test]
fn it_includes_no_files() {
    let folder = Folder::new().with("a.conf", "max_keepalive 7\n");
    let text = format!("max_keepalive 5\ninclude_dir {}\n", folder.path("").display());
    let error = Config::parse(Path::new("name"), text.as_bytes()).unwrap_err();
    assert_eq!(
        error.lines(),
        ["Error: The include_dir option is only valid in the main configuration file.", "Error found at name:2."]
    );
}
