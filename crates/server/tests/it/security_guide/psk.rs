//! Who a client is by a key that the broker has as well.

use super::tls::at;
use super::{Section, is_let_in, is_not_reloaded, may_publish, user};
use crate::harness::client;
use crate::psk::tunnel::Tunnel;
use mosquitto_tls_psk::OpenSsl;

/// The end of somebody who stands in the guide's file, and knows his key.
fn of(openssl: &'static OpenSsl, section: &Section, name: &str) -> Tunnel {
    let file = section.read("/etc/mosquitto/psk");
    let digits = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a key");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    Tunnel::new(openssl, name, &(0..digits.len()).step_by(2).map(byte).collect::<Vec<_>>())
}

#[test]
pub(super) fn tls_psk() {
    let Ok(openssl) = OpenSsl::load(None) else { return crate::harness::report_skipped("libssl") };
    let Some(mut section) = Section::open("TLS-PSK", &["Access lists"]) else { return };
    section.shell();
    let broker = section.start();
    let publish = at(&section.take("sh"), &broker);
    section.run(&publish).succeed();
    broker.log.wait_for(", u'anna').");
    let (anna, bert) = (of(openssl, &section, "anna"), of(openssl, &section, "bert"));
    // Whoever she says that she is.
    let mut liar = is_let_in(&user("bert"), anna.to(&broker).unwrap()).unwrap();
    assert!(may_publish(&mut liar, "lights/kitchen") && !may_publish(&mut liar, "of/bert/diary"));
    let mut early = is_let_in(&client("early"), bert.to(&broker).unwrap()).unwrap();
    assert!(may_publish(&mut early, "of/bert/diary"));
    let stranger = publish.replace("-identity anna", "-identity bert");
    assert_ne!(section.run(&stranger).finish().code, Some(0));
    user("anna").over(broker.dial());
    broker.log.wait_for("appears not to be using TLS to connect to a TLS listener.");
    section.shell_until_reloaded(&broker);
    assert!(bert.to(&broker).is_err());
    early.ping();
    std::fs::write(section.path("/etc/mosquitto/psk"), "anna:of no use\n").unwrap();
    is_not_reloaded(&broker);
    is_let_in(&client("anna"), anna.to(&broker).unwrap()).unwrap().ping();
}
