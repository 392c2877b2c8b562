//! SIGUSR2: subscriptions and sessions are printed on standard output.
//!
//! By a thread of its own, since nobody may read there. It copies a slice at a time, so no worker stands still for long:
//! a look at so many sessions, or one slice of the subscription tree.

use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::order::Order;
use mosquitto_broker::{LogLevel, SessionReport, ShardId, Shared};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Sessions that a worker tells about in one tick, at most.
pub(crate) const SESSIONS_A_SLICE: u32 = 10_000;

/// How long a worker may take to answer before its sessions are left out.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints when it is asked to, one print at a time.
#[derive(Debug)]
pub(crate) struct TreePrint {
    shared: Arc<Shared>,
    busy: Arc<AtomicBool>,
}

impl TreePrint {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, busy: Arc::default() }
    }

    /// Begins to print, unless the last print has not come to its end.
    pub(crate) fn start(&self, office: &Arc<PostOffice>, logger: &Logger) {
        if self.busy.swap(true, Ordering::AcqRel) {
            logger.log(LogLevel::Warning, "SIGUSR2 ignored: the last subscription tree is not printed yet.");
            return;
        }
        let (shared, office, busy) = (Arc::clone(&self.shared), Arc::clone(office), Arc::clone(&self.busy));
        let print = move || {
            let sessions: Vec<_> = office.workers().flat_map(|worker| sessions_of(worker, &office)).collect();
            let mut out = BufWriter::new(io::stdout());
            // Where nobody listens there is nobody to be told.
            let _ = shared.copy_subscriptions().write(&sessions, &mut out).and_then(|()| out.flush());
            busy.store(false, Ordering::Release);
        };
        if let Err(error) = std::thread::Builder::new().name("tree print".to_owned()).spawn(print) {
            self.busy.store(false, Ordering::Release);
            let text = format!("Unable to print the subscription tree: {}.", mosquitto_transport::error_text(&error));
            logger.log(LogLevel::Error, text);
        }
    }
}

/// The sessions of one worker, as far as it answers.
fn sessions_of(worker: ShardId, office: &PostOffice) -> Vec<SessionReport> {
    let (mut all, mut from) = (Vec::new(), Some(0));
    while let Some(start) = from {
        let (sender, answer) = sync_channel(1);
        office.order(worker, Order::Sessions { from: start, answer: sender });
        let Ok((some, next)) = answer.recv_timeout(PATIENCE) else { break };
        all.extend(some);
        from = next;
    }
    all
}
