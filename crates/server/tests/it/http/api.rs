//! The endpoints, as Mosquitto 2.1.2 has them.

use super::{Answer, ask_with, broker, get};
use crate::harness::{Broker, Setup, client, wait_until};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::UnixStream;

/// The headers of an answer of so many bytes that an endpoint gives.
fn headers_of_api(len: usize) -> [String; 3] {
    ["Connection: close".to_owned(), "Access-Control-Allow-Origin: *".to_owned(), format!("Content-Length: {len}")]
}

/// The counters, without what stands before each of their topics.
fn systree(broker: &Broker) -> BTreeMap<String, u64> {
    let answer = get(broker, "/api/v1/systree");
    assert_eq!((answer.status, answer.headers.as_slice()), (200, &headers_of_api(answer.body.len())[..]));
    let lines = answer.text().strip_prefix("{\n\t").unwrap().strip_suffix("\n}").unwrap().split(",\n\t");
    let member = |line: &str| {
        let (topic, value) = line.strip_prefix("\"$SYS/broker/").unwrap().split_once("\":\t").unwrap();
        (topic.to_owned(), value.parse().unwrap())
    };
    lines.map(member).collect()
}

#[test]
pub(crate) fn the_version_is_plain_text() {
    let broker = broker("");
    let port = broker.second_port();
    broker.log.wait_for(&format!("Opening http api listen socket on port {port}."));
    let expected = Answer { status: 200, headers: headers_of_api(5).to_vec(), body: b"0.1.0".to_vec() };
    assert_eq!(env!("CARGO_PKG_VERSION"), "0.1.0");
    for path in ["/api/v1/version", "/api/v1/version?x=/y", "/api/v1/%76ersion"] {
        assert_eq!(get(&broker, path), expected, "{path}");
    }
    // Also for who speaks an older HTTP, or wants the connection to stay, or asks twice.
    for request in [
        "GET /api/v1/version HTTP/1.0\r\n\r\n",
        "GET /api/v1/version HTTP/1.1\r\nConnection: keep-alive\r\n\r\n",
        "GET /api/v1/version HTTP/1.1\r\n\r\nGET /api/v1/version HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(ask_with(&broker, request.as_bytes()), expected, "{request}");
    }
}

#[test]
fn the_listeners_are_listed_in_order() {
    let broker = Setup::config(
        "worker_threads 2\nlistener PORT 127.0.0.1\nallow_anonymous true\nlistener 0 DIR/x.sock\nlistener_allow_anonymous false\n\
         listener SECOND 127.0.0.1\nprotocol http_api\n",
    )
    .start();
    let answer = get(&broker, "/api/v1/listeners");
    let member = |place: String, protocol: &str, anonymous: bool| {
        format!(
            "{{\n\t\t\t{place},\n\t\t\t\"protocol\":\t\"{protocol}\",\n\t\t\t\"tls\":\tfalse,\n\t\t\t\"mtls\":\tfalse,\n\
             \t\t\t\"allow_anonymous\":\t{anonymous}\n\t\t}}"
        )
    };
    let members = [
        member(format!("\"port\":\t{}", broker.port()), "mqtt", true),
        member(format!("\"path\":\t\"{}/x.sock\"", broker.directory().display()), "mqtt", false),
        member(format!("\"port\":\t{}", broker.second_port()), "httpapi", true),
    ];
    assert_eq!(answer.text(), format!("{{\n\t\"listeners\":\t[{}]\n}}", members.join(", ")));
    assert_eq!(answer.headers, headers_of_api(answer.body.len()));
}

#[test]
fn the_counters_are_those_of_the_sys_tree_and_http_is_not_counted() {
    let broker = broker("sys_interval 1");
    let counters = systree(&broker);
    assert_eq!(counters.len(), 25);
    for topic in ["clients/connected", "clients/total", "connections/socket/count", "bytes/received"] {
        assert_eq!(counters[topic], 0, "{topic}");
    }
    let mut user = client("user").to(&broker);
    user.subscribe("t", 0);
    wait_until("an update", || systree(&broker)["subscriptions/count"] == 1);
    let counters = systree(&broker);
    assert_eq!((counters["clients/connected"], counters["connections/socket/count"]), (1, 1));
    wait_until("a second", || systree(&broker)["uptime"] > 0);
    assert!(
        !broker.log.all().iter().any(
            |line| line.contains(&format!(" on port {}.", broker.second_port())) && line.contains("New connection")
        )
    );
}

#[test]
fn without_updates_the_counters_are_zero() {
    let broker = broker("sys_interval 0");
    let counters = systree(&broker);
    assert!(counters.iter().all(|(topic, value)| *value == 0 || topic == "uptime"), "{counters:?}");
}

#[test]
fn what_there_is_not_is_not_found() {
    let broker = broker("");
    let headers = vec!["Connection: close".to_owned(), "Content-Length: 11".to_owned()];
    let expected = Answer { status: 404, headers, body: b"Not found.\n".to_vec() };
    for path in ["/api/v1/nothing", "/api/v1/version/", "/API/V1/version", "/api/", "/api", "/", "/index.html"] {
        assert_eq!(get(&broker, path), expected, "{path}");
    }
}

#[test]
fn only_get_is_answered() {
    let broker = broker("");
    let headers = vec!["Connection: close".to_owned(), "Content-Length: 20".to_owned()];
    let expected = Answer { status: 405, headers, body: b"Invalid HTTP Method\n".to_vec() };
    for request in [
        "POST /api/v1/version HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "get / HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(ask_with(&broker, request.as_bytes()), expected, "{request}");
    }
    let without_body = Answer { body: Vec::new(), ..expected };
    assert_eq!(ask_with(&broker, b"HEAD /api/v1/version HTTP/1.1\r\n\r\n"), without_body);
}

#[test]
fn what_is_no_request_is_told_so() {
    let broker = broker("");
    let status = |bytes: &[u8]| ask_with(&broker, bytes).status;
    assert_eq!(status(b"garbage\r\n\r\n"), 400);
    assert_eq!(status(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x"), 400);
    assert_eq!(status(b"GET / HTTP/2.0\r\n\r\n"), 505);
    assert_eq!(status(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000)).as_bytes()), 431);
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(40_000)).as_bytes()), 414);
    assert_eq!(get(&broker, "/api/v1/version").status, 200);
}

#[test]
fn a_listener_may_be_a_unix_socket() {
    let broker = Broker::open("listener 0 DIR/http.sock\nprotocol http_api");
    let mut stream = UnixStream::connect(broker.directory().join("http.sock")).unwrap();
    stream.write_all(b"GET /api/v1/version HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).text(), env!("CARGO_PKG_VERSION"));
}

/// Another broker on this machine may have the port; then this one does without, and says nothing about it.
#[test]
fn in_local_only_mode_there_is_one_if_its_port_is_free() {
    let broker = Setup::local().start();
    let opened = broker.log.count("Opening http api listen socket on port 9883.");
    assert_eq!(broker.log.count("9883"), opened, "{:?}", broker.log.all());
    if opened == 1 {
        let mut stream = Broker::dial_address(([127, 0, 0, 1], 9883).into());
        stream.write_all(b"GET /api/v1/listeners HTTP/1.1\r\n\r\n").unwrap();
        let listed = Answer::read(stream);
        assert!(listed.text().contains(&format!("\"port\":\t{},", broker.port())), "{listed:?}");
        assert!(listed.text().contains("\"httpapi\""), "{listed:?}");
    }
}
