//! TLS of a bridge.

use crate::bridges::{bridge, said, wrong};
use mosquitto_config::{BridgeTls, BridgeTlsVersion, LogType};

#[test]
fn every_option_has_its_place() {
    let text = |value: &str| Some(value.to_owned());
    let lines = "bridge_cafile a\nbridge_capath b c\nbridge_tls_use_os_certs true\nbridge_certfile d\nbridge_keyfile e\n\
                 bridge_insecure true\nbridge_alpn f\nbridge_ciphers g\nbridge_ciphers_tls1.3 h\nbridge_tls_version tlsv1.3";
    assert_eq!(
        bridge(lines).tls,
        BridgeTls {
            cafile: text("a"),
            capath: text("b c"),
            use_os_certs: true,
            certfile: text("d"),
            keyfile: text("e"),
            insecure: true,
            alpn: text("f"),
            ciphers: text("g"),
            ciphers_tls13: text("h"),
            version: Some(BridgeTlsVersion::Tls13),
            identity: None,
            psk: None,
        }
    );
    assert_eq!(bridge("bridge_tls_version tlsv1.2").tls.version, Some(BridgeTlsVersion::Tls12));
    assert_eq!(bridge("bridge_keyfile a\nbridge_keyfile b").tls.keyfile.as_deref(), Some("b"));
    assert_eq!(wrong("bridge_cafile a\nbridge_cafile b"), "Error: Duplicate 'bridge_cafile' value in configuration.");
}

#[test]
fn it_is_on_where_authorities_or_a_key_are_named() {
    for line in
        ["bridge_cafile a", "bridge_capath a", "bridge_tls_use_os_certs true", "bridge_identity i\nbridge_psk aA1"]
    {
        assert!(bridge(line).tls.is_on(), "{line}");
    }
    let psk = bridge("bridge_identity the one\nbridge_psk aA1").tls;
    assert!(psk.is_psk());
    assert_eq!((psk.identity.as_deref(), psk.psk.as_deref()), (Some("the one"), Some("aA1")));
    assert!(!bridge("").tls.is_on());
}

#[test]
fn who_believes_it_to_be_on_is_warned() {
    for line in ["bridge_certfile a", "bridge_tls_version tlsv1.3", "bridge_alpn x"] {
        assert!(!bridge(line).tls.is_on(), "{line}");
        let warnings = said(LogType::Warning, line);
        assert!(warnings[0].starts_with("Warning: Bridge 'b' does not use TLS"), "{warnings:?}");
    }
    assert!(said(LogType::Warning, "").is_empty());
    let insecure = said(LogType::Warning, "bridge_cafile a\nbridge_insecure true");
    assert_eq!(insecure, ["Warning: Bridge 'b' using insecure mode."]);
}

#[test]
fn certificates_and_keys_do_not_go_together() {
    let certificates = ["bridge_cafile", "bridge_capath", "bridge_certfile", "bridge_keyfile"];
    for certificate in certificates {
        for key in ["bridge_identity", "bridge_psk"] {
            assert_eq!(
                wrong(&format!("{key} aa\n{certificate} x")),
                format!("Error: '{certificate}': Cannot use both certificate and psk encryption in a single bridge.")
            );
            assert_eq!(
                wrong(&format!("{certificate} x\n{key} aa")),
                format!("Error: '{key}': Cannot use both certificate and identity encryption in a single bridge.")
            );
        }
    }
    let both = "Error: Invalid bridge configuration: both bridge_tls_use_os_certs and bridge_psk.";
    assert_eq!(wrong("bridge_tls_use_os_certs true\nbridge_identity i\nbridge_psk aa"), both);
}

#[test]
fn what_is_only_half_there_is_refused() {
    let missing = |what: &str| format!("Error: Invalid bridge configuration: {what}.");
    assert_eq!(wrong("bridge_identity i"), missing("missing bridge_psk"));
    assert_eq!(wrong("bridge_psk aa"), missing("missing bridge_identity"));
    let half = missing("one of bridge_certfile and bridge_keyfile");
    assert_eq!(wrong("bridge_cafile a\nbridge_certfile b"), half);
    assert_eq!(wrong("bridge_tls_use_os_certs true\nbridge_keyfile b"), half);
}

#[test]
fn a_key_that_is_none_is_refused_and_not_shown() {
    let text = crate::folder::refusal(format!("{}bridge_identity i\nbridge_psk secret\n", crate::bridges::PLAIN));
    let expected = "Error: Invalid bridge configuration: bridge_psk is no key.\n\
                    Expected: hexadecimal digits below connection b.";
    assert_eq!(text, expected);
    assert!(!format!("{:?}", bridge("bridge_identity i\nbridge_psk abcdef").tls).contains("abcdef"));
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    for version in ["tlsv9", "tlsv1.1", "tlsv1"] {
        let expected = format!("Error: Invalid 'bridge_tls_version' value ({version}).");
        assert_eq!(wrong(&format!("bridge_tls_version {version}")), expected);
    }
    let expected = "Error: The 'bridge_require_ocsp true' option is not supported yet.";
    assert_eq!(wrong("bridge_require_ocsp true"), expected);
    assert_eq!(bridge("bridge_require_ocsp false"), bridge(""));
}
