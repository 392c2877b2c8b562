//! Where the broker listens, and whom it listens to.

use super::refused;
use crate::harness::{Broker, Got, Setup, client};
use crate::listeners::{has_ipv6, listening};
use mosquitto_mqtt::ProtocolVersion;

#[test]
pub(super) fn port_opens_the_default_listener_and_bind_address_tells_where() {
    let open = Setup::config("port PORT\n").start();
    let port = open.port();
    let mut expected = vec![format!("00000000:{port:04X}")];
    if has_ipv6() {
        expected.push(format!("{}:{port:04X}", "0".repeat(32)));
    }
    expected.sort();
    assert_eq!(listening(port), expected);
    // Local only mode is over, and everybody is a stranger.
    assert_eq!(client("out").refused(&open), [Got::ConnAck { present: false, reason: 0x87 }]);
    let broker = Setup::config("allow_anonymous true\nport PORT\nbind_address 127.0.0.1\n").start();
    assert_eq!(listening(broker.port()), [format!("0100007F:{:04X}", broker.port())]);
    client("in").to(&broker).ping();
    for name in ["port", "bind_address"] {
        broker.log.wait_for(&format!("The '{name}' option is now deprecated and will be removed in version 3.0. "));
    }
}

#[test]
pub(super) fn a_listener_listens_at_its_address_and_port() {
    let broker = Broker::open("listener SECOND 127.0.0.2");
    let second = broker.second_port();
    assert_eq!(listening(second), [format!("0200007F:{second:04X}")]);
    let mut user = client("user").over(Broker::dial_address(([127, 0, 0, 2], second).into()));
    assert_eq!(user.next(), Got::ConnAck { present: false, reason: 0 });
    broker.log.wait_for(&format!(" on port {second}."));
}

#[test]
pub(super) fn accept_protocol_versions_is_a_list_of_those_that_are_let_in() {
    use ProtocolVersion::{V5, V31, V311};
    for (list, let_in) in [
        ("", [true, true, true]),
        ("accept_protocol_versions 3,4,5", [true, true, true]),
        ("accept_protocol_versions 5", [false, false, true]),
        ("accept_protocol_versions 3 4", [true, true, false]),
        ("accept_protocol_versions 4", [false, true, false]),
    ] {
        let broker = Broker::open(&format!("{list}\nlistener SECOND 127.0.0.1"));
        for (version, let_in) in [V31, V311, V5].into_iter().zip(let_in) {
            let connecting = client("user").version(version);
            if let_in {
                connecting.to(&broker).ping();
            } else {
                let reason = if version == V5 { 0x84 } else { 1 };
                assert_eq!(connecting.refused(&broker), [Got::ConnAck { present: false, reason }], "{list}");
            }
            // The other listener has no such list.
            connecting.second().to(&broker).ping();
        }
    }
}

#[test]
pub(super) fn max_connections_and_global_max_connections_are_unlimited_at_0_and_below() {
    for limit in [0, -1, -5] {
        let broker = Broker::open(&format!("max_connections {limit}\nglobal_max_connections {limit}"));
        let mut users: Vec<_> = (0..3).map(|n| client(&format!("user-{n}")).to(&broker)).collect();
        users.iter_mut().for_each(crate::harness::Client::ping);
    }
}

#[test]
pub(super) fn max_unauthenticated_connections_is_at_least_1() {
    let mut users: Vec<_> = Vec::new();
    let broker = Broker::open("max_unauthenticated_connections 1\nworker_threads 2");
    // Those who are known do not count.
    for n in 0..10 {
        users.push(client(&format!("user-{n}")).to(&broker));
        users.iter_mut().for_each(crate::harness::Client::ping);
    }
    refused("max_unauthenticated_connections 0", "'max_unauthenticated_connections'");
}

/// What else it may be has tests of its own.
#[test]
pub(super) fn protocol_is_mqtt_or_something_that_there_is() {
    client("user").to(&Broker::open("protocol mqtt")).ping();
    refused("protocol amqp", "Invalid 'protocol' value (amqp).");
}
