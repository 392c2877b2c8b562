//! The log: lines from all threads, written by one.
//!
//! Whoever has something to say puts it into a bounded queue and goes on. A thread of its own adds the time and hands the
//! lines on to wherever `log_dest` says. Every destination has a bounded queue and a thread again: where one is slow (a
//! pipe that nobody reads, a full disk), its lines are dropped and counted rather than waited for, it is told how many
//! when it takes lines again, and the others go on.

mod file;
mod outlet;
mod sink;
mod standard;
mod syslog;
mod timestamp;
mod topic;

use crate::mailbox::PostOffice;
use mosquitto_broker::{LogLevel, LogLine, LogMask};
use mosquitto_config::{Log as Options, LogType};
use parking_lot::{Condvar, Mutex};
use sink::Sinks;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::SystemTime;

/// Bytes of lines that may wait to be written.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Where lines go in. Cloned for every thread.
#[derive(Debug, Clone)]
pub(crate) struct Logger {
    shared: Arc<Shared>,
}

/// Another log that is opened and not in use yet.
#[derive(Debug)]
pub(crate) struct NextLog {
    /// None: lines go where they have gone, opened anew.
    sinks: Option<Sinks>,
    mask: LogMask,
}

/// The thread that formats lines and hands them on. Dropped, it has written what is left, as far as that goes quickly.
#[derive(Debug)]
pub(crate) struct LogWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    /// The [`LogMask`] of the lines that are wanted.
    mask: AtomicU8,
    /// Who publishes lines for `log_dest topic`.
    broker: topic::Broker,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<(SystemTime, LogLine)>,
    bytes: usize,
    dropped: u64,
    /// After how many of the lines that wait something is to be opened.
    turn: Option<(usize, Turn)>,
    ended: bool,
}

/// What is to be opened.
#[derive(Debug)]
enum Turn {
    /// Files, anew.
    Reopen,
    /// This, in the place of what is open.
    To(Sinks),
}

/// Opens what `log_dest` names and begins to write there.
pub(crate) fn open(options: &Options) -> io::Result<(Logger, LogWriter)> {
    let shared = Arc::<Shared>::default();
    shared.mask.store(mask(options).0, Ordering::Relaxed);
    let sinks = Sinks::open(options, &shared.broker)?;
    let logger = Logger { shared: Arc::clone(&shared) };
    let for_thread = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&for_thread, sinks))?;
    Ok((logger, LogWriter { shared, thread: Some(thread) }))
}

impl NextLog {
    /// Which lines are wanted at all.
    pub(crate) fn mask(&self) -> LogMask {
        self.mask
    }
}

impl Logger {
    /// Opens what `log_dest` names now, for [`go_on_with`](Self::go_on_with); `before` is what holds so far. Other than when
    /// the broker starts, a file that cannot be opened is an error: there is a log, and it can go on.
    pub(crate) fn prepare(&self, before: &Options, options: &Options) -> io::Result<NextLog> {
        Self::check(options)?;
        let same = *before == *options;
        let sinks = if same { None } else { Some(Sinks::open(options, &self.shared.broker)?) };
        Ok(NextLog { sinks, mask: mask(options) })
    }

    /// Whether the file that `log_dest` names can be opened, if there is one. Tells what the log should say of the rights to
    /// it.
    pub(crate) fn check(options: &Options) -> io::Result<Vec<LogLine>> {
        options.destinations.file.as_deref().map_or_else(|| Ok(Vec::new()), file::check)
    }

    /// Which lines are wanted at all.
    pub(crate) fn mask(&self) -> LogMask {
        LogMask(self.shared.mask.load(Ordering::Relaxed))
    }

    /// Has all lines from now on written to another log. Those so far still go where they would have gone.
    pub(crate) fn go_on_with(&self, NextLog { sinks, mask }: NextLog) {
        self.shared.mask.store(mask.0, Ordering::Relaxed);
        let Some(sinks) = sinks else { return self.reopen() };
        let mut queue = self.shared.queue.lock();
        let waiting = queue.lines.len();
        let replaced = queue.turn.replace((waiting, Turn::To(sinks)));
        drop(queue);
        self.shared.filled.notify_one();
        // It has written nothing.
        if let Some((_, Turn::To(unused))) = replaced {
            unused.close();
        }
    }

