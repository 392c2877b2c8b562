//! OpenSSL's own client, which says what it thinks of the broker's TLS.

use super::are_there;
use crate::harness::{Finished, Program, client};
use crate::tls::Office;
use std::fs::File;
use std::process::Command;

const OPENSSL: &str = "openssl";

const PINGREQ_AND_DISCONNECT: &[u8] = b"\xc0\0\xe0\0";

/// A CONNACK of MQTT 3.1.1 and a PINGRESP.
const ANSWERS: &[u8] = b"\x20\x02\0\0\xd0\0";

/// Each version, as an argument and in what OpenSSL says.
const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// Somebody who calls the broker at `port` of this machine by OpenSSL's client: a CONNECT of MQTT 3.1.1 under the id
/// `openssl`, a PINGREQ, and a DISCONNECT, after which the broker ends the connection, and so the client.
fn call(office: &Office, port: u16, arguments: &[&str]) -> Finished {
    let said = office.scratch.path().join("said");
    std::fs::write(&said, [&client("openssl").v311().bytes(), PINGREQ_AND_DISCONNECT].concat()).unwrap();
    let mut command = Command::new(OPENSSL);
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"]);
    command.args(["-CAfile", &office.path("ca.crt"), "-verify_return_error", "-verify_hostname", "localhost"]);
    command.args(["-ign_eof", "-nocommands"]).args(arguments).stdin(File::open(said).unwrap());
    Program::spawn(command).finish()
}

/// Whether the broker has answered.
fn is_answered(call: &Finished) -> bool {
    call.stdout.join("\n").contains(&*String::from_utf8_lossy(ANSWERS))
}

fn says(call: &Finished, what: &str) -> bool {
    call.stdout.iter().any(|line| line.contains(what))
}

#[test]
fn openssl_finds_the_server_good_and_gets_answers_in_both_versions() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let office = Office::new();
    let broker = office.broker("");
    for (argument, version) in VERSIONS {
        let call = call(&office, broker.port(), &[argument]);
        assert!(is_answered(&call), "{call:#?}");
        assert!(says(&call, "Verify return code: 0 (ok)") && says(&call, &format!("New, {version}, ")), "{call:#?}");
        broker.log.wait_for(&format!("Client openssl negotiated {version} cipher "));
    }
    broker.log.wait_for_several(" disconnected.", 2);
}

#[test]
fn openssl_is_refused_without_a_certificate_of_the_authority() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let office = Office::new();
    office.write_client("somebody");
    let stranger = crate::tls::authority::Authority::new("Somebody Else").client("somebody");
    office.file("stranger.crt", &stranger.pem);
    office.file("stranger.key", &stranger.key);
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true\nuse_identity_as_username true");
    for (round, (version, _)) in VERSIONS.into_iter().enumerate() {
        let showing = |name: &str| {
            let (cert, key) = (office.path(&format!("{name}.crt")), office.path(&format!("{name}.key")));
            call(&office, broker.port(), &[version, "-cert", &cert, "-key", &key])
        };
        let let_in = showing("somebody");
        assert!(is_answered(&let_in), "{let_in:#?}");
        broker.log.wait_for_several(" as openssl (p4, c1, k60, u'somebody').", round + 1);
        for (refused, alert, reason) in [
            (call(&office, broker.port(), &[version]), "certificate required", "peer sent no certificates."),
            (showing("stranger"), "unknown ca", "invalid peer certificate: UnknownIssuer."),
        ] {
            assert!(refused.code != Some(0) && !is_answered(&refused), "{refused:#?}");
            assert!(refused.stderr.iter().any(|line| line.contains(alert)), "{alert}: {refused:#?}");
            broker.log.wait_for_several(reason, round + 1);
        }
    }
}

#[test]
fn openssl_resumes_its_session_until_the_broker_reads_its_files_again() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let office = Office::new();
    let broker = office.broker("");
    for (argument, version) in VERSIONS {
        let session = office.path("session");
        let first = call(&office, broker.port(), &[argument, "-sess_out", &session]);
        assert!(is_answered(&first) && says(&first, &format!("New, {version}, ")), "{first:#?}");
        let second = call(&office, broker.port(), &[argument, "-sess_in", &session]);
        assert!(is_answered(&second) && says(&second, &format!("Reused, {version}, ")), "{second:#?}");
        broker.hang_up();
        let third = call(&office, broker.port(), &[argument, "-sess_in", &session]);
        assert!(is_answered(&third) && says(&third, &format!("New, {version}, ")), "{third:#?}");
    }
}
