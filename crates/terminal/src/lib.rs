//! Asking somebody at a terminal for what nobody else may see: a password, a passphrase.
//!
//! While [`ask`] waits, the terminal does not show what is typed. A signal that would end the program, such as that of
//! Ctrl-C, ends the question: the terminal is as it was before, and the program decides what comes of the signal. No thread
//! and no handler of signals is left behind.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno as IoErrno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// The signals that end a question.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The line that was typed, without its end (LF, or CR LF). It is overwritten when it is dropped.
    Line(Zeroizing<Vec<u8>>),
    /// More bytes than were asked for.
    TooLong,
    /// The input ended before there was a line.
    Nothing,
    /// A signal of this number came; it was taken notice of here and has no other effect.
    Signal(i32),
}

/// The terminal that the process belongs to, whatever its standard streams are; an error if it has none.
pub fn controlling_terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Asks for a line of `bytes_max` bytes at most. What is typed is not shown where `input` is a terminal; it may be
/// anything else as well. No byte is read beyond the line. To be called in a process with one thread: others would get the
/// signals.
pub fn ask(input: impl AsFd, output: &mut impl Write, prompt: &str, bytes_max: usize) -> io::Result<Answer> {
    let (input, signals) = (input.as_fd(), Signals::hold()?);
    let hidden = Hidden::hide(input)?;
    // Nobody may be there to see it.
    let _ = write!(output, "{prompt}").and_then(|()| output.flush());
    let answer = read_line(input, &signals, bytes_max);
    drop(hidden);
    // The end of the line was not shown either.
    let _ = writeln!(output);
    answer
}

fn read_line(input: BorrowedFd<'_>, signals: &Signals, bytes_max: usize) -> io::Result<Answer> {
    // Once and for all: what is moved is not overwritten where it was. With room for CR and LF.
    let mut line = Zeroizing::new(Vec::with_capacity(bytes_max + 2));
    let mut byte = Zeroizing::new([0; 1]);
    loop {
        if let Some(signal) = signals.wait_for(input)? {
            return Ok(Answer::Signal(signal));
        }
        match rustix::io::read(input, &mut *byte) {
            Ok(0) if line.is_empty() => return Ok(Answer::Nothing),
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) if line.len() > bytes_max => return Ok(Answer::TooLong),
            Ok(_) => line.extend_from_slice(&*byte),
            Err(IoErrno::INTR | IoErrno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(if line.len() > bytes_max { Answer::TooLong } else { Answer::Line(line) })
}

/// While it lives, signals that would end the process wait.
struct Signals {
    waiting: SignalFd,
    before: SigSet,
}

impl Signals {
    fn hold() -> io::Result<Self> {
        let ending: SigSet = ENDING.into_iter().collect();
        let waiting = SignalFd::with_flags(&ending, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let before = SigSet::thread_get_mask()?;
        ending.thread_block()?;
        Ok(Self { waiting, before })
    }

    /// Until there is something to read, or a signal: that one.
    fn wait_for(&self, input: BorrowedFd<'_>) -> io::Result<Option<i32>> {
        let mut either = [PollFd::from_borrowed_fd(input, PollFlags::IN), PollFd::new(&self.waiting, PollFlags::IN)];
        match poll(&mut either, None) {
            Ok(_) | Err(IoErrno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        match self.waiting.read_signal() {
            Ok(signal) => Ok(signal.and_then(|signal| i32::try_from(signal.ssi_signo).ok())),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // It was in force before, so it is valid.
        let _ = self.before.thread_set_mask();
    }
}

/// While it lives, a terminal does not show what is typed.
struct Hidden<'t>(Option<(BorrowedFd<'t>, Termios)>);

impl<'t> Hidden<'t> {
    fn hide(terminal: BorrowedFd<'t>) -> io::Result<Self> {
        // Anything else but a terminal shows nothing.
        let Ok(before) = tcgetattr(terminal) else { return Ok(Self(None)) };
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Now, &silent)?;
        Ok(Self(Some((terminal, before))))
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if let Some((terminal, before)) = &self.0 {
            // A terminal that is gone shows nothing anyway.
            let _ = tcsetattr(terminal, OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests;
