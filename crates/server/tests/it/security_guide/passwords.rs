//! Who gets in, and what they may do there.

use super::section::PASSWORD;
use super::{Section, is_let_in, is_not_reloaded, may_publish, user};
use crate::harness::{Broker, Client, Got, Setup, client};
use std::fs;

const RULES: &str = "/etc/mosquitto/rules";

#[test]
pub(super) fn passwords() {
    let Some(mut section) = Section::open("Passwords", &[]) else { return };
    section.shell();
    let broker = section.start();
    let mut anna = user("anna").to(&broker);
    let mut bert = user("bert").to(&broker);
    let strangers = [client("x"), client("x").username("anna"), client("x").username("anna").password("Secret")];
    for stranger in strangers.into_iter().chain([user("carl")]) {
        assert!(is_let_in(&stranger, broker.dial()).is_none(), "{stranger:?}");
    }
    section.shell_until_reloaded(&broker);
    assert!(matches!(bert.rest()[..], [Got::Disconnect(_)]));
    assert!(is_let_in(&user("bert"), broker.dial()).is_none());
    anna.ping();
    // A new hash is another password.
    section.run("mosquitto_passwd /etc/mosquitto/passwords anna").succeed();
    broker.hang_up();
    assert!(matches!(anna.rest()[..], [Got::Disconnect(_)]));
    let mut anna = user("anna").to(&broker);
    fs::write(section.path("/etc/mosquitto/passwords"), "anna:$9$of no use\n").unwrap();
    is_not_reloaded(&broker);
    anna.ping();
    user("anna").to(&broker).ping();
}

#[test]
pub(super) fn access_lists() {
    let Some(mut section) = Section::open("Access lists", &["Passwords"]) else { return };
    section.file("acl");
    let broker = section.start();
    let (mut anna, mut bert) = (user("anna").to(&broker), user("bert").to(&broker));
    bert.subscribe("#", 1);
    for (topic, by_anna, by_bert) in [
        ("lights/kitchen", true, false),
        ("lights/alarm", false, false),
        ("of/anna/diary", true, false),
        ("of/bert/diary", false, true),
        ("elsewhere", false, false),
    ] {
        assert_eq!(may_publish(&mut anna, topic), by_anna, "{topic}");
        assert_eq!(may_publish(&mut bert, topic), by_bert, "{topic}");
    }
    // A client of MQTT 3 is told nothing.
    let mut old = client("old").username("bert").password(PASSWORD).v311().to(&broker);
    old.publish("lights/kitchen", "of bert", 1);
    old.finish();
    let topics: Vec<_> = bert.all_messages().into_iter().map(|message| message.topic).collect();
    assert_eq!(topics, ["lights/kitchen", "of/bert/diary"]);
    // The tree that begins with a dollar.
    assert!(retained(&mut bert, "$SYS/#").is_empty());
    let rules = section.read(RULES);
    change(&section, &broker, &rules.replace("user bert\n", "user bert\ntopic read $SYS/#\n"));
    assert!(!retained(&mut bert, "$SYS/#").is_empty());
    // Other rules for who is connected, and for what was published before.
    change(&section, &broker, &rules.replace("topic read lights/#\n", ""));
    assert!(may_publish(&mut anna, "lights/kitchen"));
    assert_eq!(bert.all_messages().len(), 0);
    fs::write(section.path(RULES), "nonsense\n").unwrap();
    is_not_reloaded(&broker);
    assert!(may_publish(&mut anna, "lights/kitchen"));
}

fn change(section: &Section, broker: &Broker, rules: &str) {
    fs::write(section.path(RULES), rules).unwrap();
    let log = broker.hang_up();
    assert!(log.last().unwrap().ends_with("1 change."), "{log:#?}");
}

/// What comes of subscribing to this.
fn retained(client: &mut Client, filter: &str) -> Vec<String> {
    client.subscribe(filter, 0);
    client.all_messages().into_iter().map(|message| message.topic).collect()
}

#[test]
pub(super) fn retained_messages() {
    let Some(mut section) = Section::open("Retained messages", &["Passwords", "Access lists"]) else { return };
    let rules = section.read(RULES);
    let config = section.config();
    for checked in [true, false] {
        fs::write(section.path(RULES), &rules).unwrap();
        let option = "check_retain_source true\n";
        let config = if checked { config.clone() } else { config.replace(option, "") };
        let broker = Setup::config(&config).start();
        let (mut anna, mut bert) = (user("anna").to(&broker), user("bert").to(&broker));
        anna.publish_retained("lights/kitchen", "on", 1);
        anna.finish();
        assert_eq!(retained(&mut bert, "lights/#"), ["lights/kitchen"]);
        change(&section, &broker, &rules.replace("topic readwrite lights/#\n", ""));
        assert_eq!(retained(&mut bert, "lights/+").is_empty(), checked);
    }
}

#[test]
pub(super) fn listeners_with_rules_of_their_own() {
    let after = ["Passwords", "Access lists"];
    let Some(mut section) = Section::open("Listeners with rules of their own", &after) else { return };
    let broker = section.start();
    let mut local = client("local").to(&broker);
    assert!(may_publish(&mut local, "lights/alarm"));
    assert!(is_let_in(&client("x"), broker.dial_second()).is_none());
    let mut anna = user("anna").second().to(&broker);
    assert!(!may_publish(&mut anna, "lights/alarm"));
    assert!(may_publish(&mut anna, "lights/kitchen"));
    broker.log.wait_for("The 'per_listener_settings' option");
}