    /// From now on there is a broker that can publish lines.
    pub(crate) fn publish_through(&self, office: Arc<PostOffice>) {
        self.shared.broker.runs(office);
    }

    /// One line, if its level is wanted.
    pub(crate) fn log(&self, level: LogLevel, text: impl Into<String>) {
        if self.mask().wants(level) {
            self.write(&mut vec![LogLine { level, text: text.into() }]);
        }
    }

    /// Lines whose levels are known to be wanted. `lines` is empty afterwards.
    pub(crate) fn write(&self, lines: &mut Vec<LogLine>) {
        if lines.is_empty() {
            return;
        }
        let now = SystemTime::now();
        let mut queue = self.shared.queue.lock();
        for line in lines.drain(..) {
            if queue.bytes >= QUEUE_BYTES {
                queue.dropped += 1;
                continue;
            }
            queue.bytes += line.text.len() + size_of::<LogLine>();
            queue.lines.push_back((now, line));
        }
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Has the log file closed and opened again, after the lines so far: it may have been moved away, or another may be
    /// there now.
    pub(crate) fn reopen(&self) {
        let mut queue = self.shared.queue.lock();
        let waiting = queue.lines.len();
        // What was just opened need not be opened anew.
        if !matches!(queue.turn, Some((_, Turn::To(_)))) {
            queue.turn = Some((waiting, Turn::Reopen));
        }
        drop(queue);
        self.shared.filled.notify_one();
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.queue.lock().ended = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // It waits for destinations only as long as it may. If it panicked, there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// The thread's work, until there is no more and there will be none.
fn write_all(shared: &Shared, mut sinks: Sinks) {
    let mut lines = VecDeque::new();
    loop {
        let (dropped, turn);
        {
            let mut queue = shared.queue.lock();
            while queue.lines.is_empty() && queue.turn.is_none() && !queue.ended {
                shared.filled.wait(&mut queue);
            }
            turn = queue.turn.take();
            if queue.lines.is_empty() && turn.is_none() {
                break;
            }
            std::mem::swap(&mut lines, &mut queue.lines);
            queue.bytes = 0;
            dropped = std::mem::take(&mut queue.dropped);
        }
        if let Some((before, turn)) = turn {
            for (time, line) in lines.drain(..before.min(lines.len())) {
                sinks.write(time, &line);
            }
            match turn {
                Turn::Reopen => sinks.reopen(),
                Turn::To(next) => std::mem::replace(&mut sinks, next).close(),
            }
        }
        for (time, line) in lines.drain(..) {
            sinks.write(time, &line);
        }
        if dropped > 0 {
            let text = format!("{dropped} log lines were dropped: there were too many at once.");
            sinks.write(SystemTime::now(), &LogLine { level: LogLevel::Warning, text });
        }
        sinks.flush();
    }
    sinks.close();
}

/// The broker's levels among those of `log_type`.
fn mask(options: &Options) -> LogMask {
    let levels = [
        (LogType::Information, LogLevel::Information),
        (LogType::Notice, LogLevel::Notice),
        (LogType::Warning, LogLevel::Warning),
        (LogType::Error, LogLevel::Error),
        (LogType::Debug, LogLevel::Debug),
        (LogType::Subscribe, LogLevel::Subscribe),
        (LogType::Unsubscribe, LogLevel::Unsubscribe),
    ];
    let wanted = levels.into_iter().filter(|(kind, _)| options.writes(*kind));
    LogMask(wanted.fold(0, |mask, (_, level)| mask | level as u8))
}

/// The broker's level for one of the configuration.
pub(crate) fn level_of(kind: LogType) -> LogLevel {
    match kind {
        LogType::Error => LogLevel::Error,
        LogType::Warning => LogLevel::Warning,
        LogType::Notice => LogLevel::Notice,
        LogType::Debug => LogLevel::Debug,
        LogType::Subscribe => LogLevel::Subscribe,
        LogType::Unsubscribe => LogLevel::Unsubscribe,
        _ => LogLevel::Information,
    }
}
