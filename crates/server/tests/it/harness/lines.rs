//! The lines that a process writes, to be waited for.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

/// All lines of one pipe so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Seen>, Condvar)>);

#[derive(Debug, Default)]
struct Seen {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Reads a pipe to its end, in a thread of its own.
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        Self::with_pause(pipe, |_| false, mpsc::channel().1)
    }

    /// Reads a pipe until a line is the `last` one, and goes on when the sender of `pause` is gone.
    pub(crate) fn with_pause(
        pipe: impl Read + Send + 'static,
        last: impl Fn(&str) -> bool + Send + 'static,
        pause: Receiver<()>,
    ) -> Self {
        let lines = Self::default();
        let for_thread = lines.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
                let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
                line.clear();
                let is_last = last(&text);
                for_thread.change(|seen| seen.lines.push(text));
                if is_last {
                    // Nothing is ever sent.
                    let _ = pause.recv();
                }
            }
            for_thread.change(|seen| seen.ended = true);
        });
        lines
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// The lines so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    /// How many there are so far.
    pub(crate) fn len(&self) -> usize {
        self.0.0.lock().unwrap().lines.len()
    }

    /// The lines from this one on up to the first that contains one of `ends`, once it is there.
    pub(crate) fn until(&self, from: usize, ends: &[&str]) -> Vec<String> {
        let found = self.find(|seen| {
            let new = seen.lines.get(from..)?;
            let end = new.iter().position(|line| ends.iter().any(|end| line.contains(end)))?;
            Some(new[..=end].to_vec())
        });
        found.unwrap_or_else(|| panic!("none of {ends:?} in:\n{}", self.all().join("\n")))
    }

    /// Whether the process has closed the pipe.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.0.lock().unwrap().ended
    }

    /// How many of the lines so far contain this.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.0.lock().unwrap().lines.iter().filter(|line| line.contains(what)).count()
    }

    /// The first line that contains this, once it is there.
    pub(crate) fn wait_for(&self, what: &str) -> String {
        self.wait_for_several(what, 1).remove(0)
    }

    /// The lines that contain this, once there are at least so many.
    pub(crate) fn wait_for_several(&self, what: &str, count: usize) -> Vec<String> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        let found = self.find(|seen| {
            let new = &seen.lines[looked_at..];
            found.extend(new.iter().filter(|line| line.contains(what)).cloned());
            looked_at = seen.lines.len();
            (found.len() >= count).then(|| std::mem::take(&mut found))
        });
        found.unwrap_or_else(|| panic!("no {count} lines with {what:?} in:\n{}", self.all().join("\n")))
    }

    /// Waits for the line, or for the end of the pipe: whether it came.
    pub(crate) fn comes(&self, what: &str) -> bool {
        let found = self.find(|seen| {
            let found = seen.lines.iter().any(|line| line.contains(what));
            (found || seen.ended).then_some(found)
        });
        found.unwrap_or_else(|| panic!("neither {what:?} nor an end after:\n{}", self.all().join("\n")))
    }

    /// All lines, once the process has closed the pipe.
    pub(crate) fn to_the_end(&self) -> Vec<String> {
        let found = self.find(|seen| seen.ended.then(|| seen.lines.clone()));
        found.unwrap_or_else(|| panic!("no end after:\n{}", self.all().join("\n")))
    }

    fn find<T>(&self, mut look: impl FnMut(&Seen) -> Option<T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.0;
        let mut seen = lock.lock().unwrap();
        loop {
            if let Some(found) = look(&seen) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }
}
