//! The log: lines from all threads, written by one.
//!
//! Whoever has something to say puts it into a bounded queue and goes on. A thread of its own adds the time and writes
//! to wherever `log_dest` says. Where that is slow (a pipe that nobody reads, a full disk), lines are dropped and counted
//! rather than waited for, and the log says how many.

mod sink;
mod timestamp;

use mosquitto_broker::{LogLevel, LogLine, LogMask};
use mosquitto_config::{Log as Options, LogType};
use parking_lot::{Condvar, Mutex};
use sink::Sinks;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Bytes of lines that may wait to be written.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// How long the end of the broker waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where lines go in. Cloned for every thread.
#[derive(Debug, Clone)]
pub(crate) struct Logger {
    shared: Arc<Shared>,
}

/// Another log that is opened and not in use yet.
#[derive(Debug)]
pub(crate) struct NextLog {
    sinks: Sinks,
    mask: LogMask,
}

/// The thread that writes. Dropped, it writes what is left, as far as that goes quickly.
#[derive(Debug)]
pub(crate) struct LogWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    written: Condvar,
    /// The [`LogMask`] of the lines that are wanted.
    mask: AtomicU8,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<(SystemTime, LogLine)>,
    bytes: usize,
    dropped: u64,
    /// Where lines go from a certain one on: those after so many of the ones that wait.
    next: Option<(usize, Sinks)>,
    /// Whether lines that were taken are not written yet.
    writing: bool,
    ended: bool,
}

/// Opens what `log_dest` names and begins to write there.
pub(crate) fn open(options: &Options) -> io::Result<(Logger, LogWriter)> {
    let NextLog { sinks, mask } = prepare(options)?;
    let shared = Arc::<Shared>::default();
    shared.mask.store(mask.0, Ordering::Relaxed);
    let logger = Logger { shared: Arc::clone(&shared) };
    let for_thread = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&for_thread, sinks))?;
    Ok((logger, LogWriter { shared, thread: Some(thread) }))
}

/// Opens what `log_dest` names, for [`Logger::go_on_with`].
pub(crate) fn prepare(options: &Options) -> io::Result<NextLog> {
    Ok(NextLog { sinks: Sinks::open(options)?, mask: mask(options) })
}

impl NextLog {
    /// Which lines are wanted at all.
    pub(crate) fn mask(&self) -> LogMask {
        self.mask
    }
}

impl Logger {
    /// Which lines are wanted at all.
    pub(crate) fn mask(&self) -> LogMask {
        LogMask(self.shared.mask.load(Ordering::Relaxed))
    }

    /// Has all lines from now on written to another log. Those so far still go where they would have gone.
    pub(crate) fn go_on_with(&self, next: NextLog) {
        let mut queue = self.shared.queue.lock();
        queue.next = Some((queue.lines.len(), next.sinks));
        self.shared.mask.store(next.mask.0, Ordering::Relaxed);
        drop(queue);
        self.shared.filled.notify_one();
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
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.ended = true;
        self.shared.filled.notify_one();
        let mut timed_out = false;
        while !timed_out && (queue.writing || !queue.lines.is_empty()) {
            timed_out = self.shared.written.wait_for(&mut queue, LAST_LINES).timed_out();
        }
        drop(queue);
        if !timed_out && let Some(thread) = self.thread.take() {
            // It has nothing to do any more; if it panicked, there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// The thread's work, until there is no more and there will be none.
fn write_all(shared: &Shared, mut sinks: Sinks) {
    let mut lines = VecDeque::new();
    loop {
        let (dropped, next);
        {
            let mut queue = shared.queue.lock();
            queue.writing = false;
            if queue.lines.is_empty() {
                shared.written.notify_all();
            }
            while queue.lines.is_empty() && queue.next.is_none() && !queue.ended {
                shared.filled.wait(&mut queue);
            }
            next = queue.next.take();
            if queue.lines.is_empty() && next.is_none() {
                return;
            }
            std::mem::swap(&mut lines, &mut queue.lines);
            queue.bytes = 0;
            queue.writing = true;
            dropped = std::mem::take(&mut queue.dropped);
        }
        if let Some((before, next)) = next {
            for (time, line) in lines.drain(..before.min(lines.len())) {
                sinks.write(time, &line);
            }
            sinks.flush();
            sinks = next;
        }
        for (time, line) in lines.drain(..) {
            sinks.write(time, &line);
        }
        if dropped > 0 {
            let text = format!("{dropped} log lines were dropped since the log is written too slowly.");
            sinks.write(SystemTime::now(), &LogLine { level: LogLevel::Warning, text });
        }
        sinks.flush();
    }
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
