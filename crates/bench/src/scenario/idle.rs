//! idle: clients with one subscription each that only stay.

use crate::arrivals::{self, Caller};
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos, SECOND};
use crate::net::{Hears, Net};
use crate::report::Report;
use mosquitto_mqtt::Packet;

/// How long the broker may take to answer the last PINGREQ.
const PATIENCE: Nanos = 10 * SECOND;

#[derive(Debug, Default)]
struct Quiet {
    answers: u64,
    unexpected: u64,
    cut_off: u64,
}

impl Hears for Quiet {
    fn packet(&mut self, _: &mut Net, _: usize, packet: &Packet<'_>, _: Nanos) {
        match packet {
            Packet::PingResp => self.answers += 1,
            _ => self.unexpected += 1,
        }
    }

    fn gone(&mut self, _: &mut Net, _: usize, _: &str) {
        self.cut_off += 1;
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let (count, qos, base) = (bench.settings.count(), bench.settings.qos(), bench.topic());
    let caller = |number| Caller {
        id: bench.client_id('i', number),
        filters: vec![format!("{base}/idle/{number}")],
        ..Caller::default()
    };
    let callers: Vec<_> = (0..count).map(caller).collect();
    let (before, start) = (bench.usage()?, clock::now());
    let clients = arrivals::arrive(bench, &callers, qos)?;
    let arrived = clock::now();
    // Each says something in its half of the keep alive, all of them one after the other; and at the end, once more.
    let half = Nanos::from(bench.settings.keep_alive_s) * SECOND / 2;
    let end = arrived + clock::from_seconds(bench.settings.seconds);
    let (mut quiet, mut asked, mut now) = (Quiet::default(), 0_u64, arrived);
    let cpu_before = bench.usage()?;
    while now < end {
        let due = if half == 0 { 0 } else { u128::from(now - arrived) * count as u128 / u128::from(half) };
        while u128::from(asked) < due {
            ask(bench, clients.get((asked % count as u64) as usize).map_or(0, |client| client.link));
            asked += 1;
        }
        bench.turn(&mut quiet, Bench::soon().min(end))?;
        bench.progress.tell("answers", quiet.answers, "");
        now = clock::now();
    }
    let after = bench.usage()?;
    for client in &clients {
        ask(bench, client.link);
    }
    asked += count as u64;
    let end = now + PATIENCE;
    while quiet.answers + quiet.cut_off < asked && clock::now() < end {
        bench.turn(&mut quiet, Bench::soon())?;
    }
    let wall_s = clock::seconds(now - arrived);
    let mut report = Report::default();
    report.measure("wall_s", "measured", "s", wall_s);
    report.count("connections", "connections", count as u64);
    report.measure(
        "connections_per_s",
        "connected and subscribed",
        "a second",
        count as f64 / clock::seconds(arrived - start),
    );
    report.memory(before.zip(after), "broker_rss_bytes_per_connection", "broker, memory a connection", count);
    report.usage(cpu_before.zip(after), wall_s, "pings_per_broker_cpu_s", asked - count as u64);
    report.count("pings", "PINGREQs", asked);
    report.fault("unanswered", "PINGREQs without an answer", asked.saturating_sub(quiet.answers));
    report.fault("unexpected", "packets that should not have come", quiet.unexpected);
    report.fault("connections_lost", "connections cut off", quiet.cut_off);
    arrivals::leave(bench, &clients)?;
    let left = bench.usage_afterwards()?;
    report.left(after.zip(left));
    Ok(report)
}

fn ask(bench: &mut Bench, link: usize) {
    if bench.net.is_open(link) {
        bench.net.send(link, &Packet::PingReq);
    }
}
