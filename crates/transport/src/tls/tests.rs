//! Both ends of TLS, over a pair of sockets.

use super::certificate::{BIT_STRING, Parts, Reader, SEQUENCE};
use super::*;
use crate::{ClientLayers, ClientSecurity, Stream};
use mio::net::UnixStream;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, net};

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key, in PEM.
struct Leaf {
    pem: String,
    key: String,
}

fn named(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let (mut params, key) = (named(name, &[]), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf { pem: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// The same of X.509 version 1: without its version and its extensions, and signed again.
    fn sign_version_1(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let parts = Parts::of(certificate.der()).unwrap();
        let (how, _) = parts.signature.unwrap();
        let mut fields = Reader(Reader(parts.signed).expect(SEQUENCE).unwrap().contents);
        fields.next(); // the version
        let fields: Vec<_> = (0..6).flat_map(|_| fields.next().unwrap().whole.to_vec()).collect();
        let signed = element(SEQUENCE, &fields);
        let own_key = PrivateKeyDer::try_from(self.issuer.key().serialize_der()).unwrap();
        let own_key = default_provider().key_provider.load_private_key(own_key).unwrap();
        let signer = own_key.choose_scheme(&[rustls::SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap();
        let signature = [&[0], signer.sign(&signed).unwrap().as_slice()].concat();
        let whole = [signed, element(SEQUENCE, how), element(BIT_STRING, &signature)].concat();
        let pem = to_pem(&element(SEQUENCE, &whole));
        Leaf { pem, key: key.serialize_pem() }
    }
}

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = contents.len() as u16;
    let mut bytes = vec![tag];
    match len {
        ..128 => bytes.push(len as u8),
        _ => bytes.extend([&[0x82][..], &len.to_be_bytes()].concat()),
    }
    bytes.extend_from_slice(contents);
    bytes
}

fn to_pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A directory of its own for a test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mosquitto-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, contents).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn server_options(directory: &Directory, leaf: &Leaf) -> TlsOptions {
    TlsOptions {
        certfile: directory.file("server.crt", &leaf.pem),
        keyfile: directory.file("server.key", &leaf.key),
        cafile: None,
        capath: None,
        crlfile: None,
        require_certificate: false,
        disable_client_cert_date_checks: false,
        tls_version: TlsVersion::V12,
        ciphers: None,
        ciphers_tls13: None,
        key_log: None,
    }
}

/// The key in a file that is not encrypted.
fn private_key(path: &Path) -> PrivateKey {
    KeyFile::read(path).unwrap().open(&[]).unwrap()
}

/// Both ends, once the client is open; its error, if it does not open.
fn connect(server: &TlsOptions, client: &TlsClientOptions, host: &str) -> io::Result<(Stream, Stream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let (mut client_end, mut server_end) = (Stream::unix(ours), Stream::unix(theirs));
    let tls = Some(ClientSecurity::Tls { client: TlsClient::open(client).unwrap(), host: host.to_owned() });
    client_end.set_client_layers(&ClientLayers { tls, ..ClientLayers::default() })?;
    let key = private_key(&server.keyfile);
    server_end.secure(&crate::Security::Tls(TlsServer::open(server, key).unwrap()))?;
    while !client_end.open()? {
        // What the server does not like, the client is told.
        let _ = server_end.read(&mut [0; 100]);
    }
    Ok((client_end, server_end))
}

/// Whether a client that trusts somebody connects to a server; otherwise what it says is wrong.
fn opens(trusted: &str, leaf: &Leaf, host: &str, change: impl FnOnce(&mut TlsClientOptions)) -> Result<(), String> {
    let directory = Directory::new();
    let cafile = Some(directory.file("ca.crt", trusted));
    let mut client = TlsClientOptions { cafile, ..TlsClientOptions::default() };
    change(&mut client);
    match connect(&server_options(&directory, leaf), &client, host) {
        Ok(_) => Ok(()),
        Err(error) => Err(TlsFailure::of(&error).unwrap().to_string()),
    }
}

/// Whether a client that trusts somebody connects to a server that speaks TLS 1.2 and the application protocol `mqtt`, and
/// nothing else.
fn opens_over_tls12(trusted: &str, leaf: &Leaf, alpn: Option<&str>) -> bool {
    let directory = Directory::new();
    let cafile = Some(directory.file("ca.crt", trusted));
    let client = TlsClientOptions { cafile, alpn: alpn.map(str::to_owned), ..TlsClientOptions::default() };
    let client = TlsClient::open(&client).unwrap();
    let chain = files::certificates(&directory.file("server.crt", &leaf.pem)).unwrap();
    let PrivateKey(key) = private_key(&directory.file("server.key", &leaf.key));
    let key = default_provider().key_provider.load_private_key(key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_protocol_versions(&[&rustls::version::TLS12]).unwrap().with_no_client_auth();
    let resolver = rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(chain, key));
    let mut config = config.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut ours, mut theirs) = (Socket::Unix(ours), Socket::Unix(theirs));
    let mut server = ServerTls::new(UnbufferedServerConnection::new(Arc::new(config)).unwrap());
    let mut client = ClientTls::connect(&client, server_name("localhost").unwrap()).unwrap();
    loop {
        match client.handshake(&mut ours) {
            Ok(true) => return client.secured().is_some_and(|secured| secured.protocol == "TLSv1.2"),
            Ok(false) => drop(server.read(&mut theirs, &mut [0; 100])),
            Err(_) => return false,
        }
    }
}

const UNKNOWN: &str = "invalid peer certificate: UnknownIssuer";
const OTHER_NAME: &str = "invalid peer certificate: ";

#[test]
fn a_server_is_who_an_authority_says_it_is() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let leaf = authority.sign(&named("server", &["localhost", "127.0.0.1"]));
    assert_eq!(opens(&authority.pem, &leaf, "localhost", |_| {}), Ok(()));
    assert_eq!(opens(&authority.pem, &leaf, "127.0.0.1", |_| {}), Ok(()));
    assert_eq!(opens(&stranger.pem, &leaf, "localhost", |_| {}), Err(UNKNOWN.to_owned()));
    for host in ["other", "server", "127.0.0.2", "::1"] {
        assert!(opens(&authority.pem, &leaf, host, |_| {}).unwrap_err().starts_with(OTHER_NAME), "{host}");
        assert_eq!(opens(&authority.pem, &leaf, host, |client| client.verification = TlsVerification::AnyName), Ok(()));
        let anybody = |client: &mut TlsClientOptions| client.verification = TlsVerification::AnyName;
        assert_eq!(opens(&stranger.pem, &leaf, host, anybody), Err(UNKNOWN.to_owned()));
        let nothing = |client: &mut TlsClientOptions| client.verification = TlsVerification::Nothing;
        assert_eq!(opens(&stranger.pem, &leaf, host, nothing), Ok(()));
    }
}

