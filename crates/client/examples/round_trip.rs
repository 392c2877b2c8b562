//! Subscribes to a topic, publishes to it, and ends when the message has come back.
//!
//! `cargo run -p mosquitto-client --example round_trip -- localhost 1883`

use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, ProtocolVersion, QoS};
use mosquitto_client::{Client, End, Event, Next, Options, Publication};
use std::error::Error;
use std::time::Duration;

const TOPIC: &str = "example/round-trip";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or_else(|| "localhost".to_owned());
    let port = arguments.next().map_or(Ok(1883), |port| port.parse())?;
    let mut client = Client::new(Options::new(ProtocolVersion::V5, ""))?;
    client.connect(&host, port)?;
    loop {
        match client.next(Some(Duration::from_secs(5)))? {
            Next::Event(Event::Connected { .. }) => {
                let options = SubscriptionOptions::qos(QoS::AtLeastOnce);
                client.subscribe(&[Subscription { filter: TOPIC, options }], Properties::EMPTY)?;
            }
            Next::Event(Event::Subscribed { .. }) => {
                client.publish(Publication::new(TOPIC, b"hello", QoS::AtLeastOnce))?;
            }
            Next::Event(Event::Message(message)) => {
                println!("{}: {}", message.topic, String::from_utf8_lossy(&message.payload));
                client.disconnect();
            }
            Next::Event(Event::Disconnected(End::Requested)) => return Ok(()),
            Next::Event(Event::Disconnected(end)) => return Err(format!("the connection ended: {end:?}").into()),
            Next::Unreachable(error) => return Err(error.into()),
            Next::TimedOut => return Err("nothing came back".into()),
            Next::Event(_) | Next::Room | Next::Woken => {}
        }
    }
}
