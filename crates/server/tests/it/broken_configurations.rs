//! Configurations that are wrong: a broker does not start with them, and one that runs goes on as before.

use crate::harness::{Broker, Client, Scratch, Setup, client, free_port, mosquitto, retry};
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// What stands before the lines that are wrong; five lines. Two connections are all that it allows.
const GOOD: &str = "log_timestamp false
worker_threads 2
listener PORT 127.0.0.1
listener_allow_anonymous true
max_connections 2
";

/// What is wrong, the line where it is found, counted from the one after [`GOOD`], and what the error has to name.
const BROKEN: &[(&[u8], usize, &str)] = &[
    (b"max_keepalive many", 1, "'max_keepalive' value not a number"),
    (b"max_keepalive 10s", 1, "'max_keepalive' value not a number"),
    (b"max_keepalive 70000", 1, "max_keepalive"),
    (b"max_queued_messages 99999999999", 1, "max_queued_messages"),
    (b"message_size_limit -1", 1, "message_size_limit"),
    (b"max_packet_size 19", 1, "max_packet_size"),
    (b"max_inflight_messages 70000", 1, "max_inflight_messages"),
    (b"sys_interval -1", 1, "sys_interval"),
    (b"max_qos 3", 1, "max_qos"),
    (b"max_inflght_messages 20", 1, "'max_inflght_messages'"),
    (b"max_keepalive 10\nMAX_KEEPALIVE 10", 2, "'MAX_KEEPALIVE'"),
    (b"max_keepalive\t10", 1, "max_keepalive"),
    (b"max_keepalive 10\n\n # a comment", 3, "'#'"),
    (b"\xef\xbb\xbfmax_keepalive 10", 1, "max_keepalive"),
    (b"retain_available yes", 1, "'retain_available' value (yes)"),
    (b"listener_auto_id_prefix", 1, "listener_auto_id_prefix"),
    (b"listener_auto_id_prefix a\xff", 1, "Malformed UTF-8"),
    (b"listener_auto_id_prefix a\x07b", 1, "Malformed UTF-8"),
    (b"listener_auto_id_prefix a\nlistener_auto_id_prefix b", 2, "Duplicate 'listener_auto_id_prefix' value"),
    (b"mount_point rooms/+/", 1, "mount_point"),
    (b"accept_protocol_versions 6\nmax_qos -1", 2, "max_qos"),
    (b"listener 70000", 1, "70000"),
    (b"listener", 1, "listener"),
    (b"port 0", 1, "port"),
    (b"socket_domain ipx", 1, "ipx"),
    (b"log_type everything", 1, "everything"),
    (b"log_dest printer", 1, "printer"),
    (b"log_dest file", 1, "log_dest file"),
    (b"log_dest file DIR/a.log\nlog_dest file DIR/b.log", 2, "log_dest file"),
    (b"log_facility 9", 1, "log_facility"),
    (b"persistent_client_expiration 10", 1, "persistent_client_expiration"),
    (b"clientid_prefixes a\nallow_anonymous true\nper_listener_settings true", 3, "per_listener_settings"),
    (b"include_dir DIR/missing", 1, "DIR/missing"),
    (b"include_dir DIR/mosquitto.conf", 1, "DIR/mosquitto.conf"),
    (b"include_dir DIR/directory", 1, "DIR/directory/x.conf"),
    (b"include_dir DIR/socket", 1, "DIR/socket/x.conf"),
    (b"include_dir DIR/wrong", 1, "'max_keepalive' value not a number"),
    (b"include_dir DIR/nested", 1, "include_dir"),
];

/// Directories that the configurations name.
fn furnish(directory: &Path) {
    let file = |name: &str, text: &str| {
        fs::create_dir(directory.join(name)).unwrap();
        fs::write(directory.join(name).join("x.conf"), text).unwrap();
    };
    file("wrong", "max_keepalive many\n");
    file("nested", "include_dir DIR\n");
    fs::create_dir_all(directory.join("directory/x.conf")).unwrap();
    fs::create_dir(directory.join("socket")).unwrap();
    UnixListener::bind(directory.join("socket/x.conf")).unwrap();
}

