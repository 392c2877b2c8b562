//! What the broker's process looked like over time.

use crate::bench::Failure;
use crate::process::{Process, Usage};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The part of the run, from its beginning, that says nothing about its end: caches fill, buffers grow to what is needed.
const SETTLING: f64 = 0.25;

/// One look.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) second: f64,
    pub(super) usage: Usage,
    pub(super) descriptors: usize,
    /// Values of `$SYS`, in the order of [`COLUMNS`]; empty where it has none.
    pub(super) sys: Vec<String>,
}

/// What is noted of `$SYS/broker/`.
pub(super) const COLUMNS: [&str; 12] = [
    "clients/connected",
    "clients/total",
    "clients/expired",
    "subscriptions/count",
    "shared_subscriptions/count",
    "retained messages/count",
    "store/messages/count",
    "publish/messages/received",
    "publish/messages/sent",
    "publish/messages/dropped",
    "heap/current",
    "packet/out/bytes",
];

/// How a figure goes on, by the straight line that fits it best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    pub(super) per_hour: f64,
    /// From the beginning of what was looked at to its end.
    pub(super) growth: f64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The trend of a figure over the last three quarters.
    pub(super) fn trend(&self, figure: impl Fn(&Sample) -> f64) -> Trend {
        let end = self.0.last().map_or(0.0, |sample| sample.second);
        let points = self.0.iter().filter(|sample| sample.second >= SETTLING * end);
        trend(&points.map(|sample| (sample.second, figure(sample))).collect::<Vec<_>>())
    }

    pub(super) fn most_descriptors(&self) -> usize {
        self.0.iter().map(|sample| sample.descriptors).max().unwrap_or(0)
    }

    /// A line for each, with a heading.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut text = "second,resident_kib,cpu_s,threads,descriptors".to_owned();
        for column in COLUMNS {
            let _ = write!(text, ",{}", column.replace([' ', '/'], "_"));
        }
        text.push('\n');
        for Sample { second, usage, descriptors, sys } in &self.0 {
            let Usage { resident_kib, cpu_s, threads, .. } = usage;
            let _ = write!(text, "{second:.1},{resident_kib},{cpu_s:.2},{threads},{descriptors}");
            for value in sys {
                let _ = write!(text, ",{value}");
            }
            text.push('\n');
        }
        fs::write(path, text).map_err(|error| Failure(format!("{} cannot be written: {error}.", path.display())))
    }
}

/// File descriptors of a process.
pub(super) fn descriptors(process: Process) -> usize {
    process.descriptors().unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "samples are few")]
fn trend(points: &[(f64, f64)]) -> Trend {
    let count = points.len().max(1) as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread.max(f64::MIN_POSITIVE);
    let length = points.last().map_or(0.0, |last| last.0) - points.first().map_or(0.0, |first| first.0);
    Trend { per_hour: slope * 3600.0, growth: slope * length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_its_own_trend_and_noise_is_none() {
        let line: Vec<_> = (0..100).map(|x| (f64::from(x), 7.0 + 2.0 * f64::from(x))).collect();
        let Trend { per_hour, growth } = trend(&line);
        assert!((per_hour - 7200.0).abs() < 1e-6 && (growth - 198.0).abs() < 1e-6, "{per_hour} {growth}");
        let noise: Vec<_> = (0..1000).map(|x| (f64::from(x), f64::from(x % 2) * 100.0)).collect();
        assert!(trend(&noise).growth.abs() < 1.0);
        assert_eq!(trend(&[]), Trend { per_hour: 0.0, growth: 0.0 });
    }
}
