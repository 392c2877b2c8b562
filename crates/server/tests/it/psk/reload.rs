//! SIGHUP: other keys, while clients are connected.

use super::{Desk, KEYS, connect};
use crate::harness::{Setup, client};

const UNCHANGED: &str = "Error: Configuration not reloaded: nothing was changed.";

#[test]
fn who_is_taken_out_of_the_file_or_has_an_old_key_comes_in_no_more_and_who_is_there_stays() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("use_identity_as_username true");
    let mut alice = connect(&desk.alice(), &broker, "alice");
    let mut bob = connect(&desk.bob(), &broker, "bob");
    let path = desk.set("bob:ff\ncarol:cc\n");
    // Not before it is told to.
    connect(&desk.alice(), &broker, "again").ping();
    let log = broker.hang_up();
    assert!(log.contains(&format!("The contents of psk_file {} have changed.", path.display())), "{log:#?}");
    assert_eq!(log.last().unwrap(), "Configuration reloaded: 1 change.");
    assert!(desk.alice().to(&broker).is_err());
    assert!(desk.bob().to(&broker).is_err());
    connect(&desk.tunnel("bob", &[0xff]), &broker, "bob-2").ping();
    connect(&desk.tunnel("carol", &[0xcc]), &broker, "carol").ping();
    alice.ping();
    bob.ping();
    assert_eq!(broker.hang_up().last().unwrap(), "Configuration reloaded: nothing has changed.");
}

#[test]
fn with_a_broken_file_nothing_changes_and_it_is_named() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let path = desk.set("carol:cc\nalice:no key\n");
    let log = broker.hang_up();
    for line in [
        "Error: psk for identity \"alice\" contains non-hexadecimal characters.".to_owned(),
        format!("Error found at {}:2.", path.display()),
        format!("Error opening psk file \"{}\".", path.display()),
    ] {
        assert!(log.contains(&line), "{line}: {log:#?}");
    }
    assert_eq!(log.last().unwrap(), UNCHANGED);
    connect(&desk.alice(), &broker, "alice").ping();
    assert!(desk.tunnel("carol", &[0xcc]).to(&broker).is_err());
    std::fs::remove_file(&path).unwrap();
    let log = broker.hang_up();
    assert!(log.contains(&format!("Error: Unable to open pwfile \"{}\".", path.display())), "{log:#?}");
    assert_eq!(log.last().unwrap(), UNCHANGED);
    connect(&desk.alice(), &broker, "alice").ping();
}

#[test]
fn it_can_be_turned_on_and_off_and_have_another_file_for_later_connections() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let plain = "log_timestamp false\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n";
    let broker = Setup::config(plain).start();
    let mut before = client("before").to(&broker);
    let log = broker.reload(&desk.config(""));
    assert!(log.iter().any(|line| line.contains("psk_hint of listener")), "{log:#?}");
    let mut inside = connect(&desk.alice(), &broker, "inside");
    client("plain").over(broker.dial());
    broker.log.wait_for("appears not to be using TLS to connect to a TLS listener.");
    desk.scratch.file("others", "dave:dd\n");
    broker.reload(&desk.config("").replace("/keys", "/others"));
    assert!(desk.alice().to(&broker).is_err());
    connect(&desk.tunnel("dave", &[0xdd]), &broker, "dave").ping();
    broker.reload(plain);
    client("after").to(&broker).ping();
    before.ping();
    inside.ping();
}
