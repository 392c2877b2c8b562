//! What the broker does when the heap has reached `memory_limit`.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, LogLevel, Settings};
use mosquitto_mqtt::QoS;
use mosquitto_mqtt::packet::SubscriptionOptions;

const LIMIT: u64 = 1_000_000;

fn net() -> Net {
    Net::with(2, Settings { memory_limit: LIMIT, ..Settings::default() })
}

fn use_heap(net: &mut Net, bytes: u64) {
    let now = net.now;
    for shard in &mut net.shards {
        shard.begin(now);
        shard.heap_in_use(bytes);
        shard.end();
    }
    net.run();
}

#[test]
fn at_the_limit_all_goes_on_and_above_it_nothing_new_begins_until_the_heap_falls() {
    let mut net = net();
    use_heap(&mut net, LIMIT);
    let (publisher, subscriber) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(subscriber, "t", 1);
    use_heap(&mut net, LIMIT + 1);
    net.publish(publisher, "t", "lost", 1, 1);
    assert_eq!(net.got(publisher), ["PUBACK 1 rc=0x97"]);
    net.publish(publisher, "t", "lost", 2, 2);
    assert_eq!(net.got(publisher), ["PUBREC 2 rc=0x97"]);
    net.publish(publisher, "t", "lost", 0, 0);
    assert!(net.got(subscriber).is_empty());
    assert_eq!(net.dropped(DropReason::MemoryLimit), 3);
    let (_, got) = connect("new").attempt(&mut net);
    assert_eq!(got.len(), 1);
    assert!(got[0].starts_with("CONNACK present=0 rc=151"), "{got:?}");
    net.subscribe_with(subscriber, 7, "u", SubscriptionOptions::qos(QoS::AtMostOnce), &[]);
    assert_eq!(net.got(subscriber), ["SUBACK 7 [151]"]);
    use_heap(&mut net, LIMIT * 99 / 100);
    net.publish(publisher, "t", "lost", 1, 3);
    assert_eq!(net.got(publisher), ["PUBACK 3 rc=0x97"], "there has to be some room first");
    use_heap(&mut net, LIMIT / 2);
    net.publish(publisher, "t", "kept", 1, 4);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q1 id=1 t "kept""#]);
    connect("new").on(&mut net);
}

#[test]
fn what_was_taken_before_is_still_delivered() {
    let mut net = net();
    let (publisher, away) = (connect("pub").on(&mut net), connect("away").keep_session(100).on(&mut net));
    net.subscribe(away, "t", 2);
    net.cut(away);
    net.publish(publisher, "t", "queued", 1, 1);
    net.publish(publisher, "t", "unreleased", 2, 2);
    net.got(publisher);
    use_heap(&mut net, LIMIT * 2);
    net.publish_again(publisher, "t", "unreleased", 2, 2);
    net.pubrel(publisher, 2);
    assert_eq!(net.got(publisher), ["PUBREC 2", "PUBCOMP 2"]);
    let back = connect("away").keep_session(100).on(&mut net);
    assert_eq!(net.got(back).len(), 2);
}

