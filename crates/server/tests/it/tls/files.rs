//! Files that are of no use.

use super::Office;
use super::authority::Authority;
use crate::harness::mosquitto;

/// With what is wrong below the listener: the lines that are expected.
fn broken(office: &Office) -> Vec<(&'static str, String)> {
    let dir = office.scratch.path().display();
    office.file("text", "no PEM at all");
    office.file("other.key", &Authority::new("x").server().key);
    office.file("encrypted.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    office.file("broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let cert = |name: &str| format!("Error: Unable to load server certificate \"{dir}/{name}\". Check certfile.");
    let key = |name: &str| format!("Error: Unable to load server key file \"{dir}/{name}\". Check keyfile.");
    let ca = |name: &str| format!("Error: Unable to load CA certificates. Check cafile \"{dir}/{name}\".");
    vec![
        ("certfile DIR/missing", cert("missing")),
        ("certfile DIR/text", cert("text")),
        ("certfile DIR/broken.crt", cert("broken.crt")),
        ("certfile DIR", format!("Error: Unable to load server certificate \"{dir}\". Check certfile.")),
        ("keyfile DIR/missing", key("missing")),
        ("keyfile DIR/server.crt", key("server.crt")),
        ("keyfile DIR/encrypted.key", key("encrypted.key")),
        ("keyfile DIR/other.key", "Error: Server certificate/key are inconsistent.".to_owned()),
        ("cafile DIR/missing", ca("missing")),
        ("cafile DIR/text", ca("text")),
        ("cafile DIR/broken.crt", ca("broken.crt")),
        ("capath DIR/missing", format!("Error: Unable to load CA certificates. Check capath \"{dir}/missing\".")),
        (
            "crlfile DIR/text",
            format!("Error: Unable to load certificate revocation file \"{dir}/text\". Check crlfile."),
        ),
    ]
}

#[test]
pub(crate) fn a_file_of_no_use_is_named_and_the_broker_does_not_start() {
    let office = Office::new();
    for (line, expected) in broken(&office) {
        let (said, code) = office.refusal(line);
        assert_eq!(code, Some(1), "{line}: {said:#?}");
        assert!(said.contains(&expected), "{line}: {said:#?}");
        assert!(said.iter().any(|line| line.starts_with("Reason: ")), "{line}: {said:#?}");
    }
    let (said, _) = office.refusal("keyfile DIR/encrypted.key");
    assert!(said.iter().any(|line| line.contains("the key is encrypted in a way that is not known")), "{said:#?}");
}

#[test]
fn test_config_finds_the_same() {
    let office = Office::new();
    for (line, expected) in broken(&office) {
        let config = office.file("mosquitto.conf", &office.config(line).replace("PORT", "1884"));
        let tested = mosquitto(["--test-config".as_ref(), "-c".as_ref(), config.as_os_str()]);
        assert_eq!(tested.code, Some(3), "{line}: {tested:#?}");
        assert!(tested.stderr.contains(&expected), "{line}: {tested:#?}");
    }
}

#[test]
fn a_certificate_alone_is_shown_with_those_above_it() {
    use crate::harness::{Got, client};
    let office = Office::new();
    let below = office.authority.below("Department");
    let server = below.server();
    office.file("server.crt", &server.pem);
    office.file("server.key", &server.key);
    office.file("cas.crt", &format!("{}{}", office.authority.pem, below.pem));
    // Clients know the one above it only.
    assert!(office.tunnel().to(&office.broker("")).is_err());
    let broker = office.broker("cafile DIR/cas.crt");
    let mut user = client("user").over(office.tunnel().to(&broker).unwrap());
    assert_eq!(user.next(), Got::ConnAck { present: false, reason: 0 });
}
