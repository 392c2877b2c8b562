//! `docs/bridges.md`: its configurations are run, and what it says of them is tried.

use super::{expect, listening};
use crate::harness::{Broker, Scratch, Setup, client, free_port};
use crate::tls::Office;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bridges.md"));
const LOG: &str = "log_dest stderr\nlog_type all\nlog_timestamp false\nsys_interval 1\n";

/// The configuration of this name in this section.
fn config(heading: &str, name: &str) -> String {
    let text = GUIDE.split("\n## ").find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n')).unwrap();
    let (_, rest) = text.split_once(&format!("```conf {name}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// As it stands in the guide, but for addresses, ports and paths.
fn here(text: &str, centre: u16, standby: u16, files: &Path) -> String {
    let lines = text.lines().map(|line| {
        let line = if line.starts_with("listener ") { "listener PORT 127.0.0.1" } else { line };
        let line = line.replace("/etc/mosquitto", files.to_str().unwrap());
        let words = line.split(' ').map(|word| match word.split_once(".example.org:") {
            Some(("centre", _)) => format!("127.0.0.1:{centre}"),
            Some(("standby", _)) => format!("127.0.0.1:{standby}"),
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    });
    format!("{LOG}{}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// The centre and the gateway of a section; the centre lets this test in without TLS, too.
fn start(heading: &str, files: &Path) -> (Broker, Broker) {
    let centre = here(&config(heading, "centre"), 0, 0, files);
    let centre = Setup::config(&format!("{centre}listener SECOND 127.0.0.1\n")).start();
    let gateway = Setup::config(&here(&config(heading, "gateway"), centre.port(), 0, files)).start();
    (centre, gateway)
}

fn publish(broker: &Broker, topic: &str, text: &str) {
    let mut publisher = client("publisher").to(broker);
    publisher.publish(topic, text, 1);
    publisher.finish();
}

#[test]
fn every_section_with_a_configuration_has_a_test() {
    let with = GUIDE.split("\n## ").skip(1).filter(|section| section.contains("```conf"));
    let headings: Vec<_> = with.filter_map(|section| section.lines().next()).collect();
    assert_eq!(headings, [UP, AS_ONE, STANDBY, TLS, PSK, LAZY]);
}

const UP: &str = "Measurements up, commands down";
const AS_ONE: &str = "Two brokers as one";
const STANDBY: &str = "A centre and one that stands in for it";
const TLS: &str = "Over TLS";
const PSK: &str = "Over TLS with a shared key";
const LAZY: &str = "Over a line that is paid by the minute";

#[test]
fn measurements_up_and_commands_down() {
    let scratch = Scratch::new();
    let (centre, gateway) = start(UP, scratch.path());
    centre.log.wait_for("Sending SUBACK to gateway-7");
    let (mut at_centre, mut at_gateway) = (listening(&centre, "site-7/#", 1), listening(&gateway, "command/#", 1));
    publish(&gateway, "measured/heat", "21");
    expect(&mut at_centre, "site-7/measured/heat", "21");
    publish(&centre, "site-7/command/fan", "on");
    expect(&mut at_gateway, "command/fan", "on");
}

#[test]
fn two_brokers_as_one() {
    // [3.1.1 MQTT-7.0.0-1]: each is a server, and a client of the other's.
    let scratch = Scratch::new();
    let (centre, gateway) = start(AS_ONE, scratch.path());
    gateway.log.wait_for("Received SUBACK from local.");
    let (mut at_centre, mut at_gateway) = (listening(&centre, "shared/#", 1), listening(&gateway, "shared/#", 1));
    publish(&gateway, "shared/a", "1");
    publish(&centre, "shared/b", "2");
    for listener in [&mut at_centre, &mut at_gateway] {
        let mut topics: Vec<_> = listener.messages(2).into_iter().map(|message| message.topic).collect();
        topics.sort();
        assert_eq!(topics, ["shared/a", "shared/b"]);
    }
}

#[test]
fn a_centre_and_one_that_stands_in_for_it() {
    let scratch = Scratch::new();
    let standby = Setup::config(&here(&config(STANDBY, "centre"), 0, 0, scratch.path())).start();
    let port = free_port();
    let gateway = Setup::config(&here(&config(STANDBY, "gateway"), port, standby.port(), scratch.path())).start();
    let mut at_standby = listening(&standby, "#", 1);
    publish(&gateway, "measured/heat", "21");
    expect(&mut at_standby, "measured/heat", "21");
    let centre = here(&config(STANDBY, "centre"), 0, 0, scratch.path());
    let centre = Setup::config(&format!("{centre}listener {port} 127.0.0.1\n")).start();
    let mut at_centre = listening(&centre, "#", 1);
    centre.log.wait_for("New bridge connected");
    publish(&gateway, "measured/heat", "22");
    expect(&mut at_centre, "measured/heat", "22");
}

#[test]
fn over_tls() {
    let office = Office::new();
    let server = office.authority.server();
    office.file("centre.crt", &server.pem);
    office.file("centre.key", &server.key);
    office.write_client("gateway");
    let (centre, gateway) = start(TLS, office.scratch.path());
    centre.log.wait_for("u'gateway'");
    gateway.log.wait_for("Received CONNACK");
}

#[test]
pub(crate) fn over_tls_with_a_shared_key() {
    let scratch = Scratch::new();
    let line = GUIDE.split('`').find(|part| part.starts_with("gateway-7:")).unwrap();
    let keys = scratch.file("keys", &format!("{line}\n"));
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).unwrap();
    if mosquitto_tls_psk::OpenSsl::load(None).is_err() {
        return crate::harness::report_skipped("libssl");
    }
    let (centre, gateway) = start(PSK, scratch.path());
    centre.log.wait_for("u'gateway-7'");
    gateway.log.wait_for("Received CONNACK");
}

#[test]
fn over_a_line_that_is_paid_by_the_minute() {
    let scratch = Scratch::new();
    let (centre, gateway) = start(LAZY, scratch.path());
    gateway.log.wait_for("has exceeded idle timeout, disconnecting.");
    let mut at_centre = listening(&centre, "measured/#", 1);
    for n in 0..5 {
        publish(&gateway, "measured/heat", &n.to_string());
    }
    let texts: Vec<_> = at_centre.messages(5).iter().map(|message| message.text().to_owned()).collect();
    assert_eq!(texts, ["0", "1", "2", "3", "4"]);
}
