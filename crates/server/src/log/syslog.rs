//! The system's log as destination of ours, as syslog(3) speaks to it.

use super::outlet::{Batch, Place};
use jiff::Zoned;
use jiff::fmt::strtime;
use mosquitto_broker::LogLevel;
use mosquitto_transport::error_text;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the system listens.
pub(super) const SOCKET: &str = "/dev/log";

/// How long after a failure the next attempt to find somebody there is made.
const RETRY: Duration = Duration::from_secs(1);

/// The facility `daemon` of syslog(3).
const DAEMON: u8 = 3;

/// The facility `local0`; `local1` to `local7` follow.
const LOCAL0: u8 = 16;

/// A connection to the system's log.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    facility: u8,
    socket: Option<UnixDatagram>,
    retry_at: Option<Instant>,
    /// Whether standard error was told that nobody listens.
    warned: bool,
}

impl Syslog {
    /// Lines go to whoever listens at `path`. `local` is the number of a local facility; none: `daemon`.
    pub(super) fn new(path: &Path, local: Option<u8>) -> Self {
        let facility = local.map_or(DAEMON, |local| LOCAL0 + local.min(7));
        Self { path: path.to_owned(), facility, socket: None, retry_at: None, warned: false }
    }

    fn connect(&mut self) -> io::Result<()> {
        if self.retry_at.is_some_and(|at| at > Instant::now()) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let socket = UnixDatagram::unbound()?;
        match socket.connect(&self.path) {
            Ok(()) => {
                self.socket = Some(socket);
                self.warned = false;
                Ok(())
            }
            Err(error) => {
                self.retry_at = Some(Instant::now() + RETRY);
                if !std::mem::replace(&mut self.warned, true) {
                    let (path, error) = (self.path.display(), error_text(&error));
                    // Nobody may be listening there, either.
                    let _ = writeln!(io::stderr(), "Warning: Unable to log to syslog at {path}: {error}.");
                }
                Err(error)
            }
        }
    }

    /// Sends one datagram, if need be over a new connection: who listens may have been started again.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            if socket.send(datagram).is_ok() {
                return Ok(());
            }
            self.socket = None;
        }
        self.connect()?;
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        socket.send(datagram).map(drop)
    }
}

impl Place for Syslog {
    fn name(&self) -> String {
        "syslog".to_owned()
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let time = strtime::format("%b %e %H:%M:%S", &Zoned::now()).unwrap_or_default();
        let tag = format!("{time} mosquitto[{}]: ", std::process::id());
        let mut datagram = Vec::new();
        for (level, line) in batch.lines() {
            datagram.clear();
            let _ = write!(datagram, "<{}>{tag}", self.facility * 8 + severity(level));
            datagram.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            self.send(&datagram)?;
        }
        Ok(())
    }

    fn reopen(&mut self) {
        self.socket = None;
        self.retry_at = None;
    }
}

/// As Mosquitto maps its levels to those of syslog(3).
fn severity(level: LogLevel) -> u8 {
    match level {
        LogLevel::Error => 3,
        LogLevel::Warning => 4,
        LogLevel::Notice | LogLevel::Subscribe | LogLevel::Unsubscribe => 5,
        LogLevel::Information => 6,
        LogLevel::Debug => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn line(level: LogLevel, text: &str) -> Batch {
        Batch::of("1700000000: ", level, text.to_owned())
    }

    fn received(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut buffer = [0; 2000];
        let len = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    #[test]
    fn a_line_has_facility_severity_time_name_and_number_of_the_process_and_its_own_timestamp() {
        let scratch = Scratch::new();
        let path = scratch.path().join("log");
        let system = UnixDatagram::bind(&path).unwrap();
        let text = format!(" mosquitto[{}]: 1700000000: hello", std::process::id());
        for (facility, level, priority) in [
            (None, LogLevel::Error, "<27>"),
            (None, LogLevel::Subscribe, "<29>"),
            (Some(0), LogLevel::Information, "<134>"),
            (Some(7), LogLevel::Debug, "<191>"),
        ] {
            Syslog::new(&path, facility).write(&line(level, "hello")).unwrap();
            let datagram = received(&system);
            let time = datagram.strip_prefix(priority).and_then(|rest| rest.strip_suffix(&text));
            assert_eq!(time.map(str::len), Some("Nov 28 16:13:35".len()), "{datagram}");
        }
    }

    #[test]
    fn a_system_log_that_comes_later_or_comes_back_gets_the_lines_from_then_on() {
        let scratch = Scratch::new();
        let path = scratch.path().join("log");
        let mut syslog = Syslog::new(&path, None);
        assert!(syslog.write(&line(LogLevel::Error, "too early")).is_err());
        for text in ["first", "second"] {
            let system = UnixDatagram::bind(&path).unwrap();
            syslog.reopen();
            syslog.write(&line(LogLevel::Error, text)).unwrap();
            assert!(received(&system).ends_with(text));
            drop(system);
            std::fs::remove_file(&path).unwrap();
            assert!(syslog.write(&line(LogLevel::Error, "nobody is there")).is_err());
        }
    }
}
