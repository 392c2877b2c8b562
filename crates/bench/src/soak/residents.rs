//! Pairs that stay: all that is published among them comes, once and in order.

use super::stage::{Part, Tally, Wrong};
use crate::bench::{Bench, Failure};
use crate::plan::Plan;
use crate::traffic::Traffic;

/// Seconds of traffic between two looks at how far the run is.
const STRETCH_S: f64 = 1.0;

/// The pairs of one thread.
#[derive(Debug)]
pub(super) struct Residents {
    traffic: Traffic,
    pairs: usize,
    longest_us: f64,
    worst_p99_us: f64,
}

impl Part for Residents {
    fn begin(bench: &mut Bench) -> Result<Self, Failure> {
        let traffic = Traffic::begin(bench, &Plan::of(bench))?;
        Ok(Self { traffic, pairs: bench.settings.count(), longest_us: 0.0, worst_p99_us: 0.0 })
    }

    fn flow(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        self.traffic.flow(bench, STRETCH_S, None)?;
        self.longest_us = self.longest_us.max(self.traffic.latency().at_us(1.0));
        self.worst_p99_us = self.worst_p99_us.max(self.traffic.latency().at_us(0.99));
        Ok(())
    }

    fn rest(&mut self, _: &mut Bench) -> Result<Tally, Failure> {
        let (counts, pairs) = (self.traffic.counts(), self.pairs as u64);
        let other = counts.out_of_order + counts.damaged + counts.misrouted + counts.refused + counts.protocol_errors;
        let wrong = Wrong {
            lost: counts.missing(),
            repeated: counts.duplicated,
            other,
            cut_off: counts.cut_off,
            first: counts.first().map(str::to_owned),
            ..Wrong::default()
        };
        let tally = Tally {
            connected: 2 * pairs,
            sessions: 2 * pairs,
            subscriptions: pairs,
            published: counts.sent,
            longest_us: self.longest_us,
            worst_p99_us: self.worst_p99_us,
            wrong,
            ..Tally::default()
        };
        Ok(tally)
    }

    fn wait(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        bench.keep_alive();
        bench.turn(&mut self.traffic, Bench::soon())
    }

    fn end(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        self.traffic.end(bench)
    }
}
