//! Certificates, made as they are needed.

#![allow(clippy::unwrap_used, reason = "a harness fails the test that it serves")]

use crate::harness::Directory;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use std::path::PathBuf;

/// Files with certificates, in a directory of their own.
pub(crate) struct Certificates {
    directory: Directory,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// With `ca.crt`, an authority; `stranger.crt`, another one; and `server.crt` and `server.key` for `localhost`, of the first.
    pub(crate) fn new() -> Self {
        let directory = Directory::new();
        // Started by root, a broker is somebody else.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(directory.path(), readable).unwrap();
        let (pem, issuer) = authority("authority");
        directory.file("ca.crt", pem);
        directory.file("stranger.crt", authority("stranger").0);
        let all = Self { directory, issuer };
        all.make("server", &["localhost"]);
        all
    }

    /// `NAME.crt` and `NAME.key`, for these hosts.
    pub(crate) fn make(&self, name: &str, hosts: &[&str]) {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = named(name);
        let key = KeyPair::generate().unwrap();
        self.directory.file(&format!("{name}.crt"), params.signed_by(&key, &self.issuer).unwrap().pem());
        self.directory.file(&format!("{name}.key"), key.serialize_pem());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// What a listener is configured with to speak TLS.
    pub(crate) fn listener(&self) -> String {
        format!("certfile {}\nkeyfile {}\n", self.text("server.crt"), self.text("server.key"))
    }
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}