#[test]
fn a_common_name_is_enough_for_a_name_and_not_for_an_address() {
    let authority = Authority::new("authority");
    assert_eq!(opens(&authority.pem, &authority.sign(&named("localhost", &[])), "localhost", |_| {}), Ok(()));
    for (name, host) in [("other", "localhost"), ("127.0.0.1", "127.0.0.1")] {
        let refused = opens(&authority.pem, &authority.sign(&named(name, &[])), host, |_| {});
        assert!(refused.unwrap_err().starts_with(OTHER_NAME), "{name} {host}");
    }
}

#[test]
fn certificates_without_extensions_are_taken_from_an_authority_itself() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("authority"));
    let leaf = authority.sign_version_1(&named("localhost", &[]));
    assert_eq!(opens(&authority.pem, &leaf, "localhost", |_| {}), Ok(()));
    assert!(opens_over_tls12(&authority.pem, &leaf, None));
    assert!(!opens_over_tls12(&stranger.pem, &leaf, None));
    // One of the same name, whose signature it is not.
    assert_eq!(opens(&stranger.pem, &leaf, "localhost", |_| {}), Err(UNKNOWN.to_owned()));
    assert!(opens(&authority.pem, &leaf, "other", |_| {}).unwrap_err().starts_with(OTHER_NAME));
    let mut old = named("localhost", &[]);
    old.not_after = date_time_ymd(2024, 1, 1);
    let refused = opens(&authority.pem, &authority.sign_version_1(&old), "localhost", |_| {});
    assert_eq!(refused, Err("invalid peer certificate: Expired".to_owned()));
    let mut new = named("localhost", &[]);
    new.not_before = date_time_ymd(4000, 1, 1);
    let refused = opens(&authority.pem, &authority.sign_version_1(&new), "localhost", |_| {});
    assert_eq!(refused, Err("invalid peer certificate: NotValidYet".to_owned()));
}

