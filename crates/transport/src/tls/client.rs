//! What the connections of a client share: whom it trusts, and its own certificate.

use super::certificate::Parts;
use super::ciphers::{self, ListError};
use super::files;
use super::host_name;
use super::key_log::KeyLogFile;
use super::private_key::{KeyError, KeyFile, Passphrase, PrivateKey};
use super::server::{TlsSetupError, TlsVersion, complete, unusable};
use super::server_certificates::ServerCertificates;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use super::server_certificates::TlsVerification;

/// What a client's TLS is to be. The names are those of the tools' options.
#[derive(Clone)]
pub struct TlsClientOptions {
    /// Authorities trusted to sign servers' certificates.
    pub cafile: Option<PathBuf>,
    /// The same, a directory with files named by hash.
    pub capath: Option<PathBuf>,
    /// Whether those that this machine trusts are trusted.
    pub use_os_certs: bool,
    /// The client's own certificate and those above it, and its private key, if it shows one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// What opens that key, if it is encrypted.
    pub passphrase: Option<Passphrase>,
    /// The lowest version.
    pub tls_version: TlsVersion,
    /// Suites for TLS 1.2, as OpenSSL writes them; none: all.
    pub ciphers: Option<String>,
    /// Suites for TLS 1.3; none: all.
    pub ciphers_tls13: Option<String>,
    /// The protocol that is asked for (ALPN).
    pub alpn: Option<String>,
    /// What of the server's certificate is looked at.
    pub verification: TlsVerification,
    /// Where the keys of connections are written down.
    pub key_log: Option<Arc<KeyLogFile>>,
}

impl Default for TlsClientOptions {
    /// Nobody is trusted.
    fn default() -> Self {
        Self {
            cafile: None,
            capath: None,
            use_os_certs: false,
            certificate: None,
            passphrase: None,
            tls_version: TlsVersion::V12,
            ciphers: None,
            ciphers_tls13: None,
            alpn: None,
            verification: TlsVerification::Full,
            key_log: None,
        }
    }
}

impl fmt::Debug for TlsClientOptions {
    /// Without the passphrase.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cafile, capath, use_os_certs, certificate, tls_version, verification, .. } = self;
        f.debug_struct("TlsClientOptions")
            .field("cafile", cafile)
            .field("capath", capath)
            .field("use_os_certs", use_os_certs)
            .field("certificate", certificate)
            .field("tls_version", tls_version)
            .field("verification", verification)
            .finish_non_exhaustive()
    }
}

/// What is needed to speak TLS to servers. Cheap to copy.
#[derive(Clone)]
pub struct TlsClient(Arc<ClientConfig>);

impl fmt::Debug for TlsClient {
    /// Without what it holds: there is a key in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClient")
    }
}

impl TlsClient {
    /// Reads the files. The texts of errors are those of Mosquitto's library.
    pub fn open(options: &TlsClientOptions) -> Result<Self, TlsSetupError> {
        let suites = ciphers::choose(options.ciphers.as_deref(), options.ciphers_tls13.as_deref());
        let suites = suites.map_err(|error| list_error(error, options))?;
        let provider = Arc::new(CryptoProvider { cipher_suites: suites, ..default_provider() });
        let versions: &[&SupportedProtocolVersion] = match options.tls_version {
            TlsVersion::V12 => &[&TLS13, &TLS12],
            TlsVersion::V13 => &[&TLS13],
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
        let builder =
            builder.map_err(|error| unusable("Error: Unable to create TLS context.".to_owned(), error.to_string()))?;
        let trusted = authorities(options)?;
        let own = match &options.certificate {
            Some((certfile, keyfile)) => {
                let passphrase = options.passphrase.as_ref();
                Some(own_certificate(certfile, keyfile, passphrase, &trusted, &provider)?)
            }
            None => None,
        };
        let servers = ServerCertificates::signed_by(trusted, options.verification, provider);
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(servers));
        let mut config = match own {
            Some(own) => builder.with_client_cert_resolver(Arc::new(Always(Arc::new(own)))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = options.alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        if let Some(key_log) = &options.key_log {
            config.key_log = Arc::clone(key_log) as _;
        }
        Ok(Self(Arc::new(config)))
    }

    /// As [`open`](Self::open), but what is inside of an encrypted key remains to be seen: such a client has no certificate.
    pub fn check(options: &TlsClientOptions) -> Result<Self, TlsSetupError> {
        let encrypted = options.certificate.as_ref().filter(|(_, keyfile)| {
            options.passphrase.is_none() && KeyFile::read(keyfile).is_ok_and(|key| key.is_encrypted())
        });
        let Some((certfile, _)) = encrypted else { return Self::open(options) };
        own_chain(certfile)?;
        Self::open(&TlsClientOptions { certificate: None, ..options.clone() })
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

/// The name of a server as TLS wants it; an error is that it is none.
pub(crate) fn server_name(host: &str) -> std::io::Result<ServerName<'static>> {
    host_name::server_name(host)
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidInput, "the server has no name for TLS"))
}

/// The authorities that the options name: at least one of the file has to be understood.
fn authorities(options: &TlsClientOptions) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let mut found = Vec::new();
    if let Some(path) = &options.cafile {
        let text = || format!("Error: Unable to load CA certificates, check cafile \"{}\".", path.display());
        found = files::certificates(path).map_err(|why| unusable(text(), why))?;
        if RootCertStore::empty().add_parsable_certificates(found.iter().cloned()).0 == 0 {
            return Err(unusable(text(), "none of its certificates can be understood"));
        }
    }
    if let Some(path) = &options.capath {
        let text = || format!("Error: Unable to load CA certificates, check capath \"{}\".", path.display());
        found.extend(files::directory(path).map_err(|why| unusable(text(), why))?);
    }
    if options.use_os_certs {
        // What of them is of no use is left out, as nobody here could change that.
        found.extend(rustls_native_certs::load_native_certs().certs);
    }
    Ok(found)
}

