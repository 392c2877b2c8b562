//! `require_certificate` and what goes with it: whose certificates are good.

use super::authority::{Authority, Leaf};
use super::{Office, Tunnel};
use crate::harness::{Broker, Got, client};
use rcgen::date_time_ymd;
use rustls::version::{TLS12, TLS13};

/// Whether a client with this end of TLS gets in, in either version.
pub(super) fn lets_in(broker: &Broker, tunnel: &Tunnel) -> bool {
    let answers = [&TLS12, &TLS13].map(|version| {
        // In TLS 1.3 a client hears of a refusal only when it reads.
        let Ok(stream) = tunnel.clone().version(version).to(broker) else { return false };
        client("user").over(stream).next_or_end() == Some(Got::ConnAck { present: false, reason: 0 })
    });
    assert_eq!(answers[0], answers[1]);
    answers[0]
}

/// Waits for what the log says of those who were not let in, in either version.
pub(super) fn wait_for_refusals(broker: &Broker, reason: &str) {
    broker.log.wait_for_several(reason, 2);
}

#[test]
pub(crate) fn require_certificate_lets_in_whom_an_authority_of_cafile_has_signed() {
    let office = Office::new();
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true");
    assert!(lets_in(&broker, &office.tunnel().showing(&office.authority.client("somebody"))));
    assert!(!lets_in(&broker, &office.tunnel()));
    wait_for_refusals(&broker, "peer sent no certificates.");
    let stranger = Authority::new("Somebody Else").client("somebody");
    assert!(!lets_in(&broker, &office.tunnel().showing(&stranger)));
    wait_for_refusals(&broker, "invalid peer certificate: UnknownIssuer.");
    // Of the same name, but not the same.
    let false_friend = Authority::new("Test Authority").client("somebody");
    assert!(!lets_in(&broker, &office.tunnel().showing(&false_friend)));
    // One for servers is none for clients.
    let purpose = office.authority.client_with(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert!(!lets_in(&broker, &office.tunnel().showing(&purpose)));
}

#[test]
fn without_require_certificate_nobody_is_asked_for_one() {
    let office = Office::new();
    let broker = office.broker("cafile DIR/ca.crt");
    assert!(lets_in(&broker, &office.tunnel()));
    assert!(lets_in(&broker, &office.tunnel().showing(&Authority::new("Somebody Else").client("somebody"))));
}

#[test]
fn without_any_authority_nobody_is_let_in() {
    let office = Office::new();
    let broker = office.broker("require_certificate true");
    assert!(!lets_in(&broker, &office.tunnel().showing(&office.authority.client("somebody"))));
}

#[test]
fn authorities_below_the_trusted_one_count_where_the_client_shows_them() {
    let office = Office::new();
    let below = office.authority.below("Department");
    let somebody = below.client("somebody");
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true");
    assert!(!lets_in(&broker, &office.tunnel().showing(&somebody)));
    assert!(lets_in(&broker, &office.tunnel().showing_chain(&somebody, &[&below.pem])));
}

#[test]
pub(crate) fn capath_is_a_directory_of_files_named_by_hash() {
    let office = Office::new();
    let (hashed, other) = (Authority::new("Hashed"), Authority::new("Other"));
    std::fs::create_dir(office.scratch.path().join("cas")).unwrap();
    office.file("cas/0a1b2c3d.0", &hashed.pem);
    office.file("cas/ffffffff.1", "of no use");
    office.file("cas/other.pem", &other.pem);
    let broker = office.broker("capath DIR/cas\nrequire_certificate true");
    assert!(lets_in(&broker, &office.tunnel().showing(&hashed.client("somebody"))));
    assert!(!lets_in(&broker, &office.tunnel().showing(&other.client("somebody"))));
}

#[test]
pub(crate) fn crlfile_names_those_that_are_good_no_more() {
    let office = Office::new();
    let (good, revoked) = (office.authority.client("good"), office.authority.client("revoked"));
    office.file("crl.pem", &office.authority.revoke(&[&revoked], 2099));
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true\ncrlfile DIR/crl.pem");
    assert!(lets_in(&broker, &office.tunnel().showing(&good)));
    assert!(!lets_in(&broker, &office.tunnel().showing(&revoked)));
    wait_for_refusals(&broker, "invalid peer certificate: Revoked.");
    // A list that is out of date tells nothing, and then nobody is let in.
    office.file("crl.pem", &office.authority.revoke(&[], 2021));
    broker.hang_up();
    assert!(!lets_in(&broker, &office.tunnel().showing(&good)));
}

fn out_of_date(authority: &Authority) -> Leaf {
    authority.client_with(|params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    })
}

#[test]
pub(crate) fn disable_client_cert_date_checks_takes_certificates_out_of_their_time() {
    let office = Office::new();
    let early = office.authority.client_with(|params| params.not_before = date_time_ymd(2090, 1, 1));
    let (late, good) = (out_of_date(&office.authority), office.authority.client("good"));
    let stranger = out_of_date(&Authority::new("Somebody Else"));
    for (line, expected) in [("", false), ("disable_client_cert_date_checks true", true)] {
        let broker = office.broker(&format!("cafile DIR/ca.crt\nrequire_certificate true\n{line}"));
        assert!(lets_in(&broker, &office.tunnel().showing(&good)), "{line}");
        for leaf in [&early, &late] {
            assert_eq!(lets_in(&broker, &office.tunnel().showing(leaf)), expected, "{line}");
        }
        assert!(!lets_in(&broker, &office.tunnel().showing(&stranger)), "{line}");
    }
}
