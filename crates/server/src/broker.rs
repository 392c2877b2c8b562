//! The broker as a whole: workers are started, run until a signal comes, and are stopped.

use crate::VERSION;
use crate::auth_files::AuthFiles;
use crate::bridges::{self, Lookups};
use crate::evictions::Evictions;
use crate::failure::Failure;
use crate::http::{self, Counters, Directories, Sites};
use crate::launch::Launch;
use crate::listeners::Listeners;
use crate::lobby::Lobby;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::operator::{Operator, listen_to_signals};
use crate::order::Order;
use crate::passphrases::Passphrases;
use crate::password_checks::Checkers;
use crate::persistence::{Files, Persistence, Surroundings};
use crate::settings::{bind_options, broker_settings, connections_max, lobby_max, worker_count};
use crate::supervisor::Watchdog;
use crate::sys_updates::SysUpdates;
use crate::tls;
use crate::tree_print::TreePrint;
use crate::worker::{self, Clock, Neighbours, WAKER, Worker};
use mio::{Poll, Waker};
use mosquitto_broker::{LogLevel, Settings as BrokerSettings, Shard, ShardId, Shared};
use mosquitto_config::Settings;
use mosquitto_transport::{KeyLogFile, error_text};
use signal_hook::consts::SIGTERM;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Runs until SIGINT or SIGTERM. `launch` is told how the start goes. An error may also be one of the end: then not all is in
/// the database that should be.
#[allow(clippy::too_many_lines, reason = "the order of the start is seen in one place")]
pub(crate) fn run(
    settings: &Settings,
    passphrases: Passphrases,
    logger: &Logger,
    launch: &mut Launch,
) -> Result<(), Failure> {
    let (own_signals, signals) = listen_to_signals().map_err(|e| refused("signals", &e))?;
    let workers = worker_count(settings);
    let auth_files = read_auth_files(settings, logger)?;
    let directories = Directories::find(settings)?;
    let global = &settings.config.global;
    let files = Files::take(&global.persistence)?;
    let mut listeners = Listeners::new(workers, open_key_log(settings, logger)?, passphrases);
    let plan = listeners.plan(settings.endpoints(), global, &auth_files.psk, bind_options(settings), logger);
    let plan = plan.map_err(|errors| errors.join("\n"))?;
    let shard_settings = Arc::new(broker_settings(settings, plan.endpoints(), &auth_files, logger.mask()));
    let bridges = bridges::prepare(settings, Some(listeners.passphrases())).map_err(|errors| errors.join("\n"))?;
    let sites = Sites::new(plan.endpoints(), &plan.tls(), &auth_files, &directories);
    let doors = listeners.adopt(plan, connections_max(settings));
    let clock = Clock::start();
    let found = files.map(|files| files.read(Arc::clone(&shard_settings), clock, logger)).transpose()?;
    launch.listening()?;
    let (polls, office) = open_office(workers)?;
    logger.publish_through(Arc::clone(&office));
    let checkers = Checkers::start(&office).map_err(|e| refused("threads", &e))?;
    let counters = Counters::new();
    let http = http::start().map_err(|e| refused("event queues", &e))?;
    http.desk.configure(sites, None);
    http.desk.open(doors.of_http);
    let shared = Shared::new(workers as u16);
    let evictions = Evictions::default();
    let mut sys_updates = SysUpdates::new(Arc::clone(&shared), workers, counters.clone(), evictions.clone());
    let neighbours = Neighbours {
        office: Arc::clone(&office),
        logger: logger.clone(),
        checkers: checkers.clone(),
        http: Arc::clone(&http.desk),
        evictions,
        lookups: Lookups::new(Arc::clone(&office)),
    };
    for worker in office.workers() {
        office.order(worker, Order::Bridges(Arc::clone(&bridges)));
    }
    let mut shards = make_shards(&shared, &shard_settings)?;
    let around = Surroundings {
        office: Arc::clone(&office),
        shared: Arc::clone(&shared),
        clock,
        logger: logger.clone(),
        end: Box::new(move || _ = own_signals.send(SIGTERM)),
    };
    let persistence = found.map(|found| found.begin(&mut shards, &global.persistence, around)).transpose()?;
    publish_sys_topics(&mut shards, clock, &mut sys_updates, settings);
    let mut workers = Vec::new();
    for (at, (shard, (poll, doors))) in (0u16..).zip(shards.into_iter().zip(polls.into_iter().zip(doors.of_workers))) {
        let lobby = Lobby::new(lobby_max(settings));
        let worker = Worker::new(ShardId(at), shard, poll, doors, clock, lobby, neighbours.clone())
            .map_err(|e| refused("listen sockets", &e))?;
        workers.push(worker.keep(persistence.as_ref().map(|persistence| persistence.keeper(ShardId(at)))));
    }
    let threads = worker::spawn(workers, global.workers_together).map_err(|e| refused("threads", &e))?;
    let http = http.run(counters, checkers, logger.clone()).map_err(|e| refused("threads", &e))?;
    logger.log(LogLevel::Information, format!("mosquitto version {VERSION} running"));
    launch.running();
    let operator = Operator {
        settings: settings.clone(),
        logger: logger.clone(),
        office: Arc::clone(&office),
        http: neighbours.http,
        listeners,
        auth_files,
        reload: None,
        sys_updates,
        tree_print: TreePrint::new(shared),
        watchdog: Watchdog::enabled(),
        persistence,
    };
    let persistence = operator.run(&signals);
    office.stop();
    http.stop();
    end(persistence, &office, threads)
}

