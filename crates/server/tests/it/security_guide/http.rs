//! Who may ask over HTTP, and for what.

use super::tls::tunnel;
use super::{Section, is_let_in, user};
use crate::harness::{Broker, Connecting, client, in_websocket};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;

/// `anna:secret` and others, as HTTP has them.
const ANNA: &str = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";
const ANNA_WRONG: &str = "Authorization: Basic YW5uYTp3cm9uZw==\r\n";
const BERT: &str = "Authorization: Basic YmVydDpzZWNyZXQ=\r\n";

/// The status of the answer to a request for this path, with this line in its head.
fn status(section: &Section, broker: &Broker, path: &str, line: &str) -> u16 {
    let mut stream = tunnel(section).to(broker).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    status.unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap()
}

#[test]
pub(super) fn http_api() {
    let after = ["Passwords", "Access lists", "TLS"];
    let Some(mut section) = Section::open("HTTP API", &after) else { return };
    section.file("acl");
    fs::write(section.path("/var/www/mosquitto").join("index.html"), "<html></html>").unwrap();
    let broker = section.start();
    for (path, by_anna, by_bert) in [
        ("/api/v1/version", 200, 200),
        ("/api/v1/systree", 200, 401),
        ("/api/v1/listeners", 401, 401),
        ("/", 200, 401),
        ("/index.html", 200, 401),
    ] {
        assert_eq!(status(&section, &broker, path, ANNA), by_anna, "{path}");
        assert_eq!(status(&section, &broker, path, BERT), by_bert, "{path}");
        assert_eq!(status(&section, &broker, path, ""), 401, "{path}");
        assert_eq!(status(&section, &broker, path, ANNA_WRONG), 401, "{path}");
    }
    // Without TLS there is no answer.
    let mut plain = broker.dial();
    plain.write_all(b"GET /api/v1/version HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // However it is closed.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // MQTT has rules of its own.
    let mqtt = tunnel(&section).over(broker.dial_second()).unwrap();
    assert!(super::may_publish(&mut is_let_in(&user("anna"), mqtt).unwrap(), "lights/kitchen"));
}

#[test]
pub(super) fn files_over_http() {
    let Some(mut section) = Section::open("Files over HTTP", &["Passwords", "TLS"]) else { return };
    let www = section.path("/var/www/mosquitto");
    fs::write(www.join("index.html"), "<html></html>").unwrap();
    symlink(section.path("/etc/mosquitto/passwords"), www.join("out")).unwrap();
    let broker = section.start();
    let status = |path: &str| status(&section, &broker, path, "");
    assert_eq!((status("/"), status("/index.html")), (200, 200));
    assert_eq!((status("/out"), status("/../files/passwords")), (404, 404));
    let connect = |who: &Connecting| {
        let stream = tunnel(&section).to(&broker).unwrap();
        is_let_in(who, in_websocket(stream))
    };
    assert!(connect(&client("x")).is_none());
    connect(&user("anna")).unwrap().ping();
}
