//! The programs over WebSockets.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use crate::certificates::Certificates;
use crate::harness::{Broker, Directory, PUB, SUB, text};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

#[test]
fn messages_of_all_sizes_go_over_websockets() {
    let broker = Broker::with("protocol websockets\nallow_anonymous true\n");
    let directory = Directory::new();
    for len in [0_u32, 1, 70, 200, 70_000, 1_500_000] {
        let message: Vec<u8> = (0..len).map(|i| b'a' + (i % 23) as u8).collect();
        let file = directory.file("message", &message).display().to_string();
        let subscriber = broker.subscribe(&["--ws", "-t", "a", "-C", "1", "-v"]);
        broker.publish(&["--ws", "-t", "a", "-f", &file, "-q", "1"]);
        let expected = if len == 0 { b"(null)".to_vec() } else { message };
        assert!(subscriber.message().as_bytes() == [b"a ", &expected[..]].concat(), "{len}");
        assert_eq!(subscriber.end().0, Some(0));
    }
}

#[test]
fn a_url_says_all_of_it() {
    let certificates = Certificates::new();
    let plain = Broker::with("protocol websockets\nallow_anonymous true\n");
    let secure = Broker::with(&format!("protocol websockets\nallow_anonymous true\n{}", certificates.listener()));
    let cafile = certificates.text("ca.crt");
    for (broker, scheme, more) in [(&plain, "ws", &[][..]), (&secure, "wss", &["--cafile", &cafile])] {
        let url = format!("{scheme}://localhost:{}/a", broker.port);
        let subscriber = broker.subscribe(&[&["-L", &url, "-C", "1"][..], more].concat());
        broker.publish(&[&["-L", &url, "-m", "hello"][..], more].concat());
        assert_eq!(subscriber.message(), "hello");
    }
    // Over TLS by the machine's own authorities, of which there is none.
    let url = format!("wss://localhost:{}/a", secure.port);
    let mut command = secure.command(PUB, &["-L", &url, "-m", "b"]);
    let output = command.env("SSL_CERT_FILE", certificates.path("stranger.crt")).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(8), "Error: A TLS error occurred\n".to_owned()));
}

#[test]
fn a_server_that_answers_something_else_is_told() {
    for (answer, status, errors) in [
        (&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], 13, "Error: Unknown error\n"),
        (b"\x20\x02\x00\x00\r\n\r\n", 13, "Error: Unknown error\n"),
        (b"", 7, "Error: The connection was lost\n"),
    ] {
        for (program, more) in [(PUB, &["-m", "b"][..]), (SUB, &[])] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port().to_string();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                stream.write_all(answer).unwrap();
                text(&request)
            });
            let mut command = Command::new(program);
            command.env("XDG_CONFIG_HOME", "/nonexistent").args(["-p", &port, "--ws", "-t", "a"]).args(more);
            let output = command.output().unwrap();
            let outcome = (output.status.code(), text(&output.stderr));
            assert_eq!(outcome, (Some(status), errors.to_owned()), "{program} {answer:?}");
            let request = server.join().unwrap();
            assert!(request.starts_with(&format!("GET /mqtt HTTP/1.1\r\nHost: localhost:{port}\r\n")), "{request}");
        }
    }
}
