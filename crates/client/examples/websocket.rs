//! Connects over a WebSocket.
//!
//!     cargo run -p mosquitto-client --example websocket -- localhost 8080

mod shared;

use mosquitto_client::mqtt::ProtocolVersion;
use mosquitto_client::transport::{ClientLayers, WebSocketRequest};
use mosquitto_client::{Client, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [host, port] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HOST PORT")?;
    let websocket = WebSocketRequest { host: format!("{host}:{port}"), path: "/mqtt".to_owned(), protocol: "mqtt" };
    let mut client = Client::new(Options::new(ProtocolVersion::V5, "example-websocket"))?;
    client.set_layers(ClientLayers { websocket: Some(websocket), ..ClientLayers::default() });
    shared::connect_and_end(client, &host, &port)
}
