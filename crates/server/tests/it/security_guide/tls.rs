//! Who the broker is, and who its clients are, by their certificates.

use super::{Section, is_let_in, is_not_reloaded, user};
use crate::harness::{Broker, client, mosquitto};
use crate::tls::authority::Leaf;
use crate::tls::tunnel::Tunnel;

/// A client's end that trusts the authority of the guide.
pub(super) fn tunnel(section: &Section) -> Tunnel {
    Tunnel::trusting(&section.read("/etc/mosquitto/ca.crt"))
}

/// The same that shows Anna's certificate.
pub(super) fn of_anna(section: &Section) -> Tunnel {
    let path = |path: &str| section.path(path).to_str().unwrap().to_owned();
    let (pem, key) = (path("/etc/mosquitto/anna.crt"), path("/etc/mosquitto/anna.key"));
    tunnel(section).showing(&Leaf::of_files(&pem, &key))
}

/// A command of the guide, for the port that the broker really has.
pub(super) fn at(command: &str, broker: &Broker) -> String {
    assert!(command.contains(" -p 8883 "), "{command}");
    command.replace("\\\n", " ").replace(" -p 8883 ", &format!(" -p {} ", broker.port()))
}

#[test]
pub(super) fn tls() {
    let Some(mut section) = Section::open("TLS", &["Passwords"]) else { return };
    let files = section.take("sh");
    section.run_all(&files);
    let broker = section.start();
    let publish = at(&section.take("sh"), &broker);
    section.run(&publish).succeed();
    broker.log.wait_for(", u'anna').");
    assert_ne!(section.run(&publish.replace("secret", "wrong")).finish().code, Some(0));
    // Nothing else but TLS, and nobody but the broker.
    user("anna").over(broker.dial());
    broker.log.wait_for("appears not to be using TLS to connect to a TLS listener.");
    let stranger = crate::tls::authority::Authority::new("Our authority");
    std::fs::write(section.path("/etc/mosquitto/stranger.crt"), &stranger.pem).unwrap();
    assert_ne!(section.run(&publish.replace("ca.crt", "stranger.crt")).finish().code, Some(0));
    broker.reload(&format!("{}tls_version tlsv1.3\n", broker.config()));
    let of_version = |version| tunnel(&section).version(version).to(&broker);
    assert!(of_version(&rustls::version::TLS12).is_err());
    let mut stays = is_let_in(&user("anna"), of_version(&rustls::version::TLS13).unwrap()).unwrap();
    // Other certificates, of another authority.
    let old = tunnel(&section);
    section.run_all(&files);
    broker.hang_up();
    assert!(old.to(&broker).is_err());
    section.run(&publish.replace("-u anna", "-u bert")).succeed();
    stays.ping();
    std::fs::write(section.path("/etc/mosquitto/server.key"), "of no use\n").unwrap();
    is_not_reloaded(&broker);
    section.run(&publish.replace("-u anna", "-u bert")).succeed();
}

#[test]
pub(super) fn encrypted_keys() {
    let Some(mut section) = Section::open("Encrypted keys", &["Passwords", "TLS"]) else { return };
    section.shell();
    assert!(section.read("/etc/mosquitto/encrypted.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let broker = section.start();
    is_let_in(&user("anna"), tunnel(&section).to(&broker).unwrap()).unwrap().ping();
    let passphrase = section.path("/run/mosquitto/passphrase");
    std::fs::remove_file(&passphrase).unwrap();
    let log = broker.hang_up();
    assert!(log.last().unwrap().starts_with("Configuration reloaded: "), "{log:#?}");
    is_let_in(&user("anna"), tunnel(&section).to(&broker).unwrap()).unwrap().ping();
    // Who starts now knows no passphrase, and then another one.
    let config = section.path("/etc/mosquitto").join("mosquitto.conf");
    std::fs::copy(broker.directory().join("mosquitto.conf"), &config).unwrap();
    drop(broker);
    let start = || mosquitto(["-c".as_ref(), config.as_os_str()]).code;
    assert_eq!(start(), Some(1));
    std::fs::write(&passphrase, "guess\n").unwrap();
    assert_eq!(start(), Some(1));
}

#[test]
pub(super) fn clients_with_certificates() {
    let Some(mut section) = Section::open("Clients with certificates", &["Access lists", "TLS"]) else { return };
    section.shell();
    let broker = section.start();
    let publish = at(&section.take("sh"), &broker);
    section.run(&publish).succeed();
    let liar = publish.replace(" -q 1 ", " -q 1 -u bert ").replace("lights/kitchen", "lights/alarm");
    section.run(&liar).succeed();
    broker.log.wait_for_several(", u'anna').", 2);
    broker.log.wait_for("Denied PUBLISH from ");
    assert_eq!(broker.log.count("Denied PUBLISH"), 1);
    // In TLS 1.3 a client hears of a refusal only when it reads.
    let without = tunnel(&section).to(&broker);
    assert!(without.map_or(true, |stream| is_let_in(&user("anna"), stream).is_none()));
    broker.log.wait_for("peer sent no certificates.");
    broker.reload(&broker.config().replace("use_identity_as_username", "use_subject_as_username"));
    section.run(&publish).succeed();
    broker.log.wait_for(", u'CN=anna').");
    // The same without an extension, of which older versions of OpenSSL make one of version 1.
    let certificate = "/etc/mosquitto/anna.crt";
    let authority = "-CA /etc/mosquitto/ca.crt -CAkey /etc/mosquitto/ca.key -CAcreateserial";
    section.run(&format!("openssl x509 -req -in /etc/mosquitto/anna.csr {authority} -out {certificate}")).succeed();
    let text = section.run(&format!("openssl x509 -noout -text -in {certificate}")).succeed().stdout;
    let is_version_1 = text.iter().any(|line| line.contains("Version: 1 "));
    assert_eq!(section.run(&publish).finish().code != Some(0), is_version_1);
}

#[test]
pub(super) fn revocation() {
    let Some(mut section) = Section::open("Revocation", &["TLS", "Clients with certificates"]) else { return };
    section.file("ini");
    section.shell();
    let broker = section.start();
    let connect = |id: &str| is_let_in(&client(id), of_anna(&section).to(&broker).ok()?);
    let mut early = connect("early").unwrap();
    let list = "openssl ca -config /etc/mosquitto/ca.conf -gencrl -out /etc/mosquitto/revoked.pem";
    section.run(&format!("{list} -crl_lastupdate 20200101000000Z -crl_nextupdate 20200131000000Z")).succeed();
    broker.hang_up();
    assert!(connect("late").is_none());
    section.run(list).succeed();
    broker.hang_up();
    assert!(connect("in-time").is_some());
    section.shell_until_reloaded(&broker);
    let late = of_anna(&section).to(&broker);
    assert!(late.map_or(true, |stream| is_let_in(&client("late"), stream).is_none()));
    broker.log.wait_for("invalid peer certificate: Revoked.");
    early.ping();
}
