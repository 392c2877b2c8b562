//! SIGUSR2.

use crate::harness::{Broker, Signal, client};

#[test]
fn the_subscriptions_and_sessions_of_all_workers_are_printed() {
    const CLIENTS: usize = 12;
    let broker = Broker::open("worker_threads 4");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let mut client = client(&format!("client-{n}")).to(&broker);
            client.subscribe(&format!("a/{n}"), n as u8 % 3);
            client
        })
        .collect();
    for round in 1..=2 {
        broker.signal(Signal::USR2);
        broker.stdout.wait_for_several("client client-11: connected, 0 in flight, 0 queued, 0 bytes", round);
        broker.stdout.wait_for_several(": connected", CLIENTS * round);
        assert_eq!(broker.stdout.all().iter().filter(|line| *line == "        a").count(), round);
        for n in 0..CLIENTS {
            let line = format!("          {n} (client-{n}, {})", n % 3);
            assert_eq!(broker.stdout.all().iter().filter(|found| **found == line).count(), round, "{line}");
        }
    }
    drop(clients);
}
