//! Files as packages for Linux install them.

use crate::folder::Folder;

/// A file of the shape that Debian installs, with a directory for what the operator adds. What stands about persistence
/// is given, and what the operator has added.
fn packaged(persistence: &str, added: &str) -> Folder {
    let text = format!(
        "# What belongs to this machine alone goes into conf.d.\n\n\
         pid_file DIR/mosquitto.pid\n\n\
         {persistence}\n\n\
         log_dest file DIR/mosquitto.log\n\n\
         include_dir DIR/conf.d\n"
    );
    Folder::new().with("conf.d/local.conf", added).with("mosquitto.conf", text)
}

#[test]
fn a_packaged_file_serves_this_machine_alone_until_somebody_adds_a_listener() {
    let folder = packaged("persistence false", "");
    let config = folder.config("mosquitto.conf");
    assert!(config.local_only());
    assert_eq!(config.global.pid_file, Some(folder.path("mosquitto.pid")));
    assert_eq!(config.log.destinations.file, Some(folder.path("mosquitto.log")));
    assert!(!config.log.destinations.stderr);

    let config = packaged("persistence false", "listener 1883\nallow_anonymous true\n").config("mosquitto.conf");
    assert!(!config.local_only() && config.allow_anonymous());
}

#[test]
fn a_packaged_file_asks_for_persistence_in_a_directory() {
    let folder = packaged("persistence true\npersistence_location DIR/", "");
    let persistence = folder.config("mosquitto.conf").global.persistence;
    assert!(persistence.on);
    assert_eq!(persistence.path(), folder.path("mosquitto.db"));
}
