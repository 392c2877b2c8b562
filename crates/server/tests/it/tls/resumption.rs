//! Clients that come again, and would rather go on with what was agreed upon before.

use super::{Authority, Office, Tunnel};
use crate::harness::{Broker, Got, client};
use rustls::HandshakeKind::{self, Full, Resumed};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};
use std::sync::Arc;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// What a handshake of this client's end was like; none where it is not let in. The end keeps what it may resume.
fn kind(broker: &Broker, end: &Arc<ClientConfig>) -> Option<HandshakeKind> {
    let (stream, kind) = Tunnel::with(Arc::clone(end), broker.dial()).ok()?;
    let mut user = client("user").over(stream);
    // In TLS 1.3 a client hears of a refusal only when it reads.
    (user.next_or_end()? == Got::ConnAck { present: false, reason: 0 }).then(|| {
        user.ping();
        kind
    })
}

#[test]
fn a_client_resumes_in_either_version_until_a_reload() {
    let office = Office::new();
    let broker = office.broker("");
    for version in VERSIONS {
        let end = Arc::new(office.tunnel().version(version).config());
        assert_eq!([kind(&broker, &end), kind(&broker, &end)], [Some(Full), Some(Resumed)], "{version:?}");
        broker.hang_up();
        assert_eq!([kind(&broker, &end), kind(&broker, &end)], [Some(Full), Some(Resumed)], "{version:?}");
    }
}

/// A certificate is looked at each time: it may be out of date, or revoked, by then.
#[test]
fn where_certificates_are_required_nobody_resumes() {
    let office = Office::new();
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true");
    for version in VERSIONS {
        let tunnel = office.tunnel().showing(&office.authority.client("somebody"));
        let end = Arc::new(tunnel.version(version).config());
        assert_eq!([kind(&broker, &end), kind(&broker, &end)], [Some(Full), Some(Full)], "{version:?}");
    }
}

/// Whatever a client has kept from before.
#[test]
fn a_removed_authority_a_new_revocation_and_a_new_duty_hold_for_those_who_were_let_in_before() {
    let office = Office::new();
    let (leaving, staying) = (Authority::new("Leaving"), Authority::new("Staying"));
    let revoked_leaf = staying.client("revoked");
    for version in VERSIONS {
        office.file("cas.crt", &format!("{}{}", leaving.pem, staying.pem));
        office.file("crl.pem", &format!("{}{}", leaving.revoke(&[], 2099), staying.revoke(&[], 2099)));
        let trusting = "cafile DIR/cas.crt\ncrlfile DIR/crl.pem\nrequire_certificate";
        let broker = office.broker(&format!("{trusting} true"));
        let end = |leaf| Arc::new(office.tunnel().showing(leaf).version(version).config());
        let (left, revoked, good) = (end(&leaving.client("x")), end(&revoked_leaf), end(&staying.client("y")));
        let without = Arc::new(office.tunnel().version(version).config());
        let is_in = |end| kind(&broker, end).is_some();
        assert_eq!([&left, &revoked, &good, &without].map(is_in), [true, true, true, false]);
        // For a time nobody need show anything, and all may get something to resume with.
        broker.reload(&office.config(&format!("{trusting} false")));
        assert_eq!([&left, &revoked, &good, &without].map(is_in), [true; 4]);
        assert_eq!(kind(&broker, &without), Some(Resumed));
        office.file("cas.crt", &staying.pem);
        office.file("crl.pem", &staying.revoke(&[&revoked_leaf], 2099));
        broker.reload(&office.config(&format!("{trusting} true")));
        assert_eq!([&left, &revoked, &good, &without].map(is_in), [false, false, true, false], "{version:?}");
    }
}

/// As Mosquitto's own server: names of protocols are neither asked for nor answered.
#[test]
fn who_offers_protocols_by_alpn_is_let_in_and_none_is_chosen() {
    let office = Office::new();
    let websockets = "listener SECOND 127.0.0.1\nlistener_allow_anonymous true\nprotocol websockets\n\
                      certfile DIR/server.crt\nkeyfile DIR/server.key";
    let broker = office.broker(websockets);
    for version in VERSIONS {
        for (offered, second) in [(&b"mqtt"[..], false), (b"http/1.1", true), (b"something", false)] {
            let mut config = office.tunnel().version(version).config();
            config.alpn_protocols = vec![offered.to_vec()];
            let mut socket = if second { broker.dial_second() } else { broker.dial() };
            let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
            let mut tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
            while tls.is_handshaking() {
                tls.complete_io(&mut socket).unwrap();
            }
            assert_eq!(tls.alpn_protocol(), None, "{version:?}");
        }
        let mut config = office.tunnel().version(version).config();
        config.alpn_protocols = vec![b"mqtt".to_vec()];
        assert_eq!(kind(&broker, &Arc::new(config)), Some(Full));
    }
}
