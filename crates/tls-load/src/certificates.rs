//! An authority and the server certificates that it has signed, made by openssl(1).

use crate::Result;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Rsa2048,
    EcdsaP256,
}

/// The files of a server.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A directory, removed when it is dropped.
pub(crate) struct Certificates {
    directory: PathBuf,
    rsa: Pair,
    ecdsa: Pair,
}

impl Certificates {
    pub(crate) fn make() -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("mosquitto-tls-load-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let [rsa, ecdsa] = ["rsa", "ecdsa"].map(|name| Pair {
            certificate: directory.join(format!("{name}.crt")),
            key: directory.join(format!("{name}.key")),
        });
        let made = Self { directory, rsa, ecdsa };
        // A broker may run as another user.
        fs::set_permissions(&made.directory, fs::Permissions::from_mode(0o755))?;
        let authority = made.authority();
        let authority_key = made.directory.join("ca.key");
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=authority -keyout {} -out {}",
            authority_key.display(),
            authority.display()
        ))?;
        for (pair, algorithm) in [(&made.rsa, "rsa:2048"), (&made.ecdsa, "ec -pkeyopt ec_paramgen_curve:P-256")] {
            openssl(&format!(
                "req -x509 -newkey {algorithm} -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                 -addext basicConstraints=critical,CA:FALSE -CA {} -CAkey {} -keyout {} -out {}",
                authority.display(),
                authority_key.display(),
                pair.key.display(),
                pair.certificate.display()
            ))?;
            fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o644))?;
        }
        Ok(made)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Who has signed the servers' certificates.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    pub(crate) fn of(&self, key: Key) -> &Pair {
        match key {
            Key::Rsa2048 => &self.rsa,
            Key::EcdsaP256 => &self.ecdsa,
        }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn openssl(arguments: &str) -> Result<()> {
    let done = Command::new("openssl").args(arguments.split_whitespace()).stdin(Stdio::null()).output()?;
    if !done.status.success() {
        return Err(format!("openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(())
}
