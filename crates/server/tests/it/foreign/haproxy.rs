//! HAProxy, between clients and the broker.

use super::{are_there, mqttjs, place_of};
use crate::harness::{Broker, Client, Got, Program, Setup, client, in_websocket};
use crate::tls::Office;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

const HAPROXY: &str = "haproxy";
const PUB: &str = "mosquitto_pub";

/// A running HAProxy. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    _program: Program,
    address: SocketAddr,
}

impl Proxy {
    /// One whose configuration is in this file, and whose one place to listen is called `fd@0` there: the socket is given to
    /// it, so that connections are taken from now on. Its log is its standard error.
    pub(crate) fn start(config: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut command = Command::new(place_of(HAPROXY).unwrap());
        // -db: in the foreground, and not in the background whatever the configuration says.
        command.args(["-db", "-f"]).arg(config).stdin(OwnedFd::from(listener));
        Self { _program: Program::spawn(command), address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One that passes on to the broker what comes, in this mode, `bind` and `server` having these words behind them.
fn proxy(office: &Office, broker: &Broker, mode: &str, bind: &str, server: &str) -> Proxy {
    let config = format!(
        "defaults\n  mode {mode}\n  timeout connect 20s\n  timeout client 20s\n  timeout server 20s\n\
         listen mqtt\n  bind fd@0 {bind}\n  server broker {} {server}\n",
        broker.address()
    );
    Proxy::start(&office.file("haproxy.cfg", &config.replace("DIR", office.scratch.path().to_str().unwrap())))
}

/// A broker that expects headers of this version.
fn behind_proxy(version: u8, lines: &str) -> Broker {
    let text = "log_timestamp false\nallow_anonymous true\nworker_threads 3\nlistener PORT 127.0.0.1";
    Setup::config(&format!("{text}\nenable_proxy_protocol {version}\n{lines}\n")).start()
}

fn is_let_in(client: &mut Client) {
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client.ping();
}

#[test]
fn clients_behind_haproxy_are_known_by_their_own_addresses() {
    if !are_there(&[HAPROXY]) {
        return;
    }
    let office = Office::new();
    for (version, server) in [(1, "send-proxy"), (2, "send-proxy-v2")] {
        let broker = behind_proxy(version, "");
        let proxy = proxy(&office, &broker, "tcp", "", server);
        for round in 0..3 {
            let stream = Broker::dial_address(proxy.address());
            let own = stream.local_addr().unwrap();
            let id = format!("v{version}-{round}");
            let mut connected = client(&id).over(stream);
            is_let_in(&mut connected);
            broker.log.wait_for(&format!("New client connected from {own} as {id} "));
            connected.disconnect();
            broker.log.wait_for(&format!("Client {id} [{own}] disconnected."));
        }
    }
}

#[test]
fn the_common_name_of_a_certificate_that_haproxy_has_seen_is_the_username() {
    if !are_there(&[HAPROXY, PUB]) {
        return;
    }
    let office = Office::new();
    let server = ["server.crt", "server.key"].map(|name| std::fs::read_to_string(office.path(name)).unwrap());
    office.file("server.pem", &server.concat());
    office.write_client("alma");
    let broker =
        behind_proxy(2, "proxy_protocol_v2_require_tls true\nrequire_certificate true\nuse_identity_as_username true");
    let call = |proxy: &Proxy, id: &str, certificate: bool| {
        let mut command = Command::new(PUB);
        command.args(["-h", "localhost", "-p", &proxy.address().port().to_string(), "-A", "127.0.0.77", "-i", id]);
        command.args(["-u", "liar", "-q", "1", "-t", "t", "-m", "x", "--cafile", &office.path("ca.crt")]);
        if certificate {
            command.args(["--cert", &office.path("alma.crt"), "--key", &office.path("alma.key")]);
        }
        Program::spawn(command).finish()
    };
    let tls = "ssl crt DIR/server.pem ca-file DIR/ca.crt verify optional";
    let proxy = proxy(&office, &broker, "tcp", tls, "send-proxy-v2-ssl-cn proxy-v2-options ssl-cipher");
    assert_eq!(call(&proxy, "shows", true).code, Some(0));
    let line = broker.log.wait_for(" as shows (p4, c1, k60, u'alma').");
    assert!(line.starts_with("New client connected from 127.0.0.77:"), "{line}");
    let line = broker.log.wait_for(" negotiated TLSv1.3 cipher TLS_");
    assert!(line.starts_with("Connection from 127.0.0.77:"), "{line}");
    assert_ne!(call(&proxy, "hides", false).code, Some(0));
    broker.log.wait_for(" rejected, client did not provide a certificate.");
    // Without TLS between the client and the proxy there is none either.
    let plain = self::proxy(&office, &broker, "tcp", "", "send-proxy-v2-ssl-cn");
    let mut hung_up_on = client("plain").over(Broker::dial_address(plain.address()));
    assert_eq!(hung_up_on.next_or_end(), None);
    broker.log.wait_for(" rejected, client did not connect using TLS.");
    assert_eq!(broker.log.count("New client connected"), 1);
}

#[test]
fn websockets_come_through_haproxy_as_bytes_and_as_http() {
    if !are_there(&[HAPROXY]) {
        return;
    }
    let office = Office::new();
    let broker = behind_proxy(2, "protocol websockets");
    // In mode http the proxy reads the requests, and writes them and their answers in words of its own.
    for mode in ["tcp", "http"] {
        let proxy = proxy(&office, &broker, mode, "", "send-proxy-v2");
        if !mqttjs::runs_to_its_end(&office, &format!("ws://{}/mqtt", proxy.address())) {
            return;
        }
    }
    // Its own address, and not the proxy's.
    let proxy = proxy(&office, &broker, "tcp", "", "send-proxy-v2");
    let stream = Broker::dial_address(proxy.address());
    let own = stream.local_addr().unwrap();
    is_let_in(&mut client("bytes").over(in_websocket(stream)));
    broker.log.wait_for(&format!("New client connected from {own} as bytes "));
}
