//! Signals that end a program which would go on for ever.

use crate::report::TOO_EARLY;
use mosquitto_client::Waker;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What SIGINT and SIGTERM have asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signalled {
    ended: Arc<AtomicBool>,
    orderly: Arc<AtomicBool>,
}

impl Signalled {
    /// Watches for the signals, which wake the client from now on.
    pub(crate) fn watch(waker: Waker) -> io::Result<Self> {
        let signalled = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let shared = signalled.clone();
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if !shared.orderly.load(Ordering::SeqCst) {
                    std::process::exit(i32::from(TOO_EARLY));
                }
                shared.ended.store(true, Ordering::SeqCst);
                waker.wake();
            }
        });
        Ok(signalled)
    }

    /// From now on a signal is for the program to act upon; before, the process just ends.
    pub(crate) fn act_in_order(&self) {
        self.orderly.store(true, Ordering::SeqCst);
    }

    /// Whether a signal has come.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}
