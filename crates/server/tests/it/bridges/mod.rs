//! Bridges: what each option does, towards a remote broker that a test plays, and pairs of real brokers.

pub(crate) mod connecting;
mod failures;
pub(crate) mod guide;
mod healing;
pub(crate) mod messages;
pub(crate) mod pairs;
mod relay;
pub(crate) mod reloading;
mod remote;
pub(crate) mod secured;
mod sessions;
mod sides;

use crate::harness::{Broker, Client, Setup, client};
use remote::Remote;

/// A broker with a bridge to this port, with these lines below it.
fn bridged(port: u16, lines: &str) -> Broker {
    Setup::open(&lines_of_bridge(port, lines)).start()
}

fn lines_of_bridge(port: u16, lines: &str) -> String {
    lines_of_bridge_to(&format!("127.0.0.1:{port}"), lines)
}

fn lines_of_bridge_to(addresses: &str, lines: &str) -> String {
    format!(
        "log_type all\nlog_timestamp false\nsys_interval 1\nconnection b\naddresses {addresses}\nclientid there\n\
         restart_timeout 1\n{lines}"
    )
}

/// A client that has subscribed to this.
fn listening(broker: &Broker, filter: &str, qos: u8) -> Client {
    let mut listener = client("listener").to(broker);
    listener.subscribe(filter, qos);
    listener
}

/// Waits for a message with this text under this topic.
fn expect(listener: &mut Client, topic: &str, text: &str) {
    loop {
        let message = listener.message();
        if message.topic == topic && message.text() == text {
            return;
        }
    }
}

/// Waits until a bridge's broker says that it is connected.
fn connected(broker: &Broker) {
    broker.log.wait_for("Received CONNACK on connection local.");
}
