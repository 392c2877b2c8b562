//! SIGHUP: other files, while clients are connected.

use super::Office;
use super::client_certificates::lets_in;
use crate::harness::{Client, Got, client};

fn connect(stream: std::net::TcpStream, id: &str) -> Client {
    let mut client = client(id).over(stream);
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client
}

#[test]
fn a_new_certificate_is_shown_to_those_who_connect_later_and_the_others_stay() {
    let mut office = Office::new();
    let broker = office.broker("");
    let old = office.tunnel();
    let mut user = connect(old.to(&broker).unwrap(), "user");
    office.authority = super::Authority::new("Another Authority");
    office.write_server();
    let log = broker.hang_up();
    assert_eq!(log.last().unwrap(), "Configuration reloaded: nothing has changed.");
    assert!(old.to(&broker).is_err());
    connect(office.tunnel().to(&broker).unwrap(), "later").ping();
    user.ping();
}

/// Who was let in before is no exception: there is nothing left to go on with.
#[test]
fn an_authority_that_is_taken_out_of_cafile_is_not_trusted_any_more() {
    let office = Office::new();
    let (leaving, staying) = (super::Authority::new("Leaving"), super::Authority::new("Staying"));
    office.file("cas.crt", &format!("{}{}", leaving.pem, staying.pem));
    let broker = office.broker("cafile DIR/cas.crt\nrequire_certificate true");
    let tunnels = [&leaving, &staying].map(|authority| office.tunnel().showing(&authority.client("somebody")));
    assert_eq!(tunnels.each_ref().map(|tunnel| lets_in(&broker, tunnel)), [true, true]);
    office.file("cas.crt", &staying.pem);
    broker.hang_up();
    assert_eq!(tunnels.each_ref().map(|tunnel| lets_in(&broker, tunnel)), [false, true]);
    // Without any, nobody is.
    broker.reload(&office.config("require_certificate true"));
    assert_eq!(tunnels.each_ref().map(|tunnel| lets_in(&broker, tunnel)), [false, false]);
}

#[test]
fn who_is_revoked_is_not_let_in_any_more() {
    let office = Office::new();
    let (good, bad) = (office.authority.client("good"), office.authority.client("bad"));
    office.file("crl.pem", &office.authority.revoke(&[], 2099));
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true\ncrlfile DIR/crl.pem");
    let tunnels = [&good, &bad].map(|leaf| office.tunnel().showing(leaf));
    assert_eq!(tunnels.each_ref().map(|tunnel| lets_in(&broker, tunnel)), [true, true]);
    office.file("crl.pem", &office.authority.revoke(&[&bad], 2099));
    broker.hang_up();
    assert_eq!(tunnels.each_ref().map(|tunnel| lets_in(&broker, tunnel)), [true, false]);
    // A list that is taken away says nothing.
    broker.reload(&office.config("cafile DIR/ca.crt\nrequire_certificate true"));
    assert_eq!(tunnels.each_ref().map(|tunnel| lets_in(&broker, tunnel)), [true, true]);
}

#[test]
fn with_a_broken_file_nothing_changes_and_it_is_named() {
    let office = Office::new();
    let broker = office.broker("cafile DIR/ca.crt");
    for name in ["server.crt", "server.key", "ca.crt"] {
        let before = std::fs::read_to_string(office.scratch.path().join(name)).unwrap();
        let path = office.file(name, "broken");
        // All or nothing: the rest of the new configuration does not hold either.
        let log = broker.reload(&office.config("cafile DIR/ca.crt\nmax_qos 1"));
        assert_eq!(log.last().unwrap(), "Error: Configuration not reloaded: nothing was changed.", "{log:#?}");
        assert!(
            log.iter().any(|line| line.starts_with("Error: ") && line.contains(path.to_str().unwrap())),
            "{log:#?}"
        );
        let user = connect(office.tunnel().to(&broker).unwrap(), "user");
        assert_eq!(user.announced("MaximumQoS"), None);
        office.file(name, &before);
    }
    let log = broker.hang_up();
    assert!(log.last().unwrap().ends_with("1 change."), "{log:#?}");
}

#[test]
fn tls_can_be_turned_on_and_off_for_later_connections() {
    let office = Office::new();
    let plain = "log_timestamp false\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n";
    let broker = crate::harness::Setup::config(plain).start();
    let mut before = client("before").to(&broker);
    let log = broker.reload(&office.config(""));
    assert!(log.iter().any(|line| line.contains("certfile of listener")), "{log:#?}");
    let mut inside = connect(office.tunnel().to(&broker).unwrap(), "inside");
    client("plain").over(broker.dial());
    broker.log.wait_for("appears not to be using TLS to connect to a TLS listener.");
    broker.reload(plain);
    client("after").to(&broker).ping();
    before.ping();
    inside.ping();
}
