//! Our programs and Debian's, each with each, over everything that MQTT can go over.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper fails the test that it serves")]

use crate::certificates::Certificates;
use crate::harness::{
    Broker, DEBIANS_BROKER, DEBIANS_PUB, DEBIANS_SUB, MICROSOCKS, PUB, SUB, VERSIONS, broker_program, foreign,
    free_port, microsocks,
};
use crate::psk::has_openssl;
use std::cell::RefCell;
use std::path::Path;

/// Programs that publish and subscribe.
#[derive(Clone, Copy)]
struct Tools {
    name: &'static str,
    publisher: &'static str,
    subscriber: &'static str,
    /// Whether they know `--ws`.
    have_websockets: bool,
}

const OURS: Tools = Tools { name: "ours", publisher: PUB, subscriber: SUB, have_websockets: true };

/// Those of a release before 2.1.
const DEBIANS: Tools =
    Tools { name: "debians", publisher: DEBIANS_PUB, subscriber: DEBIANS_SUB, have_websockets: false };

/// How a broker is reached.
struct Way {
    name: &'static str,
    arguments: Vec<String>,
    needs_websockets: bool,
}

/// A broker with a listener of each kind, and the ways to it.
struct Place {
    broker: Broker,
    certificates: Certificates,
    /// The ports: TLS, TLS-PSK, WebSockets, WebSockets inside TLS.
    ports: [u16; 4],
    has_psk: bool,
}

impl Place {
    fn new(program: &Path, has_psk: bool) -> Self {
        let certificates = Certificates::new();
        // A broker that root starts is somebody else, who makes the socket there.
        let writable = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(certificates.path(""), writable).unwrap();
        std::fs::write(certificates.path("keys"), "alice:00c0ffee\n").unwrap();
        let ports = RefCell::new([0; 4]);
        let broker = Broker::of(program, || {
            let [tls, psk, websockets, both] = [(); 4].map(|()| free_port());
            *ports.borrow_mut() = [tls, psk, websockets, both];
            let (tls_lines, socket) = (certificates.listener(), certificates.text("socket"));
            let with_key = format!("listener {psk} 127.0.0.1\npsk_hint hint\n");
            format!(
                "allow_anonymous true\npsk_file {}\nlistener {tls} 127.0.0.1\n{tls_lines}{}listener {websockets} 127.0.0.1\n\
                 protocol websockets\nlistener {both} 127.0.0.1\nprotocol websockets\n{tls_lines}listener 0 {socket}\n",
                certificates.text("keys"),
                if has_psk { with_key } else { String::new() },
            )
        });
        Self { broker, certificates, ports: ports.into_inner(), has_psk }
    }

    fn ways(&self, proxy: Option<u16>) -> Vec<Way> {
        let [tls, psk, websockets, both] = self.ports.map(|port| format!("-p {port}"));
        let trusting = format!("-h localhost --cafile {}", self.certificates.text("ca.crt"));
        let key = "--psk-identity alice --psk 00c0ffee";
        let mut ways = vec![
            ("TCP", String::new(), false),
            ("TLS", format!("{trusting} {tls}"), false),
            ("WebSocket", format!("--ws {websockets}"), true),
            ("WebSocket in TLS", format!("--ws {trusting} {both}"), true),
            ("Unix socket", format!("--unix {}", self.certificates.text("socket")), false),
        ];
        if self.has_psk {
            ways.push(("PSK", format!("{key} {psk}"), false));
        }
        if let Some(proxy) = proxy {
            let proxy = format!("--proxy socks5h://127.0.0.1:{proxy}");
            ways.push(("SOCKS5", proxy.clone(), false));
            ways.push(("TLS through SOCKS5", format!("{proxy} {trusting} {tls}"), false));
            if self.has_psk {
                ways.push(("PSK through SOCKS5", format!("{proxy} {key} {psk}"), false));
            }
        }
        let way = |(name, arguments, needs_websockets): (_, String, _)| {
            let arguments = arguments.split_whitespace().map(str::to_owned).collect();
            Way { name, arguments, needs_websockets }
        };
        ways.into_iter().map(way).collect()
    }
}

/// With each QoS, in a version of its own.
fn messages_go(place: &Place, way: &Way, publisher: Tools, subscriber: Tools) {
    let arguments: Vec<&str> = way.arguments.iter().map(String::as_str).collect();
    let told = ["-t", "mix/#", "-q", "2", "-V", "mqttv5", "-F", "%t %q %p"];
    let end = place.broker.subscribe_with(subscriber.subscriber, &[&arguments[..], &told].concat());
    for (qos, version) in ["0", "1", "2"].into_iter().zip(VERSIONS) {
        let topic = format!("mix/{}", publisher.name);
        let what = ["-t", &topic, "-q", qos, "-V", version, "-i", "publisher", "-m", version];
        let output = place.broker.run(publisher.publisher, &[&arguments[..], &what].concat());
        assert!(output.status.success(), "{}: {publisher} {qos}: {output:?}", way.name, publisher = publisher.name);
        assert_eq!(end.message(), format!("{topic} {qos} {version}"), "{}: to {}", way.name, subscriber.name);
    }
}

/// Whichever programs are there: our own always are.
fn mix(broker: &Path, tools: &[Tools]) {
    let place = Place::new(broker, has_openssl());
    let proxy = foreign(MICROSOCKS).map(|program| microsocks(program, &[]));
    for way in place.ways(proxy.as_ref().map(|(_, port)| *port)) {
        let able = |tools: &&Tools| !way.needs_websockets || tools.have_websockets;
        for publisher in tools.iter().filter(able) {
            for subscriber in tools.iter().filter(able) {
                messages_go(&place, &way, *publisher, *subscriber);
            }
        }
    }
}

fn all_tools() -> Vec<Tools> {
    let there = foreign(DEBIANS_PUB).is_some() && foreign(DEBIANS_SUB).is_some();
    if there { vec![OURS, DEBIANS] } else { vec![OURS] }
}

#[test]
fn all_programs_talk_over_everything_through_this_broker() {
    mix(broker_program(), &all_tools());
}

#[test]
fn all_programs_talk_over_everything_through_debians_broker() {
    let Some(broker) = foreign(DEBIANS_BROKER) else { return };
    mix(Path::new(broker), &all_tools());
}
