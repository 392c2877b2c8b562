//! The broker as a whole: workers are started, run until a signal comes, and are stopped.

use crate::VERSION;
use crate::endpoint;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::seats::Seats;
use crate::worker::{Clock, WAKER, Worker};
use mio::{Poll, Waker};
use mosquitto_broker::{ListenerSettings, LogLevel, Settings as BrokerSettings, Shard, ShardId, Shared, Versions};
use mosquitto_config::{Endpoint, ProtocolVersions, Settings};
use mosquitto_mqtt::QoS;
use mosquitto_transport::{BindOptions, error_text};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

/// As many workers as `worker_threads` may ask for.
const WORKERS_MAX: usize = 256;

/// Runs until SIGINT or SIGTERM. An error is the line that says why the broker could not start.
pub(crate) fn run(settings: &Settings, logger: &Logger) -> Result<(), String> {
    // Before anything can be seen from outside: a signal that comes early is not lost.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]).map_err(|e| refused("signals", &e))?;
    let endpoints = settings.endpoints();
    let workers = worker_count(settings);
    let options = BindOptions { nodelay: settings.config.global.set_tcp_nodelay };
    let all_seats = Seats::new(settings.config.global.global_max_connections.map(u32::from));
    let doors = endpoint::open_all(&endpoints, workers, options, &all_seats, logger)?;
    let polls = (0..workers).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>();
    let polls = polls.map_err(|e| refused("event queues", &e))?;
    let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), WAKER)).collect::<io::Result<Vec<_>>>();
    let office = Arc::new(PostOffice::new(wakers.map_err(|e| refused("wake-ups", &e))?));
    let shared = Shared::new(workers as u16);
    let shard_settings = Arc::new(broker_settings(settings, &endpoints, logger));
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
    wait(&mut signals, logger);
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

fn wait(signals: &mut Signals, logger: &Logger) {
    for signal in signals.forever() {
        let text = match signal {
            SIGHUP => "SIGHUP ignored: reloading the configuration is not supported yet; it stays as it is.",
            SIGUSR1 => "SIGUSR1 ignored: persistence is not supported yet; nothing was saved.",
            SIGUSR2 => "SIGUSR2 ignored: printing the subscription tree is not supported yet.",
            _ => return,
        };
        logger.log(LogLevel::Warning, text);
    }
}

fn worker_count(settings: &Settings) -> usize {
    match settings.config.global.worker_threads {
        Some(count) => usize::from(count.get()),
        None => std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX),
    }
}

fn broker_settings(settings: &Settings, endpoints: &[Endpoint], logger: &Logger) -> BrokerSettings {
    let global = &settings.config.global;
    let listener = |endpoint: &Endpoint| ListenerSettings {
        port: endpoint.port,
        allow_anonymous: endpoint.allow_anonymous,
        max_qos: QoS::from_bits(endpoint.max_qos).unwrap_or(QoS::ExactlyOnce),
        versions: versions(endpoint.protocol_versions),
        auto_id_prefix: endpoint.auto_id_prefix.as_str().into(),
        ..ListenerSettings::default()
    };
    BrokerSettings {
        global_max_clients: global.global_max_clients.map_or(0, u32::from),
        max_inflight_messages: global.max_inflight_messages,
        max_inflight_bytes: global.max_inflight_bytes,
        max_queued_bytes: global.max_queued_bytes,
        max_queued_messages: global.max_queued_messages,
        max_keepalive_s: global.max_keepalive,
        max_packet_size: global.max_packet_size,
        message_size_limit: global.message_size_limit,
        retain_available: global.retain_available,
        upgrade_outgoing_qos: global.upgrade_outgoing_qos,
        connection_messages: settings.config.log.connection_messages,
        listeners: endpoints.iter().map(listener).collect(),
        log: logger.mask(),
        ..BrokerSettings::default()
    }
}

fn versions(ProtocolVersions { v31, v311, v5 }: ProtocolVersions) -> Versions {
    Versions { v31, v311, v5 }
}
