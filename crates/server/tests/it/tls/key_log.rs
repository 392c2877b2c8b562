//! `--tls-keylog`.

use super::Office;
use crate::harness::{Got, Setup, client, free_port, mosquitto};
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_keys_of_connections_are_written_to_a_file_that_only_its_owner_reads() {
    let office = Office::new();
    let broker = Setup::config(&office.config("")).argument("--tls-keylog").argument("DIR/keys").start();
    let path = broker.directory().join("keys");
    broker.log.wait_for(&format!("TLS key logging to '{}' enabled for all listeners.", path.display()));
    broker.log.wait_for("TLS key logging is for DEBUGGING only.");
    let mut user = client("user").over(office.tunnel().to(&broker).unwrap());
    assert_eq!(user.next(), Got::ConnAck { present: false, reason: 0 });
    let keys = std::fs::read_to_string(&path).unwrap();
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"] {
        let line = keys.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{keys}"));
        let words: Vec<_> = line.split(' ').collect();
        assert!(words.len() == 3 && words[1].len() == 64 && words[2].len() == 96, "{line}");
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_link_or_a_file_that_others_may_read_is_refused() {
    let office = Office::new();
    let open = office.file("open", "");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = office.scratch.path().join("link");
    std::os::unix::fs::symlink(office.scratch.path().join("target"), &link).unwrap();
    let config = office.file("mosquitto.conf", &office.config("").replace("PORT", &free_port().to_string()));
    for (path, expected) in [
        (&open, "Error: Unable to open keylog file: "),
        (&link, "Error: keylog file must not be a symbolic link"),
        (&"/dev/null".into(), "Error: Unable to open keylog file: /dev/null is not a file"),
    ] {
        let arguments = ["-c".as_ref(), config.as_os_str(), "--tls-keylog".as_ref(), path.as_os_str()];
        let refused = mosquitto(arguments);
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.iter().any(|line| line.starts_with(expected)), "{refused:#?}");
    }
    // With this, it is the operator's own doing.
    let setup = Setup::config(&office.config("")).argument("--tls-keylog").argument(link.to_str().unwrap());
    setup.environment("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS", "").start();
    assert!(office.scratch.path().join("target").exists());
}
