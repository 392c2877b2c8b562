//! Which certificates of servers are good.

use super::certificate::Parts;
use super::{host_name, signature};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// What of a server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVerification {
    /// That it is good, and that it is this server's.
    Full,
    /// That it is good, whoever's it is.
    AnyName,
    /// Nothing: anybody can be at the other end.
    Nothing,
}

/// Looks at certificates as OpenSSL does for Mosquitto.
///
/// Beyond what the library takes by itself, these are good: one that is its own authority and trusted; one of X.509 version 1
/// which an authority has signed itself; and a common name where there is no other name.
#[derive(Debug)]
pub(super) struct ServerCertificates {
    roots: RootCertStore,
    /// The same, whole.
    trusted: Vec<CertificateDer<'static>>,
    verification: TlsVerification,
    provider: Arc<CryptoProvider>,
}

impl ServerCertificates {
    pub(super) fn signed_by(
        trusted: Vec<CertificateDer<'static>>,
        verification: TlsVerification,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        Self { roots, trusted, verification, provider }
    }

    fn check_chain(
        &self,
        certificate: &CertificateDer<'_>,
        parts: &Parts<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        if parts.issuer == parts.subject && self.trusted.contains(certificate) {
            return signature::check_dates(parts, now);
        }
        if parts.is_version_1 {
            return signature::check(parts, &self.roots.roots, now, algorithms);
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms.all)
    }
}

fn check_name(certificate: &CertificateDer<'_>, parts: &Parts<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    if host_name::common_name_is(parts, name) {
        return Ok(());
    }
    if parts.is_version_1 {
        return Err(CertificateError::NotValidForName.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

impl ServerCertVerifier for ServerCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.verification != TlsVerification::Nothing {
            let parts = Parts::of(end_entity).ok_or(CertificateError::BadEncoding)?;
            self.check_chain(end_entity, &parts, intermediates, now)?;
            if self.verification == TlsVerification::Full {
                check_name(end_entity, &parts, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match Parts::of(certificate).filter(|parts| parts.is_version_1) {
            Some(parts) => signature::verify_tls12(message, &parts, signature, algorithms),
            None => verify_tls12_signature(message, certificate, signature, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match Parts::of(certificate).filter(|parts| parts.is_version_1) {
            Some(parts) => {
                let key = SubjectPublicKeyInfoDer::from(parts.public_key);
                verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
            }
            None => verify_tls13_signature(message, certificate, signature, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
