//! Usernames that come from certificates.

use super::Office;
use super::authority::{Leaf, name};
use crate::harness::{Broker, Got, client};
use mosquitto_mqtt::ProtocolVersion::{self, V5, V311};
use rcgen::DnType;

/// As strict as a listener can be: nobody is let in for nothing.
fn broker(office: &Office, lines: &str) -> Broker {
    let lines = format!("listener_allow_anonymous false\ncafile DIR/ca.crt\nrequire_certificate true\n{lines}");
    office.broker(&lines)
}

fn answer(office: &Office, broker: &Broker, leaf: &Leaf, version: ProtocolVersion) -> Got {
    let stream = office.tunnel().showing(leaf).to(broker).unwrap();
    client("user").version(version).username("liar").over(stream).next()
}

fn ack(reason: u8) -> Got {
    Got::ConnAck { present: false, reason }
}

#[test]
pub(crate) fn use_identity_as_username_takes_the_common_name_and_asks_for_nothing_else() {
    let office = Office::new();
    let broker = broker(&office, "use_identity_as_username true\nuse_subject_as_username true");
    let named = office.authority.client_with(|params| {
        params.distinguished_name = name(&[(DnType::OrganizationName, "Server"), (DnType::CommonName, "test client")]);
    });
    for version in [V311, V5] {
        assert_eq!(answer(&office, &broker, &named, version), ack(0));
    }
    broker.log.wait_for_several(", u'test client').", 2);
    assert_eq!(broker.log.count("liar"), 0);
}

#[test]
fn a_certificate_without_a_name_that_can_be_used_is_refused() {
    let office = Office::new();
    let broker = broker(&office, "use_identity_as_username true");
    let nameless = office.authority.client_with(|params| {
        params.distinguished_name = name(&[(DnType::OrganizationName, "Server")]);
    });
    let cut = office.authority.client_with(|params| {
        params.distinguished_name = name(&[(DnType::CommonName, "admin\0x")]);
    });
    for leaf in [&nameless, &cut] {
        for (version, reason) in [(V311, 4), (V5, 0x86)] {
            assert_eq!(answer(&office, &broker, leaf, version), ack(reason));
        }
    }
    broker.log.wait_for("disconnected: not authorised.");
}

#[test]
fn without_a_certificate_there_is_no_name() {
    let office = Office::new();
    let broker = office.broker("cafile DIR/ca.crt\nuse_identity_as_username true");
    for (version, reason) in [(V311, 4), (V5, 0x86)] {
        let stream = office.tunnel().to(&broker).unwrap();
        assert_eq!(client("user").version(version).username("liar").over(stream).next(), ack(reason));
    }
}

#[test]
pub(crate) fn use_subject_as_username_takes_all_of_it_the_last_part_first() {
    let office = Office::new();
    let broker = broker(&office, "use_subject_as_username true");
    let named = office.authority.client_with(|params| {
        params.distinguished_name = name(&[
            (DnType::CountryName, "GB"),
            (DnType::OrganizationName, "Smith, Sons"),
            (DnType::CommonName, "test client"),
        ]);
    });
    assert_eq!(answer(&office, &broker, &named, V5), ack(0));
    broker.log.wait_for(", u'CN=test client,O=Smith\\, Sons,C=GB').");
}

#[test]
fn the_name_may_be_the_client_id_as_well() {
    let office = Office::new();
    let broker = broker(&office, "use_identity_as_username true\nuse_username_as_clientid true");
    // On whichever worker it is at home.
    for name in ["one", "two", "three", "four", "five"] {
        assert_eq!(answer(&office, &broker, &office.authority.client(name), V5), ack(0));
        broker.log.wait_for(&format!(" as {name} (p5, c1, k60, u'{name}')."));
    }
}

#[test]
fn clients_with_a_name_stay_at_a_reload_and_those_under_another_one_go() {
    let office = Office::new();
    let strict =
        "listener_allow_anonymous false\ncafile DIR/ca.crt\nrequire_certificate true\nuse_identity_as_username ";
    let broker = office.broker(&format!("{strict}true"));
    let connect = |id: &str| {
        let stream = office.tunnel().showing(&office.authority.client(id)).to(&broker).unwrap();
        let mut user = client(id).over(stream);
        assert_eq!(user.next(), Got::ConnAck { present: false, reason: 0 });
        user
    };
    let mut stays = connect("stays");
    broker.hang_up();
    stays.ping();
    broker.reload(&office.config("cafile DIR/ca.crt\nrequire_certificate true"));
    let mut goes = connect("goes");
    let _ = broker.reload(&office.config(&format!("{strict}true")));
    assert_eq!(goes.rest(), [Got::Disconnect(0x98)]);
    stays.ping();
}
