//! The broker as a whole: workers are started, run until a signal comes, and are stopped.

use crate::VERSION;
use crate::listeners::Listeners;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::operator::{Operator, listen_to_signals};
use crate::settings::{bind_options, broker_settings, connections_max, worker_count};
use crate::worker::{Clock, WAKER, Worker};
use mio::{Poll, Waker};
use mosquitto_broker::{LogLevel, Shard, ShardId, Shared};
use mosquitto_config::Settings;
use mosquitto_transport::error_text;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

/// Runs until SIGINT or SIGTERM. An error is the line that says why the broker could not start.
pub(crate) fn run(settings: &Settings, logger: &Logger) -> Result<(), String> {
    let signals = listen_to_signals().map_err(|e| refused("signals", &e))?;
    let workers = worker_count(settings);
    let mut listeners = Listeners::new(workers);
    let plan = listeners.plan(settings.endpoints(), bind_options(settings), logger)?;
    let shard_settings = Arc::new(broker_settings(settings, plan.endpoints(), logger.mask()));
    let doors = listeners.adopt(plan, connections_max(settings));
    let polls = (0..workers).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>();
    let polls = polls.map_err(|e| refused("event queues", &e))?;
    let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), WAKER)).collect::<io::Result<Vec<_>>>();
    let office = Arc::new(PostOffice::new(wakers.map_err(|e| refused("wake-ups", &e))?));
    let shared = Shared::new(workers as u16);
    let (clock, barrier) = (Clock::start(), Arc::new(Barrier::new(workers)));
    let mut threads = Vec::new();
    for (at, (poll, doors)) in (0u16..).zip(polls.into_iter().zip(doors)) {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| format!("Error: No random numbers from the system: {e}."))?;
        let shard = Shard::new(ShardId(at), Arc::clone(&shared), Arc::clone(&shard_settings), seed);
        let worker = Worker::new(ShardId(at), shard, poll, doors, Arc::clone(&office), clock, logger.clone())
            .map_err(|e| refused("listen sockets", &e))?;
        threads.push(spawn(at, worker, Arc::clone(&barrier)).map_err(|e| refused("threads", &e))?);
    }
    logger.log(LogLevel::Information, format!("mosquitto version {VERSION} running"));
    let (logger, office_too) = (logger.clone(), Arc::clone(&office));
    let operator = Operator { settings: settings.clone(), logger, office: office_too, listeners };
    operator.run(&signals);
    office.stop();
    for thread in threads {
        // A worker that panicked has ended the process.
        let _ = thread.join();
    }
    Ok(())
}

fn refused(what: &str, error: &io::Error) -> String {
    format!("Error: The system does not give {what}: {}.", error_text(error))
}

fn spawn(at: u16, worker: Worker, barrier: Arc<Barrier>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("worker {at}")).spawn(move || {
        let _guard = AbortOnPanic;
        worker.run(&barrier);
    })
}

/// A broker with a part of its sessions gone is worse than one that is started again.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
