//! How many sessions there are, and how long.

use super::refused;
use crate::harness::{Broker, Got, client};

#[test]
pub(super) fn global_max_clients_counts_connected_and_stored_sessions() {
    let broker = Broker::open("global_max_clients 3");
    client("away").persistent().to(&broker).disconnect();
    let _first = client("first").to(&broker);
    let second = client("second").to(&broker);
    assert_eq!(client("over").refused(&broker), [Got::ConnAck { present: false, reason: 0x89 }]);
    assert_eq!(client("over").v311().refused(&broker), []);
    broker.log.wait_for_several("disconnected: server busy.", 2);
    // One under, whoever comes: a session that is over makes room, one that there is has its room.
    second.disconnect();
    client("third").to(&broker).ping();
    let (_, present) = client("away").persistent().resume(&broker);
    assert!(present);
}

#[test]
pub(super) fn global_max_clients_is_unlimited_at_0_and_below() {
    for limit in [0, -1] {
        let broker = Broker::open(&format!("global_max_clients {limit}"));
        let users: Vec<_> = (0..3).map(|n| client(&format!("user-{n}")).to(&broker)).collect();
        drop(users);
    }
}

/// The longest session there is, of one second, and one of a broker that keeps it longer beside it.
#[test]
pub(super) fn persistent_client_expiration_ends_sessions_whose_clients_stay_away() {
    let (brief, long) =
        (Broker::open("persistent_client_expiration 1s"), Broker::open("persistent_client_expiration 1h"));
    let without = Broker::open("");
    let connecting = [client("new").persistent(), client("old").v311().persistent()];
    for broker in [&long, &without, &brief] {
        for connecting in &connecting {
            connecting.to(broker).disconnect();
        }
    }
    for id in ["new", "old"] {
        brief.log.wait_for(&format!("Expiring client {id} due to timeout."));
    }
    for (broker, expected) in [(&brief, false), (&long, true), (&without, true)] {
        for connecting in &connecting {
            assert_eq!(connecting.resume(broker).1, expected);
        }
    }
    for value in ["0s", "-1d", "5", "1x"] {
        refused(
            &format!("persistent_client_expiration {value}"),
            "Invalid persistent_client_expiration duration in configuration.",
        );
    }
}

#[test]
pub(super) fn persistence_false_keeps_nothing() {
    for line in ["", "persistence false", "retained_persistence false"] {
        let broker = Broker::open(&format!("persistence_location DIR\n{line}"));
        client("user").persistent().to(&broker).disconnect();
        assert_eq!(std::fs::read_dir(broker.directory()).unwrap().count(), 1, "besides the configuration");
    }
}

/// That it is obeyed takes a minute at the least, and is seen in the core.
#[test]
pub(super) fn retain_expiry_interval_is_held_against_its_limits() {
    refused("retain_expiry_interval 0", "retain_expiry_interval must be >= 1.");
    let broker = Broker::open("retain_expiry_interval 10000001");
    broker.log.wait_for("Warning: The 'retain_expiry_interval' value is too large, 10000000 minutes are used.");
    assert_eq!(Broker::open("retain_expiry_interval 10000000").log.count("too large"), 0);
}
