//! A browser: MQTT.js in a page in Chromium.

use super::{are_there, mqttjs};
use crate::harness::{PATIENCE, Program, Scratch, Setup};
use crate::tls::Office;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

const CHROMIUM: &str = "chromium";

/// What the browser is to do, and to leave.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--no-proxy-server",
    // The authority of the test is in no store of the system's.
    "--ignore-certificate-errors",
];

/// A server of one page, and of nothing else. The page tells it lines, which can be waited for.
#[derive(Debug)]
struct Page {
    address: SocketAddr,
    lines: Receiver<String>,
}

impl Page {
    /// In a thread that ends with the test program.
    fn serve(page: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (told, lines) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (told, page) = (told.clone(), page.clone());
                // A browser opens connections that it may never use.
                thread::spawn(move || answer(&stream.unwrap(), &page, &told));
            }
        });
        Self { address, lines }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next line.
    fn line(&self, browser: &Program) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line from {browser:#?}"))
    }
}

/// Answers one request: `GET /` with the page, and `POST /` by taking its body for a line.
fn answer(stream: &TcpStream, page: &str, told: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if !reader.read_until(b'\n', &mut head).is_ok_and(|len| len > 0) {
            return;
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let (status, body) = match head.split(' ').collect::<Vec<_>>()[..2] {
        ["get", "/"] => ("200 OK", page),
        ["post", "/"] => {
            let len = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
            let mut line = vec![0; len];
            reader.read_exact(&mut line).unwrap();
            // Nobody may be waiting any more.
            let _ = told.send(String::from_utf8(line).unwrap());
            ("200 OK", "")
        }
        _ => ("404 Not Found", ""),
    };
    let kind = "Content-Type: text/html; charset=utf-8\r\nConnection: close";
    let _ = write!(&mut &*stream, "HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// Opens the page in a browser that has nothing of earlier days, in this directory.
fn browse(page: &Page, directory: &Path) -> Program {
    let mut command = Command::new(CHROMIUM);
    command.args(FLAGS).arg(format!("--user-data-dir={}", directory.join("profile").display()));
    // Whatever it keeps elsewhere.
    for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        command.env(name, directory);
    }
    command.arg(page.origin()).stdin(Stdio::null());
    Program::spawn(command)
}

/// The page, with MQTT.js inside, that uses what is at these URLs.
fn page(package: &Path, urls: &[String]) -> String {
    let library = std::fs::read_to_string(package.join("dist/mqtt.min.js")).unwrap();
    let text = include_str!("../../foreign/page.html");
    let urls: Vec<_> = urls.iter().map(|url| format!("\"{url}\"")).collect();
    text.replace("URLS", &format!("[{}]", urls.join(",")))
        .replace("LIBRARY", &library.replace("</script", "<\\/script"))
}

#[test]
fn a_page_publishes_and_subscribes_where_its_origin_may() {
    if !are_there(&[CHROMIUM]) {
        return;
    }
    let Some(package) = mqttjs::package() else { return };
    let (office, scratch) = (Office::new(), Scratch::new());
    let tls = "certfile DIR/server.crt\nkeyfile DIR/server.key".replace("DIR", office.scratch.path().to_str().unwrap());
    let config = format!(
        "allow_anonymous true\nworker_threads 3\nlistener PORT 127.0.0.1\nprotocol websockets\n\
         listener SECOND 127.0.0.1\nprotocol websockets\n{tls}\n"
    );
    let broker = Setup::config(&config).start();
    let urls = [format!("ws://127.0.0.1:{}", broker.port()), format!("wss://localhost:{}/mqtt", broker.second_port())];
    let page = Page::serve(page(&package, &urls));
    let browser = browse(&page, scratch.path());
    for url in &urls {
        for version in [4, 5] {
            assert_eq!(page.line(&browser), format!("{url} version {version}: good"));
        }
    }
    assert_eq!(page.line(&browser), "end");
    browser.stop();
    // The same page once more, when the one listener wants another origin, and the other one this.
    let origin = page.origin();
    let config = config.replacen("protocol websockets", "protocol websockets\nwebsockets_origin http://elsewhere", 1);
    let log = broker.reload(&format!("{config}websockets_origin {origin}\n"));
    assert!(log.last().unwrap().ends_with("2 changes."), "{log:#?}");
    let browser = browse(&page, scratch.path());
    for version in [4, 5] {
        assert_eq!(page.line(&browser), format!("{} version {version}: closed", urls[0]));
    }
    for version in [4, 5] {
        assert_eq!(page.line(&browser), format!("{} version {version}: good", urls[1]));
    }
    assert_eq!(page.line(&browser), "end");
    browser.stop();
}
