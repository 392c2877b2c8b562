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
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// Sessions that a worker tells about in one tick, at most.
pub(crate) const SESSIONS_A_SLICE: u32 = 10_000;

/// How long a worker may take to answer before its sessions are left out.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints when it is asked to, one print after the other.
#[derive(Debug)]
pub(crate) struct TreePrint {
    shared: Arc<Shared>,
    /// The way to the thread that prints, which begins with the first print. One may wait: who asks meanwhile is served by
    /// it as well.
    requests: Option<SyncSender<()>>,
}

impl TreePrint {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, requests: None }
    }

    /// Has everything printed.
    pub(crate) fn request(&mut self, office: &Arc<PostOffice>, logger: &Logger) {
        if self.requests.is_none() {
            match start(Arc::clone(&self.shared), Arc::clone(office)) {
                Ok(requests) => self.requests = Some(requests),
                Err(error) => {
                    let why = mosquitto_transport::error_text(&error);
                    logger.log(LogLevel::Error, format!("Unable to print the subscription tree: {why}."));
                }
            }
        }
        if let Some(requests) = &self.requests {
            let _ = requests.try_send(());
        }
    }
}

fn start(shared: Arc<Shared>, office: Arc<PostOffice>) -> io::Result<SyncSender<()>> {
    let (sender, requests) = sync_channel(1);
    std::thread::Builder::new().name("tree print".to_owned()).spawn(move || {
        for () in requests {
            let sessions: Vec<_> = office.workers().flat_map(|worker| sessions_of(worker, &office)).collect();
            let mut out = BufWriter::new(io::stdout());
            // Where nobody listens there is nobody to be told.
            let _ = shared.copy_subscriptions().write(&sessions, &mut out).and_then(|()| out.flush());
        }
    })?;
    Ok(sender)
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
