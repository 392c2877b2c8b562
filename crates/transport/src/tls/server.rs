//! What the connections of one listener share: its certificate, and whom it trusts.

use super::certificate::Parts;
use super::ciphers::{self, ListError};
use super::client_certificates::ClientCertificates;
use super::files::{self, Why};
use super::key_log::KeyLogFile;
use super::private_key::{self, PrivateKey};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Certificates that a server shows, at most, where it looks for those above its own by itself.
const CHAIN_MAX: usize = 10;

/// What a listener's TLS is to be. The names are those of Mosquitto's options.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The server's certificate and those above it.
    pub certfile: PathBuf,
    /// The private key of that certificate: whoever opens a server has read it.
    pub keyfile: PathBuf,
    /// Authorities trusted to sign clients' certificates.
    pub cafile: Option<PathBuf>,
    /// The same, a directory with files named by hash.
    pub capath: Option<PathBuf>,
    /// Which certificates are revoked.
    pub crlfile: Option<PathBuf>,
    /// Whether a client must show a certificate. Otherwise none is asked for.
    pub require_certificate: bool,
    /// Whether a client's certificate is good outside of the time for which it says it is valid.
    pub disable_client_cert_date_checks: bool,
    /// The lowest version.
    pub tls_version: TlsVersion,
    /// Suites for TLS 1.2, as OpenSSL writes them; none: all.
    pub ciphers: Option<String>,
    /// Suites for TLS 1.3; none: all.
    pub ciphers_tls13: Option<String>,
    /// Where the keys of connections are written down.
    pub key_log: Option<Arc<KeyLogFile>>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

/// What is needed to serve TLS. Cheap to copy.
#[derive(Clone)]
pub struct TlsServer(Arc<ServerConfig>);

impl fmt::Debug for TlsServer {
    /// Without what it holds: there is a key in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsServer")
    }
}