/// A configuration as the file has it.
fn filled(broken: &[u8], directory: &Path, port: u16) -> Vec<u8> {
    let text = GOOD.replace("PORT", &port.to_string());
    let mut file = text.into_bytes();
    let (name, mut rest) = (b"DIR", broken);
    while let Some(at) = rest.windows(name.len()).position(|some| some == name) {
        file.extend_from_slice(&rest[..at]);
        file.extend_from_slice(directory.as_os_str().as_encoded_bytes());
        rest = &rest[at + name.len()..];
    }
    file.extend_from_slice(rest);
    file
}

/// Whether these lines say what is wrong and where.
fn tells(lines: &[String], directory: &Path, line: usize, what: &str) {
    let what = what.replace("DIR", directory.to_str().unwrap());
    let place = format!("Error found at {}:{}.", directory.join("mosquitto.conf").display(), 5 + line);
    assert!(lines.iter().any(|text| text.starts_with("Error: ") && text.contains(&what)), "{what:?} in {lines:#?}");
    assert!(lines.contains(&place), "{place:?} in {lines:#?}");
}

/// Two clients that use up what the old configuration allows.
struct Old {
    broker: Broker,
    publisher: Client,
    subscriber: Client,
    messages: usize,
}

impl Old {
    fn start() -> Self {
        let broker = Setup::config(GOOD).start();
        let publisher = client("publisher").to(&broker);
        let mut subscriber = client("subscriber").to(&broker);
        subscriber.subscribe("t", 1);
        Self { broker, publisher, subscriber, messages: 0 }
    }

