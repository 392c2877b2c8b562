//! Pairs with the Mosquitto that the system has.

use super::{bridged, connected, expect, listening};
use crate::foreign::{are_there, place_of};
use crate::harness::{Broker, Program, Scratch, Setup, client, free_port};
use crate::tls::Office;
use std::net::TcpStream;

/// A Mosquitto of the system, with this configuration. It listens at this port.
struct Foreign {
    program: Program,
    port: u16,
    _scratch: Scratch,
}

impl Foreign {
    fn start(config: &str) -> Option<Self> {
        are_there(&["mosquitto"]).then(|| {
            let (scratch, port) = (Scratch::new(), free_port());
            let text = format!("user root\nlog_type all\nlog_dest stderr\nallow_anonymous true\n{config}");
            let file = scratch.file("foreign.conf", &scratch.filled(&text, port, 0));
            let program = Program::start(&place_of("mosquitto").unwrap(), ["-c".as_ref(), file.as_os_str()]);
            program.stderr.wait_for(" running");
            Self { program, port, _scratch: scratch }
        })
    }

    fn listening(&self, filter: &str, qos: u8) -> crate::harness::Client {
        let mut client = client("away").v311().over(self.dial());
        assert!(matches!(client.next(), crate::harness::Got::ConnAck { reason: 0, .. }));
        client.subscribe(filter, qos);
        client
    }

    fn dial(&self) -> TcpStream {
        Broker::dial_address(([127, 0, 0, 1], self.port).into())
    }
}

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

#[test]
fn mosquitto_bridges_to_ours() {
    let there = Setup::open("log_type all\nlog_timestamp false\n").start();
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let config = format!(
            "listener PORT 127.0.0.1\nconnection b\naddress 127.0.0.1:{}\nclientid theirs-{version}\n\
             bridge_protocol_version {version}\ntopic # out 2 \"\" up/\ntopic # in 2 \"\" down/\n",
            there.port()
        );
        let Some(here) = Foreign::start(&config) else { return };
        there.log.wait_for(&format!("Sending SUBACK to theirs-{version}"));
        let (mut home, mut away) = (here.listening("#", 2), listening(&there, "up/#", 2));
        home.publish("t", version, 2);
        home.finish();
        expect(&mut away, "up/t", version);
        let mut publisher = client("publisher").to(&there);
        publisher.publish("down/t", "x", 2);
        publisher.finish();
        expect(&mut home, "t", "x");
        here.program.stop();
    }
}