/// Why there can be no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSetupError {
    /// Which file or list is at fault, as Mosquitto says it.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl TlsServer {
    /// Reads the files but that of the key.
    pub fn open(options: &TlsOptions, key: PrivateKey) -> Result<Self, TlsSetupError> {
        let provider = provider(options)?;
        let versions: &[&SupportedProtocolVersion] = match options.tls_version {
            TlsVersion::V12 => &[&TLS13, &TLS12],
            TlsVersion::V13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
        let builder =
            builder.map_err(|error| unusable("Error: Unable to set up TLS.".to_owned(), error.to_string()))?;
        let authorities = authorities(options)?;
        let key = certified_key(options, key, &authorities, &provider)?;
        let clients = client_certificates(options, authorities, &provider)?;
        let builder = if options.require_certificate {
            builder.with_client_cert_verifier(Arc::new(clients))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_cert_resolver(Arc::new(Always(Arc::new(key))));
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if options.require_certificate {
            // Who comes again shows its certificate again: it may be out of date by then.
            config.send_tls13_tickets = 0;
        } else {
            config.ticketer = Ticketer::new()
                .map_err(|error| unusable("Error: Unable to set up TLS.".to_owned(), error.to_string()))?;
        }
        if let Some(key_log) = &options.key_log {
            config.key_log = Arc::clone(key_log) as _;
        }
        Ok(Self(Arc::new(config)))
    }

    /// Whether the files are of use, but that of the key, where nobody can open it.
    pub fn check(options: &TlsOptions) -> Result<(), TlsSetupError> {
        let provider = provider(options)?;
        let authorities = authorities(options)?;
        own_certificates(options)?;
        client_certificates(options, authorities, &provider).map(drop)
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

/// The suites that may be used, and all else that is needed to compute.
fn provider(options: &TlsOptions) -> Result<Arc<CryptoProvider>, TlsSetupError> {
    let suites = ciphers::choose(options.ciphers.as_deref(), options.ciphers_tls13.as_deref());
    let suites = suites.map_err(|error| list_error(error, options))?;
    Ok(Arc::new(CryptoProvider { cipher_suites: suites, ..default_provider() }))
}

/// The authorities that the options name: at least one of each file has to be understood, also where no client is asked
/// for a certificate.
fn authorities(options: &TlsOptions) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let mut found = Vec::new();
    if let Some(path) = &options.cafile {
        let text = || format!("Error: Unable to load CA certificates. Check cafile \"{}\".", path.display());
        found = files::certificates(path).map_err(|why| unusable(text(), why))?;
        if RootCertStore::empty().add_parsable_certificates(found.iter().cloned()).0 == 0 {
            return Err(unusable(text(), "none of its certificates can be understood"));
        }
    }
    if let Some(path) = &options.capath {
        let text = || format!("Error: Unable to load CA certificates. Check capath \"{}\".", path.display());
        found.extend(files::directory(path).map_err(|why| unusable(text(), why))?);
    }
    Ok(found)
}

/// Which clients are good.
fn client_certificates(
    options: &TlsOptions,
    authorities: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientCertificates, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
    let mut revoked = Vec::new();
    let crl_text = |path: &Path| {
        format!("Error: Unable to load certificate revocation file \"{}\". Check crlfile.", path.display())
    };
    if let Some(path) = &options.crlfile {
        revoked = files::revocations(path).map_err(|why| unusable(crl_text(path), why))?;
    }
    let check_dates = !options.disable_client_cert_date_checks;
    ClientCertificates::signed_by(roots, revoked, check_dates, provider).map_err(|error| {
        let text = options.crlfile.as_deref().map_or_else(|| "Error: Unable to set up TLS.".to_owned(), crl_text);
        unusable(text, error.to_string())
    })
}

/// The server's certificate and what stands below it in its file, and the public key in the first one. A certificate may be one of
/// X.509 version 1, as many are that were made by hand.
fn own_certificates(options: &TlsOptions) -> Result<(Vec<CertificateDer<'static>>, Vec<u8>), TlsSetupError> {
    let certfile = options.certfile.display();
    let text = || format!("Error: Unable to load server certificate \"{certfile}\". Check certfile.");
    let chain = files::certificates(&options.certfile).map_err(|why| unusable(text(), why))?;
    let public_key = chain.first().and_then(|own| Parts::of(own)).map(|parts| parts.public_key.to_vec());
    match public_key {
        Some(public_key) => Ok((chain, public_key)),
        None => Err(unusable(text(), "its first certificate cannot be understood")),
    }
}

/// The certificate with its key.
fn certified_key(
    options: &TlsOptions,
    key: PrivateKey,
    authorities: &[CertificateDer<'static>],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsSetupError> {
    let (certfile, keyfile) = (&options.certfile, &options.keyfile);
    let (mut chain, public_key) = own_certificates(options)?;
    let key = provider.key_provider.load_private_key(key.0);
    let key = key.map_err(|error| private_key::unusable(keyfile, error.to_string()))?;
    if key.public_key().is_some_and(|public| public.as_ref() != public_key) {
        let why = format!("the certificate in {} is not that of the key in {}", certfile.display(), keyfile.display());
        return Err(unusable("Error: Server certificate/key are inconsistent.".to_owned(), why));
    }
    if chain.len() == 1 {
        complete(&mut chain, authorities);
    }
    Ok(CertifiedKey::new(chain, key))
}

/// Adds to a certificate that stands alone those above it, as OpenSSL does, but for the last one, which clients have.
pub(super) fn complete(chain: &mut Vec<CertificateDer<'static>>, authorities: &[CertificateDer<'static>]) {
    while chain.len() < CHAIN_MAX {
        let Some(last) = chain.last().and_then(|last| Parts::of(last)) else { return };
        let is_above = |other: &&CertificateDer<'static>| {
            // Whoever has signed himself is the last one.
            Parts::of(other).is_some_and(|other| other.subject == last.issuer && other.issuer != other.subject)
        };
        let Some(above) = authorities.iter().find(is_above) else { return };
        chain.push(above.clone());
    }
}

/// One certificate for all.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

pub(super) fn unusable(text: String, why: impl Into<String>) -> TlsSetupError {
    TlsSetupError { text, why: why.into() }
}

fn list_error(error: ListError, options: &TlsOptions) -> TlsSetupError {
    let (text, list, why): (_, _, Why) = match error {
        ListError::Tls12(why) => ("Error: Unable to set TLS ciphers. Check cipher list", &options.ciphers, why),
        ListError::Tls13(why) => {
            ("Error: Unable to set TLS 1.3 ciphersuites. Check cipher_tls13 list", &options.ciphers_tls13, why)
        }
    };
    unusable(format!("{text} \"{}\".", list.as_deref().unwrap_or_default()), why)
}
