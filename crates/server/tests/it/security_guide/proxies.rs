//! Pages of a browser, and proxies.

use super::tls::{of_anna, tunnel};
use super::{Section, is_let_in, may_publish, user};
use crate::harness::{Broker, Got, PATIENCE, REQUEST, client, frame, next_frame};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

const HAPROXY: &str = "/etc/haproxy/haproxy.cfg";

/// A CONNACK of MQTT 3.1.1 that lets its client in.
const LET_IN: &[u8] = b"\x20\x02\0\0";

/// Asks for a WebSocket at this path for a page of this origin, and then Anna for admission. False where either is refused.
fn page_is_let_in(mut stream: TcpStream, path: &str, origin: Option<&str>) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let origin = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
    let request = REQUEST.replace("/mqtt", path).replace("Upgrade: web", &format!("{origin}Upgrade: web"));
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if !reader.read_until(b'\n', &mut answer).is_ok_and(|len| len > 0) {
            return false;
        }
    }
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return false;
    }
    reader.get_mut().write_all(&frame(0x82, &user("anna").v311().bytes())).unwrap();
    next_frame(&mut reader) == Some((0x82, LET_IN.to_vec()))
}

#[test]
pub(super) fn websockets() {
    let Some(mut section) = Section::open("WebSockets", &["Passwords", "TLS", "PROXY protocol"]) else { return };
    let broker = section.start();
    let call = |broker: &Broker, origin| page_is_let_in(tunnel(&section).to(broker).unwrap(), "/mqtt", origin);
    assert!(call(&broker, Some("https://dashboard.example.org")));
    for other in [Some("https://dashboard.example.org.example.com"), Some("https://elsewhere"), None] {
        assert!(!call(&broker, other), "{other:?}");
    }
    let option = "websockets_origin https://dashboard.example.org\n";
    assert!(broker.config().contains(option));
    broker.reload(&broker.config().replace(option, ""));
    assert!(call(&broker, Some("https://elsewhere")) && call(&broker, None));
    drop(broker);

    section.file("haproxy");
    let broker = section.start();
    let proxy = section.proxy(&broker);
    let dial = || {
        let socket = Broker::dial_address(proxy.address());
        let own = socket.local_addr().unwrap();
        (tunnel(&section).over(socket).unwrap(), own)
    };
    let (stream, own) = dial();
    assert!(page_is_let_in(stream, "/mqtt", None));
    broker.log.wait_for(&format!("New client connected from {own} as anna "));
    assert!(!page_is_let_in(dial().0, "/elsewhere", None));
    assert!(!page_is_let_in(broker.dial(), "/mqtt", None));
}

#[test]
pub(super) fn proxy_protocol() {
    let after = ["Access lists", "TLS", "Clients with certificates"];
    let Some(mut section) = Section::open("PROXY protocol", &after) else { return };
    section.file("haproxy");
    section.shell();
    let broker = section.start();
    let proxy = section.proxy(&broker);
    let socket = Broker::dial_address(proxy.address());
    let own = socket.local_addr().unwrap();
    let mut anna = client("x").username("liar").over(of_anna(&section).over(socket).unwrap());
    assert_eq!(anna.next(), Got::ConnAck { present: false, reason: 0 });
    broker.log.wait_for(&format!("New client connected from {own} as x (p5, c1, k60, u'anna')."));
    assert!(may_publish(&mut anna, "lights/kitchen") && !may_publish(&mut anna, "lights/alarm"));
    let without = tunnel(&section).over(Broker::dial_address(proxy.address())).unwrap();
    assert!(is_let_in(&user("anna"), without).is_none());
    broker.log.wait_for(" rejected, client did not provide a certificate.");
    let config = section.read(HAPROXY);
    let plain: String = config.lines().map(|line| line.split(" ssl ").next().unwrap().to_owned() + "\n").collect();
    std::fs::write(section.path(HAPROXY), plain).unwrap();
    let proxy = section.proxy(&broker);
    assert!(is_let_in(&user("anna"), Broker::dial_address(proxy.address())).is_none());
    broker.log.wait_for(" rejected, client did not connect using TLS.");
    assert!(is_let_in(&user("anna"), broker.dial()).is_none());
    broker.log.wait_for("Connection rejected, corrupt PROXY header.");
}
