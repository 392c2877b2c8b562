//! TLS towards the remote broker.

use super::{bridged, connected};
use crate::harness::{Broker, Setup, mosquitto};
use crate::tls::Office;
use crate::tls::authority::Authority;

/// A bridge to this broker, by a name that its certificate has.
fn secured(there: &Broker, lines: &str) -> Broker {
    bridged(there.port(), &format!("topic t\n{lines}\n"))
}

/// The bridge is not connected, for this reason.
fn fails(there: &Broker, lines: &str) {
    let here = secured(there, lines);
    here.log.wait_for("Error creating bridge: ");
    assert_eq!(here.log.count("Received CONNACK"), 0);
}

#[test]
pub(crate) fn bridge_cafile_names_whom_to_trust() {
    let office = Office::new();
    let there = office.broker("");
    connected(&secured(&there, &format!("bridge_cafile {}", office.path("ca.crt"))));
    office.file("other.crt", &Authority::new("Other").pem);
    fails(&there, &format!("bridge_cafile {}", office.path("other.crt")));
}

#[test]
pub(crate) fn bridge_capath_is_a_directory_of_files_named_by_hash() {
    let office = Office::new();
    std::fs::create_dir(office.path("cas")).unwrap();
    office.file("cas/0a1b2c3d.0", &office.authority.pem);
    connected(&secured(&office.broker(""), &format!("bridge_capath {}", office.path("cas"))));
}

#[test]
pub(crate) fn bridge_certfile_and_bridge_keyfile_are_shown() {
    let office = Office::new();
    office.write_client("gateway");
    let ca = office.path("ca.crt");
    let there = office.broker(&format!("cafile {ca}\nrequire_certificate true\nuse_identity_as_username true"));
    let own = format!("bridge_certfile {}\nbridge_keyfile {}", office.path("gateway.crt"), office.path("gateway.key"));
    connected(&secured(&there, &format!("bridge_cafile {ca}\n{own}")));
    there.log.wait_for("u'gateway'");
}

#[test]
pub(crate) fn bridge_insecure_does_not_look_at_the_name() {
    let office = Office::new();
    // `localhost` is in the certificate, `127.0.0.2` is not.
    let there = Setup::config(&office.config("").replace("listener PORT 127.0.0.1", "listener PORT")).start();
    for (insecure, line) in [("false", "Error creating bridge: "), ("true", "Received CONNACK")] {
        let config = format!(
            "log_type all\nlog_timestamp false\nconnection b\naddress 127.0.0.2:{}\ntopic t\nrestart_timeout 1\n\
             bridge_cafile {}\nbridge_insecure {insecure}\n",
            there.port(),
            office.path("ca.crt")
        );
        let here = Setup::open(&config).start();
        here.log.wait_for(line);
    }
}

#[test]
pub(crate) fn bridge_tls_version_and_ciphers_are_held_to() {
    let office = Office::new();
    let trusting = format!("bridge_cafile {}", office.path("ca.crt"));
    let there = office.broker("ciphers ECDHE-ECDSA-AES256-GCM-SHA384\nciphers_tls1.3 TLS_AES_256_GCM_SHA384");
    connected(&secured(&there, &format!("{trusting}\nbridge_tls_version tlsv1.3")));
    let other = "bridge_ciphers ECDHE-ECDSA-AES128-GCM-SHA256\nbridge_ciphers_tls1.3 TLS_AES_128_GCM_SHA256";
    fails(&there, &format!("{trusting}\n{other}"));
    let same = "bridge_ciphers ECDHE-ECDSA-AES256-GCM-SHA384\nbridge_ciphers_tls1.3 TLS_AES_256_GCM_SHA384";
    connected(&secured(&there, &format!("{trusting}\n{same}")));
}

#[test]
pub(crate) fn options_of_tls_that_are_of_no_use_are_refused_by_name() {
    let office = Office::new();
    let trusting = format!("bridge_cafile {}", office.path("ca.crt"));
    for (lines, why) in [
        ("bridge_cafile /nowhere".to_owned(), "check bridge_cafile \"/nowhere\""),
        (format!("{trusting}\nbridge_ciphers NONE-SUCH"), "Check cipher list \"NONE-SUCH\"."),
        (format!("{trusting}\nbridge_require_ocsp true"), "'bridge_require_ocsp true' option is not supported"),
        ("bridge_identity x\nbridge_psk 00\nbridge_tls_version tlsv1.3".to_owned(), "bridge_tls_version"),
    ] {
        let text = format!("listener 1883 127.0.0.1\nconnection b\naddress a\ntopic t\n{lines}\n");
        let file = office.file("mosquitto.conf", &text);
        let tested = mosquitto(["--test-config".as_ref(), "-c".as_ref(), file.as_os_str()]);
        assert_eq!(tested.code, Some(3), "{tested:?}");
        assert!(tested.stderr.iter().any(|line| line.contains(why)), "{why}: {tested:?}");
    }
}
