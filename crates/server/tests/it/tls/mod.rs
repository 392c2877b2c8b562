//! Listeners inside TLS.

pub(crate) mod authority;
pub(crate) mod ciphers;
pub(crate) mod client_certificates;
pub(crate) mod connections;
pub(crate) mod encrypted_keys;
pub(crate) mod files;
mod half_open;
pub(crate) mod identities;
mod key_log;
mod layers;
mod reload;
mod resumption;
mod subjects;
pub(crate) mod tunnel;

use crate::harness::{Broker, Scratch, Setup};
use authority::{Authority, Leaf};
use std::path::PathBuf;
use tunnel::Tunnel;

/// An authority, a server's certificate from it, and a directory for files.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) authority: Authority,
    pub(crate) scratch: Scratch,
}

impl Office {
    pub(crate) fn new() -> Self {
        let office = Self { authority: Authority::new("Test Authority"), scratch: Scratch::new() };
        office.write_server();
        office.file("ca.crt", &office.authority.pem);
        office
    }

    /// A server's certificate and key, new ones each time.
    fn write_server(&self) {
        let server = self.authority.server();
        self.file("server.crt", &server.pem);
        self.file("server.key", &server.key);
    }

    /// A server's certificate for this key.
    pub(crate) fn write_server_with(&self, key: &str) {
        self.file("server.crt", &self.authority.server_with(&rcgen::KeyPair::from_pem(key).unwrap()).pem);
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        self.scratch.file(name, text)
    }

    /// The same for a client of this name, in files of this name.
    pub(crate) fn write_client(&self, name: &str) -> Leaf {
        let leaf = self.authority.client(name);
        self.file(&format!("{name}.crt"), &leaf.pem);
        self.file(&format!("{name}.key"), &leaf.key);
        leaf
    }

    /// Where the file of this name is.
    pub(crate) fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).to_str().unwrap().to_owned()
    }

    /// A configuration with one listener inside TLS that lets everybody in, with these lines below it. `DIR` is the office's
    /// directory.
    pub(crate) fn config(&self, lines: &str) -> String {
        let config = format!(
            "log_type all\nlog_timestamp false\nworker_threads 2\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n\
             certfile DIR/server.crt\nkeyfile DIR/server.key\n{lines}\n"
        );
        config.replace("DIR", self.scratch.path().to_str().unwrap())
    }

    pub(crate) fn broker(&self, lines: &str) -> Broker {
        Setup::config(&self.config(lines)).start()
    }

    /// A client's end that trusts the server.
    pub(crate) fn tunnel(&self) -> Tunnel {
        Tunnel::trusting(&self.authority.pem)
    }

    /// What such a broker says instead of running, and its exit status.
    fn refusal(&self, lines: &str) -> (Vec<String>, Option<i32>) {
        let port = crate::harness::free_port().to_string();
        let config = self.scratch.file("mosquitto.conf", &self.config(lines).replace("PORT", &port));
        let refused = crate::harness::mosquitto(["-c".as_ref(), config.as_os_str()]);
        (refused.stderr, refused.code)
    }
}
