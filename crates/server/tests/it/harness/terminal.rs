//! A terminal, and somebody who sits before it.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

/// What somebody is asked for.
const PROMPT: &[u8] = b"Enter PEM pass phrase:";

/// The terminal that a program can be started from.
#[derive(Debug)]
pub(crate) struct Terminal {
    path: String,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Somebody answers what is asked with these keys, one after the other.
    pub(crate) fn answering(answers: &[&'static [u8]]) -> Self {
        let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&outside).unwrap();
        unlockpt(&outside).unwrap();
        let path = ptsname(&outside, Vec::new()).unwrap().into_string().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (all, answers) = (Arc::clone(&shown), answers.to_vec());
        std::thread::spawn(move || sit_before(outside.into(), &all, &answers));
        Self { path, shown }
    }

    /// What starts a program so that the terminal is its own: the beginning of a command.
    pub(crate) fn starting(&self) -> [&str; 4] {
        ["/bin/sh", "-c", "exec setsid -c \"$@\" <\"$0\"", &self.path]
    }

    /// All that it has shown.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8(self.shown.lock().unwrap().clone()).unwrap()
    }
}

/// Until the last program has let go of the terminal.
fn sit_before(mut outside: File, shown: &Mutex<Vec<u8>>, answers: &[&[u8]]) {
    let mut answers = answers.iter();
    let mut byte = [0];
    while outside.read_exact(&mut byte).is_ok() {
        let mut shown = shown.lock().unwrap();
        shown.push(byte[0]);
        if shown.ends_with(PROMPT)
            && let Some(answer) = answers.next()
        {
            outside.write_all(answer).unwrap();
        }
    }
}
