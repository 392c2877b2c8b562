//! Files of an `http_dir`.

use super::{Answer, ask_with, broker, get, is_closed};
use crate::harness::{ANSWER, Broker, REQUEST, Scratch, Setup, client, free_port, mosquitto, wait_until};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;

/// A directory with files, and another beside it.
struct Site {
    scratch: Scratch,
}

impl Site {
    fn new() -> Self {
        let scratch = Scratch::new();
        for directory in ["www", "www/sub", "www2"] {
            fs::create_dir(scratch.path().join(directory)).unwrap();
        }
        for (name, text) in [
            ("www/index.html", "<html></html>"),
            ("www/style.css", "a {}"),
            ("www/with space.txt", "space"),
            ("www/sub/index.html", "sub"),
            ("www/sub/unknown", ""),
            ("www2/secret", "secret"),
            ("secret", "secret"),
        ] {
            scratch.file(name, text);
        }
        Self { scratch }
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).display().to_string()
    }

    /// The line that has it served.
    fn line(&self) -> String {
        format!("http_dir {}", self.path("www"))
    }
}

#[test]
pub(crate) fn files_are_served_with_their_types() {
    let site = Site::new();
    let broker = broker(&site.line());
    let real = site.scratch.path().join("www").canonicalize().unwrap();
    broker.log.wait_for(&format!("Using http_dir {}/", real.display()));
    for (path, content_type, body) in [
        ("/", "text/html; charset=utf-8", "<html></html>"),
        ("/index.html", "text/html; charset=utf-8", "<html></html>"),
        ("/index.html?x", "text/html; charset=utf-8", "<html></html>"),
        ("/inde%78.html", "text/html; charset=utf-8", "<html></html>"),
        ("/style.css", "text/css; charset=utf-8", "a {}"),
        ("/with%20space.txt", "text/plain; charset=utf-8", "space"),
        ("/sub/", "text/html; charset=utf-8", "sub"),
        ("/sub/unknown", "application/octet-stream", ""),
    ] {
        let headers = vec![
            "Connection: close".to_owned(),
            format!("Content-Type: {content_type}"),
            format!("Content-Length: {}", body.len()),
        ];
        assert_eq!(get(&broker, path), Answer { status: 200, headers, body: body.into() }, "{path}");
    }
    assert_eq!(ask_with(&broker, b"HEAD / HTTP/1.1\r\n\r\n").status, 405);
}

#[test]
fn no_path_leads_out_of_the_directory() {
    let site = Site::new();
    for (target, link) in [
        (site.path("secret"), "www/link-to-file"),
        (site.path("www2"), "www/link-to-directory"),
        ("../secret".to_owned(), "www/relative-link"),
        ("/etc".to_owned(), "www/etc"),
        (site.path("nowhere"), "www/nowhere"),
        (site.path("www/round"), "www/round"),
    ] {
        symlink(target, site.path(link)).unwrap();
    }
    symlink("index.html", site.path("www/inside")).unwrap();
    symlink(site.path("www/sub"), site.path("www/sub-inside")).unwrap();
    let broker = broker(&site.line());
    for path in [
        "/../secret",
        "/..",
        "/../",
        "/%2e%2e/secret",
        "/%2E./secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/sub/../../secret",
        "/../www2/secret",
        "/../www/index.html",
        "/sub/../index.html",
        "/./index.html",
        "//index.html",
        "//etc/passwd",
        "/%2fetc/passwd",
        "//",
        "/sub//",
        "/index.html/",
        "/index.html%00",
        "/%00",
        "/index.html%00.css",
        "/..\\secret",
        "/link-to-file",
        "/link-to-directory/secret",
        "/relative-link",
        "/etc/passwd",
        "/nowhere",
        "/round",
        "/sub",
        "/missing",
        "index.html",
        "../secret",
        "http://localhost/index.html",
        "*",
    ] {
        let answer = get(&broker, path);
        assert_eq!((answer.status, answer.text()), (404, "Not found.\n"), "{path}");
    }
    assert_eq!(get(&broker, "/inside").text(), "<html></html>");
    assert_eq!(get(&broker, "/sub-inside/").text(), "sub");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_is_not_found_and_not_waited_for() {
    let site = Site::new();
    let made = std::process::Command::new("mkfifo").arg(site.path("www/pipe")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(site.path("www/s")).unwrap();
    let broker = broker(&site.line());
    for path in ["/pipe", "/s", "/sub"] {
        assert_eq!(get(&broker, path).status, 404, "{path}");
    }
}

#[test]
fn a_large_file_is_sent_as_it_is_read() {
    const BYTES: u64 = 300 << 20;
    let site = Site::new();
    let file = File::create(site.path("www/large")).unwrap();
    file.set_len(BYTES).unwrap();
    let broker = broker(&site.line());
    let before = broker.resident_kib();
    let mut stream = broker.dial_second();
    stream.write_all(b"GET /large HTTP/1.1\r\n\r\n").unwrap();
    let (mut buffer, mut count, mut most) = (vec![0; 1 << 20], 0, 0);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            len => count += len as u64,
        }
        most = most.max(broker.resident_kib());
    }
    assert!((BYTES..BYTES + 500).contains(&count), "{count}");
    assert!(most < before + 20_000, "{before} KiB, then {most}");
}