    /// Everything is as it was: clients are connected, messages flow, and the limit holds.
    fn is_whole(&mut self) {
        self.messages += 1;
        let text = self.messages.to_string();
        self.publisher.publish("t", &text, 1);
        assert_eq!(self.subscriber.message().text(), text);
        self.publisher.finish();
        let mut refused = client("one-too-many").over(self.broker.dial());
        match retry(|| refused.stream.read(&mut [0])) {
            Ok(len) => assert_eq!(len, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }

    /// Has the broker read whatever the files are now, which has to fail. Returns the log.
    fn fails(&mut self) -> Vec<String> {
        let log = self.broker.hang_up();
        assert_eq!(log.last().unwrap(), "Error: Configuration not reloaded: nothing was changed.");
        self.is_whole();
        log
    }
}

#[test]
fn a_broker_does_not_start_with_a_broken_configuration_and_says_what_is_wrong_and_where() {
    for (broken, line, what) in BROKEN {
        let scratch = Scratch::new();
        furnish(scratch.path());
        let file = scratch.path().join("mosquitto.conf");
        fs::write(&file, filled(broken, scratch.path(), free_port())).unwrap();
        let finished = mosquitto(["-c".as_ref(), file.as_os_str()]);
        assert_eq!(finished.code, Some(3), "{}: {finished:#?}", String::from_utf8_lossy(broken));
        tells(&finished.stderr, scratch.path(), *line, what);
    }
}

#[test]
fn a_broker_that_runs_goes_on_as_before_and_says_what_is_wrong_and_where() {
    let mut old = Old::start();
    let (directory, port) = (old.broker.directory().to_owned(), old.broker.port());
    furnish(&directory);
    for (broken, line, what) in BROKEN {
        fs::write(directory.join("mosquitto.conf"), filled(broken, &directory, port)).unwrap();
        tells(&old.fails(), &directory, *line, what);
    }
    // And what is put in order is read.
    let log = old.broker.reload(&format!("{GOOD}max_keepalive 10\n"));
    assert!(log.contains(&"max_keepalive: 0 -> 10 (for later connections).".to_owned()), "{log:#?}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let mut old = Old::start();
    let config = old.broker.directory().join("mosquitto.conf");
    let wrong = "max_keepalive x\nlog_type y\nretain_available z\n";
    fs::write(&config, filled(wrong.as_bytes(), Path::new(""), old.broker.port())).unwrap();
    let log = old.fails();
    for line in 6..=8 {
        assert!(log.contains(&format!("Error found at {}:{line}.", config.display())), "{log:#?}");
    }
}

#[test]
fn a_configuration_file_that_cannot_be_read_changes_nothing() {
    let mut old = Old::start();
    let config = old.broker.directory().join("mosquitto.conf");
    fs::remove_file(&config).unwrap();
    let told = |log: &[String], text: &str| assert!(log.iter().any(|line| line.starts_with(text)), "{log:#?}");
    told(&old.fails(), &format!("Error: Unable to open config file '{}'.", config.display()));
    fs::create_dir(&config).unwrap();
    told(&old.fails(), &format!("Error: Config file '{}' is a directory.", config.display()));
    fs::remove_dir(&config).unwrap();
    // Opening a pipe would wait for somebody who writes.
    rustix::fs::mknodat(rustix::fs::CWD, &config, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    told(&old.fails(), &format!("Error: Unable to open config file '{}'.", config.display()));
}

#[test]
fn a_port_in_use_ends_a_start_with_1_and_changes_nothing_in_a_broker_that_runs() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let told = format!("Error: Unable to listen on 127.0.0.1, port {port}: Address already in use.");
    let mut old = Old::start();
    let config = old.broker.directory().join("mosquitto.conf");
    // What could be opened is closed again, and the limit is not raised.
    let free = free_port();
    let both = format!("max_connections 100\nlistener {free} 127.0.0.1\nlistener {port} 127.0.0.1\nlog_dest file /\n");
    let both = filled(both.as_bytes(), Path::new(""), old.broker.port());
    fs::write(&config, both).unwrap();
    let log = old.fails();
    assert!(log.contains(&told), "{log:#?}");
    assert!(log.iter().any(|line| line.starts_with("Error: Unable to open log file ")), "all is told: {log:#?}");
    TcpListener::bind(("127.0.0.1", free)).expect("it is free again");
    let scratch = Scratch::new();
    let file = scratch.file("mosquitto.conf", &format!("listener {port} 127.0.0.1\n"));
    let finished = mosquitto(["-c".as_ref(), file.as_os_str()]);
    assert_eq!(finished.code, Some(1), "{finished:#?}");
    assert!(finished.stderr.iter().any(|line| line.ends_with(&told)), "{finished:#?}");
}

/// The same place twice is a port in use, too.
#[test]
fn a_listener_that_is_there_twice_changes_nothing() {
    let mut old = Old::start();
    let config = old.broker.directory().join("mosquitto.conf");
    fs::write(&config, filled(b"listener PORT 127.0.0.1\n", Path::new(""), old.broker.port())).unwrap();
    let text = fs::read_to_string(&config).unwrap().replace("PORT", &old.broker.port().to_string());
    fs::write(&config, text).unwrap();
    let log = old.fails();
    assert!(log.iter().any(|line| line.ends_with("Address already in use.")), "{log:#?}");
}

/// A broker that starts has no log yet and does with standard error; one that runs has one to keep.
#[test]
fn a_log_file_that_cannot_be_opened_changes_nothing_in_a_broker_that_runs() {
    let mut old = Old::start();
    let config = old.broker.directory().join("mosquitto.conf");
    for name in ["missing/mosquitto.log", "."] {
        let wrong = format!("max_connections 100\nlog_dest file DIR/{name}\n");
        fs::write(&config, filled(wrong.as_bytes(), old.broker.directory(), old.broker.port())).unwrap();
        let log = old.fails();
        let told = format!("Error: Unable to open log file {}/{name} for writing. ", old.broker.directory().display());
        assert!(log.iter().any(|line| line.starts_with(&told)), "{told:?} in {log:#?}");
        assert!(log.contains(&format!("Error found at {}:7.", config.display())), "{log:#?}");
    }
}
