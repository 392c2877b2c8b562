//! Which versions and ciphers a listener speaks.

use super::Office;
use crate::harness::{Got, client};
use rustls::version::{TLS12, TLS13};

#[test]
pub(crate) fn tls_version_is_the_lowest_one_that_is_spoken() {
    let office = Office::new();
    for (line, old) in [("", true), ("tls_version tlsv1.2", true), ("tls_version tlsv1.3", false)] {
        let broker = office.broker(line);
        assert_eq!(office.tunnel().version(&TLS12).to(&broker).is_ok(), old, "{line}");
        assert!(office.tunnel().version(&TLS13).to(&broker).is_ok(), "{line}");
    }
    let (said, code) = office.refusal("tls_version tlsv1.1");
    assert_eq!(code, Some(1), "{said:#?}");
    let expected = [
        "Error: Unsupported tls_version \"tlsv1.1\".",
        "Expected: tlsv1.2 or tlsv1.3; there is no TLS 1.1 here, as it is not secure.",
    ];
    assert!(expected.iter().all(|line| said.iter().any(|said| said == line)), "{said:#?}");
}

#[test]
pub(crate) fn ciphers_and_ciphers_tls_1_3_choose_in_their_order() {
    let office = Office::new();
    for (version, lines, negotiated) in [
        (&TLS12, "ciphers ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2 cipher ECDHE-ECDSA-AES128-GCM-SHA256"),
        (&TLS12, "ciphers ECDHE+CHACHA20:AES256", "TLSv1.2 cipher ECDHE-ECDSA-CHACHA20-POLY1305"),
        (
            &TLS13,
            "ciphers_tls1.3 TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
            "TLSv1.3 cipher TLS_AES_128_GCM_SHA256",
        ),
        (&TLS13, "ciphers_tls1.3 TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3 cipher TLS_CHACHA20_POLY1305_SHA256"),
    ] {
        let broker = office.broker(lines);
        let mut user = client("user").over(office.tunnel().version(version).to(&broker).unwrap());
        assert_eq!(user.next(), Got::ConnAck { present: false, reason: 0 });
        broker.log.wait_for(&format!("Client user negotiated {negotiated}"));
    }
    // Of those for certificates with an RSA key there is no use here.
    let broker = office.broker("ciphers aRSA");
    assert!(office.tunnel().version(&TLS12).to(&broker).is_err());
    assert!(office.tunnel().version(&TLS13).to(&broker).is_ok());
}

#[test]
fn a_list_that_chooses_nothing_is_an_error_that_says_what_there_is() {
    let office = Office::new();
    for (line, text) in [
        ("ciphers invalid", "Error: Unable to set TLS ciphers. Check cipher list \"invalid\"."),
        ("ciphers aNULL", "Error: Unable to set TLS ciphers. Check cipher list \"aNULL\"."),
        ("ciphers_tls1.3 x", "Error: Unable to set TLS 1.3 ciphersuites. Check cipher_tls13 list \"x\"."),
    ] {
        let (said, code) = office.refusal(line);
        assert_eq!(code, Some(1), "{said:#?}");
        assert!(said.iter().any(|said| said == text), "{said:#?}");
        assert!(
            said.iter().any(|said| said.starts_with("Reason: ") && said.contains("AES_128") | said.contains("AES128"))
        );
    }
}