/// What was promised cannot be sent any more.
#[test]
fn a_file_that_becomes_shorter_ends_its_connection() {
    let site = Site::new();
    let file = File::create(site.path("www/large")).unwrap();
    file.set_len(100 << 20).unwrap();
    let broker = broker(&site.line());
    let mut stream = broker.dial_second();
    stream.write_all(b"GET /large HTTP/1.1\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    file.set_len(1).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() < 100 << 20);
    assert_eq!(get(&broker, "/large").body.len(), 1);
}

#[test]
fn a_listener_for_websockets_serves_files_too() {
    let site = Site::new();
    let broker = Broker::open(&format!(
        "worker_threads 2\nlistener SECOND 127.0.0.1\nlistener_allow_anonymous false\nprotocol websockets\n\
         max_connections 2\nallow_anonymous true\n{}",
        site.line()
    ));
    for _ in 0..10 {
        assert_eq!(get(&broker, "/").text(), "<html></html>");
    }
    for (path, status) in [("/style.css", 200), ("/missing", 404), ("/../secret", 404), ("/api/v1/version", 404)] {
        assert_eq!(get(&broker, path).status, status, "{path}");
    }
    assert_eq!(ask_with(&broker, b"POST / HTTP/1.1\r\n\r\n").status, 405);
    // In pieces, and with what could be a body.
    let mut stream = broker.dial_second();
    for piece in "GET /sub/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".as_bytes().chunks(5) {
        stream.write_all(piece).unwrap();
    }
    assert_eq!(Answer::read(stream).text(), "sub");
    // What asks for a WebSocket in a wrong way is closed, as ever.
    let mut faulty = broker.dial_second();
    faulty.write_all(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").unwrap();
    assert_eq!(faulty.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
}

#[test]
fn websockets_are_opened_beside_files_and_files_are_no_clients() {
    let site = Site::new();
    let broker = Broker::open(&format!(
        "sys_interval 1\nlistener SECOND 127.0.0.1\nprotocol websockets\nmax_connections 1\n{}",
        site.line()
    ));
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("$SYS/broker/clients/connected", 0);
    assert_eq!(get(&broker, "/").status, 200);
    // The one place is free again.
    wait_until("a place", || {
        let mut stream = broker.dial_second();
        let mut answer = vec![0; ANSWER.len()];
        let came = stream.write_all(REQUEST.as_bytes()).and_then(|()| stream.read_exact(&mut answer));
        came.is_ok() && answer == ANSWER.as_bytes()
    });
    while watcher.message().payload != b"1" {}
}

#[test]
fn without_a_directory_a_listener_for_websockets_answers_nothing() {
    let broker = Broker::open("listener SECOND 127.0.0.1\nprotocol websockets");
    let mut stream = broker.dial_second();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    is_closed(&stream);
    broker.log.wait_for("disconnected: protocol error.");
}

#[test]
fn a_directory_that_is_not_there_ends_the_start() {
    let scratch = Scratch::new();
    let file = scratch.file("file", "");
    for (directory, why) in
        [("/nowhere/www".to_owned(), "No such file or directory"), (file.display().to_string(), "Not a directory")]
    {
        let text = format!(
            "log_timestamp false\nlistener {} 127.0.0.1\nlistener {} 127.0.0.1\nprotocol http_api\nhttp_dir {directory}\n",
            free_port(),
            free_port()
        );
        let config = scratch.file("mosquitto.conf", &text);
        let expected = [
            format!("Error: Unable to use http_dir '{directory}': {why}."),
            format!("Error found at {}:5.", config.display()),
        ];
        let refused = mosquitto(["-c".as_ref(), config.as_os_str()]);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.windows(2).any(|lines| lines == expected), "{refused:?}");
        let tested = mosquitto(["--test-config".as_ref(), "-c".as_ref(), config.as_os_str()]);
        assert!(tested.code == Some(3) && tested.stderr.join("\n").contains(&expected[0]), "{tested:?}");
    }
}

#[test]
fn a_listener_for_mqtt_has_no_files_and_says_so() {
    let site = Site::new();
    let broker = Setup::open(&site.line()).start();
    broker.log.wait_for("Warning: The 'http_dir' option has no effect on listener ");
}
