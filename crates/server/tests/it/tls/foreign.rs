//! Clients of OpenSSL: its own, and Mosquitto's.

use super::Office;
use crate::harness::{Broker, Program, report_skipped};
use std::path::Path;
use std::process::{Command, Stdio};

const OPENSSL: &str = "/usr/bin/openssl";
const PUB: &str = "/usr/bin/mosquitto_pub";
const SUB: &str = "/usr/bin/mosquitto_sub";

fn are_there(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| !Path::new(program).exists());
    if let Some(program) = missing {
        report_skipped(program.trim_start_matches("/usr/bin/"));
    }
    missing.is_none()
}

fn start(program: &str, office: &Office, broker: &Broker, arguments: &str) -> Program {
    let directory = office.scratch.path().to_str().unwrap();
    let arguments = format!(
        "-h localhost -p {} --cafile {directory}/ca.crt --cert {directory}/client.crt --key {directory}/client.key {arguments}",
        broker.port()
    );
    Program::start(program.as_ref(), arguments.split_whitespace())
}

#[test]
fn mosquittos_clients_publish_and_subscribe() {
    if !are_there(&[PUB, SUB]) {
        return;
    }
    let office = Office::new();
    let somebody = office.authority.client("somebody");
    office.file("client.crt", &somebody.pem);
    office.file("client.key", &somebody.key);
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true\nuse_identity_as_username true");
    for version in ["tlsv1.2", "tlsv1.3"] {
        let subscriber =
            start(SUB, &office, &broker, &format!("--tls-version {version} -i sub-{version} -t topic -C 1 -F %p"));
        broker.log.wait_for(&format!("Sending SUBACK to sub-{version}"));
        start(PUB, &office, &broker, &format!("--tls-version {version} -q 2 -t topic -m hello")).succeed();
        assert_eq!(subscriber.succeed().stdout, ["hello"]);
    }
    broker.log.wait_for(", u'somebody').");
}

/// What RFC 2253 text is, OpenSSL says.
#[test]
fn openssl_and_this_broker_agree_about_subjects() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let office = Office::new();
    let broker = office.broker("cafile DIR/ca.crt\nrequire_certificate true\nuse_subject_as_username true");
    for subject in [
        "/C=GB/ST=Nottinghamshire/L=Nottingham/O=Server/OU=Production/CN=test client",
        "/DC=org/DC=example/UID=user/emailAddress=a@b.c/CN=a,b+c\"d<e>f;g=h",
        "/CN=#begins/CN= space /street=12/serialNumber=7",
        "/CN=Zo\u{EB} \u{65E5}\u{672C}",
        "/SN=Last/GN=First/title=Dr/businessCategory=x/postalCode=1/dnQualifier=q/1.2.3.4=y",
        "/CN=a/O=x+OU=y",
    ] {
        let path = |name: &str| office.scratch.path().join(name).to_str().unwrap().to_owned();
        office.file("ca.key", &office.authority.key());
        let request = [
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-utf8",
            "-multivalue-rdn",
        ];
        run(&request, &["-subj", subject, "-keyout", &path("client.key"), "-out", &path("client.csr")]);
        office.file("ext", "extendedKeyUsage=clientAuth\n");
        let sign = ["x509", "-req", "-days", "30", "-set_serial", "77"];
        let (ca, ca_key, csr, ext) = (path("ca.crt"), path("ca.key"), path("client.csr"), path("ext"));
        let files = ["-in", &csr, "-CA", &ca, "-CAkey", &ca_key, "-extfile", &ext, "-out", &path("client.crt")];
        run(&sign, &files);
        let shown = run(&["x509", "-noout", "-subject", "-nameopt", "RFC2253"], &["-in", &path("client.crt")]);
        let expected = shown.trim_end().strip_prefix("subject=").unwrap();
        let leaf = super::authority::Leaf::of_files(&path("client.crt"), &path("client.key"));
        let stream = office.tunnel().showing(&leaf).to(&broker).unwrap();
        let mut user = crate::harness::client("user").over(stream);
        assert!(matches!(user.next(), crate::harness::Got::ConnAck { reason: 0, .. }), "{subject}");
        broker.log.wait_for(&format!("u'{expected}')."));
    }
}

#[test]
fn openssls_client_connects_and_ends_when_its_input_does() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let office = Office::new();
    let broker = office.broker("");
    let address = format!("localhost:{}", broker.port());
    let mut client = Command::new(OPENSSL)
        .args(["s_client", "-connect", &address, "-CAfile"])
        .arg(office.scratch.path().join("ca.crt"))
        .args(["-verify_return_error", "-tls1_3", "-nocommands"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &crate::harness::client("openssl").bytes()).unwrap();
    broker.log.wait_for("Client openssl negotiated TLSv1.3 cipher ");
    drop(input);
    let output = client.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("Verify return code: 0 (ok)"), "{output:?}");
    broker.log.wait_for("Client openssl ");
}

fn run(arguments: &[&str], more: &[&str]) -> String {
    let output = Command::new(OPENSSL).args(arguments).args(more).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