#[test]
fn a_server_that_is_its_own_authority_is_trusted_when_that_is_named() {
    let own = |common_name: &str, until| {
        let (mut params, key) = (named(common_name, &[]), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(until, 1, 1);
        Leaf { pem: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    };
    let (leaf, twin) = (own("localhost", 4000), own("localhost", 4000));
    assert_eq!(opens(&leaf.pem, &leaf, "localhost", |_| {}), Ok(()));
    assert!(opens(&leaf.pem, &leaf, "other", |_| {}).is_err());
    assert!(opens(&twin.pem, &leaf, "localhost", |_| {}).is_err());
    let old = own("localhost", 2024);
    assert_eq!(opens(&old.pem, &old, "localhost", |_| {}), Err("invalid peer certificate: Expired".to_owned()));
    // Only who has signed himself is his own authority.
    let authority = Authority::new("authority");
    let leaf = authority.sign(&named("localhost", &[]));
    assert_eq!(opens(&leaf.pem, &leaf, "localhost", |_| {}), Err(UNKNOWN.to_owned()));
}

#[test]
fn a_server_that_asks_for_it_is_shown_the_clients_certificate() {
    let authority = Authority::new("authority");
    let directory = Directory::new();
    let cafile = Some(directory.file("ca.crt", &authority.pem));
    let leaf = authority.sign(&named("me", &[]));
    let certificate = Some((directory.file("me.crt", &leaf.pem), directory.file("me.key", &leaf.key)));
    let mut server = server_options(&directory, &authority.sign(&named("localhost", &[])));
    (server.require_certificate, server.cafile) = (true, cafile.clone());
    let client = TlsClientOptions { cafile, certificate, ..TlsClientOptions::default() };
    let (_client_end, mut server_end) = connect(&server, &client, "localhost").unwrap();
    while server_end.read(&mut [0; 100]).unwrap() != Read::Drained(0) {}
    let names = server_end.secured().unwrap().certificate.unwrap();
    assert_eq!(names.common_name.as_deref(), Some("me"));
}

#[test]
fn the_application_protocol_is_asked_for() {
    let authority = Authority::new("authority");
    let leaf = authority.sign(&named("localhost", &[]));
    assert!(opens_over_tls12(&authority.pem, &leaf, Some("mqtt")));
    assert!(!opens_over_tls12(&authority.pem, &leaf, Some("x")));
}

#[test]
fn what_of_the_files_is_wrong_is_told_as_the_original_does() {
    let authority = Authority::new("authority");
    let directory = Directory::new();
    let (leaf, other) = (authority.sign(&named("me", &[])), authority.sign(&named("me", &[])));
    let certfile = directory.file("me.crt", &leaf.pem);
    let (keyfile, other) = (directory.file("me.key", &leaf.key), directory.file("other.key", &other.key));
    let missing = directory.0.join("missing");
    let told = |change: &dyn Fn(&mut TlsClientOptions)| {
        let mut options = TlsClientOptions::default();
        change(&mut options);
        TlsClient::open(&options).unwrap_err().text
    };
    let key_as_ca = keyfile.clone();
    assert!(
        told(&|options| options.cafile = Some(key_as_ca.clone()))
            .starts_with("Error: Unable to load CA certificates, check cafile \"")
    );
    assert!(told(&|options| options.capath = Some(missing.clone())).contains("check capath \""));
    let own = |certfile: &PathBuf, keyfile: &PathBuf| {
        let own = Some((certfile.clone(), keyfile.clone()));
        told(&|options| options.certificate.clone_from(&own))
    };
    assert!(own(&missing, &keyfile).starts_with("Error: Unable to load client certificate \""));
    assert!(own(&certfile, &missing).starts_with("Error: Unable to load client key file \""));
    assert_eq!(own(&certfile, &other), "Error: Client certificate/key are inconsistent.");
    assert_eq!(
        told(&|options| options.ciphers = Some("x".to_owned())),
        "Error: Unable to set TLS ciphers. Check cipher list \"x\"."
    );
}

#[test]
fn large_messages_go_both_ways_however_little_the_socket_takes() {
    let authority = Authority::new("authority");
    let directory = Directory::new();
    let cafile = Some(directory.file("ca.crt", &authority.pem));
    let server = server_options(&directory, &authority.sign(&named("localhost", &[])));
    let client = TlsClientOptions { cafile, ..TlsClientOptions::default() };
    let (mut client_end, mut server_end) = connect(&server, &client, "localhost").unwrap();
    let message: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    for to_server in [true, false] {
        let (from, to) =
            if to_server { (&mut client_end, &mut server_end) } else { (&mut server_end, &mut client_end) };
        let (mut sent, mut come, mut room) = (0, Vec::new(), vec![0; 5000]);
        while come.len() < message.len() {
            from.flush().unwrap();
            let (Written::Some(len) | Written::Blocked(len)) = from.write(&[IoSlice::new(&message[sent..])]).unwrap();
            sent += len;
            while let Read::Some(len) | Read::Drained(len) = to.read(&mut room).unwrap() {
                come.extend_from_slice(&room[..len]);
                if len == 0 {
                    break;
                }
            }
        }
        assert!(come == message);
    }
    // A client that ends says so.
    client_end.finish().unwrap();
    assert_eq!(server_end.read(&mut [0; 100]).unwrap(), Read::End);
}

#[test]
fn a_server_that_hangs_up_or_speaks_something_else_is_a_failure_of_tls() {
    for said in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut client_end = Stream::unix(ours);
        let client = TlsClient::open(&TlsClientOptions::default()).unwrap();
        let tls = Some(ClientSecurity::Tls { client, host: "localhost".to_owned() });
        client_end.set_client_layers(&ClientLayers { tls, ..ClientLayers::default() }).unwrap();
        assert!(!client_end.open().unwrap());
        io::Write::write_all(&mut theirs, said).unwrap();
        theirs.shutdown(net::Shutdown::Write).unwrap();
        assert!(TlsFailure::of(&client_end.open().unwrap_err()).is_some(), "{said:?}");
    }
}
