//! From log lines to bytes, and on to all of `log_dest`.

use super::file::LogFile;
use super::outlet::{Batch, Outlet, Place};
use super::standard::{Stderr, Stdout};
use super::syslog::{self, Syslog};
use super::timestamp::Timestamp;
use super::topic::{Broker, Topics};
use mosquitto_broker::LogLine;
use mosquitto_config::Log as Options;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// Bytes gathered before they are handed on.
const GATHERED_BYTES: usize = 64 * 1024;

/// All of `log_dest`. Nothing here waits: every destination has a queue and a thread of its own.
#[derive(Debug)]
pub(super) struct Sinks {
    timestamp: Timestamp,
    outlets: Vec<Outlet>,
    gathered: Batch,
}

impl Sinks {
    /// `broker` is for those lines that are to be published.
    pub(super) fn open(options: &Options, broker: &Broker) -> io::Result<Self> {
        let outlets = places(options, broker).into_iter().map(|place| Outlet::open(place, Timestamp::new(options)));
        Ok(Self {
            timestamp: Timestamp::new(options),
            outlets: outlets.collect::<io::Result<_>>()?,
            gathered: Batch::default(),
        })
    }

    /// Takes a line. It is handed on by [`flush`](Self::flush) at the latest.
    pub(super) fn write(&mut self, time: SystemTime, line: &LogLine) {
        self.gathered.push(self.timestamp.at(time), line);
        if self.gathered.len() >= GATHERED_BYTES {
            self.flush();
        }
    }

    /// Hands on what was gathered.
    pub(super) fn flush(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let batch = Arc::new(std::mem::take(&mut self.gathered));
        for outlet in &self.outlets {
            outlet.write(&batch);
        }
    }

    /// Closes and opens again whatever may have been moved away, behind all lines so far.
    pub(super) fn reopen(&mut self) {
        self.flush();
        self.outlets.iter().for_each(Outlet::reopen);
    }

    /// Has everything written that was taken, as far as that goes quickly.
    pub(super) fn close(mut self) {
        self.flush();
        self.outlets.iter().for_each(Outlet::end);
        let now = Instant::now();
        self.outlets.into_iter().for_each(|outlet| outlet.join(now));
    }
}

fn places(options: &Options, broker: &Broker) -> Vec<Box<dyn Place>> {
    let destinations = &options.destinations;
    let mut places: Vec<Box<dyn Place>> = Vec::new();
    if destinations.stdout {
        places.push(Box::new(Stdout));
    }
    if destinations.stderr {
        places.push(Box::new(Stderr));
    }
    if destinations.syslog {
        places.push(Box::new(Syslog::new(Path::new(syslog::SOCKET), options.facility)));
    }
    if let Some(path) = &destinations.file {
        places.push(Box::new(LogFile::open(path, destinations.stderr)));
    }
    if destinations.topic {
        places.push(Box::new(Topics(broker.clone())));
    }
    places
}
