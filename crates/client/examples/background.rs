//! A client on a thread of its own: other threads publish with its handle.
//!
//!     cargo run -p mosquitto-client --example background -- localhost 1883

use mosquitto_client::mqtt::{ProtocolVersion, QoS};
use mosquitto_client::{BackOff, Client, Event, Next, Options, OwnedPublication};
use std::thread;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [host, port] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HOST PORT")?;
    let mut client = Client::new(Options::new(ProtocolVersion::V5, "example-background"))?;
    client.set_reconnect(Some(BackOff::default()));
    client.connect(&host, port.parse()?)?;
    let (handle, thread) = client.spawn(|next| {
        if let Next::Event(Event::Disconnected(end)) = next {
            println!("disconnected: {end:?}");
        }
    })?;
    let publishers = [1, 2].map(|number| {
        let handle = handle.clone();
        thread::spawn(move || {
            let topic = format!("example/publisher/{number}");
            let token = handle.publish(OwnedPublication::new(topic, "hello", QoS::ExactlyOnce))?;
            Ok::<_, mosquitto_client::RequestError>(token.wait(None))
        })
    });
    for publisher in publishers {
        println!("{:?}", publisher.join().map_err(|_| "a publisher has failed")??);
    }
    handle.disconnect()?;
    thread.join().map_err(|_| "the client has failed")??;
    Ok(())
}
