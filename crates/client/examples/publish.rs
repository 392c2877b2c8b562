//! Publishes a message of QoS 1 and waits until the server has it.
//!
//!     cargo run -p mosquitto-client --example publish -- localhost 1883 greeting hello

use mosquitto_client::mqtt::{ProtocolVersion, QoS};
use mosquitto_client::{Client, Delivery, Options, Publication};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [host, port, topic, text] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HOST PORT TOPIC TEXT")?;
    let mut client = Client::new(Options::new(ProtocolVersion::V311, "example-publish"))?;
    client.connect(&host, port.parse()?)?;
    // Taken also before there is a connection; the packet identifier is the token.
    let packet_id = client.publish(Publication::new(&topic, text.as_bytes(), QoS::AtLeastOnce))?;
    match client.wait(packet_id, Some(Duration::from_secs(30)))? {
        Delivery::Done { reason, .. } if !reason.is_error() => println!("published"),
        other => return Err(format!("not published: {other:?}").into()),
    }
    client.disconnect();
    // Until the last byte has left.
    for event in client.events() {
        event?;
    }
    Ok(())
}
