//! Connect, handshake, CONNECT, CONNACK, DISCONNECT, close, over and over.

use crate::Result;
use crate::broker::Broker;
use crate::certificates::Certificates;
use crate::connection::{Connection, client};
use crate::scenario::Version;
use std::thread;
use std::time::{Duration, Instant};

/// Connections under way at once.
const CLIENTS: usize = 8;

/// Connections per CPU second of the broker.
pub(crate) fn run(
    broker: &Broker,
    certificates: &Certificates,
    version: Version,
    resumed: bool,
    time: Duration,
) -> Result<f64> {
    let before = broker.cpu_s()?;
    let connections = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || one_client(broker, certificates, version, resumed, number, time)))
            .collect();
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?).sum::<Result<u32>>()
    })?;
    Ok(f64::from(connections) / (broker.cpu_s()? - before))
}

/// How many connections it had.
fn one_client(
    broker: &Broker,
    certificates: &Certificates,
    version: Version,
    resumed: bool,
    number: usize,
    time: Duration,
) -> Result<u32> {
    let config = client(certificates, version, resumed)?;
    let client_id = format!("handshakes-{number}");
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < time {
        let connection = Connection::open(&config, broker.address, &client_id)?;
        // The first one has nothing to resume.
        if connection.was_resumed() != (resumed && count > 0) {
            return Err("a handshake was full, or resumed, and should not have been".into());
        }
        connection.close()?;
        count += 1;
    }
    Ok(count)
}