/// The client's certificate with its key.
fn own_certificate(
    certfile: &Path,
    keyfile: &Path,
    passphrase: Option<&Passphrase>,
    authorities: &[CertificateDer<'static>],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsSetupError> {
    let (mut chain, public_key) = own_chain(certfile)?;
    let text = || format!("Error: Unable to load client key file \"{}\".", keyfile.display());
    let PrivateKey(key) = own_key(keyfile, passphrase).map_err(|error| unusable(text(), error.why))?;
    let key = provider.key_provider.load_private_key(key).map_err(|error| unusable(text(), error.to_string()))?;
    if key.public_key().is_some_and(|public| public.as_ref() != public_key) {
        let why = format!("the certificate in {} is not that of the key in {}", certfile.display(), keyfile.display());
        return Err(unusable("Error: Client certificate/key are inconsistent.".to_owned(), why));
    }
    if chain.len() == 1 {
        complete(&mut chain, authorities);
    }
    Ok(CertifiedKey::new(chain, key))
}

/// The client's certificate with those behind it, and its public key.
fn own_chain(certfile: &Path) -> Result<(Vec<CertificateDer<'static>>, Vec<u8>), TlsSetupError> {
    let text = || format!("Error: Unable to load client certificate \"{}\".", certfile.display());
    let chain = files::certificates(certfile).map_err(|why| unusable(text(), why))?;
    let public_key = chain.first().and_then(|own| Parts::of(own)).map(|parts| parts.public_key.to_vec());
    let public_key = public_key.ok_or_else(|| unusable(text(), "its first certificate cannot be understood"))?;
    Ok((chain, public_key))
}

/// The key in a file, which a passphrase may be needed for.
fn own_key(keyfile: &Path, passphrase: Option<&Passphrase>) -> Result<PrivateKey, TlsSetupError> {
    let file = KeyFile::read(keyfile)?;
    if file.is_encrypted() && passphrase.is_none() {
        return Err(unusable(file.unusable(), "the key is encrypted, and there is no passphrase"));
    }
    file.open(passphrase.map_or(&[], |passphrase| passphrase.as_slice())).map_err(|error| match error {
        KeyError::WrongPassphrase(error) | KeyError::Unusable(error) => error,
    })
}

/// One certificate for all servers that ask for one.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn list_error(error: ListError, options: &TlsClientOptions) -> TlsSetupError {
    let (text, list, why) = match error {
        ListError::Tls12(why) => ("Error: Unable to set TLS ciphers. Check cipher list", &options.ciphers, why),
        ListError::Tls13(why) => {
            ("Error: Unable to set TLS 1.3 ciphersuites. Check cipher_tls13 list", &options.ciphers_tls13, why)
        }
    };
    unusable(format!("{text} \"{}\".", list.as_deref().unwrap_or_default()), why)
}
