//! Signatures under certificates of X.509 version 1, which the library does not look at.
//!
//! Certificates that were made by hand are often of that version: `openssl x509 -req` makes such ones, unless it is told of
//! an extension, and Mosquitto's own manual has it so.

use super::certificate::{Parts, key_parts};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};

/// Whether a certificate is in date, and signed by one of the roots itself. One that stands for certain names only signs
/// none of version 1.
pub(super) fn check(
    certificate: &Parts<'_>,
    roots: &[TrustAnchor<'_>],
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    check_dates(certificate, now)?;
    let (how, signature) = certificate.signature.ok_or(CertificateError::BadEncoding)?;
    let mut issuers = roots.iter().filter(|root| {
        let is_issuer = root.subject.as_ref() == certificate.issuer;
        is_issuer && root.name_constraints.is_none()
    });
    let has_signed = |root: &TrustAnchor<'_>| {
        let Some((kind, key)) = key_parts(&root.subject_public_key_info) else { return false };
        let fits = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
            algorithm.public_key_alg_id().as_ref() == kind && algorithm.signature_alg_id().as_ref() == how
        };
        let mut fitting = algorithms.all.iter().filter(fits);
        fitting.any(|algorithm| algorithm.verify_signature(key, certificate.signed, signature).is_ok())
    };
    if issuers.any(has_signed) { Ok(()) } else { Err(CertificateError::UnknownIssuer.into()) }
}

/// Whether a certificate is in date.
pub(super) fn check_dates(certificate: &Parts<'_>, now: UnixTime) -> Result<(), Error> {
    let (Some(from), Some(until)) = (certificate.valid_from_s, certificate.valid_until_s) else {
        return Err(CertificateError::BadEncoding.into());
    };
    if now.as_secs() < from {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > until { Err(CertificateError::Expired.into()) } else { Ok(()) }
}

/// Whether a message of a handshake of TLS 1.2 is signed with the key of a certificate.
pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &Parts<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let (kind, key) = certificate.key().ok_or(CertificateError::BadEncoding)?;
    let known = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
    let (_, known) = known.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let mut fitting = known.iter().filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind);
    if fitting.any(|algorithm| algorithm.verify_signature(key, message, signature.signature()).is_ok()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}
