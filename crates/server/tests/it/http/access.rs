//! Who may ask for what.

use super::{Answer, broker as open_broker, get, get_with};
use crate::harness::{Broker, Setup, client};
use mosquitto_auth::password::{PasswordHash, Salt, Scheme};
use std::fs;
use std::io::Write;

/// The header of `anna:secret`, and of others.
const ANNA: &str = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";
const ANNA_WRONG: &str = "Authorization: Basic YW5uYTp3cm9uZw==\r\n";
const ANNA_ALONE: &str = "Authorization: Basic YW5uYQ==\r\n";
const BERT: &str = "Authorization: Basic YmVydDpzZWNyZXQ=\r\n";
const NOBODY: &str = "Authorization: Basic Og==\r\n";

fn user(name: &str, password: &str, iterations: u32) -> String {
    let scheme = Scheme::Pbkdf2 { iterations: iterations.try_into().unwrap() };
    format!("{name}:{}\n", PasswordHash::new(scheme, password.as_bytes(), Salt::Short([5; 12])).unwrap())
}

/// A broker with these rules and users, and these lines before its listeners.
fn broker(lines: &str, rules: &str, users: &str) -> Broker {
    let config = format!(
        "worker_threads 2\n{lines}\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n\
         listener SECOND 127.0.0.1\nprotocol http_api\n"
    );
    Setup::config(&config).file("rules", rules).file("users", users).start()
}

fn statuses(broker: &Broker, path: &str) -> [u16; 6] {
    ["", ANNA, ANNA_WRONG, ANNA_ALONE, BERT, NOBODY].map(|header| get_with(broker, path, header).status)
}

#[test]
fn who_is_refused_is_asked_for_a_password() {
    let broker = broker("password_file DIR/users", "", &user("anna", "secret", 2));
    assert_eq!(statuses(&broker, "/api/v1/version"), [401, 200, 401, 401, 401, 401]);
    let headers = ["Connection: close", "WWW-Authenticate: Basic realm=\"Mosquitto API\"", "Content-Length: 15"];
    let expected =
        Answer { status: 401, headers: headers.map(str::to_owned).to_vec(), body: b"Not authorised\n".to_vec() };
    assert_eq!(get(&broker, "/api/v1/version"), expected);
    assert_eq!(get_with(&broker, "/nothing", ANNA_WRONG), expected);
}

#[test]
fn without_credentials_allow_anonymous_decides() {
    let open = broker("allow_anonymous true\npassword_file DIR/users", "", &user("anna", "secret", 2));
    assert_eq!(statuses(&open, "/api/v1/version"), [200, 200, 401, 401, 401, 401]);
    let without_file = broker("allow_anonymous true", "", "");
    assert_eq!(statuses(&without_file, "/api/v1/version"), [200; 6]);
    let closed = broker("", "", "");
    assert_eq!(statuses(&closed, "/api/v1/version"), [401; 6]);
}

#[test]
fn an_access_list_says_who_reads_from_which_path() {
    let rules = "topic read /api/v1/version\nuser anna\ntopic read /api/#\ntopic deny /api/v1/listeners\n\
                 topic write /api/v1/x\npattern read /%c/%u\n";
    let broker =
        broker("allow_anonymous true\npassword_file DIR/users\nacl_file DIR/rules", rules, &user("anna", "secret", 2));
    for (path, anonymous, anna) in [
        ("/api/v1/version", 200, 200),
        ("/api/v1/systree", 401, 200),
        ("/api/v1/listeners", 401, 401),
        ("/api/v1/nothing", 401, 404),
        ("/http-api/anna", 401, 404),
        ("/http-api/bert", 401, 401),
        ("/", 401, 401),
        // These could be no topics, or are others.
        ("/api/+", 401, 401),
        ("/api/%23", 401, 401),
        ("/api/%00", 401, 401),
        ("/api/%ff", 401, 401),
        ("//api/v1/version", 401, 401),
    ] {
        assert_eq!((get(&broker, path).status, get_with(&broker, path, ANNA).status), (anonymous, anna), "{path}");
    }
}

#[test]
fn other_files_hold_after_a_reload() {
    let broker = broker("password_file DIR/users", "", &user("anna", "secret", 2));
    assert_eq!(get_with(&broker, "/api/v1/version", ANNA).status, 200);
    fs::write(broker.directory().join("users"), user("bert", "secret", 2)).unwrap();
    broker.hang_up();
    assert_eq!(statuses(&broker, "/api/v1/version"), [401, 401, 401, 401, 200, 401]);
}

/// Some of them wait for a password to be looked at, which takes long, while others are served.
#[test]
fn a_slow_hash_holds_up_nobody_else() {
    let broker = broker("allow_anonymous true\npassword_file DIR/users", "", &user("anna", "secret", 60_000));
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = broker.dial_second();
            stream.write_all(format!("GET /api/v1/version HTTP/1.1\r\n{ANNA}\r\n").as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(get(&broker, "/api/v1/version").status, 200);
    client("user").to(&broker).ping();
    // None of them can have been answered yet: there are at most 4 threads for 8 hashes, each of them long.
    let last = slow.last().unwrap();
    last.set_nonblocking(true).unwrap();
    let waits = std::io::Read::read(&mut &*last, &mut [0]).unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    last.set_nonblocking(false).unwrap();
    for stream in slow {
        assert_eq!(Answer::read(stream).status, 200);
    }
}

#[test]
fn with_per_listener_settings_the_listeners_own_files_count() {
    let broker = Setup::config(
        "per_listener_settings true\nlistener PORT 127.0.0.1\nallow_anonymous true\n\
         listener SECOND 127.0.0.1\nprotocol http_api\nallow_anonymous true\nacl_file DIR/rules\n",
    )
    .file("rules", "topic read /api/v1/version\n")
    .start();
    assert_eq!((get(&broker, "/api/v1/version").status, get(&broker, "/api/v1/systree").status), (200, 401));
    assert_eq!(get(&open_broker(""), "/api/v1/systree").status, 200);
}
