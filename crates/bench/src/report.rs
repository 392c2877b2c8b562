//! What a run came to: figures for people and for scripts.

use crate::clock::{self, Nanos};
use crate::process::Usage;
use hdrhistogram::Histogram;
use serde_json::{Map, Value};
use std::fmt::Write;

/// The longest latency that is told from longer ones: ten minutes.
const LONGEST: Nanos = 600 * clock::SECOND;

/// A figure, and how it is told.
#[derive(Debug)]
struct Figure {
    /// In JSON; the unit stands last.
    key: &'static str,
    /// For people.
    label: &'static str,
    unit: &'static str,
    value: Value,
}

/// All that there is to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    faults: Vec<String>,
}

impl Report {
    /// A number of things.
    pub(crate) fn count(&mut self, key: &'static str, label: &'static str, value: u64) {
        self.figures.push(Figure { key, label, unit: "", value: value.into() });
    }

    /// A measured figure.
    pub(crate) fn measure(&mut self, key: &'static str, label: &'static str, unit: &'static str, value: f64) {
        // Not a number: there is nothing to say.
        let value = serde_json::Number::from_f64(rounded(value)).map_or(Value::Null, Value::Number);
        self.figures.push(Figure { key, label, unit, value });
    }

    /// A word.
    pub(crate) fn word(&mut self, key: &'static str, label: &'static str, value: &str) {
        self.figures.push(Figure { key, label, unit: "", value: value.into() });
    }

    /// A number of what must not be: told with the figures, and a fault if it is not 0.
    pub(crate) fn fault(&mut self, key: &'static str, label: &'static str, value: u64) {
        self.count(key, label, value);
        if value > 0 {
            self.faults.push(format!("{value} {label}"));
        }
    }

    /// Latencies.
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn latency(&mut self, latency: &Latency) {
        const POINTS: [(&str, &str, f64); 5] = [
            ("latency_p50_us", "latency, median", 0.5),
            ("latency_p90_us", "latency, 90 %", 0.9),
            ("latency_p99_us", "latency, 99 %", 0.99),
            ("latency_p999_us", "latency, 99.9 %", 0.999),
            ("latency_max_us", "latency, longest", 1.0),
        ];
        if let Some(histogram) = latency.0.as_ref().filter(|histogram| !histogram.is_empty()) {
            for (key, label, point) in POINTS {
                self.measure(key, label, "us", histogram.value_at_quantile(point) as f64 / 1000.0);
            }
        }
    }

    /// What the broker has used from `before` to `after`, for so many `things` (messages or connections).
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn usage(&mut self, usage: Option<(Usage, Usage)>, wall_s: f64, per: &'static str, things: u64) {
        let Some((before, after)) = usage else { return };
        let cpu = after.cpu_s - before.cpu_s;
        self.measure("broker_cpu_s", "broker, CPU", "s", cpu);
        self.measure("broker_cpu_cores", "broker, CPU", "cores", cpu / wall_s);
        // Nothing but noise where less than a few clock ticks were used.
        if cpu > 0.0 && things > 0 {
            self.measure(per, "broker, done per CPU second", "", things as f64 / cpu);
        }
        let busiest = clock::seconds(after.busiest.saturating_sub(before.busiest));
        self.measure("broker_busiest_thread_cpu_s", "broker, CPU of the busiest thread", "s", busiest);
        let starved = clock::seconds(after.starved.saturating_sub(before.starved));
        self.measure("broker_starved_s", "broker, waited for a CPU", "s", starved);
        self.count("broker_threads", "broker, threads", after.threads as u64);
        self.count("broker_rss_before_kib", "broker, resident KiB before", before.resident_kib);
        self.count("broker_rss_after_kib", "broker, resident KiB after", after.resident_kib);
        self.count("broker_rss_most_kib", "broker, resident KiB at most, ever", after.resident_most_kib);
    }

    /// Bytes of the broker's memory for each of so many things.
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn memory(
        &mut self,
        usage: Option<(Usage, Usage)>,
        key: &'static str,
        label: &'static str,
        things: usize,
    ) {
        let Some((before, after)) = usage else { return };
        let grown = after.resident_kib as f64 - before.resident_kib as f64;
        self.measure(key, label, "bytes", grown * 1024.0 / things as f64);
    }

    /// What is left of the broker's memory when the load is gone: with it, and afterwards.
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn left(&mut self, usage: Option<(Usage, Usage)>) {
        let Some((with, afterwards)) = usage else { return };
        let part = afterwards.resident_kib as f64 / with.resident_kib.max(1) as f64;
        self.count("broker_rss_left_kib", "broker, resident KiB when all is over", afterwards.resident_kib);
        self.measure("broker_rss_left_percent", "broker, that of what it was with all there", "%", 100.0 * part);
    }

    /// Whether all was right.
    pub(crate) fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// One line of JSON.
    pub(crate) fn json(&self, scenario: &str) -> String {
        let first = [("scenario".to_owned(), scenario.into()), ("ok".to_owned(), self.is_good().into())];
        let figures = self.figures.iter().map(|figure| (figure.key.to_owned(), figure.value.clone()));
        let map: Map<_, _> = first.into_iter().chain(figures).collect();
        format!("{}\n", Value::Object(map))
    }

    /// A line for each figure.
    pub(crate) fn summary(&self, scenario: &str) -> String {
        let mut text = format!("{scenario}\n");
        let width = self.figures.iter().map(|figure| figure.label.chars().count()).max().unwrap_or_default();
        for Figure { label, unit, value, .. } in &self.figures {
            let shown = match value {
                Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), grouped),
                Value::String(word) => word.clone(),
                _ => "unknown".to_owned(),
            };
            let line = format!("  {label:width$}  {shown:>14} {unit}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let verdict = if self.is_good() {
            "Nothing went wrong.".to_owned()
        } else {
            format!("Wrong: {}.", self.faults.join(", "))
        };
        let _ = writeln!(text, "  {verdict}");
        text
    }
}

/// To three digits behind the point.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// With commas, and with digits behind the point only where they say something.
fn grouped(value: f64) -> String {
    let digits = if value.fract() == 0.0 || value.abs() >= 1000.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, fraction)| (whole, fraction));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// Times, of which the percentiles are wanted: to three digits.
#[derive(Debug)]
pub(crate) struct Latency(Option<Histogram<u64>>);

impl Latency {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).ok())
    }

    pub(crate) fn note(&mut self, time: Nanos) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(time.max(1));
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    /// In microseconds.
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn at_us(&self, point: f64) -> f64 {
        self.0.as_ref().map_or(f64::NAN, |histogram| histogram.value_at_quantile(point) as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!(
            [0.0, 12.0, 1_234_567.0, 0.1234, 12.34, 1234.5].map(grouped),
            ["0", "12", "1,234,567", "0.123", "12.3", "1,234"]
        );
        assert_eq!(grouped(-123_456.0), "-123,456");
    }

    #[test]
    fn a_fault_is_in_the_verdict_and_a_figure_that_is_none_is_null() {
        let mut report = Report::default();
        report.fault("lost", "lost", 0);
        assert!(report.is_good() && report.summary("pairs").ends_with("Nothing went wrong.\n"));
        report.fault("duplicated", "duplicated", 2);
        report.measure("rate", "rate", "a second", f64::NAN);
        assert_eq!(
            report.json("pairs"),
            "{\"scenario\":\"pairs\",\"ok\":false,\"lost\":0,\"duplicated\":2,\"rate\":null}\n"
        );
        assert!(report.summary("pairs").ends_with("Wrong: 2 duplicated.\n"));
    }
}
