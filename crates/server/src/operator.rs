//! The main thread while the broker runs: signals, and what is due by the clock.

use crate::auth_files::AuthFiles;
use crate::http::Desk;
use crate::listeners::Listeners;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::outside::SIGNALS;
use crate::persistence::Persistence;
use crate::reload::UnderWay;
use crate::supervisor::{self, Watchdog};
use crate::sys_updates::SysUpdates;
use crate::tree_print::TreePrint;
use mosquitto_broker::LogLevel;
use mosquitto_config::Settings;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

/// Signals that may wait: who sends more before one is handled has not sent more.
const SIGNALS_MAX: usize = 16;

/// Does what the operator of the broker asks for by signals, and what the clock asks for.
pub(crate) struct Operator {
    pub(crate) settings: Settings,
    pub(crate) logger: Logger,
    pub(crate) office: Arc<PostOffice>,
    pub(crate) http: Arc<Desk>,
    pub(crate) listeners: Listeners,
    pub(crate) auth_files: AuthFiles,
    pub(crate) reload: Option<UnderWay>,
    pub(crate) sys_updates: SysUpdates,
    pub(crate) tree_print: TreePrint,
    pub(crate) watchdog: Option<Watchdog>,
    pub(crate) persistence: Option<Persistence>,
}

/// The signals that the broker knows. To be called before anything of it can be seen from outside, so that a signal that
/// comes early is not lost.
///
/// What is sent to the sender counts as one of them that has come.
pub(crate) fn listen_to_signals() -> io::Result<(SyncSender<i32>, Receiver<i32>)> {
    let mut signals = Signals::new(SIGNALS.iter().map(|signal| (signal.number)()))?;
    let (sender, receiver) = sync_channel(SIGNALS_MAX);
    let of_our_own = sender.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                break;
            }
        }
    })?;
    Ok((of_our_own, receiver))
}

/// The signals that have come, each of them once; only the one that ends the broker where that is among them, for a reload
/// may take its time. None: the deadline has passed.
fn next_signals(signals: &Receiver<i32>, deadline: Option<Instant>) -> Vec<i32> {
    let first = match deadline {
        None => signals.recv().map_err(RecvTimeoutError::from),
        Some(at) => signals.recv_timeout(at.saturating_duration_since(Instant::now())),
    };
    let mut calls = Vec::new();
    match first {
        Ok(signal) => calls.push(signal),
        Err(RecvTimeoutError::Timeout) => {}
        // Without the thread that listens there would be no way to end the broker.
        Err(RecvTimeoutError::Disconnected) => calls.push(SIGTERM),
    }
    for signal in signals.try_iter().take(SIGNALS_MAX) {
        if !calls.contains(&signal) {
            calls.push(signal);
        }
    }
    if calls.iter().any(|signal| [SIGINT, SIGTERM].contains(signal)) { vec![SIGTERM] } else { calls }
}

impl Operator {
    /// Until SIGINT or SIGTERM. Returns what is to be ended last.
    pub(crate) fn run(mut self, signals: &Receiver<i32>) -> Option<Persistence> {
        loop {
            let calls = next_signals(signals, self.next_deadline());
            self.look_at_reload();
            // Also after a signal: who sends many must not keep the clock from being looked at.
            self.do_what_is_due();
            for signal in calls {
                match signal {
                    SIGHUP => self.reload(),
                    SIGUSR1 => self.save(),
                    SIGUSR2 => self.tree_print.request(&self.office, &self.logger),
                    signal if signal == libc::SIGRTMIN() => self.logger.reopen(),
                    _ => {
                        supervisor::stopping();
                        return self.persistence;
                    }
                }
            }
        }
    }

    /// When there is something to do next, whatever happens.
    fn next_deadline(&self) -> Option<Instant> {
        let sys_updates = self.sys_updates.next_deadline(self.settings.config.global.sys_interval);
        let watchdog = self.watchdog.as_ref().map(Watchdog::next_deadline);
        let options = &self.settings.config.global.persistence;
        let persistence = self.persistence.as_ref().and_then(|persistence| persistence.next_deadline(options));
        [sys_updates, watchdog, persistence, self.next_look_at_reload()].into_iter().flatten().min()
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if let Some(persistence) = &self.persistence {
            self.sys_updates.look_at_store(persistence.figures());
        }
        self.sys_updates.do_what_is_due(now, self.settings.config.global.sys_interval, &self.office);
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.do_what_is_due(now, &self.office);
        }
        if let Some(persistence) = &mut self.persistence {
            persistence.do_what_is_due(now, &self.settings.config.global.persistence);
        }
    }

    fn save(&self) {
        match &self.persistence {
            Some(persistence) => persistence.save(),
            None => self.logger.log(LogLevel::Warning, "SIGUSR1 ignored: there is no persistence; nothing was saved."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_wait_are_answered_once_and_the_end_comes_before_the_others() {
        let (sender, signals) = sync_channel(SIGNALS_MAX);
        let come = |numbers: &[i32]| {
            for number in numbers {
                sender.send(*number).unwrap();
            }
            next_signals(&signals, Some(Instant::now()))
        };
        assert!(come(&[]).is_empty());
        assert_eq!(come(&[SIGUSR2, SIGHUP, SIGHUP, SIGUSR2, SIGHUP]), [SIGUSR2, SIGHUP]);
        assert_eq!(come(&[SIGHUP, SIGHUP, SIGTERM]), [SIGTERM]);
        assert_eq!(come(&[SIGHUP, SIGINT, SIGHUP]), [SIGTERM]);
        drop(sender);
        assert_eq!(next_signals(&signals, None), [SIGTERM], "nobody listens any more");
    }
}
