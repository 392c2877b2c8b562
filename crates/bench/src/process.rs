//! What the broker's process uses, as the system tells it (`/proc`).

use crate::clock::Nanos;
use rustix::param::clock_ticks_per_second;
use std::fs;

/// A process that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

/// What it has used up to now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// User and system, of all its threads, also those that have ended; in steps of a clock tick, mostly 10 ms.
    pub(crate) cpu_s: f64,
    /// Threads that there are.
    pub(crate) threads: usize,
    /// How long the busiest of them has been on a processor.
    pub(crate) busiest: Nanos,
    /// How long they were ready to run and had no processor.
    pub(crate) starved: Nanos,
    /// Memory that is resident.
    pub(crate) resident_kib: u64,
    /// The most of it that there ever was.
    pub(crate) resident_most_kib: u64,
}

impl Process {
    /// The process of this number, which has to be there.
    pub(crate) fn new(pid: u32) -> Result<Self, String> {
        let process = Self(pid);
        process.usage().map(|_| process).ok_or_else(|| format!("There is no process {pid} that can be looked at."))
    }

    /// How many file descriptors it has open; none: it has ended, or belongs to somebody else.
    pub(crate) fn descriptors(self) -> Option<usize> {
        fs::read_dir(format!("/proc/{}/fd", self.0)).map(Iterator::count).ok()
    }

    /// Memory that is resident now, in KiB; none: it has ended. Far cheaper than [`usage`](Self::usage).
    pub(crate) fn resident_kib(self) -> Option<u64> {
        let pages = fs::read_to_string(format!("/proc/{}/statm", self.0)).ok()?;
        let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64 / 1024)
    }

    /// None: it has ended.
    #[allow(clippy::cast_precision_loss, reason = "ticks a second are few")]
    pub(crate) fn usage(self) -> Option<Usage> {
        let folder = format!("/proc/{}", self.0);
        let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
        // The name is in parentheses and may have any characters; behind it, utime and stime are the 12th and 13th field.
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u32>().ok();
        let ticks = f64::from(ticks()?) + f64::from(ticks()?);
        let status = fs::read_to_string(format!("{folder}/status")).ok()?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let mut usage = Usage {
            cpu_s: ticks / clock_ticks_per_second() as f64,
            threads: 0,
            busiest: 0,
            starved: 0,
            resident_kib: kib("VmRSS:")?,
            resident_most_kib: kib("VmHWM:")?,
        };
        for task in fs::read_dir(format!("{folder}/task")).ok()?.flatten() {
            usage.threads += 1;
            // Not every kernel counts this.
            let Ok(times) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let mut times = times.split_whitespace().map_while(|time| time.parse().ok());
            let (running, waiting): (Nanos, Nanos) = (times.next().unwrap_or(0), times.next().unwrap_or(0));
            usage.busiest = usage.busiest.max(running);
            usage.starved += waiting;
        }
        Some(usage)
    }
}

impl Usage {
    /// What two processes have used together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            cpu_s: self.cpu_s + other.cpu_s,
            threads: self.threads + other.threads,
            busiest: self.busiest.max(other.busiest),
            starved: self.starved + other.starved,
            resident_kib: self.resident_kib + other.resident_kib,
            resident_most_kib: self.resident_most_kib + other.resident_most_kib,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_and_one_that_is_not_there_is_refused() {
        let usage = Process::new(std::process::id()).unwrap().usage().unwrap();
        assert!(usage.threads >= 1 && usage.resident_kib > 100 && usage.resident_most_kib >= usage.resident_kib);
        assert!(Process::new(u32::MAX).is_err());
    }
}
