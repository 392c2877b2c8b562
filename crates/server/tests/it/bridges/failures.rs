//! Remote brokers that go away, stand still or are none, and come back.

use super::{Remote, bridged, connected, expect, listening};
use crate::harness::{Broker, Setup, Signal, client, free_port};
use std::io::Write;

fn remote_config(port: u16) -> String {
    format!(
        "listener PORT 127.0.0.1\nlistener {port} 127.0.0.1\nallow_anonymous true\nlog_type all\nlog_timestamp false\nworker_threads 1\n"
    )
}

fn crosses(here: &Broker, away: &mut crate::harness::Client, text: &str) {
    let mut publisher = client("publisher").to(here);
    publisher.publish("t", text, 2);
    publisher.finish();
    expect(away, "t", text);
}

#[test]
fn what_is_published_while_the_remote_broker_stands_still_arrives_once_and_in_order() {
    let there = Setup::config(&remote_config(free_port())).start();
    let here = bridged(there.port(), "topic t out 2\nkeepalive_interval 5\n");
    connected(&here);
    let mut away = listening(&there, "t", 2);
    crosses(&here, &mut away, "before");
    there.signal(Signal::STOP);
    let mut publisher = client("publisher").to(&here);
    for n in 0..50 {
        publisher.publish("t", n.to_string(), 2);
    }
    publisher.finish();
    // It has noticed, and tries again and again.
    here.log.wait_for("next backoff");
    there.signal(Signal::CONT);
    let texts: Vec<_> = away.messages(50).iter().map(|message| message.text().to_owned()).collect();
    assert_eq!(texts, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
    crosses(&here, &mut away, "after");
}

#[test]
fn a_remote_broker_that_was_killed_is_found_again() {
    let port = free_port();
    let there = Setup::config(&remote_config(port)).start();
    let here = bridged(port, "topic t out 2\n");
    connected(&here);
    drop(there);
    here.log.wait_for("Error creating bridge: Connection refused.");
    let mut publisher = client("publisher").to(&here);
    publisher.publish("t", "meanwhile", 1);
    publisher.finish();
    let there = Setup::config(&remote_config(port)).start();
    let mut away = client("listener").over(Broker::dial_address(([127, 0, 0, 1], port).into()));
    assert!(matches!(away.next(), crate::harness::Got::ConnAck { reason: 0, .. }));
    away.subscribe("t", 2);
    expect(&mut away, "t", "meanwhile");
    drop(there);
}

#[test]
fn garbage_costs_the_connection_only() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), "topic t both 1\nnotifications false\n");
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400"[..],
        &[0x20, 2, 9, 9],
        &[0xff; 64],
        &[0x16, 3, 1, 2, 0],
    ] {
        let mut bridge = remote.greeted();
        bridge.client.stream.write_all(garbage).unwrap();
        assert_eq!(bridge.client.next_or_end(), None);
    }
    let mut bridge = remote.accepted();
    bridge.says_so(&["Subscribe"]);
    client("still there").to(&broker).ping();
    bridge.client.publish("t", "x", 1);
    bridge.client.finish();
}

#[test]
fn a_name_that_is_none_is_tried_again_and_again() {
    let config = "log_timestamp false\nconnection b\naddress no-such-name.invalid\nrestart_timeout 1\ntopic t\n";
    let broker = Setup::open(config).start();
    broker.log.wait_for_several("Error creating bridge: no-such-name.invalid: ", 2);
    client("served").to(&broker).ping();
}

#[test]
fn while_nobody_is_there_no_more_waits_than_the_queue_takes() {
    let broker = bridged(free_port(), "topic t out 1\nmax_queued_messages 10\n");
    // What is published before that is on its way to the bridge already, and counts besides.
    broker.log.wait_for("Received DISCONNECT from local.there");
    let mut publisher = client("publisher").to(&broker);
    for n in 0..200 {
        publisher.publish("t", n.to_string(), 1);
    }
    publisher.finish();
    let mut listener = listening(&broker, "$SYS/broker/bridge/b/backlog/messages", 0);
    expect(&mut listener, "$SYS/broker/bridge/b/backlog/messages", "10");
}
