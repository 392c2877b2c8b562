//! Mosquitto's own clients over TLS.

use super::are_there;
use crate::harness::{Broker, Program};
use crate::tls::Office;

const PUB: &str = "mosquitto_pub";
const SUB: &str = "mosquitto_sub";

/// Debian's program takes `--tls-version` for the lowest version; which is the highest one is said to OpenSSL.
const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

const OPENSSL_CONF: &str =
    "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\nMaxProtocol = ";

/// Names are those of certificates.
const MUTUAL: &str = "cafile DIR/ca.crt\nrequire_certificate true\nuse_identity_as_username true";

/// A client that trusts whom `ca.crt` trusts, and speaks this version of TLS.
fn start(program: &str, office: &Office, broker: &Broker, version: &str, arguments: &str) -> Program {
    let openssl = office.file(&format!("{version}.cnf"), &format!("{OPENSSL_CONF}{version}\n"));
    let arguments = format!("-h localhost -p {} --cafile DIR/ca.crt {arguments}", broker.port());
    let arguments = arguments.replace("DIR", office.scratch.path().to_str().unwrap());
    let environment = [("OPENSSL_CONF", openssl.to_str().unwrap())];
    Program::start_with(program.as_ref(), arguments.split_whitespace(), &environment)
}

/// The arguments of a client with the certificate of this name.
fn showing(name: &str) -> String {
    format!("--cert DIR/{name}.crt --key DIR/{name}.key")
}

/// A subscriber, once it has subscribed.
fn subscriber(office: &Office, broker: &Broker, version: &str, id: &str, arguments: &str) -> Program {
    let subscriber = start(SUB, office, broker, version, &format!("-i {id} -F %t|%q|%p {arguments}"));
    broker.log.wait_for(&format!("Sending SUBACK to {id}"));
    subscriber
}

#[test]
fn messages_pass_at_every_qos_with_certificates_and_without() {
    if !are_there(&[PUB, SUB]) {
        return;
    }
    let office = Office::new();
    office.write_client("somebody");
    for (lines, identity, shown) in [("", String::new(), ")."), (MUTUAL, showing("somebody"), ", u'somebody').")] {
        let broker = office.broker(lines);
        for version in VERSIONS {
            let id = format!("sub-{version}");
            let arguments = format!("{identity} -q 2 -t t/# -C 3");
            let subscriber = subscriber(&office, &broker, version, &id, &arguments);
            broker.log.wait_for(&format!("Client {id} negotiated {version} cipher "));
            broker.log.wait_for(&format!(" as {id} (p4, c1, k60{shown}"));
            for qos in 0..3 {
                let arguments = format!("{identity} -q {qos} -t t/{qos} -m payload");
                start(PUB, &office, &broker, version, &arguments).succeed();
            }
            let mut got = subscriber.succeed().stdout;
            // What has QoS 0 is sent before it is known to have arrived.
            got.sort();
            assert_eq!(got, ["t/0|0|payload", "t/1|1|payload", "t/2|2|payload"], "{version}");
        }
    }
}

#[test]
fn a_server_of_another_authority_is_not_spoken_with() {
    if !are_there(&[PUB]) {
        return;
    }
    let office = Office::new();
    let broker = office.broker("");
    office.file("ca.crt", &crate::tls::authority::Authority::new("Somebody Else").pem);
    for version in VERSIONS {
        let refused = start(PUB, &office, &broker, version, "-t t -m x").finish();
        assert_ne!(refused.code, Some(0), "{refused:#?}");
    }
    broker.log.wait_for_several("received fatal alert: UnknownCA.", VERSIONS.len());
    assert_eq!(broker.log.count("New client connected"), 0);
}

#[test]
fn access_lists_know_clients_by_the_names_in_their_certificates() {
    if !are_there(&[PUB, SUB]) {
        return;
    }
    let office = Office::new();
    for name in ["reader", "writer", "other"] {
        office.write_client(name);
    }
    office.file(
        "rules",
        "user reader\ntopic read news/#\nuser writer\npattern write news/%u\nuser other\ntopic write else/#\n",
    );
    let broker = office.broker(&format!("{MUTUAL}\nacl_file DIR/rules"));
    let subscriber =
        subscriber(&office, &broker, "TLSv1.3", "sub", &format!("{} -q 1 -t news/# -C 1", showing("reader")));
    // Whom they call themselves does not matter.
    for name in ["other", "writer"] {
        let arguments = format!("{} -u writer -V mqttv5 -q 1 -t news/writer -m of-{name}", showing(name));
        start(PUB, &office, &broker, "TLSv1.3", &arguments).succeed();
    }
    assert_eq!(subscriber.succeed().stdout, ["news/writer|1|of-writer"]);
    broker.log.wait_for(", u'other').");
    broker.log.wait_for("Denied PUBLISH from ");
}

#[test]
fn whose_certificate_is_revoked_gets_in_until_the_list_says_so() {
    if !are_there(&[PUB]) {
        return;
    }
    let office = Office::new();
    let (_, bad) = (office.write_client("good"), office.write_client("bad"));
    office.file("crl.pem", &office.authority.revoke(&[], 2099));
    let broker = office.broker(&format!("{MUTUAL}\ncrlfile DIR/crl.pem"));
    let call =
        |version: &str, name: &str| start(PUB, &office, &broker, version, &format!("{} -q 1 -t t -m x", showing(name)));
    for version in VERSIONS {
        call(version, "good").succeed();
        call(version, "bad").succeed();
    }
    office.file("crl.pem", &office.authority.revoke(&[&bad], 2099));
    broker.hang_up();
    for version in VERSIONS {
        call(version, "good").succeed();
        let refused = call(version, "bad").finish();
        assert_ne!(refused.code, Some(0), "{refused:#?}");
    }
    broker.log.wait_for_several("invalid peer certificate: Revoked.", 2);
}
