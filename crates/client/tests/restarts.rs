//! A broker that is killed and started again under its clients.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that it serves")]

mod broker;

use broker::{Broker, PATIENCE, free_port};
use mosquitto_client::mqtt::packet::SubscriptionOptions;
use mosquitto_client::mqtt::{PropertiesBuf, ProtocolVersion, QoS, ReasonCode};
use mosquitto_client::{BackOff, Client, End, Event, Handle, Next, Options, Outcome, OwnedPublication, Token};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// 20, 40, and from then on 50 milliseconds.
const BACK_OFF: BackOff =
    BackOff { first: Duration::from_millis(20), max: Duration::from_millis(50), jitter_percent: 0 };

fn started(port: u16) -> Broker {
    Broker::start(&format!("listener {port} 127.0.0.1\nallow_anonymous true\n"))
        .unwrap_or_else(|| panic!("the broker does not start at {port}"))
}

/// A client on its own thread, and what happens to it.
struct Peer {
    handle: Handle,
    thread: JoinHandle<std::io::Result<()>>,
    happened: Receiver<(Instant, Next)>,
}

impl Peer {
    fn connect(version: ProtocolVersion, id: &str, port: u16) -> Self {
        let mut options = Options::new(version, id);
        options.clean_start = false;
        options.session_expiry_s = version.is_v5().then_some(600);
        options.log_packets = true;
        let mut client = Client::new(options).unwrap();
        client.set_reconnect(Some(BACK_OFF));
        client.connect("127.0.0.1", port).unwrap();
        let (tell, happened) = channel();
        let (handle, thread) = client.spawn(move |next| drop(tell.send((Instant::now(), next)))).unwrap();
        let peer = Self { handle, thread, happened };
        peer.connected();
        peer
    }

    /// Waits for something that happens, and returns when that was.
    fn until(&self, is_it: impl Fn(&Next) -> bool) -> Instant {
        loop {
            let (at, next) = self.happened.recv_timeout(PATIENCE).unwrap();
            if is_it(&next) {
                return at;
            }
        }
    }

    fn connected(&self) {
        // The broker keeps no session on disk, so there is none after a start.
        self.until(|next| matches!(next, Next::Event(Event::Connected { session_present: false, .. })));
    }

    fn lost(&self) -> Instant {
        self.until(|next| match next {
            Next::Event(Event::Disconnected(end)) => *end == End::Lost || panic!("{end:?}"),
            _ => false,
        })
    }

    /// Waits for a message, and returns its payload.
    fn message(&self) -> String {
        loop {
            if let (_, Next::Event(Event::Message(message))) = self.happened.recv_timeout(PATIENCE).unwrap() {
                return String::from_utf8(message.payload).unwrap();
            }
        }
    }

    /// Publishes, retained: who subscribes later gets it too.
    fn publish(&self, text: &str, qos: QoS) -> Token {
        let message = OwnedPublication { retain: true, ..OwnedPublication::new(format!("t/{text}"), text, qos) };
        self.handle.publish(message).unwrap()
    }

    fn end(self) {
        self.handle.disconnect().unwrap();
        self.thread.join().unwrap().unwrap();
    }
}

fn is_through(token: &Token) {
    let outcome = token.wait(Some(PATIENCE));
    // It may be that nobody has subscribed yet, which is no error.
    assert!(matches!(&outcome, Some(Outcome::Done { reason, .. }) if !reason.is_error()), "{outcome:?}");
}

fn subscribed(peer: &Peer) {
    let token = peer.handle.subscribe("t/#", SubscriptionOptions::qos(QoS::ExactlyOnce), PropertiesBuf::new()).unwrap();
    let granted = token.wait(Some(PATIENCE));
    assert!(matches!(granted, Some(Outcome::Done { reason: ReasonCode(2), .. })), "{granted:?}");
}

/// `[MQTT-4.4.0-1]`, `[3.1.1 MQTT-4.4.0-1]`
#[test]
fn what_the_broker_has_not_acknowledged_reaches_the_next_one_and_its_subscribers() {
    for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
        let port = free_port();
        let mut broker = started(port);
        let (subscriber, publisher) = (Peer::connect(version, "sub", port), Peer::connect(version, "pub", port));
        subscribed(&subscriber);
        for round in 0..3 {
            is_through(&publisher.publish(&format!("before{round}"), QoS::ExactlyOnce));
            assert_eq!(subscriber.message(), format!("before{round}"));

            // Sent, but never read; and taken while there is no broker.
            broker.freeze();
            let mut waiting = Vec::new();
            for (name, qos) in [("sent1", QoS::AtLeastOnce), ("sent2", QoS::ExactlyOnce)] {
                waiting.push(publisher.publish(&format!("{name}-{round}"), qos));
                let line = format!("'t/{name}-{round}'");
                publisher.until(|next| {
                    matches!(next, Next::Event(Event::Log(log)) if log.starts_with("sending PUBLISH (d0") && log.contains(&line))
                });
            }
            broker.kill();
            publisher.lost();
            for (name, qos) in [("taken1", QoS::AtLeastOnce), ("taken2", QoS::ExactlyOnce)] {
                waiting.push(publisher.publish(&format!("{name}-{round}"), qos));
            }
            subscriber.lost();
            broker = started(port);

            // None is lost, and those of QoS 2 come once.
            waiting.iter().for_each(is_through);
            let expected = ["sent1", "sent2", "taken1", "taken2"].map(|name| format!("{name}-{round}"));
            let mut arrived: Vec<_> = (0..4).map(|_| subscriber.message()).collect();
            arrived.sort();
            assert_eq!(arrived, expected, "{version:?}");
        }
        is_through(&publisher.publish("last", QoS::ExactlyOnce));
        assert_eq!(subscriber.message(), "last");
        publisher.end();
        subscriber.end();
    }
}

#[test]
fn a_broker_that_is_away_is_tried_after_longer_and_longer_pauses() {
    let port = free_port();
    let broker = started(port);
    let peer = Peer::connect(ProtocolVersion::V5, "me", port);
    subscribed(&peer);
    broker.kill();
    let mut since = peer.lost();
    for pause in [20, 40, 50, 50] {
        let at = peer.until(|next| match next {
            Next::Unreachable(error) => error.kind() == std::io::ErrorKind::ConnectionRefused || panic!("{error}"),
            _ => false,
        });
        // It counts in whole milliseconds, and the attempt itself takes time too.
        assert!(at - since >= Duration::from_millis(pause - 1), "{pause}: {:?}", at - since);
        since = at;
    }
    let _broker = started(port);
    peer.connected();
    // Its subscription holds again, though nobody has asked for it again.
    peer.until(|next| matches!(next, Next::Event(Event::Subscribed { reasons, .. }) if reasons == &[ReasonCode(2)]));
    is_through(&peer.publish("again", QoS::AtLeastOnce));
    assert_eq!(peer.message(), "again");
    peer.end();
}
