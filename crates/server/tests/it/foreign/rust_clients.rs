//! What both clients of `rumqttc` are put through.

use super::{rumqttc_v4::V4, rumqttc_v5::V5};
use crate::harness::{Broker, client};

/// A client of `rumqttc`. It does its work while somebody waits for its [`next`](Peer::next) event.
pub(super) trait Peer: Sized {
    /// Begins to connect.
    fn start(broker: &Broker, id: &str, persistent: bool, will: Option<(&str, &str)>) -> Self;
    fn subscribe(&self, filter: &str, qos: u8);
    fn publish(&self, topic: &str, payload: &str, qos: u8, retain: bool);
    fn disconnect(&self);
    /// The next thing that happens.
    fn next(&mut self) -> Seen;
}

/// What happens to a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Connected {
        present: bool,
    },
    Subscribed,
    Message {
        topic: String,
        text: String,
        qos: u8,
        retain: bool,
    },
    /// A message of its own is through.
    Acknowledged,
    Disconnected,
    Nothing,
}

fn connect<P: Peer>(broker: &Broker, id: &str) -> P {
    let mut peer = P::start(broker, id, false, None);
    assert_eq!(wait(&mut peer), Seen::Connected { present: false });
    peer
}

/// The next thing that matters.
fn wait<P: Peer>(peer: &mut P) -> Seen {
    std::iter::from_fn(|| Some(peer.next())).find(|seen| *seen != Seen::Nothing).unwrap()
}

fn subscribe<P: Peer>(peer: &mut P, filter: &str, qos: u8) {
    peer.subscribe(filter, qos);
    assert_eq!(wait(peer), Seen::Subscribed);
}

fn message(topic: &str, text: &str, qos: u8, retain: bool) -> Seen {
    Seen::Message { topic: topic.to_owned(), text: text.to_owned(), qos, retain }
}

fn messages_pass_at_every_qos<P: Peer>() {
    const EACH: usize = 30;
    let broker = Broker::open("worker_threads 4");
    let mut publisher: P = connect(&broker, "publisher");
    let mut subscriber: P = connect(&broker, "subscriber");
    subscribe(&mut subscriber, "a/+", 2);
    for qos in 0..3 {
        for n in 0..EACH {
            publisher.publish("a/b", &n.to_string(), qos, false);
        }
        if qos > 0 {
            (0..EACH).for_each(|_| assert_eq!(wait(&mut publisher), Seen::Acknowledged));
        } else {
            // What it has sent shows in the answer to what it sends behind it.
            publisher.publish("other", "", 1, false);
            assert_eq!(wait(&mut publisher), Seen::Acknowledged);
        }
        for n in 0..EACH {
            assert_eq!(wait(&mut subscriber), message("a/b", &n.to_string(), qos, false));
        }
    }
}

fn retained_messages_come_on_subscribing<P: Peer>() {
    let broker = Broker::open("worker_threads 4");
    let mut publisher: P = connect(&broker, "publisher");
    for qos in 0..3 {
        publisher.publish(&format!("kept/{qos}"), "state", qos, true);
    }
    (0..2).for_each(|_| assert_eq!(wait(&mut publisher), Seen::Acknowledged));
    let mut subscriber: P = connect(&broker, "subscriber");
    for qos in 0..3 {
        subscriber.subscribe(&format!("kept/{qos}"), 2);
        let mut seen = [wait(&mut subscriber), wait(&mut subscriber)];
        // The server may send them before the SUBACK (3.8.4).
        seen.sort_by_key(|seen| *seen != Seen::Subscribed);
        assert_eq!(seen, [Seen::Subscribed, message(&format!("kept/{qos}"), "state", qos, true)]);
    }
}

fn the_will_of_one_that_is_lost_is_published<P: Peer>() {
    let broker = Broker::open("worker_threads 4");
    let mut heir: P = connect(&broker, "heir");
    subscribe(&mut heir, "will", 1);
    let mut owner = P::start(&broker, "owner", false, Some(("will", "gone")));
    assert_eq!(wait(&mut owner), Seen::Connected { present: false });
    drop(owner);
    assert_eq!(wait(&mut heir), message("will", "gone", 1, false));
}

fn a_session_is_resumed_with_all_that_it_missed<P: Peer>() {
    let broker = Broker::open("worker_threads 4");
    let mut away = P::start(&broker, "away", true, None);
    assert_eq!(wait(&mut away), Seen::Connected { present: false });
    subscribe(&mut away, "news", 2);
    away.disconnect();
    assert_eq!(wait(&mut away), Seen::Disconnected);
    broker.log.wait_for("Client away [");
    let mut publisher = client("publisher").to(&broker);
    for n in 0..10u8 {
        publisher.publish("news", n.to_string(), 1 + n / 5);
    }
    publisher.finish();
    let mut back = P::start(&broker, "away", true, None);
    assert_eq!(wait(&mut back), Seen::Connected { present: true });
    for n in 0..10u8 {
        assert_eq!(wait(&mut back), message("news", &n.to_string(), 1 + n / 5, false));
    }
}

macro_rules! scenarios {
    ($($scenario:ident: $v4:ident $v5:ident)*) => {
        $(
            #[test]
            fn $v4() {
                $scenario::<V4>();
            }

            #[test]
            fn $v5() {
                $scenario::<V5>();
            }
        )*
    };
}

scenarios! {
    messages_pass_at_every_qos: messages_pass_in_3_1_1 messages_pass_in_5
    retained_messages_come_on_subscribing: retained_messages_come_in_3_1_1 retained_messages_come_in_5
    the_will_of_one_that_is_lost_is_published: a_will_is_published_in_3_1_1 a_will_is_published_in_5
    a_session_is_resumed_with_all_that_it_missed: a_session_is_resumed_in_3_1_1 a_session_is_resumed_in_5
}
