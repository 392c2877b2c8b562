//! Client ids: who may have which, and which are made up.

use super::refused;
use crate::harness::{Broker, Got, Setup, client};
use mosquitto_mqtt::{Property, ProtocolVersion};

const NOT_AUTHORISED: [(ProtocolVersion, u8); 3] =
    [(ProtocolVersion::V31, 5), (ProtocolVersion::V311, 5), (ProtocolVersion::V5, 0x87)];

/// The id that is made up for a client of the first or of the second listener.
fn made_up(broker: &Broker, second: bool) -> String {
    let connecting = if second { client("").second() } else { client("") };
    let user = connecting.to(broker);
    let announced = user.announced("AssignedClientIdentifier").expect("an id that was made up");
    announced.trim_start_matches("AssignedClientIdentifier(\"").trim_end_matches("\")").to_owned()
}

#[test]
pub(super) fn auto_id_prefix_begins_the_ids_that_are_made_up() {
    let longest = "p".repeat(50);
    for (lines, prefix) in
        [("", "auto-"), ("auto_id_prefix new ", "new"), (&format!("auto_id_prefix {longest}"), &longest)]
    {
        let id = made_up(&Broker::open(lines), false);
        assert!(id.starts_with(prefix) && id.len() == prefix.len() + 36, "{id} for {lines}");
    }
    refused(&format!("auto_id_prefix {longest}p"), "auto_id_prefix length must be <= 50.");
}

/// As in Mosquitto, where listeners of this mode take nothing over.
#[test]
pub(super) fn auto_id_prefix_has_no_effect_in_local_only_mode() {
    let broker = Setup::config("auto_id_prefix new-\n").argument("-p").argument("PORT").start();
    assert!(made_up(&broker, false).starts_with("auto-"));
}

#[test]
pub(super) fn per_listener_settings_leaves_ids_to_the_listener_above_them() {
    let broker = Setup::config(
        "per_listener_settings true\nlistener PORT 127.0.0.1\nallow_anonymous true\nauto_id_prefix first-\n\
         listener SECOND 127.0.0.1\nallow_anonymous true\nallow_zero_length_clientid false\n",
    );
    let broker = broker.start();
    assert!(made_up(&broker, false).starts_with("first-"));
    assert_eq!(client("").second().refused(&broker), [Got::ConnAck { present: false, reason: 0x80 }]);
}

#[test]
pub(super) fn listener_auto_id_prefix_is_for_its_listener_alone() {
    let longest = "p".repeat(50);
    for own in ["own-", &longest] {
        let broker =
            Broker::open(&format!("auto_id_prefix all-\nlistener_auto_id_prefix {own}\nlistener SECOND 127.0.0.1"));
        assert!(made_up(&broker, false).starts_with(own));
        assert!(made_up(&broker, true).starts_with("all-"));
    }
    refused(&format!("listener_auto_id_prefix {longest}p"), "'listener_auto_id_prefix' length must be <= 50.");
}

#[test]
pub(super) fn allow_zero_length_clientid_decides_about_clients_without_one() {
    for lines in ["", "allow_zero_length_clientid true"] {
        let broker = Broker::open(lines);
        client("").to(&broker).ping();
        client("").v311().to(&broker).ping();
    }
    let broker = Broker::open("allow_zero_length_clientid false");
    assert_eq!(client("").refused(&broker), [Got::ConnAck { present: false, reason: 0x80 }]);
    assert_eq!(client("").v311().refused(&broker), [Got::ConnAck { present: false, reason: 2 }]);
    client("a").to(&broker).ping();
}

#[test]
pub(super) fn clientid_prefixes_refuses_other_ids() {
    let broker = Broker::open("");
    client("a").to(&broker).ping();
    let broker = Broker::open("clientid_prefixes ab");
    for (version, reason) in NOT_AUTHORISED {
        for id in ["ab", "abc"] {
            client(id).version(version).to(&broker).ping();
        }
        for id in ["a", "Ab", "cab"] {
            let got = client(id).version(version).refused(&broker);
            assert_eq!(got, [Got::ConnAck { present: false, reason }], "{id}");
        }
    }
    broker.log.wait_for_several("disconnected: not authorised.", 9);
}

/// Those who give the same name are one client.
#[test]
pub(super) fn use_username_as_clientid_takes_the_one_for_the_other() {
    for lines in ["", "use_username_as_clientid false"] {
        let broker = Broker::open(lines);
        let mut first = client("one").username("name").to(&broker);
        broker.log.wait_for(" as one (p5, c1, k60, u'name').");
        let _second = client("two").username("name").to(&broker);
        first.ping();
        client("three").to(&broker).ping();
    }
    let broker = Broker::open("use_username_as_clientid true");
    let mut first = client("one").username("name").to(&broker);
    broker.log.wait_for(" as name (p5, c1, k60, u'name').");
    let _second = client("two").username("name").to(&broker);
    assert_eq!(first.rest(), [Got::Disconnect(0x8e)]);
    for (version, reason) in NOT_AUTHORISED {
        assert_eq!(client("no-name").version(version).refused(&broker), [Got::ConnAck { present: false, reason }]);
    }
}

/// The name is that of a session that is still there.
#[test]
pub(super) fn use_username_as_clientid_is_for_its_listener_alone() {
    let broker = Broker::open("use_username_as_clientid true\nlistener SECOND 127.0.0.1");
    let connecting = client("name").with(Property::SessionExpiryInterval(60));
    connecting.second().to(&broker).disconnect();
    let (_, present) = client("other").username("name").persistent().resume(&broker);
    assert!(present);
}
