//! Subscribes to a filter and prints what comes, over as many connections as it takes.
//!
//!     cargo run -p mosquitto-client --example subscribe -- localhost 1883 'sensors/#'

use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, ProtocolVersion, QoS};
use mosquitto_client::{BackOff, Client, Event, Next, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [host, port, filter] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HOST PORT FILTER")?;
    let mut client = Client::new(Options::new(ProtocolVersion::V5, "example-subscribe"))?;
    client.set_reconnect(Some(BackOff::default()));
    client.connect(&host, port.parse()?)?;
    let mut subscribed = false;
    while !client.is_idle() {
        match client.next(None)? {
            // Later connections are subscribed by the client itself.
            Next::Event(Event::Connected { .. }) if !subscribed => {
                let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() };
                client.subscribe(&[Subscription { filter: &filter, options }], Properties::EMPTY)?;
                subscribed = true;
            }
            Next::Event(Event::Subscribed { reasons, .. }) => println!("subscribed: {reasons:?}"),
            Next::Event(Event::Message(message)) => {
                println!("{} {}", message.topic, String::from_utf8_lossy(&message.payload));
            }
            Next::Event(Event::Disconnected(end)) => eprintln!("disconnected: {end:?}"),
            Next::Unreachable(error) => eprintln!("unreachable: {error}"),
            _ => {}
        }
    }
    Ok(())
}
