//! Whose name a certificate has.

use super::certificate::Parts;
use rustls::pki_types::{IpAddr, ServerName};
use std::net;

/// The name of a server as TLS wants it: a name of the DNS, or an address. None: it is neither.
pub(super) fn server_name(host: &str) -> Option<ServerName<'static>> {
    // A zone says which way a machine goes, and not where.
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    match address.parse::<net::IpAddr>() {
        Ok(address) => Some(ServerName::IpAddress(IpAddr::from(address))),
        Err(_) => ServerName::try_from(host.to_owned()).ok(),
    }
}

/// Whether the common name of a certificate is that of a server. As with OpenSSL it counts only where the certificate has
/// no other names of the DNS, and never for addresses.
pub(super) fn common_name_is(certificate: &Parts<'_>, name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(name) = name else { return false };
    !certificate.has_dns_names() && certificate.common_names().iter().any(|pattern| matches(pattern, name.as_ref()))
}

/// Whether a host has a name, in which a star stands for the first label.
fn matches(pattern: &str, host: &str) -> bool {
    let Some(rest) = pattern.strip_prefix('*') else { return pattern.eq_ignore_ascii_case(host) };
    // The rest is not a domain that everybody is in.
    let is_domain = rest.starts_with('.') && rest.matches('.').count() >= 2;
    let Some((first, others)) = host.split_once('.') else { return false };
    let others_match = rest.get(1..).is_some_and(|rest| rest.eq_ignore_ascii_case(others));
    is_domain && !first.is_empty() && others_match
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    #[test]
    fn a_star_stands_for_one_label_and_the_first_one() {
        for (pattern, host, expected) in [
            ("localhost", "localhost", true),
            ("LocalHost", "localHOST", true),
            ("localhost", "localhost2", false),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "A.Example.ORG", true),
            ("*.example.org", "a.b.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.example.org", ".example.org", false),
            ("*.org", "example.org", false),
            ("*", "localhost", false),
            ("*", "a.b", false),
            ("a.*.org", "a.example.org", false),
            ("f*.example.org", "foo.example.org", false),
            ("", "localhost", false),
        ] {
            assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn a_common_name_counts_where_there_is_no_other_name() {
        let certificate = |others: &[SanType]| {
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, "localhost");
            params.subject_alt_names = others.to_vec();
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
        };
        let counts = |others: &[SanType], host| {
            let certificate = certificate(others);
            common_name_is(&Parts::of(&certificate).unwrap(), &server_name(host).unwrap())
        };
        assert!(counts(&[], "localhost"));
        assert!(!counts(&[], "other"));
        // An address is no name of the DNS.
        let address = SanType::IpAddress([127, 0, 0, 1].into());
        assert!(counts(std::slice::from_ref(&address), "localhost"));
        assert!(!counts(&[SanType::DnsName("other".try_into().unwrap())], "localhost"));
        assert!(!counts(&[address, SanType::DnsName("other".try_into().unwrap())], "localhost"));
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for host in ["localhost", "a_b.example.org"] {
            assert!(matches!(server_name(host), Some(ServerName::DnsName(_))), "{host}");
        }
        for host in ["127.0.0.1", "::1", "fe80::1%eth0"] {
            assert!(matches!(server_name(host), Some(ServerName::IpAddress(_))), "{host}");
        }
        for host in ["", "a b", "a..b", "a\r\nb"] {
            assert!(server_name(host).is_none(), "{host}");
        }
    }
}
