//! The subscriptions and sessions of a broker as text.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;

fn dump(net: &Net) -> String {
    let sessions: Vec<_> = net.shards.iter().flat_map(|shard| shard.session_reports(0, u32::MAX).0).collect();
    let mut out = Vec::new();
    net.shared.copy_subscriptions().write(&sessions, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_tree_is_printed_as_mosquitto_prints_it_with_shared_subscriptions_and_clients_behind_it() {
    let mut net = Net::with(1, Settings { max_queued_messages: 1, ..Settings::default() });
    let (one, two) = (connect("one").on(&mut net), connect("two").keep_session(10).on(&mut net));
    for (filter, qos) in [("a/b", 1), ("a/+", 0), ("$SYS/#", 2), ("/x", 0)] {
        net.subscribe(one, filter, qos);
    }
    net.subscribe(two, "a/b", 2);
    net.subscribe(two, "$share/g/s", 1);
    net.cut(two);
    (1..=3).for_each(|id| net.publish(one, "s", "12345", 1, id));
    // What Debian's mosquitto 2.0.11 prints, up to the line about the shared subscription.
    let expected = [
        "    ",
        "      ",
        "        a",
        "          b (one, 1) (two, 2)",
        "          + (one, 0)",
        "        ",
        "          x (one, 0)",
        "    $SYS",
        "      $SYS",
        "        # (one, 2)",
        "    ",
        "      ",
        "        s",
        "$share/g/s (two, 1)",
        "client one: connected, 0 in flight, 0 queued, 0 bytes",
        "client two: away, 0 in flight, 1 queued, 6 bytes; dropped: queue_full 2",
    ];
    assert_eq!(dump(&net).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn roots_are_printed_as_mosquitto_prints_them() {
    let mut net = Net::with(1, Settings::default());
    let empty = ["    ", "    $SYS", "    "];
    assert_eq!(dump(&net).lines().collect::<Vec<_>>(), empty);
    let peer = connect("one").on(&mut net);
    net.subscribe(peer, "$other/y", 0);
    net.subscribe(peer, "$share/g/$SYS/x", 0);
    let expected = [
        "    ",
        "    $SYS",
        "    $other",
        "      $other",
        "        y (one, 0)",
        "    ",
        "      ",
        "        $SYS",
        "          x",
        "$share/g/$SYS/x (one, 0)",
        "client one: connected, 0 in flight, 0 queued, 0 bytes",
    ];
    assert_eq!(dump(&net).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn many_filters_and_sessions_come_in_slices_and_all_of_them_come() {
    let mut net = Net::with(1, Settings::default());
    let peers: Vec<_> = (0..5).map(|n| connect(&format!("client-{n}")).on(&mut net)).collect();
    for n in 0..25_000 {
        net.subscribe(peers[n % 5], &format!("filter/{n}"), 0);
    }
    assert_eq!(dump(&net).matches(" (client-3, 0)").count(), 5000);
    let (mut found, mut from) = (Vec::new(), Some(0));
    while let Some(start) = from {
        let (some, next) = net.shards[0].session_reports(start, 2);
        assert!(some.len() <= 2);
        found.extend(some);
        from = next;
    }
    assert_eq!(found.len(), 5);
}
