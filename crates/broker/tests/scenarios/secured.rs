//! Connections inside TLS: what is logged of them, and usernames that come from certificates.

use crate::harness::{Net, Peer, connect, of_listener};
use mosquitto_broker::{CertificateUsername, ListenerSettings, Secured, Settings};
use mosquitto_mqtt::ProtocolVersion;

fn secured(common_name: Option<&str>, subject: Option<&str>) -> Secured {
    Secured {
        protocol: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        common_name: common_name.map(Into::into),
        subject: subject.map(Into::into),
    }
}

/// A listener that lets nobody in for nothing.
fn strict(username: CertificateUsername) -> ListenerSettings {
    ListenerSettings {
        tls: true,
        allow_anonymous: false,
        certificate_username: Some(username),
        ..ListenerSettings::default()
    }
}

/// A connection whose TLS came to this, after its CONNECT.
fn connected(net: &mut Net, secured: Option<Secured>, connect: &[u8]) -> Peer {
    let peer = net.dial(0);
    net.set_version(peer, if connect[8] == 5 { ProtocolVersion::V5 } else { ProtocolVersion::V311 });
    if let Some(secured) = secured {
        net.secured(peer, secured);
    }
    net.send_bytes(peer, connect);
    peer
}

#[test]
fn version_and_cipher_are_logged_when_the_client_is_let_in() {
    let mut net = Net::with(1, Settings::default());
    let peer = connected(&mut net, Some(secured(None, None)), &connect("user").bytes());
    assert!(net.got_first(peer).starts_with("CONNACK"));
    assert_eq!(net.log_with("negotiated"), ["Client user negotiated TLSv1.3 cipher TLS_AES_256_GCM_SHA384"]);
}

#[test]
fn the_name_of_the_certificate_takes_the_place_of_any_other_and_no_password_is_asked_for() {
    for (wanted, name) in
        [(CertificateUsername::CommonName, "common"), (CertificateUsername::Subject, "CN=common,C=GB")]
    {
        let mut net = Net::with(1, of_listener(strict(wanted)));
        let packet = connect("user").username("liar").password(b"secret").bytes();
        let peer = connected(&mut net, Some(secured(Some("common"), Some("CN=common,C=GB"))), &packet);
        assert!(net.is_open(peer), "{wanted:?}");
        let said = net.log_with("New client");
        assert!(said.len() == 1 && said[0].ends_with(&format!(" as user (p5, c1, k0, u'{name}').")), "{said:?}");
    }
}

#[test]
fn without_a_name_nobody_is_let_in_whatever_he_says_he_is() {
    for (wanted, has) in [
        (CertificateUsername::CommonName, Some(secured(None, Some("C=GB")))),
        (CertificateUsername::Subject, Some(secured(None, None))),
        (CertificateUsername::CommonName, None),
    ] {
        for open in [false, true] {
            let listener = ListenerSettings { allow_anonymous: open, ..strict(wanted) };
            let mut net = Net::with(1, of_listener(listener));
            for (options, reason) in [(connect("a").v311(), 4), (connect("a"), 0x86)] {
                let packet = options.username("liar").bytes();
                let peer = connected(&mut net, has.clone(), &packet);
                assert!(!net.is_open(peer));
                let got = net.got(peer);
                assert!(got.len() == 1 && got[0].contains(&format!("rc={reason}")), "{got:?}");
            }
            assert_eq!(net.log_with("disconnected: not authorised.").len(), 2);
        }
    }
}

/// What is checked before does not change its order: a client id that is not allowed is refused as ever.
#[test]
fn the_name_is_looked_at_after_the_client_id() {
    let settings =
        Settings { clientid_prefixes: Some("good-".into()), ..of_listener(strict(CertificateUsername::CommonName)) };
    let mut net = Net::with(1, settings);
    let peer = connected(&mut net, None, &connect("bad").bytes());
    assert!(net.got(peer)[0].contains("rc=135"));
    let peer = connected(&mut net, None, &connect("good-1").bytes());
    assert!(net.got(peer)[0].contains("rc=134"));
}

#[test]
fn where_certificates_begin_to_count_those_without_a_name_from_one_go() {
    let loose = ListenerSettings { tls: true, ..ListenerSettings::default() };
    let mut net = Net::with(1, of_listener(loose.clone()));
    let somebody = secured(Some("somebody"), None);
    let before = connected(&mut net, Some(somebody.clone()), &connect("before").bytes());
    let _ = net.got(before);
    net.reconfigure(of_listener(strict(CertificateUsername::CommonName)));
    assert_eq!(net.got(before), ["DISCONNECT rc=0x98"]);
    let after = connected(&mut net, Some(somebody), &connect("after").bytes());
    let _ = net.got(after);
    net.reconfigure(of_listener(strict(CertificateUsername::CommonName)));
    assert!(net.is_open(after) && net.got(after).is_empty());
    // Where they do not count any more, nothing shows who the client is.
    net.reconfigure(of_listener(ListenerSettings { allow_anonymous: false, ..loose }));
    assert_eq!(net.got(after), ["DISCONNECT rc=0x87"]);
}
