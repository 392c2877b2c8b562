//! One destination of the log: a queue, and a thread that may wait for it.

use super::timestamp::Timestamp;
use mosquitto_broker::{LogLevel, LogLine};
use mosquitto_transport::error_text;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// Bytes that may wait for one destination.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a whole line, as in Mosquitto; what is longer is cut.
const LINE_BYTES: usize = 999;

/// How long the end of the log waits for a destination that takes nothing.
const NO_PROGRESS: Duration = Duration::from_secs(1);

/// How long the end of the log waits for a destination that takes its lines slowly.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Lines as they are written, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// The level of each line, and where it ends.
    lines: Vec<(LogLevel, usize)>,
}

/// Where lines are written.
pub(super) trait Place: fmt::Debug + Send {
    /// How the log calls it.
    fn name(&self) -> String;

    /// Writes all of these lines, however long that takes. On an error some or all of them are lost.
    fn write(&mut self, batch: &Batch) -> io::Result<()>;

    /// Closes and opens it, where that makes a difference.
    fn reopen(&mut self) {}
}

/// A destination, to those who have lines for it. Dropped, it still writes what it has, and nobody waits for that.
#[derive(Debug)]
pub(super) struct Outlet {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// Of the batches among the entries.
    bytes: usize,
    /// Lines that found no room behind the last entry.
    dropped: usize,
    ended: bool,
    /// Whether the thread is at its end.
    done: bool,
}

/// Something to do for the thread, in the order in which it came.
#[derive(Debug)]
enum Entry {
    Lines(Arc<Batch>),
    /// So many lines are missing here.
    Gap(usize),
    Reopen,
}

impl Batch {
    /// Adds a line, with the time before it.
    pub(super) fn push(&mut self, time: &str, line: &LogLine) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(time.as_bytes());
        self.bytes.extend_from_slice(line.text.as_bytes());
        self.bytes.truncate(start + LINE_BYTES);
        self.bytes.push(b'\n');
        self.lines.push((line.level, self.bytes.len()));
    }

    /// A line of its own.
    pub(super) fn of(time: &str, level: LogLevel, text: String) -> Self {
        let mut batch = Self::default();
        batch.push(time, &LogLine { level, text });
        batch
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// All lines, each with its line feed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Line by line, each with its line feed.
    pub(super) fn lines(&self) -> impl Iterator<Item = (LogLevel, &[u8])> {
        let mut start = 0;
        self.lines.iter().map(move |&(level, end)| {
            let line = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (level, line)
        })
    }
}

