//! Messages that are dropped can be seen: by reason, by client, and in the log.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, SessionReport, Settings};
use mosquitto_mqtt::Property;

fn report(net: &Net, client_id: &str) -> SessionReport {
    let reports = net.shards.iter().flat_map(|shard| shard.session_reports(0, u32::MAX).0);
    reports.into_iter().find(|report| &*report.client_id == client_id).unwrap()
}

fn net_with_a_client_away(settings: Settings) -> Net {
    let mut net = Net::with(2, settings);
    let peer = connect("away").keep_session(1000).on(&mut net);
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    net
}

#[test]
fn a_full_queue_counts_by_what_it_is_full_of() {
    for (settings, reason) in [
        (Settings { max_queued_messages: 2, ..Settings::default() }, DropReason::QueueFull),
        (Settings { max_queued_bytes: 10, ..Settings::default() }, DropReason::QueueBytes),
    ] {
        let mut net = net_with_a_client_away(settings);
        let publisher = connect("pub").on(&mut net);
        (1..=5).for_each(|id| net.publish(publisher, "t", "12345", 1, id));
        assert_eq!(net.dropped(reason), 3);
        let SessionReport { connected, queued, bytes, dropped, .. } = report(&net, "away");
        assert_eq!((connected, queued, bytes), (false, 2, 12));
        assert_eq!(dropped.iter().collect::<Vec<_>>(), [(reason, 3)]);
        assert!(report(&net, "pub").dropped.is_empty());
    }
}

#[test]
fn the_log_says_at_once_that_messages_are_dropped_and_once_a_minute_how_many() {
    let mut net = net_with_a_client_away(Settings { max_queued_messages: 1, ..Settings::default() });
    let publisher = connect("pub").on(&mut net);
    let all = "essages";
    (1..=3).for_each(|id| net.publish(publisher, "t", "x", 1, id));
    assert_eq!(net.log_with(all), ["Outgoing messages are being dropped for client away."]);
    net.advance(59);
    net.publish(publisher, "t", "x", 1, 4);
    assert_eq!(net.log_with(all).len(), 1);
    net.advance(1);
    let line = "Messages dropped for client away within 60 seconds: queue_full 3.";
    assert_eq!(net.log_with(all)[1..], [line]);
    net.advance(600);
    assert_eq!(net.log_with(all).len(), 2, "there is nothing more to say");
    net.publish(publisher, "t", "x", 1, 5);
    net.advance(60);
    assert_eq!(net.log_with(all)[2..], [line.replace('3', "1")]);
}

#[test]
fn a_session_that_ends_takes_its_line_with_it() {
    let mut net = Net::with(1, Settings { max_queued_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").keep_session(5).on(&mut net));
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    (1..=3).for_each(|id| net.publish(publisher, "t", "x", 1, id));
    net.advance(10);
    assert_eq!(net.connections_and_deadlines(), (1, 0));
    assert_eq!(net.dropped(DropReason::SessionEnded), 1);
}

#[test]
fn what_a_client_has_for_good_is_not_lost_with_its_session() {
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    net.subscribe(peer, "t", 2);
    for id in 1..=3 {
        net.publish(publisher, "t", "x", 2, id);
        net.pubrel(publisher, id);
    }
    // Of the first, only the end of the exchange is missing.
    net.pubrec(peer, 1);
    net.cut(peer);
    assert_eq!(net.dropped(DropReason::SessionEnded), 2);
}

#[test]
fn what_expires_and_what_is_too_large_is_counted_for_its_receiver() {
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    let small = connect("small").with(Property::MaximumPacketSize(20)).on(&mut net);
    net.subscribe(small, "t", 0);
    net.publish(publisher, "t", &"x".repeat(50), 0, 0);
    let late = connect("late").keep_session(1000).on(&mut net);
    net.subscribe(late, "t", 1);
    net.cut(late);
    net.publish_with(publisher, "t", b"x", 1, 1, &[Property::MessageExpiryInterval(5)]);
    net.advance(10);
    connect("late").keep_session(1000).on(&mut net);
    let of = |id, reason| report(&net, id).dropped.of(reason);
    assert_eq!((of("small", DropReason::TooLarge), of("late", DropReason::Expired)), (1, 1));
    assert_eq!(net.log_with("Outgoing messages are being dropped").len(), 0, "no queue was full");
    net.advance(60);
    assert_eq!(net.log_with("within 60 seconds").len(), 2);
}

#[test]
fn a_line_of_the_log_that_is_too_large_for_its_reader_brings_forth_no_other() {
    let mut net = Net::new();
    let reader = connect("reader").with(Property::MaximumPacketSize(20)).on(&mut net);
    net.subscribe(reader, "$SYS/#", 0);
    let now = net.now;
    let line = mosquitto_broker::Publication {
        topic: "$SYS/broker/log/N".into(),
        payload: vec![b'x'; 50].into(),
        qos: mosquitto_mqtt::QoS::ExactlyOnce,
        retain: false,
        expiry_s: Some(20),
    };
    let before = net.log.len();
    net.shards[0].begin(now);
    net.shards[0].publish_own(&line);
    net.shards[0].end();
    net.run();
    assert_eq!((net.log.len(), net.dropped(DropReason::TooLarge)), (before, 1));
}
