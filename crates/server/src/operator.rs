//! The main thread while the broker runs: signals, and what is due by the clock.

use crate::access_lists::AclFiles;
use crate::listeners::Listeners;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::outside::SIGNALS;
use crate::reload::UnderWay;
use crate::supervisor::{self, Watchdog};
use crate::sys_updates::SysUpdates;
use crate::tree_print::TreePrint;
use mosquitto_broker::LogLevel;
use mosquitto_config::Settings;
use signal_hook::consts::{SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Instant;

/// Signals that may wait: who sends more before one is handled has not sent more.
const SIGNALS_MAX: usize = 16;

/// Does what the operator of the broker asks for by signals, and what the clock asks for.
pub(crate) struct Operator {
    pub(crate) settings: Settings,
    pub(crate) logger: Logger,
    pub(crate) office: Arc<PostOffice>,
    pub(crate) listeners: Listeners,
    pub(crate) acl: AclFiles,
    pub(crate) reload: Option<UnderWay>,
    pub(crate) sys_updates: SysUpdates,
    pub(crate) tree_print: TreePrint,
    pub(crate) watchdog: Option<Watchdog>,
}

/// What there is to do next.
enum Call {
    Signal(i32),
    /// A deadline has passed.
    Due,
}

/// The signals that the broker knows. To be called before anything of it can be seen from outside, so that a signal that
/// comes early is not lost.
pub(crate) fn listen_to_signals() -> io::Result<Receiver<i32>> {
    let mut signals = Signals::new(SIGNALS.iter().map(|signal| (signal.number)()))?;
    let (sender, receiver) = sync_channel(SIGNALS_MAX);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                break;
            }
        }
    })?;
    Ok(receiver)
}

impl Operator {
    /// Until SIGINT or SIGTERM.
    pub(crate) fn run(mut self, signals: &Receiver<i32>) {
        loop {
            let call = self.next_call(signals);
            self.look_at_reload();
            match call {
                Call::Due => self.do_what_is_due(),
                Call::Signal(SIGHUP) => self.reload(),
                Call::Signal(SIGUSR1) => {
                    self.warn("SIGUSR1 ignored: persistence is not supported yet; nothing was saved.");
                }
                Call::Signal(SIGUSR2) => self.tree_print.request(&self.office, &self.logger),
                Call::Signal(signal) if signal == libc::SIGRTMIN() => self.logger.reopen(),
                Call::Signal(_) => return supervisor::stopping(),
            }
        }
    }

    fn next_call(&self, signals: &Receiver<i32>) -> Call {
        let received = match self.next_deadline() {
            None => signals.recv().map_err(RecvTimeoutError::from),
            Some(at) => signals.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        match received {
            Ok(signal) => Call::Signal(signal),
            Err(RecvTimeoutError::Timeout) => Call::Due,
            // Without the thread that listens there would be no way to end the broker.
            Err(RecvTimeoutError::Disconnected) => Call::Signal(SIGTERM),
        }
    }

    /// When there is something to do next, whatever happens.
    fn next_deadline(&self) -> Option<Instant> {
        let sys_updates = self.sys_updates.next_deadline(self.settings.config.global.sys_interval);
        let watchdog = self.watchdog.as_ref().map(Watchdog::next_deadline);
        [sys_updates, watchdog, self.next_look_at_reload()].into_iter().flatten().min()
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        self.sys_updates.do_what_is_due(now, self.settings.config.global.sys_interval, &self.office);
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.do_what_is_due(now, &self.office);
        }
    }

    fn warn(&self, text: &str) {
        self.logger.log(LogLevel::Warning, text);
    }
}