#[test]
fn a_client_that_comes_back_may_subscribe_again_to_what_it_subscribes_to() {
    let mut net = net();
    let publisher = connect("pub").on(&mut net);
    let old = connect("old").v31().resume().on(&mut net);
    for filter in ["t", "$share/g/s"] {
        net.subscribe(old, filter, 1);
    }
    net.cut(old);
    net.publish(publisher, "t", "queued", 1, 1);
    use_heap(&mut net, LIMIT * 2);
    let back = connect("old").v31().resume().on(&mut net);
    let options = SubscriptionOptions::qos(QoS::AtMostOnce);
    for (packet_id, filter) in [(1, "t"), (2, "$share/g/s")] {
        net.subscribe_with(back, packet_id, filter, options, &[]);
    }
    assert_eq!(net.got(back), [r#"PUBLISH q1 id=1 t "queued""#, "SUBACK 1 [0]", "SUBACK 2 [0]"]);
    for filter in ["$share/h/s", "s", "t/u"] {
        let back = connect("old").v31().resume().on(&mut net);
        net.subscribe_with(back, 3, filter, options, &[]);
        assert!(!net.is_open(back), "{filter}");
    }
}

#[test]
fn a_retained_message_can_still_be_taken_away() {
    let mut net = net();
    let publisher = connect("pub").on(&mut net);
    net.publish_retained(publisher, "t", "x", 0, 0);
    use_heap(&mut net, LIMIT * 2);
    net.publish_retained(publisher, "u", "x", 0, 0);
    net.publish_retained(publisher, "t", "", 0, 0);
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn what_empties_nothing_is_new_work() {
    let mut net = net();
    let (publisher, away) = (connect("pub").on(&mut net), connect("away").keep_session(100).on(&mut net));
    net.subscribe(away, "#", 1);
    net.cut(away);
    net.publish_retained(publisher, "t", "x", 0, 0);
    use_heap(&mut net, LIMIT * 2);
    // At QoS 2 it would be kept until it is released.
    for (topic, qos) in [("u", 1), ("t", 2), ("t", 1), ("t", 1), ("t/v", 1)] {
        net.publish_retained(publisher, topic, "", qos, 1);
    }
    let refused = "PUBACK 1 rc=0x97";
    assert_eq!(net.got(publisher), [refused, "PUBREC 1 rc=0x97", "PUBACK 1", refused, refused]);
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn wills_of_clients_that_come_and_go_are_sent_on_and_retained_only_in_the_place_of_others() {
    let mut net = net();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "#", 0);
    net.publish_retained(watcher, "known", "x", 0, 0);
    let peer = connect("a").keep_session(100).on(&mut net);
    net.cut(peer);
    net.got(watcher);
    use_heap(&mut net, LIMIT * 2);
    for topic in ["one", "two", "known"] {
        let peer = connect("a").keep_session(100).will(topic, "gone", 0, true).on(&mut net);
        net.cut(peer);
    }
    let sent = ["one", "two", "known"].map(|topic| format!(r#"PUBLISH q0 {topic} "gone""#));
    assert_eq!(net.got(watcher), sent);
    assert_eq!((net.shared.retained_count(), net.dropped(DropReason::MemoryLimit)), (1, 2));
    use_heap(&mut net, LIMIT / 2);
    let late = connect("late").on(&mut net);
    net.subscribe(late, "known", 0);
    assert!(net.got(late).iter().any(|packet| packet.contains("gone")));
}

#[test]
fn no_client_of_mqtt_3_is_made_to_believe_that_its_message_or_subscription_was_taken() {
    let mut net = net();
    let [at_once, exactly_once, old] = ["a", "b", "c"].map(|id| connect(id).v311().on(&mut net));
    let older = connect("d").v31().on(&mut net);
    use_heap(&mut net, LIMIT * 2);
    net.publish(at_once, "t", "x", 0, 0);
    assert!(net.is_open(at_once));
    net.publish(at_once, "t", "x", 1, 1);
    net.publish(exactly_once, "t", "x", 2, 1);
    for peer in [at_once, exactly_once] {
        assert_eq!((net.got(peer), net.is_open(peer)), (Vec::new(), false));
    }
    assert_eq!(net.log_with("disconnected: out of memory.").len(), 2);
    let options = SubscriptionOptions::qos(QoS::AtMostOnce);
    net.subscribe_with(old, 1, "t", options, &[]);
    assert_eq!(net.got(old), ["SUBACK 1 [128]"]);
    net.subscribe_with(older, 1, "t", options, &[]);
    assert_eq!((net.got(older), net.is_open(older)), (Vec::new(), false));
    assert_eq!(connect("e").v311().refused(&mut net), ["CONNACK present=0 rc=3"]);
}

#[test]
fn the_log_says_once_for_all_shards_that_the_limit_is_reached_and_left() {
    let mut net = net();
    for heap in [LIMIT * 2, LIMIT * 2, LIMIT / 2, LIMIT / 2] {
        use_heap(&mut net, heap);
    }
    let lines: Vec<_> = net.log.iter().filter(|line| line.text.contains("memory_limit")).map(|l| l.level).collect();
    assert_eq!(lines, [LogLevel::Warning, LogLevel::Notice]);
}

#[test]
fn shards_agree_about_a_heap_that_is_near_the_limit() {
    let mut net = net();
    let now = net.now;
    for (shard, heap) in [(0, LIMIT + 1), (1, LIMIT - 1)] {
        net.shards[shard].begin(now);
        net.shards[shard].heap_in_use(heap);
        net.shards[shard].end();
    }
    for shard in 0..2 {
        connect(&net.id_at_home_on("new", shard)).refused(&mut net);
    }
}

/// Shards do not look with every tick, nor at the same time.
#[test]
fn what_one_shard_has_found_holds_for_all_at_once() {
    let mut net = net();
    let now = net.now;
    for (heap, is_full) in [(LIMIT + 1, true), (LIMIT / 2, false)] {
        net.shards[0].begin(now);
        net.shards[0].heap_in_use(heap);
        net.shards[0].end();
        let late = connect(&net.id_at_home_on("new", 1));
        if is_full {
            late.refused(&mut net);
        } else {
            late.on(&mut net);
        }
    }
}

#[test]
fn without_a_limit_any_heap_will_do() {
    let mut net = Net::new();
    use_heap(&mut net, u64::MAX);
    connect("a").on(&mut net);
}
