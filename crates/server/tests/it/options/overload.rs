//! A client that takes nothing, at each of the limits, while another one misses nothing.

use super::arrived;
use crate::harness::{Broker, Client, client};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{Packet, PacketType, Properties, QoS};

/// Messages in each of the tests.
const MESSAGES: usize = 300;

/// Bytes of each of their payloads.
const BYTES: usize = 100;

/// A limit and what it leaves of the messages for the client that takes nothing while they come.
struct Limit {
    lines: &'static str,
    qos: u8,
    /// Those that it gets when it reads in the end: the first ones.
    left: usize,
}

fn text(n: usize) -> String {
    format!("{n:>BYTES$}")
}

/// Publishes all messages, and `between` them something else; the quick client gets each before the next one is sent.
fn all_to_the_quick_one(broker: &Broker, qos: u8, mut between: impl FnMut(&mut Client)) {
    let mut quick = client("quick").to(broker);
    quick.subscribe("load", qos);
    let mut publisher = client("publisher").to(broker);
    for n in 0..MESSAGES {
        between(&mut publisher);
        publisher.publish("load", text(n), qos);
        publisher.finish();
        let message = quick.message();
        assert_eq!((message.text(), message.qos), (text(n).as_str(), qos));
    }
    quick.ping();
}

#[test]
pub(super) fn who_takes_nothing_costs_only_himself_at_each_limit_of_his_queue() {
    for Limit { lines, qos, left } in [
        // The queue has room for what may be in flight as well.
        Limit { lines: "max_queued_messages 10", qos: 1, left: 20 + 10 + 20 },
        Limit { lines: "max_queued_messages 10", qos: 2, left: 20 + 10 + 20 },
        Limit { lines: "max_queued_bytes 1000\nmax_inflight_bytes 2000", qos: 1, left: 20 + 10 + 20 },
        Limit { lines: "max_queued_bytes 1000\nmax_inflight_bytes 2000", qos: 2, left: 20 + 10 + 20 },
        Limit { lines: "max_inflight_bytes 500\nmax_queued_messages 10", qos: 1, left: 5 + 10 + 20 },
        Limit { lines: "max_inflight_bytes 500", qos: 2, left: MESSAGES },
    ] {
        let broker = Broker::open(&format!("worker_threads 2\n{lines}"));
        let mut slow = client("slow").to(&broker);
        slow.subscribe("load", qos);
        all_to_the_quick_one(&broker, qos, |_| {});
        // With the answer, its worker has all of the messages; only now there is room for those that wait.
        let mut came = arrived(&mut slow);
        for message in &came {
            slow.ack(if qos == 1 { PacketType::PubAck } else { PacketType::PubRec }, message.packet_id);
        }
        came.extend(slow.messages(left - came.len()));
        assert!(came.iter().enumerate().all(|(n, message)| message.text() == text(n)), "{came:?}");
        // Nothing else waits.
        assert_eq!(slow.all_messages(), []);
        let is_drop = |line: &&String| line.ends_with("Outgoing messages are being dropped for client slow.");
        let dropped = broker.stop().iter().filter(is_drop).count();
        assert_eq!(dropped, usize::from(left < MESSAGES), "{lines}");
    }
}

/// At QoS 0 it is the socket that is full, and then the number of unsent packets counts.
#[test]
pub(super) fn who_reads_nothing_costs_only_himself_at_qos_0() {
    let broker = Broker::open("worker_threads 2\nmax_queued_messages 10");
    let mut deaf = client("deaf").to(&broker);
    deaf.subscribe("flood", 0);
    let flood = vec![b'x'; 100_000];
    all_to_the_quick_one(&broker, 1, |publisher| publisher.publish("flood", &flood, 0));
    // What the sockets hold, and the few that the limit leaves.
    let came = deaf.all_messages();
    assert!((1..MESSAGES).contains(&came.len()), "{}", came.len());
    assert!(came.iter().all(|message| message.payload == flood));
}

#[test]
pub(super) fn messages_over_message_size_limit_cost_only_their_sender() {
    let broker = Broker::open(&format!("worker_threads 2\nmax_queued_messages 0\nmessage_size_limit {BYTES}"));
    let mut slow = client("slow").to(&broker);
    slow.subscribe("load", 1);
    all_to_the_quick_one(&broker, 1, |publisher| {
        let (dup, qos, retain, properties) = (false, QoS::AtLeastOnce, false, Properties::EMPTY);
        let (topic, packet_id, payload) = ("load", 60_000, &[b'x'; BYTES + 1]);
        publisher.send(&Packet::Publish(Publish { dup, qos, retain, topic, packet_id, properties, payload }));
        assert_eq!(publisher.next_bytes(), [0x40, 3, 0xea, 0x60, 0x95]);
    });
    for (n, message) in slow.messages(MESSAGES).iter().enumerate() {
        assert_eq!(message.text(), text(n));
    }
}
