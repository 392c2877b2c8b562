//! connect: connections that are opened, greeted and ended, over and over.

use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::net::{Hears, Net};
use crate::report::{Latency, Report};
use mosquitto_mqtt::packet::Disconnect;
use mosquitto_mqtt::{Packet, ReasonCode};
use std::collections::HashMap;

/// How long a connection may take to be greeted.
const PATIENCE: Nanos = 5 * SECOND;
/// How long after that the broker may take to end it, having got DISCONNECT.
const LAST_WORDS: Nanos = SECOND;

#[derive(Debug, Clone, Copy)]
struct Visit {
    began: Nanos,
    is_greeted: bool,
}

#[derive(Debug)]
struct Storm {
    visits: HashMap<usize, Visit>,
    greeted: u64,
    ended: u64,
    failed: u64,
    first: Option<String>,
    latency: Latency,
    /// Whether the broker ends connections after DISCONNECT, as it should (3.14.4).
    broker_ends: bool,
}

impl Storm {
    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.first.get_or_insert(why);
    }
}

impl Hears for Storm {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, now: Nanos) {
        let Some(visit) = self.visits.get_mut(&link) else { return };
        match packet {
            Packet::ConnAck(answer) if answer.reason == ReasonCode::SUCCESS => {
                visit.is_greeted = true;
                self.greeted += 1;
                self.latency.note(now - visit.began);
                net.send(link, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
                // Who ends a connection first keeps its port for a minute, and there are fewer ports here than connections:
                // so that is left to the broker if it does so.
                if !self.broker_ends {
                    net.close(link);
                    self.visits.remove(&link);
                }
            }
            Packet::ConnAck(answer) => {
                let why = arrivals::refusal(answer.reason, net.version());
                self.visits.remove(&link);
                net.close(link);
                self.fail(why);
            }
            _ => self.fail("another packet than CONNACK came".to_owned()),
        }
    }

    fn gone(&mut self, _: &mut Net, link: usize, why: &str) {
        match self.visits.remove(&link) {
            Some(visit) if visit.is_greeted => self.ended += 1,
            _ => self.fail(why.to_owned()),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let mut storm = Storm {
        visits: HashMap::new(),
        greeted: 0,
        ended: 0,
        failed: 0,
        first: None,
        latency: Latency::new(),
        broker_ends: true,
    };
    let (before, own, start) = (bench.usage()?, clock::own_cpu(), clock::now());
    let (end, mut number, mut looked_at) = (start + clock::from_seconds(bench.settings.seconds), 0, start);
    let mut now = start;
    while now < end || !storm.visits.is_empty() {
        while now < end && storm.visits.len() < bench.settings.concurrency {
            let link = bench.open(None)?;
            let id = bench.client_id('c', number);
            number += 1;
            arrivals::put_connect(bench, link, &id, false);
            storm.visits.insert(link, Visit { began: clock::now(), is_greeted: false });
        }
        bench.turn(&mut storm, Bench::soon())?;
        now = clock::now();
        if now > looked_at + 100 * MILLISECOND {
            looked_at = now;
            give_up(bench, &mut storm, now);
            if storm.greeted == 0 && storm.failed > 0 {
                let why = storm.first.unwrap_or_default();
                return Err(Failure(format!("No client can connect: {}.", why.trim_end_matches('.'))));
            }
            bench.progress.tell("connections", storm.greeted, "");
        }
    }
    let wall_s = clock::seconds(clock::now() - start);
    let usage = before.zip(bench.usage()?);
    let mut report = Report::default();
    report.measure("wall_s", "measured", "s", wall_s);
    report.count("connections", "connections", storm.greeted);
    report.measure("connections_per_s", "connections", "a second", storm.greeted as f64 / wall_s);
    report.latency(&storm.latency);
    report.usage(usage, wall_s, "connections_per_broker_cpu_s", storm.greeted);
    report.measure("own_cpu_s", "CPU of its own", "s", clock::seconds(clock::own_cpu() - own));
    report.fault("failed", "connections that failed", storm.failed);
    report.count("not_ended", "not ended by the broker after DISCONNECT", storm.greeted - storm.ended);
    if let Some(first) = &storm.first {
        report.word("first_fault", "what went wrong first", first);
    }
    Ok(report)
}

/// Ends connections with which nothing happens.
fn give_up(bench: &mut Bench, storm: &mut Storm, now: Nanos) {
    let patience = |visit: &Visit| if visit.is_greeted { LAST_WORDS } else { PATIENCE };
    let over = storm
        .visits
        .iter()
        .filter(|(_, visit)| now > visit.began + patience(visit))
        .map(|(link, visit)| (*link, *visit));
    for (link, visit) in over.collect::<Vec<_>>() {
        storm.visits.remove(&link);
        bench.net.close(link);
        if visit.is_greeted {
            storm.broker_ends = false;
        } else {
            storm.fail("no CONNACK came for five seconds".to_owned());
        }
    }
}
