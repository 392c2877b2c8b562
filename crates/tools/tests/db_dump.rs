//! `mosquitto_db_dump`, on files of our own and on those of Debian's broker, which also reads what is written here.

#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use mosquitto_mqtt::{Properties, PropertiesBuf, Property, QoS};
use mosquitto_storage::{
    BaseMessage, Chunk, Client, ClientMessage, Config, Direction, MessageState, NEVER, Reader, Retained, Subscription,
    Writer,
};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const FOREIGN: &str = "/usr/sbin/mosquitto";

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn dump(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(env!("CARGO_BIN_EXE_mosquitto_db_dump"), arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A directory of its own, which is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mosquitto-db-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("mosquitto.db")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Debian's broker with persistence in a directory.
struct Foreign {
    process: Child,
    port: String,
}

impl Foreign {
    /// None, and said so, where it is not installed.
    fn start(directory: &Directory) -> Option<Self> {
        if !Path::new(FOREIGN).exists() {
            eprintln!("SKIPPED: {FOREIGN} is not installed");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let config = directory.0.join("mosquitto.conf");
        let location = directory.0.display();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {location}/\n\
             user root\n"
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(FOREIGN);
        command.arg("-c").arg(&config).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut broker = Self { process: command.spawn().unwrap(), port };
        let lines = BufReader::new(broker.process.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        for line in lines.map_while(Result::ok) {
            if line.ends_with(" running") {
                return Some(broker);
            }
            seen.push(line);
        }
        panic!("{seen:?}");
    }

    fn client(&self, program: &str, arguments: &[&str]) -> String {
        let output = run(program, &[&["-p", &self.port], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn publish(&self, arguments: &[&str]) {
        self.client(env!("CARGO_BIN_EXE_mosquitto_pub"), arguments);
    }

    fn subscribe(&self, arguments: &[&str]) -> String {
        self.client(env!("CARGO_BIN_EXE_mosquitto_sub"), arguments)
    }

    fn stop(mut self) {
        run(env!("CARGO_BIN_EXE_mosquitto_signal"), &["-p", &self.process.id().to_string(), "shutdown"]);
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client that acknowledges nothing: it has a will, subscribes to `in/#`, sends a message of QoS 2 and does not release it,
/// takes a message of QoS 2, and goes away without a word.
fn leave_messages_in_flight(broker: &Foreign) {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", broker.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let connect = b"\x10\x25\0\x04MQTT\x04\x2c\0\x3c\0\x05quiet\0\x0awill/topic\0\x06gone!!";
    stream.write_all(connect).unwrap();
    expect(&mut stream, b"\x20\x02\0\0");
    stream.write_all(b"\x82\x09\0\x01\0\x04in/#\x02").unwrap();
    expect(&mut stream, b"\x90\x03\0\x01\x02");
    stream.write_all(b"\x34\x0a\0\x05out/x\0\x07!").unwrap();
    expect(&mut stream, b"\x50\x02\0\x07");
    broker.publish(&["-q", "2", "-t", "in/a", "-m", "m"]);
    expect(&mut stream, b"\x34\x09\0\x04in/a\0\x01m");
}

fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut found = vec![0; bytes.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, bytes);
}

#[test]
fn what_mosquitto_writes_is_read_and_written_again_byte_by_byte() {
    let directory = Directory::new();
    let Some(broker) = Foreign::start(&directory) else { return };
    let id = ["-D", "subscribe", "subscription-identifier", "42", "-x", "1000", "-V", "5"];
    broker.subscribe(&[&["-c", "-i", "durable", "-q", "1", "-t", "a/#", "-E"][..], &id].concat());
    leave_messages_in_flight(&broker);
    let properties = ["-D", "publish", "content-type", "text", "-D", "publish", "user-property", "k", "v"];
    let expiry = ["-D", "publish", "message-expiry-interval", "1000", "-V", "5"];
    broker.publish(&[&["-q", "1", "-r", "-t", "a/b", "-m", "kept"][..], &properties, &expiry].concat());
    broker.stop();

    let bytes = fs::read(directory.database()).unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let config = reader.next_entry().unwrap().unwrap().chunk;
    let Chunk::Config(config) = config else { panic!("{config:?}") };
    assert!(config.shutdown);
    let mut writer = Writer::new(Vec::new(), config).unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        match entry.chunk {
            Chunk::BaseMessage(message) => {
                writer.base_message(&message).unwrap();
                seen.push(format!("message {} {}", message.topic, String::from_utf8_lossy(message.payload)));
                assert_eq!(message.expiry_time > 0, message.topic == "a/b");
                let expected = [Property::ContentType("text"), Property::UserProperty(("k", "v"))];
                let expected: &[_] = if message.topic == "a/b" { &expected } else { &[] };
                assert_eq!(message.properties.iter().collect::<Vec<_>>(), expected);
            }
            Chunk::Client(client) => {
                writer.client(&client).unwrap();
                seen.push(format!("client {} {:?}", client.client_id, client.username));
            }
            Chunk::ClientMessage(message) => {
                writer.client_message(&message).unwrap();
                let ClientMessage { client_id, state, direction, .. } = message;
                let ids: Vec<_> = message.subscription_identifiers().collect();
                seen.push(format!("{client_id} {direction:?} {state:?} {ids:?}"));
            }
            Chunk::Subscription(subscription) => {
                writer.subscription(&subscription).unwrap();
                let Subscription { client_id, filter, identifier, .. } = subscription;
                seen.push(format!("{client_id} to {filter} {identifier}"));
            }
            Chunk::Retained(retained) => {
                writer.retained(retained).unwrap();
                seen.push("retained".to_owned());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(writer.into_output() == bytes, "it is not written as it was");
    seen.sort();
    let expected = [
        "client durable None",
        "client quiet None",
        "durable Out Queued [42]",
        "durable to a/# 42",
        "message a/b kept",
        "message in/a m",
        "message out/x !",
        "message will/topic gone!!",
        "quiet In WaitForPubrel []",
        "quiet Out WaitForPubrec []",
        "quiet to in/# 0",
        "retained",
        "retained",
    ];
    assert_eq!(seen, expected);
}

/// A session with a queued message and a subscription, and a retained message.
fn write_session(path: &Path) {
    let config = Config { last_store_id: 2, shutdown: true };
    let mut writer = Writer::new(fs::File::create(path).unwrap(), config).unwrap();
    let mut properties = PropertiesBuf::new();
    properties.push(Property::UserProperty(("k", "v")));
    let queued = BaseMessage {
        store_id: 1,
        expiry_time: 0,
        source_id: "source",
        source_username: None,
        source_port: 1883,
        source_mid: 5,
        topic: "a/b",
        qos: QoS::AtLeastOnce,
        retain: false,
        payload: b"queued",
        properties: properties.as_properties(),
    };
    writer.base_message(&queued).unwrap();
    let kept = BaseMessage { store_id: 2, topic: "kept", retain: true, payload: b"retained", ..queued };
    writer.base_message(&BaseMessage { properties: Properties::EMPTY, ..kept }).unwrap();
    let client = Client {
        client_id: "durable",
        username: Some("me"),
        session_expiry_time: 0,
        session_expiry_interval: NEVER,
        last_mid: 0,
        listener_port: 1883,
    };
    writer.client(&client).unwrap();
    let message = ClientMessage {
        client_id: "durable",
        store_id: 1,
        mid: 1,
        qos: QoS::AtLeastOnce,
        state: MessageState::Queued,
        retain: false,
        dup: false,
        direction: Direction::Out,
        properties: Properties::EMPTY,
    };
    writer.client_message(&message).unwrap();
    let subscription =
        Subscription { client_id: "durable", filter: "c/#", qos: QoS::AtLeastOnce, options: 0, identifier: 0 };
    writer.subscription(&subscription).unwrap();
    writer.retained(Retained { store_id: 2 }).unwrap();
}

#[test]
fn mosquitto_takes_up_what_is_written() {
    let directory = Directory::new();
    write_session(&directory.database());
    let Some(broker) = Foreign::start(&directory) else { return };
    assert_eq!(broker.subscribe(&["-t", "kept", "-C", "1", "-W", "30"]), "retained\n");
    let again =
        ["-c", "-i", "durable", "-q", "1", "-t", "unrelated", "-C", "1", "-W", "30", "-V", "5", "-F", "%t %p %P"];
    assert_eq!(broker.subscribe(&again), "a/b queued k:v\n");
    broker.publish(&["-q", "1", "-t", "c/d", "-m", "by the subscription"]);
    assert_eq!(broker.subscribe(&again).trim_end(), "c/d by the subscription");
    broker.stop();
}

#[test]
fn each_view_shows_what_the_original_shows() {
    let directory = Directory::new();
    write_session(&directory.database());
    let path = directory.database();
    let path = path.to_str().unwrap();
    let (code, out, error) = dump(&[path]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let head = "Mosquitto DB dump\nCRC: 0\nDB version: 6\nDB_CHUNK_CFG:\n\tLength: 16\n\tShutdown: 1\n\tDB ID size: 8\n\
                \tLast DB ID: 2\nDB_CHUNK_BASE_MSG:\n\tLength: 55\n\tStore ID: 1\n\tSource Port: 1883\n\tSource MID: 5\n\
                \tTopic: a/b\n\tQoS: 1\n\tRetain: 0\n\tPayload Length: 6\n\tExpiry Time: 0\n\tPayload: queued\n\
                \tProperties:\n\t\tUser property: k , v\nDB_CHUNK_BASE_MSG:\n";
    assert!(out.starts_with(head), "{out}");
    let tail = "DB_CHUNK_SUB:\n\tLength: 22\n\tClient ID: durable\n\tTopic: c/#\n\tQoS: 1\n\tSubscription ID: 0\n\
                \tOptions: 0x00\nDB_CHUNK_RETAIN:\n\tLength: 8\n\tStore ID: 2\n";
    assert!(out.ends_with(tail), "{out}");
    let counts = "DB_CHUNK_CFG:        1\nDB_CHUNK_BASE_MSG:   2\nDB_CHUNK_CLIENT_MSG: 1\nDB_CHUNK_RETAIN:     1\n\
                  DB_CHUNK_SUB:        1\nDB_CHUNK_CLIENT:     1\n";
    assert_eq!(dump(&["--stats", path]), (Some(0), counts.to_owned(), String::new()));
    let clients = "SC: 1 SS: 22 MC: 1 MS: 78   durable\n".to_owned();
    assert_eq!(dump(&["--client-stats", path]), (Some(0), clients, String::new()));
    let (_, json, _) = dump(&["--json", path]);
    let messages = "{\n\t\"base-messages\":\t[{\n\t\t\t\"storeid\":\t1,\n\t\t\t\"expiry-time\":\t0,\n";
    assert!(json.starts_with(messages), "{json}");
    let property = "\"payload\":\t\"cXVldWVk\",\n\t\t\t\"properties\":\t[{\n\t\t\t\t\t\"identifier\":\t\"user-property\",\n\
                    \t\t\t\t\t\"name\":\t\"k\",\n\t\t\t\t\t\"value\":\t\"v\"\n\t\t\t\t}]\n\t\t}, {\n";
    assert!(json.contains(property), "{json}");
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
}

#[test]
fn what_is_no_database_is_told_as_the_original_tells_it() {
    let usage = "Usage: db_dump [--stats | --client-stats | --json] <mosquitto db filename>\n";
    for wrong in [&[][..], &["--what", "file"], &["--json", "--stats", "file"]] {
        assert_eq!(dump(wrong), (Some(1), String::new(), usage.to_owned()));
    }
    let missing = (Some(0), String::new(), "Error: Unable to open /nowhere\n".to_owned());
    assert_eq!(dump(&["/nowhere"]), missing);
    let directory = Directory::new();
    write_session(&directory.database());
    let whole = fs::read(directory.database()).unwrap();
    let file = directory.0.join("damaged.db");
    let with = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let (code, _, error) = dump(&[file.to_str().unwrap()]);
        (code, error)
    };
    assert_eq!(with(b"This is a text file."), (Some(1), "Error: Unrecognised file format.\n".to_owned()));
    assert_eq!(with(&whole[..10]), (Some(1), String::new()));
    assert_eq!(with(&whole[..40]), (Some(1), "Error: Corrupt persistent database.\n".to_owned()));
    let mut other = whole.clone();
    other[40] = 5;
    let size = "Error: Incompatible database configuration (dbid size is 5 bytes, expected 8)".to_owned();
    assert_eq!(with(&other), (Some(1), size));
    other.splice(23.., [0, 0, 0, 9, 0, 0, 0, 0]);
    let unknown =
        "Warning: Unsupported chunk \"9\" of length 0 in persistent database file at position 31. Ignoring.\n";
    assert_eq!(with(&other), (Some(0), unknown.to_owned()));
}
