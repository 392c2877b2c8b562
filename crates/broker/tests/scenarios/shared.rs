//! Shared subscriptions (MQTT 5, 4.8.2).

use crate::harness::{Net, Peer, connect};

/// Members of `$share/g/t`, one on each shard.
fn members(net: &mut Net, qos: u8) -> Vec<Peer> {
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("m", shard)).collect();
    ids.iter()
        .map(|id| {
            let peer = connect(id).keep_session(100).on(net);
            net.subscribe(peer, "$share/g/t", qos);
            peer
        })
        .collect()
}

fn publish_numbers(net: &mut Net, publisher: Peer, count: usize) {
    (1..=count).for_each(|n| net.publish(publisher, "t", &n.to_string(), 1, 1));
}

/// The payloads that a peer received.
fn numbers(net: &mut Net, peer: Peer) -> String {
    net.got(peer).iter().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect()
}

#[test]
fn members_are_served_in_turn_whatever_shard_they_live_on() {
    // MQTT 5, 4.8.2
    let mut net = Net::new();
    let members = members(&mut net, 0);
    let publisher = connect("pub").on(&mut net);
    publish_numbers(&mut net, publisher, 7);
    assert_eq!(net.got(publisher)[0], "PUBACK 1");
    let got: Vec<String> = members.iter().map(|&member| numbers(&mut net, member)).collect();
    assert_eq!(got, ["147", "25", "36"]);
}

#[test]
fn each_group_and_each_plain_subscription_has_its_own_copy() {
    let mut net = Net::new();
    let (both, plain) = (connect("both").v311().on(&mut net), connect("plain").on(&mut net));
    net.subscribe(both, "$share/g/t", 0);
    net.subscribe(both, "$share/h/t", 0);
    net.subscribe(both, "t", 0);
    net.subscribe(plain, "t", 0);
    let publisher = connect("pub").on(&mut net);
    publish_numbers(&mut net, publisher, 1);
    assert_eq!((numbers(&mut net, both).as_str(), numbers(&mut net, plain).as_str()), ("111", "1"));
    assert_eq!(net.shared.subscription_count(), 4);
    net.unsubscribe(both, 1, &["$share/h/t", "t"]);
    net.got(both);
    publish_numbers(&mut net, publisher, 1);
    assert_eq!(numbers(&mut net, both), "1");
    net.disconnect(both);
    assert_eq!(net.shared.subscription_count(), 1);
}

#[test]
fn a_member_that_is_away_keeps_its_turn() {
    let mut net = Net::new();
    let members = members(&mut net, 1);
    let id = net.id_at_home_on("m", 1);
    net.cut(members[1]);
    let publisher = connect("pub").on(&mut net);
    publish_numbers(&mut net, publisher, 6);
    assert_eq!((numbers(&mut net, members[0]).as_str(), numbers(&mut net, members[2]).as_str()), ("14", "36"));
    let back = connect(&id).keep_session(100).on(&mut net);
    assert_eq!(numbers(&mut net, back), "25");
}

#[test]
fn members_that_leave_or_end_are_passed_over() {
    let mut net = Net::new();
    let members = members(&mut net, 0);
    net.unsubscribe(members[0], 1, &["$share/g/t"]);
    assert_eq!(net.got(members[0]), ["UNSUBACK 1 [0]"]);
    net.cut(members[1]);
    net.advance(100);
    let publisher = connect("pub").on(&mut net);
    publish_numbers(&mut net, publisher, 3);
    assert_eq!(numbers(&mut net, members[2]), "123");
    net.unsubscribe(members[2], 1, &["$share/g/t"]);
    net.publish(publisher, "t", "x", 1, 2);
    assert_eq!(net.got(publisher).pop().unwrap(), "PUBACK 2 rc=0x10");
}

#[test]
fn a_member_that_subscribes_again_keeps_its_turn_with_the_new_qos() {
    let mut net = Net::new();
    let members = members(&mut net, 0);
    net.subscribe(members[0], "$share/g/t", 1);
    let publisher = connect("pub").on(&mut net);
    publish_numbers(&mut net, publisher, 3);
    assert_eq!(net.got(members[0]), [r#"PUBLISH q1 id=1 t "1""#]);
    assert_eq!(net.shared.subscription_count(), 3);
}

#[test]
fn wildcards_and_dollar_work_behind_the_group_name() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    for (filter, topic) in
        [("$share/g/a/#", "a/b/c"), ("$share/share/#", "x"), ("$share/g/$x/+", "$x/y"), ("$share/g//a", "/a")]
    {
        net.subscribe(peer, filter, 0);
        net.publish(peer, topic, "x", 0, 0);
        assert_eq!(net.got(peer).len(), 1, "{filter}");
        net.unsubscribe(peer, 1, &[filter]);
        net.got(peer);
    }
}

#[test]
fn all_memberships_of_a_session_end_with_it() {
    // [MQTT-4.1.0-2], and what was taken back before is not taken back twice.
    let mut net = Net::new();
    let (publisher, leaver, stayer) =
        (connect("pub").on(&mut net), connect("a").on(&mut net), connect("b").on(&mut net));
    for filter in ["t", "$share/g/t", "$share/h/t", "$share/i/t", "$share/g/+"] {
        net.subscribe(leaver, filter, 0);
        net.subscribe(stayer, filter, 0);
    }
    net.unsubscribe(leaver, 1, &["$share/h/t"]);
    net.disconnect(leaver);
    net.advance(1);
    assert_eq!(net.shared.subscription_count(), 5);
    (0..2).for_each(|_| net.publish(publisher, "t", "x", 0, 0));
    assert_eq!(net.got(stayer).len(), 2 * 5, "none of them has its turn with the other one any more");
}
