//! What is logged.

use super::refused;
use crate::harness::{Broker, PATIENCE, Scratch, Setup, client, report_skipped};
use mosquitto_mqtt::ProtocolVersion;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

/// What is said in the test, by type.
const SAID: [(&str, &str); 7] = [
    ("error", "password without username, closing connection."),
    ("warning", "Client user has exceeded its receive-maximum quota."),
    ("notice", " as user (p5, c1, k60)."),
    ("information", " starting"),
    ("debug", "Received SUBSCRIBE from user"),
    ("subscribe", "user 0 t"),
    ("unsubscribe", "user t"),
];

/// The types of which a broker with these lines says something.
fn said(lines: &str) -> Vec<&'static str> {
    let setup = Setup::open(&format!("log_timestamp false\nmax_inflight_messages 1\n{lines}"));
    let broker = setup.silent().start();
    let mut user = client("user").to(&broker);
    user.subscribe("t", 0);
    user.send_bytes(b"\xa2\x06\x12\x34\0\0\x01t");
    // Two exchanges of QoS 2 where one is allowed.
    user.send_bytes(b"\x34\x06\0\x01u\0\x01\0\x34\x06\0\x01u\0\x02\0");
    user.send_bytes(b"\xe0\0");
    let mut unread = Vec::new();
    std::io::Read::read_to_end(&mut user.stream, &mut unread).unwrap();
    // A password without a name, which MQTT 3 does not have.
    let mut bad = client("bad").version(ProtocolVersion::V311).bytes();
    bad[9] |= 0x40;
    bad[1] += 2;
    bad.extend([0, 0]);
    let mut stream = broker.dial();
    std::io::Write::write_all(&mut stream, &bad).unwrap();
    std::io::Read::read_to_end(&mut stream, &mut unread).unwrap();
    let lines = broker.stop();
    let is_said = |text: &str| lines.iter().any(|line| line.starts_with(text) || line.ends_with(text));
    SAID.into_iter().filter(|(_, text)| is_said(text)).map(|(name, _)| name).collect()
}

#[test]
pub(super) fn log_type_names_what_is_logged() {
    for (name, _) in SAID {
        assert_eq!(said(&format!("log_type {name}")), [name]);
    }
    for name in ["none", "websockets", "internal"] {
        assert_eq!(said(&format!("log_type {name}")), [""; 0], "{name}");
    }
    assert_eq!(said(""), ["error", "warning", "notice", "information"]);
    assert_eq!(said("log_type all"), SAID.map(|(name, _)| name));
    assert_eq!(said("log_type error\nlog_type subscribe"), ["error", "subscribe"]);
    assert_eq!(said("log_type all\nlog_type none\nlog_type notice"), ["notice"]);
}

/// The system's log of a broker that sees a file system of its own, in which this socket is the log. None where the system
/// does not let anybody have one, which is said.
fn with_system_log(lines: &str, log: &std::path::Path) -> Option<Setup> {
    // Who is not root is so in a name space of his own.
    let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    if !Command::new("unshare").args([flags, "true"]).output().is_ok_and(|done| done.status.success()) {
        report_skipped("unshare, or the right to use it");
        return None;
    }
    let script = "mount -t tmpfs tmpfs /dev && ln -s \"$0\" /dev/log && exec \"$@\"";
    let wrapper = ["unshare", flags, "/bin/sh", "-c", script, log.to_str().unwrap()];
    Some(Setup::open(&format!("log_dest syslog\n{lines}")).silent().wrapped(&wrapper))
}

/// Facility times eight plus severity is the priority that a line begins with.
#[cfg(target_os = "linux")]
#[test]
pub(super) fn log_facility_is_that_of_every_line_in_the_system_log() {
    for (lines, facility) in [("", 3), ("log_facility 0", 16), ("log_facility 5", 21), ("log_facility 7", 23)] {
        let scratch = Scratch::new();
        let path = scratch.path().join("log");
        let system = UnixDatagram::bind(&path).unwrap();
        system.set_read_timeout(Some(PATIENCE)).unwrap();
        let Some(setup) = with_system_log(lines, &path) else { return };
        let broker = setup.start();
        let mut line = String::new();
        while !line.ends_with(" running") {
            let mut datagram = [0; 2000];
            let len = system.recv(&mut datagram).unwrap();
            line = String::from_utf8(datagram[..len].to_vec()).unwrap();
            let (priority, rest) = line.trim_start_matches('<').split_once('>').unwrap();
            assert_eq!(priority.parse::<u8>().unwrap() / 8, facility, "{line}");
            assert!(rest.contains(" mosquitto["), "{line}");
        }
        assert_eq!(broker.stop(), [""; 0]);
    }
    for value in ["-1", "8"] {
        refused(&format!("log_facility {value}"), "'log_facility'");
    }
}

#[test]
pub(super) fn connection_messages_false_hides_who_is_turned_away_too() {
    for (lines, hidden) in [("", false), ("connection_messages true", false), ("connection_messages false", true)] {
        let broker = Broker::open(&format!("max_connections 1\nmax_qos 1\n{lines}"));
        let mut user = client("user").to(&broker);
        assert_eq!(client("over").over(broker.dial()).rest(), []);
        user.publish("t", "", 2);
        assert_eq!(user.rest(), [crate::harness::Got::Disconnect(0x9b)]);
        let lines = broker.stop();
        for text in ["New connection from", "New client connected", "denied: max_connections", "disconnected: "] {
            assert_eq!(lines.iter().any(|line| line.contains(text)), !hidden, "{text}");
        }
    }
}
