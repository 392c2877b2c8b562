//! Connects with TLS; with CERTIFICATE and KEY the client shows who it is (mutual TLS).
//!
//!     cargo run -p mosquitto-client --example tls -- localhost 8883 ca.crt [client.crt client.key]

mod shared;

use mosquitto_client::mqtt::ProtocolVersion;
use mosquitto_client::transport::{ClientLayers, ClientSecurity, TlsClient, TlsClientOptions};
use mosquitto_client::{Client, Options};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (host, port, authority, certificate) = match arguments.as_slice() {
        [host, port, authority] => (host, port, authority, None),
        [host, port, authority, certificate, key] => {
            (host, port, authority, Some((PathBuf::from(certificate), PathBuf::from(key))))
        }
        _ => return Err("HOST PORT AUTHORITY [CERTIFICATE KEY]".into()),
    };
    let options = TlsClientOptions { cafile: Some(authority.into()), certificate, ..TlsClientOptions::default() };
    let tls = TlsClient::open(&options).map_err(|error| format!("{error:?}"))?;
    let mut client = Client::new(Options::new(ProtocolVersion::V5, "example-tls"))?;
    // The name is the one that the server's certificate has to be for.
    let tls = ClientSecurity::Tls { client: tls, host: host.clone() };
    client.set_layers(ClientLayers { tls: Some(tls), ..ClientLayers::default() });
    shared::connect_and_end(client, host, port)
}
