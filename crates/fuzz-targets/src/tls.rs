//! What the targets about TLS have in common: certificates, and files that stand nowhere.

use mosquitto_transport::{KeyError, KeyFile, TlsOptions, TlsServer, TlsSetupError, TlsVersion};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What the name of a client says.
pub(crate) const CLIENT: &str = "client";

/// Certificates and keys in PEM, made once in a process.
pub(crate) struct Papers {
    /// The authority's certificate, and its list of revoked ones.
    pub(crate) authority: String,
    pub(crate) revoked: String,
    pub(crate) server: String,
    pub(crate) server_key: String,
    pub(crate) client: String,
    pub(crate) client_key: String,
}

impl Papers {
    pub(crate) fn get() -> &'static Self {
        static PAPERS: OnceLock<Papers> = OnceLock::new();
        PAPERS.get_or_init(|| Self::make().expect("certificates"))
    }

    fn make() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let server_key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let server = params.signed_by(&server_key, &issuer)?.pem();

        let client_key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, CLIENT);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = params.signed_by(&client_key, &issuer)?.pem();

        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(17),
                revocation_time: date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let revoked = list.signed_by(&issuer)?.pem()?;
        let (server_key, client_key) = (server_key.serialize_pem(), client_key.serialize_pem());
        Ok(Self { authority, revoked, server, server_key, client, client_key })
    }
}

/// What a server reads.
#[derive(Clone, Copy)]
pub(crate) struct Files<'f> {
    pub(crate) certfile: &'f [u8],
    pub(crate) keyfile: &'f [u8],
    pub(crate) cafile: &'f [u8],
    pub(crate) crlfile: Option<&'f [u8]>,
    pub(crate) ciphers: Option<&'f str>,
    pub(crate) ciphers_tls13: Option<&'f str>,
    pub(crate) require_certificate: bool,
}

impl Files<'static> {
    /// Files with which there is nothing wrong.
    pub(crate) fn good(require_certificate: bool) -> Self {
        let papers = Papers::get();
        Self {
            certfile: papers.server.as_bytes(),
            keyfile: papers.server_key.as_bytes(),
            cafile: papers.authority.as_bytes(),
            crlfile: require_certificate.then_some(papers.revoked.as_bytes()),
            ciphers: None,
            ciphers_tls13: None,
            require_certificate,
        }
    }
}

impl Files<'_> {
    pub(crate) fn open(self) -> Result<TlsServer, TlsSetupError> {
        let files = [Some(self.certfile), Some(self.keyfile), Some(self.cafile), self.crlfile];
        let files = files.map(|contents| contents.map(memory_file));
        let [certfile, keyfile, cafile, crlfile] = files.each_ref().map(|file| file.as_ref().map(path));
        let key = KeyFile::read(keyfile.as_deref().unwrap_or(Path::new("")))?;
        // Whoever has an encrypted one is asked for its passphrase.
        let opened = key.open(if key.is_encrypted() { b"passphrase" } else { b"" }).map_err(|error| match error {
            KeyError::WrongPassphrase(error) | KeyError::Unusable(error) => error,
        })?;
        let options = TlsOptions {
            certfile: certfile.unwrap_or_default(),
            keyfile: keyfile.unwrap_or_default(),
            cafile,
            capath: None,
            crlfile,
            require_certificate: self.require_certificate,
            disable_client_cert_date_checks: false,
            tls_version: TlsVersion::V12,
            ciphers: self.ciphers.map(str::to_owned),
            ciphers_tls13: self.ciphers_tls13.map(str::to_owned),
            key_log: None,
        };
        TlsServer::open(&options, opened)
    }
}

/// A file in memory.
fn memory_file(contents: &[u8]) -> File {
    let file = rustix::fs::memfd_create("file", rustix::fs::MemfdFlags::CLOEXEC).expect("a file");
    let mut file = File::from(file);
    file.write_all(contents).expect("room");
    file
}

/// Where a file in memory can be opened.
fn path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
