//! What every scenario works with: the options, the connections, the broker's process, and what is told meanwhile.

use crate::arrivals::Deaf;
use crate::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::net::{Hears, Net};
use crate::options::Settings;
use crate::process::{Process, Usage};
use crate::progress::Progress;
use mio::Events;
use mosquitto_mqtt::{Packet, ProtocolVersion};
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// How long a broker's memory has not to shrink until it counts as what is left, and how long that is waited for.
const SETTLED: Nanos = 1500 * MILLISECOND;
const SETTLES: Nanos = 6 * SECOND;

/// Why a run came to nothing, in a sentence.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) net: Net,
    /// A number at random, so that a run does not take another one's messages for its own.
    pub(crate) run: u32,
    pub(crate) progress: Progress,
    events: Events,
    broker: SocketAddr,
    broker_of_subscribers: SocketAddr,
    processes: Vec<Process>,
    /// When all clients last said that they are there.
    alive: Nanos,
}

impl Bench {
    pub(crate) fn new(settings: Settings) -> Result<Self, Failure> {
        let broker = address(settings.broker())?;
        let broker_of_subscribers = address(settings.broker_of_subscribers())?;
        let processes = settings.pids.iter().map(|pid| Process::new(*pid));
        let processes = processes.collect::<Result<_, _>>().map_err(Failure)?;
        let net = Net::new(settings.version()).map_err(|error| Failure(format!("No sockets: {error}.")))?;
        let run = getrandom::u32().map_err(|error| Failure(format!("No random number: {error}.")))?;
        let progress = Progress::new(!settings.quiet);
        let (events, alive) = (Net::events(), clock::now());
        Ok(Self { settings, net, run, progress, events, broker, broker_of_subscribers, processes, alive })
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        self.net.version()
    }

    /// What all topics of this run begin with.
    pub(crate) fn topic(&self) -> String {
        format!("bench/{:08x}", self.run)
    }

    /// A client id, in the 23 characters that every broker has to take.
    pub(crate) fn client_id(&self, kind: char, number: usize) -> String {
        format!("bench{:08x}{kind}{number}", self.run)
    }

    /// The broker's process, if one is looked at; of several, the first.
    pub(crate) fn process(&self) -> Option<Process> {
        self.processes.first().copied()
    }

    /// What the processes of brokers have used up to now, if any are looked at.
    pub(crate) fn usage(&self) -> Result<Option<Usage>, Failure> {
        let ended = || Failure("The broker's process has ended.".to_owned());
        let usages = self.processes.iter().map(|process| process.usage().ok_or_else(ended));
        Ok(usages.collect::<Result<Vec<_>, _>>()?.into_iter().reduce(Usage::and))
    }

    /// The same, now that the load is gone: once its memory does not shrink any more.
    pub(crate) fn usage_afterwards(&mut self) -> Result<Option<Usage>, Failure> {
        let Some(mut least) = self.usage()? else { return Ok(None) };
        let (start, mut shrunk) = (clock::now(), clock::now());
        while clock::now() < (shrunk + SETTLED).min(start + SETTLES) {
            self.turn(&mut Deaf, Self::soon())?;
            let Some(now) = self.usage()? else { return Ok(None) };
            // What is less than a hundredth is no news.
            if now.resident_kib < least.resident_kib - least.resident_kib / 100 {
                (least, shrunk) = (now, clock::now());
            }
        }
        self.usage()
    }

    /// One turn of the connections, which ends at `until` at the latest.
    pub(crate) fn turn(&mut self, hears: &mut impl Hears, until: Nanos) -> Result<(), Failure> {
        let turn = self.net.turn(hears, &mut self.events, until);
        turn.map_err(|error| Failure(format!("The system cannot wait for sockets: {error}.")))
    }

    /// Has all clients say that they are there, as often as they have to.
    pub(crate) fn keep_alive(&mut self) {
        let half = Nanos::from(self.settings.keep_alive_s) * SECOND / 2;
        let now = clock::now();
        if half > 0 && now > self.alive + half {
            self.alive = now;
            for link in self.net.open_numbers() {
                self.net.send(link, &Packet::PingReq);
            }
        }
    }

    /// Begins a connection.
    pub(crate) fn open(&mut self, receive_buffer: Option<usize>) -> Result<usize, Failure> {
        self.net.open(self.broker, receive_buffer).map_err(|error| self.not_open(self.settings.broker(), &error))
    }

    /// Begins the connection of a subscriber, which may be at another broker.
    pub(crate) fn open_subscriber(&mut self, receive_buffer: Option<usize>) -> Result<usize, Failure> {
        let opened = self.net.open(self.broker_of_subscribers, receive_buffer);
        opened.map_err(|error| self.not_open(self.settings.broker_of_subscribers(), &error))
    }

    fn not_open(&self, (host, port): (&str, u16), error: &io::Error) -> Failure {
        let open = self.net.open_links();
        Failure(format!("No connection to {host}, port {port}, with {open} others open: {error}."))
    }

    /// The next time at which something is to be told or looked at.
    pub(crate) fn soon() -> Nanos {
        clock::now() + 100 * MILLISECOND
    }
}

fn address((host, port): (&str, u16)) -> Result<SocketAddr, Failure> {
    let found = (host, port).to_socket_addrs();
    let mut found = found.map_err(|error| Failure(format!("The address of \"{host}\" cannot be found: {error}.")))?;
    found.next().ok_or_else(|| Failure(format!("\"{host}\" has no address.")))
}
