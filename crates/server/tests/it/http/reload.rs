//! Listeners for HTTP come and go with a reload.

use super::{broker, get};
use crate::harness::{Scratch, client};
use std::fs;
use std::io::Write;
use std::net::TcpStream;

const PLAIN: &str = "listener PORT 127.0.0.1\nallow_anonymous true\n";

fn with(lines: &str) -> String {
    format!("{PLAIN}{lines}")
}

#[test]
fn a_listener_is_closed_and_opened() {
    let broker = broker("");
    let second = (std::net::Ipv4Addr::LOCALHOST, broker.second_port());
    let mut user = client("user").to(&broker);
    for _ in 0..3 {
        assert!(get(&broker, "/api/v1/listeners").text().contains("httpapi"));
        let said = broker.reload(PLAIN);
        assert!(said.iter().any(|line| line.ends_with("(http_api): closed.")), "{said:?}");
        crate::harness::wait_until("a closed port", || TcpStream::connect(second).is_err());
        let said = broker.reload(&with("listener SECOND 127.0.0.1\nprotocol http_api\n"));
        assert!(said.iter().any(|line| line.ends_with("(http_api): opened.")), "{said:?}");
    }
    user.ping();
}

#[test]
fn a_listener_may_come_to_speak_something_else() {
    let broker = broker("");
    for _ in 0..3 {
        broker.reload(&with("listener SECOND 127.0.0.1\n"));
        client("user").second().to(&broker).ping();
        broker.reload(&with("listener SECOND 127.0.0.1\nprotocol http_api\n"));
        // The workers let go of their sockets before this one was opened.
        assert_eq!(get(&broker, "/api/v1/version").status, 200);
    }
}

#[test]
fn another_directory_holds_at_once_and_one_that_is_not_there_changes_nothing() {
    let (first, second) = (Scratch::new(), Scratch::new());
    first.file("index.html", "first");
    second.file("index.html", "second");
    let config = |directory: &str| with(&format!("listener SECOND 127.0.0.1\nprotocol http_api\n{directory}\n"));
    let of = |scratch: &Scratch| config(&format!("http_dir {}", scratch.path().display()));
    let broker = broker(&format!("http_dir {}", first.path().display()));
    assert_eq!(get(&broker, "/").text(), "first");
    broker.reload(&of(&second));
    assert_eq!(get(&broker, "/").text(), "second");
    let said = broker.reload(&config("http_dir /nowhere/www"));
    assert!(said.iter().any(|line| line.starts_with("Error: Unable to use http_dir '/nowhere/www': ")), "{said:?}");
    assert_eq!(get(&broker, "/").text(), "second");
    broker.reload(&config(""));
    assert_eq!(get(&broker, "/").status, 404);
    fs::remove_file(second.path().join("index.html")).unwrap();
    broker.reload(&of(&second));
    assert_eq!(get(&broker, "/").status, 404);
}

/// A request that has begun before a reload is answered by what holds when it is whole.
#[test]
fn a_connection_outlives_a_reload() {
    let broker = broker("");
    let mut stream = broker.dial_second();
    stream.write_all(b"GET /api/v1/version HTTP/1.1\r\n").unwrap();
    // Now it has been let in.
    assert_eq!(get(&broker, "/api/v1/version").status, 200);
    broker.reload("listener PORT 127.0.0.1\nlistener SECOND 127.0.0.1\nprotocol http_api\n");
    stream.write_all(b"\r\n").unwrap();
    assert_eq!(super::Answer::read(stream).status, 401);
}
