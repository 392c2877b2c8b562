//! Clients in WebSockets.

use crate::harness::{
    ANSWER, Broker, Client, Got, REQUEST, Setup, client, frame, in_websocket, next_frame, open_websocket,
};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// A CONNECT of MQTT 3.1.1 by `x`, and its CONNACK.
const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x";
const CONNACK: &[u8] = b"\x20\x02\0\0";

/// The second listener speaks WebSocket, with these lines after it.
fn broker(lines: &str) -> Broker {
    Broker::open(&format!("worker_threads 3\nlistener SECOND 127.0.0.1\nprotocol websockets\n{lines}"))
}

fn connect(broker: &Broker, id: &str) -> Client {
    let mut connected = client(id).over(in_websocket(broker.dial_second()));
    assert_eq!(connected.next(), Got::ConnAck { present: false, reason: 0 });
    connected
}

/// Waits until the broker has closed the connection, without having sent anything.
fn is_hung_up_on(mut stream: &TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

/// `[MQTT-6.0.0-4]` `[3.1.1 MQTT-6.0.0-4]`
#[test]
pub(crate) fn clients_in_websockets_and_others_talk_with_each_other() {
    let broker = broker("");
    let port = broker.second_port();
    assert_eq!(broker.log.count(&format!("Opening websockets listen socket on port {port}.")), 1);
    assert_eq!(broker.log.count("Websockets support available."), 1);
    let mut plain = client("plain").to(&broker);
    plain.subscribe("t", 1);
    let large = vec![b'x'; 300_000];
    // Enough for every worker to be somebody's home.
    for n in 0..16 {
        let mut web = connect(&broker, &format!("web-{n}"));
        web.subscribe(&format!("back/{n}"), 2);
        web.publish("t", "hello", 1);
        assert_eq!(plain.message().payload, b"hello");
        for payload in [&b"hello yourself"[..], &large] {
            plain.publish(&format!("back/{n}"), payload, 1);
            assert_eq!(web.message().payload, payload);
        }
        web.publish("t", large.clone(), 1);
        assert_eq!(plain.message().payload, large);
    }
    broker.log.wait_for(&format!(" on port {port}."));
}

/// `[MQTT-6.0.0-2]` `[3.1.1 MQTT-6.0.0-2]`
#[test]
fn packets_may_be_cut_and_joined_as_one_likes() {
    let broker = broker("");
    let ping = b"\xc0\0";
    let bytes = [CONNECT, ping, ping, ping].concat();
    let in_pieces = |size| bytes.chunks(size).flat_map(|piece| frame(0x82, piece)).collect::<Vec<u8>>();
    let mut fragmented = frame(0x02, &bytes[..5]);
    fragmented.extend(frame(0x89, b"between"));
    fragmented.extend(frame(0x00, b""));
    fragmented.extend(frame(0x80, &bytes[5..]));
    for frames in [in_pieces(1), in_pieces(3), in_pieces(1000), fragmented] {
        let mut stream = broker.dial_second();
        open_websocket(&stream);
        stream.write_all(&frames).unwrap();
        let (mut data, mut pongs) = (Vec::new(), 0);
        while data.len() < CONNACK.len() + 6 {
            match next_frame(&mut stream).unwrap() {
                (0x82, payload) => data.extend(payload),
                (0x8a, payload) => {
                    assert_eq!(payload, b"between");
                    pongs += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(data, [CONNACK, b"\xd0\0\xd0\0\xd0\0"].concat());
        assert!(pongs <= 1);
    }
}

/// `[MQTT-6.0.0-1]` `[3.1.1 MQTT-6.0.0-1]`
#[test]
fn who_breaks_the_rules_is_closed_with_a_code() {
    let broker = broker("");
    for (n, (bad, code)) in [
        (frame(0x81, b"text"), 1003_u16),
        (vec![0x82, 0x02, 0xc0, 0], 1002),
        (frame(0x83, b""), 1002),
        (frame(0x09, b""), 1002),
        ([&b"\x82\xff\0\0\0\0\x10\0\0\0"[..], &[0; 4]].concat(), 1009),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = broker.dial_second();
        open_websocket(&stream);
        stream.write_all(&frame(0x82, CONNECT)).unwrap();
        assert_eq!(next_frame(&mut stream), Some((0x82, CONNACK.to_vec())));
        stream.write_all(&bad).unwrap();
        assert_eq!(next_frame(&mut stream), Some((0x88, code.to_be_bytes().to_vec())));
        assert_eq!(next_frame(&mut stream), None);
        broker.log.wait_for_several("disconnected: protocol error", n + 1);
    }
}

#[test]
fn a_connection_ends_with_a_close_frame_whoever_ends_it() {
    let broker = broker("");
    let opened = || {
        let mut stream = broker.dial_second();
        open_websocket(&stream);
        stream.write_all(&frame(0x82, CONNECT)).unwrap();
        assert_eq!(next_frame(&mut stream), Some((0x82, CONNACK.to_vec())));
        stream
    };
    let normal = Some((0x88, 1000_u16.to_be_bytes().to_vec()));
    // DISCONNECT.
    let mut stream = opened();
    stream.write_all(&frame(0x82, b"\xe0\0")).unwrap();
    assert_eq!((next_frame(&mut stream), next_frame(&mut stream)), (normal.clone(), None));
    // Taken over.
    let (mut first, mut second) = (opened(), opened());
    assert_eq!((next_frame(&mut first), next_frame(&mut first)), (normal, None));
    // The client's own, with a code of its own.
    second.write_all(&frame(0x88, &1001_u16.to_be_bytes())).unwrap();
    assert_eq!(next_frame(&mut second), Some((0x88, 1001_u16.to_be_bytes().to_vec())));
    assert_eq!(next_frame(&mut second), None);
    broker.log.wait_for("disconnected: connection closed by client.");
}

/// `[MQTT-6.0.0-3]` `[3.1.1 MQTT-6.0.0-3]`
#[test]
fn a_request_that_is_none_is_closed_without_an_answer() {
    let broker = broker("");
    for request in [
        REQUEST.replace("GET", "POST"),
        REQUEST.replace("Protocol: mqtt", "Protocol: wamp"),
        REQUEST.replace("Version: 13", "Version: 8"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("{}\r\n\r\n", String::from_utf8_lossy(CONNECT)),
    ] {
        let mut stream = broker.dial_second();
        stream.write_all(request.as_bytes()).unwrap();
        is_hung_up_on(&stream);
    }
    let mut stream = broker.dial_second();
    stream.write_all(REQUEST.replace("GET", "HEAD").as_bytes()).unwrap();
    let mut answer = vec![0; ANSWER.len()];
    stream.read_exact(&mut answer).unwrap();
}

#[test]
pub(crate) fn websockets_origin_lets_in_pages_of_these_origins_only() {
    let broker = broker("websockets_origin https://example.org\nwebsockets_origin https://example.com");
    let from = |origin: &str| {
        let mut stream = broker.dial_second();
        let request = REQUEST.replace("Host:", &format!("Origin: {origin}\r\nHost:"));
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    for origin in ["https://example.org", "https://EXAMPLE.com"] {
        let mut answer = vec![0; ANSWER.len()];
        from(origin).read_exact(&mut answer).unwrap();
        assert_eq!(answer, ANSWER.as_bytes());
    }
    for (n, origin) in ["https://example.net", "https://example"].into_iter().enumerate() {
        is_hung_up_on(&from(origin));
        broker.log.wait_for_several("disconnected: non-matching http origin", n + 1);
    }
}

/// From the first byte: nobody waits for the end of a request that is none.
#[test]
fn who_speaks_something_else_to_a_listener_for_websockets_is_named_and_closed() {
    let broker = broker("");
    for (bytes, what) in [
        (CONNECT, "appears not to be using WebSockets to connect to a websockets listener."),
        (&CONNECT[..1], "appears not to be using WebSockets to connect to a websockets listener."),
        (b"\x16\x03\x01", "appears to be using TLS to connect to a non-TLS listener."),
        (b"\0", "disconnected: protocol error."),
        (b"{\"method\":1}", "disconnected: protocol error."),
    ] {
        let mut stream = broker.dial_second();
        let from = stream.local_addr().unwrap();
        stream.write_all(bytes).unwrap();
        is_hung_up_on(&stream);
        broker.log.wait_for(&format!("[{from}] disconnected: protocol error."));
        let lines = broker.log.all();
        assert!(
            lines.iter().any(|line| line.contains(&from.to_string()) && line.ends_with(what)),
            "{what}: {lines:#?}"
        );
    }
    connect(&broker, "after").ping();
}

/// Said, not believed: anybody can send such a header.
#[test]
fn x_forwarded_for_is_shown_in_the_log_and_changes_nothing() {
    let long = "x".repeat(1000);
    let broker = broker("");
    for (n, (value, shown)) in [
        ("X-Forwarded-For: 203.0.113.7, 10.0.0.1", "203.0.113.7, 10.0.0.1"),
        ("x-forwarded-for: 2001:db8::1\r\nX-FORWARDED-FOR:  unknown ", "2001:db8::1, unknown"),
        ("X-Forwarded-For: a\t\u{e9}b", "a???b"),
        (&format!("X-Forwarded-For: {long}"), &long[..256]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = broker.dial_second();
        let from = stream.local_addr().unwrap();
        // In one piece, and with the CONNECT behind it.
        let request = REQUEST.replace("Host:", &format!("{value}\r\nHost:"));
        stream.write_all(request.as_bytes()).unwrap();
        if n == 0 {
            broker.log.wait_for(&format!("Connection from {from} says X-Forwarded-For: {shown}"));
        }
        stream.write_all(&frame(0x82, CONNECT)).unwrap();
        let mut answer = vec![0; ANSWER.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(next_frame(&mut stream), Some((0x82, CONNACK.to_vec())));
        broker.log.wait_for(&format!("New client connected from {from} as x "));
        let line = format!("Connection from {from} says X-Forwarded-For: {shown}");
        let lines = broker.log.all();
        assert_eq!(lines.iter().filter(|said| said.ends_with(&line)).count(), 1, "{lines:#?}");
    }
    // A request without it says nothing, and one that is refused is not listened to.
    let before = broker.log.count("X-Forwarded-For");
    connect(&broker, "silent");
    let mut refused = broker.dial_second();
    let request =
        REQUEST.replace("Host:", "X-Forwarded-For: 203.0.113.7\r\nHost:").replace("Version: 13", "Version: 8");
    refused.write_all(request.as_bytes()).unwrap();
    is_hung_up_on(&refused);
    assert_eq!(broker.log.count("X-Forwarded-For"), before);
}

#[test]
pub(crate) fn packet_buffer_size_bounds_the_head_of_the_request() {
    for (option, limit) in [
        ("", 4096),
        ("packet_buffer_size 0", 4096),
        ("packet_buffer_size 300", 300),
        ("websockets_headers_size 9000", 9000),
    ] {
        let broker = broker(option);
        let request = |len: usize| {
            let filler = "x".repeat(len - REQUEST.len() - "X: \r\n".len());
            let mut stream = broker.dial_second();
            stream.write_all(REQUEST.replace("Host:", &format!("X: {filler}\r\nHost:")).as_bytes()).unwrap();
            stream
        };
        let mut answer = vec![0; ANSWER.len()];
        request(limit).read_exact(&mut answer).unwrap();
        is_hung_up_on(&request(limit + 1));
    }
}

#[test]
fn a_unix_socket_and_a_proxy_header_go_with_them() {
    let broker = Broker::open(
        "listener SECOND 127.0.0.1\nprotocol websockets\nenable_proxy_protocol 1\n\
         listener 0 DIR/x.sock\nprotocol websockets\nenable_control_api true",
    );
    let mut proxied = broker.dial_second();
    proxied.write_all(b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n").unwrap();
    let mut web = client("web").over(in_websocket(proxied));
    assert_eq!(web.next(), Got::ConnAck { present: false, reason: 0 });
    broker.log.wait_for("New client connected from 192.0.2.5:6275 as web ");
    let path = broker.directory().join("x.sock");
    let stream = TcpStream::from(OwnedFd::from(UnixStream::connect(&path).unwrap()));
    let mut at_path = client("at-path").over(in_websocket(stream));
    assert_eq!(at_path.next(), Got::ConnAck { present: false, reason: 0 });
    at_path.publish("$CONTROL/broker/v1", r#"{"commands":[{"command":"listListeners"}]}"#, 0);
    let listed = String::from_utf8(at_path.message().payload).unwrap();
    let second = format!(r#"{{"port":{},"protocol":"mqtt+websockets","bind-address"#, broker.second_port());
    let third = format!(r#"{{"port":0,"protocol":"mqtt+websockets","socket-path":"{}","tls":false}}"#, path.display());
    assert!(listed.contains(&second) && listed.contains(&third), "{listed}");
}

#[test]
fn a_reload_is_for_later_connections() {
    let plain = "allow_anonymous true\nlistener PORT 127.0.0.1\n";
    let broker = Setup::config(plain).start();
    let mut early = client("early").to(&broker);
    let lines = broker.reload(&format!("{plain}protocol websockets\n"));
    assert!(lines.iter().any(|line| line.contains(": mqtt -> websockets (for later connections)")), "{lines:?}");
    let mut late = client("late").over(in_websocket(broker.dial()));
    assert_eq!(late.next(), Got::ConnAck { present: false, reason: 0 });
    late.ping();
    early.ping();
}