/// The workers are stopping. What they have is saved before they go.
fn end(persistence: Option<Persistence>, office: &PostOffice, threads: Vec<JoinHandle<()>>) -> Result<(), Failure> {
    let saved = persistence.map_or(Ok(()), Persistence::finish);
    office.dismiss();
    for thread in threads {
        // A worker that panicked has ended the process.
        let _ = thread.join();
    }
    saved
}

/// The mailboxes of so many workers, and the event queues that they wake.
fn open_office(workers: usize) -> Result<(Vec<Poll>, Arc<PostOffice>), String> {
    let polls = (0..workers).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>();
    let polls = polls.map_err(|e| refused("event queues", &e))?;
    let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), WAKER)).collect::<io::Result<Vec<_>>>();
    Ok((polls, Arc::new(PostOffice::new(wakers.map_err(|e| refused("wake-ups", &e))?))))
}

fn make_shards(shared: &Arc<Shared>, settings: &Arc<BrokerSettings>) -> Result<Vec<Shard>, String> {
    let shard = |at| Ok(Shard::new(ShardId(at), Arc::clone(shared), Arc::clone(settings), seed()?));
    (0..shared.shards()).map(shard).collect()
}

fn read_auth_files(settings: &Settings, logger: &Logger) -> Result<AuthFiles, Failure> {
    let mut lines = Vec::new();
    let auth_files = AuthFiles::read(settings, &AuthFiles::default(), &mut lines);
    for line in lines {
        logger.log(line.level, line.text);
    }
    auth_files
}

fn open_key_log(settings: &Settings, logger: &Logger) -> Result<Option<Arc<KeyLogFile>>, String> {
    let key_log = tls::key_log(settings)?;
    if let Some(path) = &settings.tls_keylog {
        let text = format!("TLS key logging to '{}' enabled for all listeners.", path.display());
        logger.log(LogLevel::Notice, text);
        logger.log(LogLevel::Notice, "TLS key logging is for DEBUGGING only.");
    }
    Ok(key_log)
}

fn seed() -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| format!("Error: No random numbers from the system: {e}."))?;
    Ok(seed)
}

/// Before there is a worker that could let in a client.
fn publish_sys_topics(shards: &mut [Shard], clock: Clock, sys_updates: &mut SysUpdates, settings: &Settings) {
    let Some(shard) = shards.first_mut() else { return };
    shard.begin(clock.now());
    for publication in sys_updates.first(settings.config.global.sys_interval) {
        shard.publish_own(&publication);
    }
    shard.end();
}

fn refused(what: &str, error: &io::Error) -> String {
    format!("Error: The system does not give {what}: {}.", error_text(error))
}

/// A broker with a part of its sessions gone is worse than one that is started again.
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
