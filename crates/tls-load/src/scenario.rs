//! What is measured.

use crate::Result;
use crate::broker::Broker;
use crate::certificates::{Certificates, Key};
use crate::{handshakes, idle, pairs};
use std::time::Duration;

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// The server's.
    pub(crate) key: Key,
    version: Version,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Handshakes { resumed: bool },
    Pairs { qos: u8, payload_bytes: usize },
    Idle,
}

impl Scenario {
    /// All of them, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for resumed in [false, true] {
            for key in [Key::Rsa2048, Key::EcdsaP256] {
                for version in [Version::Tls12, Version::Tls13] {
                    all.push(Self { key, version, what: What::Handshakes { resumed } });
                }
            }
        }
        for qos in [0, 1] {
            for payload_bytes in [64, 1024, 16 * 1024] {
                all.push(Self {
                    key: Key::EcdsaP256,
                    version: Version::Tls13,
                    what: What::Pairs { qos, payload_bytes },
                });
            }
        }
        for version in [Version::Tls12, Version::Tls13] {
            all.push(Self { key: Key::EcdsaP256, version, what: What::Idle });
        }
        all
    }

    pub(crate) fn title(&self) -> String {
        let version = match self.version {
            Version::Tls12 => "TLS 1.2",
            Version::Tls13 => "TLS 1.3",
        };
        let key = match self.key {
            Key::Rsa2048 => "RSA 2048",
            Key::EcdsaP256 => "ECDSA P-256",
        };
        match self.what {
            What::Handshakes { resumed: false } => format!("full handshake, {version}, {key}"),
            What::Handshakes { resumed: true } => format!("resumption, {version}, {key}"),
            What::Pairs { qos, payload_bytes } => format!("pairs, QoS {qos}, {payload_bytes} bytes"),
            What::Idle => format!("idle, {version}"),
        }
    }

    pub(crate) fn unit(&self) -> &'static str {
        match self.what {
            What::Handshakes { .. } => "connections per CPU second",
            What::Pairs { .. } => "deliveries per CPU second",
            What::Idle => "resident bytes per connection",
        }
    }

    pub(crate) fn run(&self, broker: &Broker, certificates: &Certificates, time: Duration) -> Result<f64> {
        match self.what {
            What::Handshakes { resumed } => handshakes::run(broker, certificates, self.version, resumed, time),
            What::Pairs { qos, payload_bytes } => {
                pairs::run(broker, certificates, self.version, qos, payload_bytes, time)
            }
            What::Idle => idle::run(broker, certificates, self.version),
        }
    }
}
