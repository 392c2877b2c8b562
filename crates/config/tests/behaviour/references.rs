//! What a configuration names outside of itself, for whoever can look whether it is there.

use crate::folder::Folder;
use mosquitto_config::{Config, Referent};

/// Kind, option, name and line of each reference.
fn references(folder: &Folder, config: &Config) -> Vec<(Referent, String, String, String)> {
    let shown = |at: &mosquitto_config::Reference| {
        let place = format!("{}:{}", folder.shown(&at.location.file.display()), at.location.line);
        (at.referent, at.option.clone(), folder.shown(&at.name), place)
    };
    config.references.iter().map(shown).collect()
}

fn row(referent: Referent, option: &str, name: &str, place: &str) -> (Referent, String, String, String) {
    (referent, option.to_owned(), name.to_owned(), place.to_owned())
}

#[test]
fn files_users_interfaces_and_hosts_are_told_with_their_lines() {
    let folder = Folder::new()
        .with(
            "x",
            "user mqtt\npid_file DIR/a b\nlog_dest file DIR/log\nlistener 1884 ::1 # x\nbind_interface lo\n\
                    listener 0 /run/x\nprotocol http_api\nhttp_dir DIR/www\n",
        )
        .with("y", "include_dir DIR/d\n")
        .with("d/z.conf", "\nbind_address localhost\n");
    let config = Config::read([folder.path("x"), folder.path("y")]).unwrap();
    assert_eq!(
        references(&folder, &config),
        [
            row(Referent::Host, "listener", "::1", "DIR/x:4"),
            row(Referent::Interface, "bind_interface", "lo", "DIR/x:5"),
            row(Referent::UnixSocket, "listener", "/run/x", "DIR/x:6"),
            row(Referent::HttpDir, "http_dir", "DIR/www", "DIR/x:8"),
            row(Referent::Host, "bind_address", "localhost", "DIR/d/z.conf:2"),
            row(Referent::User, "user", "mqtt", "DIR/x:1"),
            row(Referent::PidFile, "pid_file", "DIR/a b", "DIR/x:2"),
            row(Referent::LogFile, "log_dest file", "DIR/log", "DIR/x:3"),
        ]
    );
    assert!(config.references[4].location.included);
}

#[test]
fn what_is_not_in_force_is_not_referred_to() {
    let folder = Folder::new().with("x", "user a\nuser b\nlog_dest file DIR/log\nlog_dest none\nlistener 1884\n");
    assert_eq!(references(&folder, &folder.config("x")), [row(Referent::User, "user", "b", "DIR/x:2")]);
}
