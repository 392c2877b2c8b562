//! Certificates, made as they are needed.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Somebody who signs certificates.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate of somebody who signs none, with its key, in PEM.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) pem: String,
    pub(crate) key: String,
    serial: SerialNumber,
}

impl Authority {
    /// One that has signed itself.
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// One that this one has signed.
    pub(crate) fn below(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its key, in PEM.
    pub(crate) fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// For a server on this machine.
    pub(crate) fn server(&self) -> Leaf {
        self.server_with(&KeyPair::generate().unwrap())
    }

    /// For a server on this machine, with this key.
    pub(crate) fn server_with(&self, key: &KeyPair) -> Leaf {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = name(&[(DnType::CommonName, "localhost")]);
        self.sign(params, key)
    }

    /// For a client of this name.
    pub(crate) fn client(&self, common_name: &str) -> Leaf {
        self.client_with(|params| params.distinguished_name = name(&[(DnType::CommonName, common_name)]))
    }

    /// For a client, with a certificate that is special.
    pub(crate) fn client_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        self.sign(params, &KeyPair::generate().unwrap())
    }

    fn sign(&self, mut params: CertificateParams, key: &KeyPair) -> Leaf {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial = SerialNumber::from(SERIAL.fetch_add(1, Ordering::Relaxed));
        params.serial_number = Some(serial.clone());
        let pem = params.signed_by(key, &self.issuer).unwrap().pem();
        Leaf { pem, key: key.serialize_pem(), serial }
    }

    /// A list of those of its certificates that are not good any more, good until the end of this year.
    pub(crate) fn revoke(&self, leaves: &[&Leaf], until_year: i32) -> String {
        let revoked = leaves.iter().map(|leaf| RevokedCertParams {
            serial_number: leaf.serial.clone(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until_year, 12, 31),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Leaf {
    /// One that somebody else has made.
    pub(crate) fn of_files(pem: &str, key: &str) -> Self {
        let text = |path| std::fs::read_to_string(path).unwrap();
        Self { pem: text(pem), key: text(key), serial: SerialNumber::from(0) }
    }
}

fn authority(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&[(DnType::CommonName, common_name)]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A name of these parts.
pub(crate) fn name(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}
