//! What OpenSSL makes of names in certificates.

use super::Office;
use crate::foreign::are_there;
use std::process::Command;

const OPENSSL: &str = "openssl";

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

fn run(arguments: &[&str], more: &[&str]) -> String {
    let output = Command::new(OPENSSL).args(arguments).args(more).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
