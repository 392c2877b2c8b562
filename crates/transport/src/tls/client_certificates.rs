//! Which certificates of clients are good.

use super::certificate::Parts;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;

/// Asks every client for a certificate, and lets nobody in without a good one.
#[derive(Debug)]
pub(super) struct ClientCertificates {
    /// None: nobody is trusted to sign any.
    inner: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
    check_dates: bool,
}

impl ClientCertificates {
    /// Good is what one of the roots has signed, perhaps through others, and what is not revoked.
    pub(super) fn signed_by(
        roots: RootCertStore,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        check_dates: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, rustls::server::VerifierBuilderError> {
        let with = |inner| Self { inner, provider: Arc::clone(provider), check_dates };
        if roots.is_empty() {
            return Ok(with(None));
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        if !revoked.is_empty() {
            // As X509_V_FLAG_CRL_CHECK: only of the client's own certificate, of which there must be a list that is in date.
            builder = builder.with_crls(revoked).only_check_end_entity_revocation();
            if check_dates {
                builder = builder.enforce_revocation_expiration();
            }
        }
        Ok(with(Some(builder.build()?)))
    }
}

fn is_about_dates(error: &Error) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let Error::InvalidCertificate(error) = error else { return false };
    matches!(error, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
}

impl ClientCertVerifier for ClientCertificates {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.as_ref().map_or(&[], |inner| inner.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        };
        let outcome = inner.verify_client_cert(end_entity, intermediates, now);
        match outcome {
            Err(error) if !self.check_dates && is_about_dates(&error) => {
                // As of the day on which it began to be valid.
                let from = Parts::of(end_entity).and_then(|parts| parts.valid_from_s).ok_or(error)?;
                inner.verify_client_cert(
                    end_entity,
                    intermediates,
                    UnixTime::since_unix_epoch(Duration::from_secs(from)),
                )
            }
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
