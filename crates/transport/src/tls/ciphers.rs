//! Cipher suites by the names that OpenSSL gives them.

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

/// What there is for TLS 1.2, the strongest first.
const TLS12: &[Cipher] = &[
    Cipher::new("ECDHE-ECDSA-AES256-GCM-SHA384", suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    Cipher::new("ECDHE-RSA-AES256-GCM-SHA384", suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    Cipher::new("ECDHE-ECDSA-CHACHA20-POLY1305", suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    Cipher::new("ECDHE-RSA-CHACHA20-POLY1305", suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    Cipher::new("ECDHE-ECDSA-AES128-GCM-SHA256", suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    Cipher::new("ECDHE-RSA-AES128-GCM-SHA256", suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
];

/// What there is for TLS 1.3, in OpenSSL's order.
const TLS13: &[Cipher] = &[
    Cipher::new("TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
    Cipher::new("TLS_CHACHA20_POLY1305_SHA256", suite::TLS13_CHACHA20_POLY1305_SHA256),
    Cipher::new("TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
];

/// Words of OpenSSL (ciphers(1)) for groups of which there is nothing here. `SHA256` and `SHA384` mean suites with such a MAC.
const EMPTY_GROUPS: &[&str] = &[
    "MEDIUM",
    "LOW",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "aNULL",
    "eNULL",
    "NULL",
    "SSLv2",
    "SSLv3",
    "TLSv1",
    "TLSv1.0",
    "RC2",
    "RC4",
    "MD5",
    "DES",
    "3DES",
    "IDEA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "DH",
    "EDH",
    "DHE",
    "kDHE",
    "kEDH",
    "ADH",
    "AECDH",
    "kDH",
    "kDHr",
    "kDHd",
    "kECDH",
    "kECDHe",
    "kECDHr",
    "aDH",
    "aECDH",
    "aDSS",
    "DSS",
    "kRSA",
    "RSA",
    "PSK",
    "kPSK",
    "aPSK",
    "kECDHEPSK",
    "kDHEPSK",
    "kRSAPSK",
    "SRP",
    "kSRP",
    "aSRP",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "AESCCM",
    "AESCCM8",
    "CBC",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "GOST",
    "aGOST",
    "kGOST",
    "GOST94",
    "GOST89MAC",
];

#[derive(Debug, Clone, Copy)]
struct Cipher {
    name: &'static str,
    suite: SupportedCipherSuite,
}

impl Cipher {
    const fn new(name: &'static str, suite: SupportedCipherSuite) -> Self {
        Self { name, suite }
    }

    fn id(self) -> CipherSuite {
        self.suite.suite()
    }

    /// Whether it is in a group; none: there is no such group.
    fn is_in(self, group: &str) -> Option<bool> {
        Some(match group {
            "ALL" | "DEFAULT" | "HIGH" | "ECDHE" | "kECDHE" | "EECDH" | "kEECDH" | "ECDH" | "TLSv1.2" => true,
            "FIPS" | "AES" | "AESGCM" => self.name.contains("AES"),
            "AES128" | "AES256" => self.name.contains(group),
            "CHACHA20" => self.name.contains("CHACHA20"),
            "aRSA" => self.name.contains("-RSA-"),
            "aECDSA" | "ECDSA" => self.name.contains("-ECDSA-"),
            name if EMPTY_GROUPS.contains(&name) || is_elsewhere(name) => false,
            name => {
                if !TLS12.iter().any(|cipher| cipher.name == name) {
                    return None;
                }
                self.name == name
            }
        })
    }
}

/// Whether this looks like the name of a suite that OpenSSL has and that is not here, for being old, or of no use to a
/// server with a certificate: it ends in how it authenticates, or encrypts with both in one.
fn is_elsewhere(name: &str) -> bool {
    const ENDS: &[&str] = &["-SHA", "-SHA256", "-SHA384", "-MD5", "-CCM", "-CCM8", "-POLY1305"];
    const PARTS: &[&str] = &[
        "AES128",
        "AES256",
        "AES",
        "128",
        "256",
        "CBC",
        "CBC3",
        "GCM",
        "CCM",
        "CCM8",
        "SHA",
        "SHA256",
        "SHA384",
        "MD5",
        "ARIA128",
        "ARIA256",
        "CAMELLIA128",
        "CAMELLIA256",
        "CHACHA20",
        "POLY1305",
        "DES",
        "RC4",
        "SEED",
        "IDEA",
        "NULL",
        "ECDHE",
        "DHE",
        "EDH",
        "ECDH",
        "ADH",
        "AECDH",
        "DH",
        "RSA",
        "DSS",
        "ECDSA",
        "PSK",
        "SRP",
    ];
    let known_here = TLS12.iter().any(|cipher| cipher.name == name);
    !known_here && ENDS.iter().any(|end| name.ends_with(end)) && name.split('-').all(|part| PARTS.contains(&part))
}

/// OpenSSL's name of a suite.
pub(super) fn openssl_name(suite: SupportedCipherSuite) -> &'static str {
    let known = TLS12.iter().chain(TLS13).find(|cipher| cipher.id() == suite.suite());
    known.map_or("unknown", |cipher| cipher.name)
}

/// OpenSSL's name of the version that a suite belongs to.
pub(super) fn protocol_name(suite: SupportedCipherSuite) -> &'static str {
    let SupportedProtocolVersion { version, .. } = suite.version();
    if *version == rustls::ProtocolVersion::TLSv1_3 { "TLSv1.3" } else { "TLSv1.2" }
}

/// The suites that two lists of OpenSSL choose, those for TLS 1.2 and those for TLS 1.3, in order of preference; none
/// where there is no list: all. The error says what was expected instead.
pub(super) fn choose(tls12: Option<&str>, tls13: Option<&str>) -> Result<Vec<SupportedCipherSuite>, ListError> {
    let mut suites = match tls13 {
        None => TLS13.iter().map(|cipher| cipher.suite).collect(),
        Some(list) => tls13_list(list).map_err(ListError::Tls13)?,
    };
    match tls12 {
        None => suites.extend(TLS12.iter().map(|cipher| cipher.suite)),
        Some(list) => suites.extend(tls12_list(list).map_err(ListError::Tls12)?),
    }
    debug_assert!(suites.iter().all(|suite| ALL_CIPHER_SUITES.contains(suite)));
    Ok(suites)
}

/// Which list is wrong, and what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListError {
    Tls12(String),
    Tls13(String),
}

/// Names between colons, as `SSL_CTX_set_ciphersuites` takes them.
fn tls13_list(list: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let mut chosen: Vec<SupportedCipherSuite> = Vec::new();
    for name in list.split(':').map(str::trim).filter(|name| !name.is_empty()) {
        match TLS13.iter().find(|cipher| cipher.name == name) {
            Some(cipher) if chosen.contains(&cipher.suite) => {}
            Some(cipher) => chosen.push(cipher.suite),
            // Those that OpenSSL has besides.
            None if matches!(name, "TLS_AES_128_CCM_SHA256" | "TLS_AES_128_CCM_8_SHA256") => {}
            None => return Err(format!("'{name}' is not known; {}", all(TLS13))),
        }
    }
    if chosen.is_empty() { Err(format!("at least one that there is; {}", all(TLS13))) } else { Ok(chosen) }
}

/// A list as ciphers(1) describes it: groups and names, to add, to take away (`-`), to take away for good (`!`), or to put
/// at the end (`+`).
fn tls12_list(list: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let (mut chosen, mut gone): (Vec<Cipher>, Vec<Cipher>) = (Vec::new(), Vec::new());
    for word in list.split([':', ',', ' ', ';']).filter(|word| !word.is_empty()) {
        match word {
            // The longest keys first; sorting keeps the order of equals.
            "@STRENGTH" => chosen.sort_by_key(|cipher| cipher.name.contains("AES128")),
            // All that there is here is as strong as level 2 asks for.
            "@SECLEVEL=0" | "@SECLEVEL=1" | "@SECLEVEL=2" => {}
            word if word.starts_with('@') => return Err(format!("'{word}' is not known; @STRENGTH, @SECLEVEL=0 to 2")),
            word => {
                let (how, name) = match word.split_at_checked(1) {
                    Some((how @ ("!" | "-" | "+"), name)) => (how, name),
                    _ => ("", word),
                };
                let named = matching(name)?;
                let is_named = |cipher: &Cipher| named.iter().any(|named| named.id() == cipher.id());
                match how {
                    "!" => {
                        chosen.retain(|cipher| !is_named(cipher));
                        gone.extend(named);
                    }
                    "-" => chosen.retain(|cipher| !is_named(cipher)),
                    "+" => chosen.sort_by_key(is_named),
                    _ => {
                        let there: Vec<_> = chosen.iter().chain(&gone).map(|cipher| cipher.id()).collect();
                        chosen.extend(named.into_iter().filter(|cipher| !there.contains(&cipher.id())));
                    }
                }
            }
        }
    }
    if chosen.is_empty() {
        return Err(format!("at least one that there is; {}", all(TLS12)));
    }
    Ok(chosen.iter().map(|cipher| cipher.suite).collect())
}

/// All that are in each of the groups between plus signs.
fn matching(groups: &str) -> Result<Vec<Cipher>, String> {
    let mut named = TLS12.to_vec();
    for group in groups.split('+') {
        let is_in = |cipher: &Cipher| cipher.is_in(group);
        if named.first().or(TLS12.first()).is_some_and(|any| is_in(any).is_none()) {
            return Err(format!("'{group}' is not known; {}", all(TLS12)));
        }
        named.retain(|cipher| is_in(cipher) == Some(true));
    }
    Ok(named)
}

fn all(ciphers: &[Cipher]) -> String {
    let names: Vec<_> = ciphers.iter().map(|cipher| cipher.name).collect();
    format!("there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(list: &str) -> Vec<&'static str> {
        tls12_list(list).unwrap().into_iter().map(openssl_name).collect()
    }

    #[test]
    fn lists_choose_what_openssl_chooses_of_what_there_is() {
        let every: Vec<_> = TLS12.iter().map(|cipher| cipher.name).collect();
        for list in [
            "DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!SSLv2:@STRENGTH",
            "HIGH:!aNULL:!MD5:!3DES",
            "ALL,!ADH;!RC4 @SECLEVEL=2",
            "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:@STRENGTH:ALL",
        ] {
            let mut found = chosen(list);
            found.sort_unstable();
            let mut all = every.clone();
            all.sort_unstable();
            assert_eq!(found, all, "{list}");
        }
        let ecdsa_last = ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"];
        assert_eq!(chosen("AES256:+aECDSA"), ecdsa_last);
        assert_eq!(chosen("ECDHE-RSA-AES128-GCM-SHA256"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(chosen("ECDHE+aRSA+AES128:!AES128:CHACHA20+aRSA:AES128"), ["ECDHE-RSA-CHACHA20-POLY1305"]);
        assert_eq!(
            chosen("AES128+aRSA:AES256+aRSA:@STRENGTH"),
            ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        // Names of suites that are not here leave those that are.
        let mozillas =
            "ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305:AES128-SHA:DES-CBC3-SHA";
        assert_eq!(chosen(mozillas), ["ECDHE-RSA-AES128-GCM-SHA256"]);
    }

    #[test]
    fn a_name_that_nobody_knows_is_refused_with_those_that_there_are() {
        for list in
            ["ECDHE-RSA-AES128-GCM-SHA255", "HIHG", "ALL:!aNUL", "ECDHE+AESGMC", "DHE+AESGMC", "@LEVEL", "@SECLEVEL=3"]
        {
            assert!(tls12_list(list).unwrap_err().contains("is not known; "), "{list}");
        }
        for list in ["", "!ALL", "AES128-SHA:RC4", "ALL:!HIGH", "PSK"] {
            let error = tls12_list(list).unwrap_err();
            assert!(error.contains("at least one") && error.contains("ECDHE-RSA-AES128-GCM-SHA256"), "{list}: {error}");
        }
        assert!(tls13_list("TLS_AES_128_GCM_SHA25").unwrap_err().contains("there are TLS_AES_256_GCM_SHA384, "));
        assert!(tls13_list("TLS_AES_128_CCM_SHA256").unwrap_err().contains("at least one"));
        let one = tls13_list("TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256").unwrap();
        assert_eq!(one.into_iter().map(openssl_name).collect::<Vec<_>>(), ["TLS_AES_128_GCM_SHA256"]);
    }
}
