//! A look at all workers at once.

use super::{Broker, Client, client};

/// So many that no worker of four is without one, but by a chance of one in ten million.
const SENTINELS: usize = 64;

/// Clients with every worker. What one client publishes gets to each worker in order, so what these have seen tells how
/// far the others are.
#[derive(Debug)]
pub(crate) struct Sentinels(Vec<Client>);

impl Sentinels {
    pub(crate) fn of(broker: &Broker) -> Self {
        let sentinel = |n| {
            let mut sentinel = client(&format!("sentinel-{n}")).to(broker);
            sentinel.subscribe("sentinels", 0);
            sentinel
        };
        Self((0..SENTINELS).map(sentinel).collect())
    }

    /// Returns once all workers have handled what this client has published.
    pub(crate) fn wait_for(&mut self, publisher: &mut Client) {
        publisher.finish();
        publisher.publish("sentinels", "", 0);
        for sentinel in &mut self.0 {
            sentinel.message();
        }
    }
}
