//! Pairs with the Mosquitto that the system has.

use super::sides::Foreign;
use super::{bridged, connected, expect, listening};
use crate::harness::{Broker, Scratch, Setup, client, free_port};
use crate::tls::Office;

/// A message goes there, and one comes.
fn talk(here: &Broker, there: &Foreign) {
    connected(here);
    here.log.wait_for("Received SUBACK from local.there");
    let (mut at_home, mut away) = (listening(here, "#", 2), there.listening("#", 2));
    for qos in 0..=2 {
        let mut publisher = client("publisher").to(here);
        publisher.publish("out/t", qos.to_string(), qos);
        publisher.finish();
        expect(&mut away, "out/t", &qos.to_string());
        away.publish("in/t", qos.to_string(), qos);
        away.finish();
        expect(&mut at_home, "in/t", &qos.to_string());
    }
}

const TOPICS: &str = "topic out/# out 2\ntopic in/# in 2\n";

#[test]
fn ours_bridges_to_mosquitto_with_all_clean_session_flags() {
    let Some(there) = Foreign::start("listener PORT 127.0.0.1\n") else { return };
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        for (clean, local_clean) in [(false, false), (false, true), (true, false), (true, true)] {
            let lines = format!(
                "{TOPICS}bridge_protocol_version {version}\ncleansession {clean}\nlocal_cleansession {local_clean}\n"
            );
            let here = bridged(there.port, &lines);
            here.log.wait_for("Received SUBACK from local.there");
            talk(&here, &there);
        }
    }
}

#[test]
pub(crate) fn ours_bridges_to_mosquitto_over_tls() {
    let office = Office::new();
    let config = "listener PORT 127.0.0.1\ncertfile OFFICE/server.crt\nkeyfile OFFICE/server.key\n";
    let config = config.replace("OFFICE", office.scratch.path().to_str().unwrap());
    let plain = free_port();
    let Some(mut there) = Foreign::start(&format!("{config}listener {plain} 127.0.0.1\n")) else { return };
    let here = bridged(there.port, &format!("{TOPICS}bridge_cafile {}\n", office.path("ca.crt")));
    there.port = plain;
    talk(&here, &there);
}

#[test]
pub(crate) fn ours_bridges_to_mosquitto_over_psk() {
    let plain = free_port();
    let scratch = Scratch::new();
    let keys = scratch.file("keys", "bridge:00c0ffee\n");
    let config = format!("listener PORT 127.0.0.1\npsk_hint hint\npsk_file {}\n", keys.display());
    let Some(mut there) = Foreign::start(&format!("{config}listener {plain} 127.0.0.1\n")) else { return };
    let here = bridged(there.port, &format!("{TOPICS}bridge_identity bridge\nbridge_psk 00c0ffee\n"));
    there.port = plain;
    talk(&here, &there);
}

/// A bridge of Mosquitto's to this broker, whose client id there is `theirs`. Messages go up and down.
fn bridges_to(there: &Broker, lines: &str) {
    let config = format!(
        "listener PORT 127.0.0.1\nconnection b\naddress 127.0.0.1:{}\nclientid theirs\n{lines}\n\
         topic # out 2 \"\" up/\ntopic # in 2 \"\" down/\n",
        there.port()
    );
    let Some(here) = Foreign::start(&config) else { return };
    there.log.wait_for("Sending SUBACK to theirs");
    let mut publisher = client("publisher").over(there.dial_second());
    assert!(matches!(publisher.next(), crate::harness::Got::ConnAck { reason: 0, .. }));
    publisher.subscribe("up/#", 2);
    let mut home = here.listening("#", 2);
    for qos in 0..=2 {
        home.publish("t", qos.to_string(), qos);
        home.finish();
        expect(&mut publisher, "up/t", &qos.to_string());
        publisher.publish("down/t", qos.to_string(), qos);
        publisher.finish();
        expect(&mut home, "t", &qos.to_string());
    }
    here.program.stop();
}

const SECOND: &str = "listener SECOND 127.0.0.1\nlistener_allow_anonymous true\n";

#[test]
fn mosquitto_bridges_to_ours_in_every_version() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let there = Setup::open(&format!("log_type all\nlog_timestamp false\n{SECOND}")).start();
        bridges_to(&there, &format!("bridge_protocol_version {version}"));
    }
}

#[test]
fn mosquitto_bridges_to_ours_over_tls() {
    let office = Office::new();
    office.write_client("gateway");
    let ca = office.path("ca.crt");
    let lines = format!("cafile {ca}\nrequire_certificate true\nuse_identity_as_username true\n{SECOND}");
    let there = office.broker(&lines);
    for version in ["tlsv1.2", "tlsv1.3"] {
        let own =
            format!("bridge_certfile {}\nbridge_keyfile {}", office.path("gateway.crt"), office.path("gateway.key"));
        bridges_to(&there, &format!("bridge_cafile {ca}\n{own}\nbridge_tls_version {version}"));
    }
    if crate::foreign::place_of("mosquitto").is_some() {
        there.log.wait_for_several("u'gateway'", 2);
    }
}

#[test]
fn mosquitto_bridges_to_ours_over_psk() {
    if mosquitto_tls_psk::OpenSsl::load(None).is_err() {
        return crate::harness::report_skipped("libssl");
    }
    let lines = format!("psk_hint hint\npsk_file DIR/keys\nuse_identity_as_username true\n{SECOND}");
    let config =
        format!("log_type all\nlog_timestamp false\nlistener PORT 127.0.0.1\nlistener_allow_anonymous true\n{lines}");
    let there = Setup::config(&config).file("keys", "gateway:00c0ffee\n").start();
    bridges_to(&there, "bridge_identity gateway\nbridge_psk 00c0ffee");
    if crate::foreign::place_of("mosquitto").is_some() {
        there.log.wait_for("u'gateway'");
    }
}
