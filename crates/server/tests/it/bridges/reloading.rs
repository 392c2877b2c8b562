//! SIGHUP.

use super::{Remote, lines_of_bridge};
use crate::harness::Setup;

const OPEN: &str = "listener PORT 127.0.0.1\nallow_anonymous true\n";

#[test]
pub(crate) fn bridges_come_change_and_go_without_touching_the_others() {
    let (stays, comes) = (Remote::new(), Remote::new());
    let first = format!("{OPEN}{}", lines_of_bridge(stays.port(), "topic t in\nnotifications false\n"));
    let broker = Setup::config(&first).start();
    let mut staying = stays.accepted();
    staying.says_so(&["Subscribe"]);
    let second = |topic: &str, kind: &str| {
        let port = comes.port();
        format!(
            "{first}connection c\naddress 127.0.0.1:{port}\nclientid c\nrestart_timeout 1\nnotifications false\n\
             topic {topic} in\nbridge_reload_type {kind}\n"
        )
    };
    let log = broker.reload(&second("one", "lazy"));
    assert_eq!(log[log.len() - 2..], ["Bridge c: started.", "Configuration reloaded: 1 change."]);
    let mut coming = comes.accepted();
    coming.says_so(&["Subscribe", "one"]);
    // When it connects again anyway.
    let log = broker.reload(&second("two", "lazy"));
    assert!(log.contains(&"Bridge c: changed (when it connects again).".to_owned()), "{log:#?}");
    coming.client.stream.shutdown(std::net::Shutdown::Both).unwrap();
    let mut coming = comes.accepted();
    coming.says_so(&["Subscribe", "two"]);
    // At once.
    broker.reload(&second("three", "immediate"));
    coming.says_so(&["Disconnect"]);
    let mut coming = comes.accepted();
    coming.says_so(&["Subscribe", "three"]);
    let log = broker.reload(&first);
    assert!(log.contains(&"Bridge c: ended.".to_owned()), "{log:#?}");
    coming.says_so(&["Disconnect"]);
    staying.client.send(&mosquitto_mqtt::Packet::PingReq);
    staying.says_so(&["PingResp"]);
}

#[test]
fn a_bridge_that_is_of_no_use_leaves_all_as_it_was() {
    let remote = Remote::new();
    let first = format!("{OPEN}{}", lines_of_bridge(remote.port(), "topic t in\nnotifications false\n"));
    let broker = Setup::config(&first).start();
    remote.accepted().says_so(&["Subscribe"]);
    let log = broker.reload(&format!("{first}bridge_cafile /nowhere\n"));
    assert!(log.iter().any(|line| line.contains("check bridge_cafile \"/nowhere\"")), "{log:#?}");
}
