//! Listeners inside TLS with pre-shared keys.

pub(crate) mod connections;
pub(crate) mod files;
mod foreign;
pub(crate) mod identities;
mod layers;
mod reload;
pub(crate) mod tunnel;

use crate::harness::{Broker, Client, Got, Scratch, Setup, client, report_skipped};
use mosquitto_tls_psk::OpenSsl;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tunnel::Tunnel;

/// What most of these tests are about: alice's key, and bob's.
const KEYS: &str = "alice:00c0ffee\nbob:0123456789abcdef\n";

/// A PSK file, and the OpenSSL that the tests need.
#[derive(Debug)]
struct Desk {
    openssl: &'static OpenSsl,
    scratch: Scratch,
}

impl Desk {
    /// With these keys. None where there is no OpenSSL, which is told.
    fn new(keys: &str) -> Option<Self> {
        let Ok(openssl) = OpenSsl::load(None) else {
            report_skipped("libssl");
            return None;
        };
        let desk = Self { openssl, scratch: Scratch::new() };
        desk.set(keys);
        Some(desk)
    }

    /// Other keys from the next reload on.
    fn set(&self, keys: &str) -> PathBuf {
        let path = self.scratch.file("keys", keys);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A configuration with one listener that goes by the file, with these lines below it. `DIR` is the desk's directory.
    fn config(&self, lines: &str) -> String {
        let config = format!(
            "log_type all\nlog_timestamp false\nworker_threads 2\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n\
             psk_hint some hint\npsk_file DIR/keys\n{lines}\n"
        );
        config.replace("DIR", self.scratch.path().to_str().unwrap())
    }

    fn broker(&self, lines: &str) -> Broker {
        Setup::config(&self.config(lines)).start()
    }

    /// A client's end with this identity and key.
    fn tunnel(&self, identity: &str, key: &[u8]) -> Tunnel {
        Tunnel::new(self.openssl, identity, key)
    }

    /// Alice's end.
    fn alice(&self) -> Tunnel {
        self.tunnel("alice", &[0, 0xc0, 0xff, 0xee])
    }

    /// Bob's end.
    fn bob(&self) -> Tunnel {
        self.tunnel("bob", &[1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef])
    }

    /// What a broker with this configuration says instead of running, and its exit status.
    fn refusal(&self, config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (Vec<String>, Option<i32>) {
        let port = crate::harness::free_port().to_string();
        let text = config.replace("PORT", &port).replace("DIR", self.scratch.path().to_str().unwrap());
        let path = self.scratch.file("mosquitto.conf", &text);
        let arguments = arguments.iter().map(Path::new).chain([Path::new("-c"), &path]);
        let refused = crate::harness::mosquitto_with(arguments, environment);
        (refused.stderr, refused.code)
    }
}

/// A client inside, which has to be let in.
fn connect(tunnel: &Tunnel, broker: &Broker, id: &str) -> Client {
    let mut client = client(id).over(tunnel.to(broker).unwrap());
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client
}
