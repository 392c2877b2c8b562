//! What the examples of TLS and WebSockets have in common: what runs over a connection does not depend on what it runs over.

use mosquitto_client::{Client, End, Event};

/// Says that the client is connected, once it is, and ends the connection.
pub(crate) fn connect_and_end(mut client: Client, host: &str, port: &str) -> Result<(), Box<dyn std::error::Error>> {
    client.connect(host, port.parse()?)?;
    let mut events = client.events();
    while let Some(event) = events.next() {
        match event? {
            Event::Connected { .. } => {
                println!("connected");
                events.client().disconnect();
            }
            Event::Disconnected(End::Requested) => return Ok(()),
            Event::Disconnected(end) => return Err(format!("the connection ended: {end:?}").into()),
            _ => {}
        }
    }
    Ok(())
}
