//! Connections that do nothing.

use crate::Result;
use crate::broker::Broker;
use crate::certificates::Certificates;
use crate::connection::{Connection, client};
use crate::scenario::Version;
use std::thread;
use std::time::Duration;

const CONNECTIONS: u16 = 2000;

/// Connections before the first look at the memory: what the broker needs once is there then.
const WARM_UP: u16 = 100;

/// Bytes of the broker's memory per connection, each with one subscription.
pub(crate) fn run(broker: &Broker, certificates: &Certificates, version: Version) -> Result<f64> {
    let config = client(certificates, version, false)?;
    let open = |number: u16| {
        let mut connection = Connection::open(&config, broker.address, &format!("idle-{number}"))?;
        connection.subscribe(&format!("idle/{number}"), 0)?;
        Ok(connection)
    };
    let mut connections = (0..WARM_UP).map(open).collect::<Result<Vec<_>>>()?;
    let before = settled(broker)?;
    for number in WARM_UP..WARM_UP + CONNECTIONS {
        connections.push(open(number)?);
    }
    let bytes = settled(broker)? - before;
    drop(connections);
    Ok(bytes / f64::from(CONNECTIONS))
}

/// The memory of a broker that has nothing to do any more.
fn settled(broker: &Broker) -> Result<f64> {
    thread::sleep(Duration::from_millis(500));
    broker.resident_bytes()
}