impl Outlet {
    pub(super) fn open(place: Box<dyn Place>, timestamp: Timestamp) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("log outlet".to_owned())
            .spawn(move || write_all(&for_thread, Writer { place, timestamp, lost: 0, error: String::new() }))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has these lines written, if there is room for them.
    pub(super) fn write(&self, batch: &Arc<Batch>) {
        let mut queue = self.shared.queue.lock();
        if queue.bytes >= QUEUE_BYTES {
            queue.dropped += batch.lines.len();
            return;
        }
        queue.mark_gap();
        queue.bytes += batch.len();
        queue.entries.push_back(Entry::Lines(Arc::clone(batch)));
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Has the place closed and opened after the lines so far.
    pub(super) fn reopen(&self) {
        let mut queue = self.shared.queue.lock();
        queue.mark_gap();
        // Signals without a line between them that is written come to one.
        let last = queue.entries.iter().rev().find(|entry| !matches!(entry, Entry::Gap(_)));
        if !matches!(last, Some(Entry::Reopen)) {
            queue.entries.push_back(Entry::Reopen);
        }
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Says that there will be no more lines.
    pub(super) fn end(&self) {
        self.shared.queue.lock().ended = true;
        self.shared.filled.notify_one();
    }

    /// Waits until everything is written, as far as that goes quickly. `since` is when the end began.
    pub(super) fn join(mut self, since: Instant) {
        let mut queue = self.shared.queue.lock();
        while !queue.done {
            let progress = Instant::now() + NO_PROGRESS;
            if self.shared.written.wait_until(&mut queue, progress.min(since + LAST_LINES)).timed_out() {
                return;
            }
        }
        drop(queue);
        if let Some(thread) = self.thread.take() {
            // It is at its end. If it panicked, there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.end();
    }
}

impl Queue {
    /// Notes behind the entries so far that lines are missing, if any are.
    fn mark_gap(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        match self.entries.back_mut() {
            _ if dropped == 0 => {}
            Some(Entry::Gap(lines)) => *lines += dropped,
            _ => self.entries.push_back(Entry::Gap(dropped)),
        }
    }
}

/// The thread's side.
struct Writer {
    place: Box<dyn Place>,
    timestamp: Timestamp,
    /// Lines that could not be written, and why.
    lost: usize,
    error: String,
}

/// The thread's work, until there is no more and there will be none.
fn write_all(shared: &Shared, mut writer: Writer) {
    let mut queue = shared.queue.lock();
    loop {
        let Some(entry) = queue.entries.pop_front() else {
            if queue.dropped > 0 {
                queue.mark_gap();
            } else if queue.ended {
                queue.done = true;
                shared.written.notify_all();
                return;
            } else {
                shared.filled.wait(&mut queue);
            }
            continue;
        };
        drop(queue);
        let bytes = if let Entry::Lines(batch) = &entry { batch.len() } else { 0 };
        writer.carry_out(entry);
        queue = shared.queue.lock();
        queue.bytes = queue.bytes.saturating_sub(bytes);
        shared.written.notify_all();
    }
}

impl Writer {
    fn carry_out(&mut self, entry: Entry) {
        match entry {
            Entry::Lines(batch) => self.write(&batch),
            Entry::Gap(dropped) => {
                let text = format!("{dropped} log lines were dropped: {} took them too slowly.", self.place.name());
                let line = self.line(text);
                self.write(&line);
            }
            Entry::Reopen => self.place.reopen(),
        }
    }

    fn write(&mut self, batch: &Batch) {
        if self.lost > 0 {
            let text = format!("{} log lines were lost: {}: {}.", self.lost, self.place.name(), self.error);
            let note = self.line(text);
            if self.place.write(&note).is_ok() {
                self.lost = 0;
            }
        }
        if let Err(error) = self.place.write(batch) {
            self.lost += batch.lines.len();
            self.error = error_text(&error);
        }
    }

    fn line(&mut self, text: String) -> Batch {
        Batch::of(self.timestamp.at(SystemTime::now()), LogLevel::Warning, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// Takes a batch whenever it is told how that is to end.
    #[derive(Debug)]
    struct Scripted {
        outcomes: Receiver<io::Result<()>>,
        taken: SyncSender<String>,
    }

    impl Place for Scripted {
        fn name(&self) -> String {
            "the script".to_owned()
        }

        fn write(&mut self, batch: &Batch) -> io::Result<()> {
            self.outcomes.recv().unwrap_or(Ok(()))?;
            let _ = self.taken.send(String::from_utf8_lossy(batch.bytes()).into_owned());
            Ok(())
        }

        fn reopen(&mut self) {
            let _ = self.taken.send("opened anew".to_owned());
        }
    }

    fn outlet() -> (Outlet, SyncSender<io::Result<()>>, Receiver<String>) {
        let (script, outcomes) = sync_channel(100);
        let (taken, written) = sync_channel(1000);
        let options = mosquitto_config::Log { timestamp: false, ..mosquitto_config::Log::default() };
        let place = Box::new(Scripted { outcomes, taken });
        (Outlet::open(place, Timestamp::new(&options)).unwrap(), script, written)
    }

    fn line(text: &str) -> Arc<Batch> {
        Arc::new(Batch::of("", LogLevel::Notice, text.to_owned()))
    }

    #[test]
    fn lines_beyond_the_bound_are_dropped_and_counted_where_they_would_have_stood() {
        let (outlet, script, written) = outlet();
        let line = line(&"x".repeat(LINE_BYTES));
        let fit = QUEUE_BYTES.div_ceil(line.len());
        for _ in 0..fit + 7 {
            outlet.write(&line);
        }
        script.send(Ok(())).unwrap();
        let mut taken = vec![written.recv().unwrap()];
        // There is room again as soon as the next one is under way.
        script.send(Ok(())).unwrap();
        taken.push(written.recv().unwrap());
        outlet.write(&self::line("after"));
        drop(script);
        taken.extend(written.iter().take(fit));
        let note = "7 log lines were dropped: the script took them too slowly.\n";
        assert_eq!(taken[fit..], [note, "after\n"]);
    }

    #[test]
    fn what_is_opened_anew_is_so_between_the_lines_before_and_those_after() {
        let (outlet, script, written) = outlet();
        outlet.write(&line("one"));
        outlet.write(&line("two"));
        outlet.reopen();
        outlet.write(&line("three"));
        drop(script);
        assert_eq!(written.iter().take(4).collect::<Vec<_>>(), ["one\n", "two\n", "opened anew", "three\n"]);
    }

    #[test]
    fn lines_that_could_not_be_written_are_counted_before_the_next_that_can() {
        let (outlet, script, written) = outlet();
        for text in ["one", "two", "three"] {
            outlet.write(&line(text));
        }
        // The second attempt at "two" is the note about "one".
        for outcome in [Err(libc::ENOSPC), Err(libc::ENOSPC), Err(libc::EIO), Ok(()), Ok(())] {
            script.send(outcome.map_err(io::Error::from_raw_os_error)).unwrap();
        }
        assert_eq!(written.recv().unwrap(), "2 log lines were lost: the script: Input/output error.\n");
        assert_eq!(written.recv().unwrap(), "three\n");
    }

    #[test]
    fn the_end_does_not_wait_for_a_destination_that_takes_nothing() {
        let (outlet, _script, _written) = outlet();
        outlet.write(&line("one"));
        outlet.end();
        outlet.join(Instant::now());
    }
}
