//! The broker under measurement.

use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A broker that runs, with a plain listener and one with TLS.
pub(crate) struct Site {
    child: Child,
    directory: PathBuf,
    pub(crate) plain: SocketAddr,
    pub(crate) secured: SocketAddr,
    /// For clients of the listener with TLS.
    pub(crate) trust: Arc<rustls::ClientConfig>,
}

/// As many file descriptors as there may be, also for the broker.
pub(crate) fn raise_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Site {
    pub(crate) fn start(broker: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("admission-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (certfile, keyfile) = (file("server.crt", &certificate), file("server.key", &key.serialize_pem()));
        let (plain, secured) = (free_port(), free_port());
        let config = file(
            "mosquitto.conf",
            &format!(
                "user root\nallow_anonymous true\nlog_dest none\nset_tcp_nodelay true\nlistener {} 127.0.0.1\n\
                 listener {} 127.0.0.1\ncertfile {certfile}\nkeyfile {keyfile}\n",
                plain.port(),
                secured.port()
            ),
        );
        let child =
            Command::new(broker).args(["-c", &config]).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
        let trust = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let site = Self { child, directory, plain, secured, trust: Arc::new(trust) };
        while TcpStream::connect(secured).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        site
    }

    /// Seconds of processor time that the broker has used.
    pub(crate) fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
