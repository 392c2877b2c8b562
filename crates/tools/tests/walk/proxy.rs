//! The programs behind a SOCKS5 proxy.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper fails the test that it serves")]

use crate::certificates::Certificates;
use crate::harness::{self, Broker, MICROSOCKS, PUB, SUB, foreign, free_port, text};
use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A proxy that connects to what it is asked for on this machine, and tells what that was.
struct Proxy {
    port: u16,
    asked: Receiver<String>,
}

impl Proxy {
    /// One that wants this user and password, if any; or one that answers every request with a code of failure.
    fn start(login: Option<(&'static str, &'static str)>, failure: Option<u8>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = channel();
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                thread::spawn(move || serve(stream, login, failure, &|asked| drop(tell.send(asked))));
            }
        });
        Self { port, asked }
    }

    fn url(&self, login: &str) -> String {
        format!("socks5h://{login}localhost:{}", self.port)
    }
}

fn read<const LEN: usize>(stream: &mut TcpStream) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn read_text(stream: &mut TcpStream) -> String {
    let [len] = read(stream);
    let mut bytes = vec![0; usize::from(len)];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn serve(mut stream: TcpStream, login: Option<(&str, &str)>, failure: Option<u8>, tell: &dyn Fn(String)) {
    let [5, count] = read(&mut stream) else { return };
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).unwrap();
    let method = if login.is_some() { 2 } else { 0 };
    stream.write_all(&[5, if methods.contains(&method) { method } else { 0xff }]).unwrap();
    if let Some((user, password)) = login {
        let [1] = read(&mut stream) else { return };
        let good = (read_text(&mut stream).as_str(), read_text(&mut stream).as_str()) == (user, password);
        stream.write_all(&[1, if good { 0 } else { 2 }]).unwrap();
    }
    let [5, 1, 0, kind] = read(&mut stream) else { return };
    let host = match kind {
        1 => std::net::Ipv4Addr::from(read::<4>(&mut stream)).to_string(),
        _ => read_text(&mut stream),
    };
    let port = u16::from_be_bytes(read(&mut stream));
    tell(format!("{host}:{port}"));
    stream.write_all(&[5, failure.unwrap_or(0), 0, 1, 127, 0, 0, 1, 0, 1]).unwrap();
    if failure.is_some() {
        return;
    }
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
    let upwards = thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut server, &mut stream);
    let _ = stream.shutdown(Shutdown::Write);
    upwards.join().unwrap();
}

#[test]
fn messages_go_through_a_proxy_that_looks_the_name_up() {
    let broker = Broker::start();
    let proxy = Proxy::start(None, None);
    let url = proxy.url("");
    let through = ["-h", "no.such.host.invalid", "--proxy", &url, "-t", "a"];
    let subscriber = broker.subscribe(&[&through[..], &["-C", "1"]].concat());
    broker.publish(&[&through[..], &["-m", "hello", "-q", "1"]].concat());
    assert_eq!(subscriber.message(), "hello");
    assert_eq!(proxy.asked.recv().unwrap(), format!("no.such.host.invalid:{}", broker.port));
    // An address is sent as an address.
    broker.publish(&["--proxy", &url, "-t", "a", "-m", "b"]);
    assert_eq!(proxy.asked.iter().nth(1).unwrap(), format!("127.0.0.1:{}", broker.port));
}

#[test]
fn tls_and_websockets_go_through_a_proxy_with_a_password() {
    let certificates = Certificates::new();
    let broker = Broker::with(&format!("protocol websockets\nallow_anonymous true\n{}", certificates.listener()));
    let proxy = Proxy::start(Some(("me", "p@ss:word")), None);
    let (url, cafile) = (proxy.url("me:p%40ss%3aword@"), certificates.text("ca.crt"));
    let through = ["-h", "localhost", "--proxy", &url, "--ws", "--cafile", &cafile, "-t", "a"];
    let subscriber = broker.subscribe(&[&through[..], &["-C", "1"]].concat());
    broker.publish(&[&through[..], &["-m", "hello", "-q", "2"]].concat());
    assert_eq!(subscriber.message(), "hello");
}

#[test]
fn a_proxy_that_makes_no_connection_is_told_as_the_original_tells_it() {
    let broker = Broker::start();
    let outcome = |url: &str| {
        let output = broker.run(PUB, &["--proxy", url, "-t", "a", "-m", "b"]);
        (output.status.code(), text(&output.stderr))
    };
    let told = |status, text: &str| (Some(status), format!("Error: {text}\n"));
    let closed = Proxy::start(Some(("me", "secret")), None);
    for login in ["", "me:wrong@", "me@"] {
        assert_eq!(outcome(&closed.url(login)), told(11, "Authorisation failed"), "{login}");
    }
    for (code, status, text) in [
        (1, 16, "Proxy error"),
        (2, 11, "Authorisation failed"),
        (3, 4, "The client is not currently connected"),
        (5, 4, "The client is not currently connected"),
        (8, 16, "Proxy error"),
        (9, 3, "Invalid input"),
    ] {
        assert_eq!(outcome(&Proxy::start(None, Some(code)).url("")), told(status, text), "{code}");
    }
    // A broker is no proxy; and nobody is nobody.
    assert_eq!(outcome(&format!("socks5h://localhost:{}", broker.port)), told(16, "Proxy error"));
    assert_eq!(outcome(&format!("socks5h://localhost:{}", free_port())), told(1, "Connection refused"));
}

#[test]
fn microsocks_is_understood() {
    let Some(microsocks) = foreign(MICROSOCKS) else { return };
    let broker = Broker::start();
    for (login, url) in [(&[][..], ""), (&["-u", "me", "-P", "secret"], "me:secret@")] {
        let (_process, port) = harness::microsocks(microsocks, login);
        let url = format!("socks5h://{url}127.0.0.1:{port}");
        broker.publish(&["-h", "localhost", "--proxy", &url, "-t", "a", "-m", "hello", "-r", "-q", "1"]);
        let got = broker.run(SUB, &["-h", "localhost", "--proxy", &url, "-t", "a", "-C", "1", "-W", "20"]);
        assert_eq!((text(&got.stdout), got.status.code()), ("hello\n".to_owned(), Some(0)));
    }
}
