//! Which thread does the turns of which worker.
//!
//! Every worker has a thread of its own, its home. As long as one core is enough for all of them, the first worker's thread,
//! the *host*, does the turns of the others as well: then a message from one worker's client to another's costs no wake-up of a
//! thread that sleeps, which takes longer than all that the broker does for it. When the host has too much to do, guests go
//! home; when there is little left, they come back ([`load`](super::load)).
//!
//! A worker is with one thread at a time and moves as a whole, so nothing of it is locked. The host waits for the events of
//! its guests by way of their event queues, which are registered with its own.

use super::load::{HomeTime, HostTime, who_goes};
use super::pace::make_way;
use super::{AT_ONCE, EVENTS_MAX, Worker};
use crate::broker::AbortOnPanic;
use crate::mailbox::PostOffice;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use mosquitto_broker::{Moment, ShardId};
use parking_lot::Mutex;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::Duration;

/// The token of a guest's event queue is this and its number: above those of connections, below those of bridges.
const FIRST_GUEST: usize = usize::MAX / 4;

/// The worker on whose thread the others are guests.
const HOST: ShardId = ShardId(0);

/// Starts the threads of all workers. `together`: whether workers may be guests.
pub(crate) fn spawn(workers: Vec<Worker>, together: bool) -> io::Result<Vec<JoinHandle<()>>> {
    let barrier = Arc::new(Barrier::new(workers.len()));
    let (ways_home, homes): (Vec<_>, Vec<_>) = workers.iter().map(|_| channel()).unzip();
    let inn = Arc::new(Inn {
        arrivals: Mutex::new(together.then(Vec::new)),
        has_arrivals: AtomicBool::new(false),
        ways_home,
        host_us: AtomicU64::new(0),
    });
    let spawn = |(worker, home): (Worker, Receiver<Box<Worker>>)| {
        let (inn, barrier) = (Arc::clone(&inn), Arc::clone(&barrier));
        std::thread::Builder::new().name(format!("worker {}", worker.id.index())).spawn(move || {
            let _guard = AbortOnPanic;
            if worker.id == HOST {
                Host::new(Box::new(worker), &inn).run(&barrier);
            } else {
                live(Box::new(worker), &home, &inn, &barrier);
            }
        })
    };
    workers.into_iter().zip(homes).map(spawn).collect()
}

/// Whether a token is that of a guest's event queue.
pub(super) fn is_guest(token: Token) -> bool {
    guest_of(token).is_some()
}

fn guest_of(Token(token): Token) -> Option<ShardId> {
    token.checked_sub(FIRST_GUEST).and_then(|number| u16::try_from(number).ok()).map(ShardId)
}

fn token_of(guest: ShardId) -> Token {
    Token(FIRST_GUEST + guest.index())
}

/// Where guests come and go.
struct Inn {
    /// Guests that the host has not seen yet. None: it takes nobody (any more).
    #[allow(clippy::vec_box, reason = "they are large, and go from one place to the next")]
    arrivals: Mutex<Option<Vec<Box<Worker>>>>,
    has_arrivals: AtomicBool,
    /// By the number of the worker.
    ways_home: Vec<Sender<Box<Worker>>>,
    /// For how many microseconds the host was busy, ever.
    host_us: AtomicU64,
}

impl Inn {
    /// Makes a worker a guest of the host, or gives it back.
    fn take_in(&self, worker: Box<Worker>) -> Result<(), Box<Worker>> {
        let (office, id) = (Arc::clone(&worker.office), worker.id);
        office.moves(id, HOST);
        if let Some(arrivals) = &mut *self.arrivals.lock() {
            arrivals.push(worker);
        } else {
            office.moves(id, id);
            return Err(worker);
        }
        self.has_arrivals.store(true, Ordering::SeqCst);
        office.call(HOST);
        Ok(())
    }

    fn send_home(&self, worker: Box<Worker>) {
        worker.office.moves(worker.id, worker.id);
        if let Some(way) = self.ways_home.get(worker.id.index()) {
            // A thread whose worker is away waits for it.
            let _ = way.send(worker);
        }
    }
}

/// The life of a thread that is not the host's.
fn live(mut worker: Box<Worker>, home: &Receiver<Box<Worker>>, inn: &Inn, barrier: &Barrier) {
    let mut events = Events::with_capacity(EVENTS_MAX);
    loop {
        match inn.take_in(worker) {
            Ok(()) => match home.recv() {
                Ok(back) => worker = back,
                // The host's thread has ended, which it does not before everybody has gone home.
                Err(_) => return,
            },
            Err(stays) => worker = stays,
        }
        if work_alone(&mut worker, &mut events, inn) == Alone::Stopping {
            return worker.end(&mut events, barrier);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// The worker may go to the host.
    MayGo,
    /// The broker is stopping.
    Stopping,
}

fn work_alone(worker: &mut Worker, events: &mut Events, inn: &Inn) -> Alone {
    let clock = worker.clock;
    let mut time = HomeTime::begin(clock.now_us(), inn.host_us.load(Ordering::Relaxed));
    while !worker.office.is_stopping() {
        worker.wait(events);
        let begun = clock.now_us();
        worker.tick(Some(events));
        if time.may_go(begun, clock.now_us(), inn.host_us.load(Ordering::Relaxed)) {
            return Alone::MayGo;
        }
    }
    Alone::Stopping
}

/// The first worker's thread.
struct Host<'a> {
    own: Served,
    guests: Vec<Served>,
    inn: &'a Inn,
    events: Events,
    /// Those of a guest.
    guest_events: Events,
    time: HostTime,
}

/// A worker whose turns the host does.
struct Served {
    worker: Box<Worker>,
    /// When it wants to be woken.
    at: Option<Moment>,
    /// Whether there may be something in its event queue.
    has_events: bool,
    /// For how long it was served in this stretch of the host's time, in microseconds.
    took_us: u64,
}

impl Served {
    fn new(worker: Box<Worker>) -> Self {
        Self { worker, at: Some(AT_ONCE), has_events: false, took_us: 0 }
    }

    /// Whether it has something to do, but for what its sockets have.
    fn is_due(&self, now: Moment) -> bool {
        self.at.is_some_and(|at| at <= now) || self.has_mail()
    }

    fn has_mail(&self) -> bool {
        self.worker.office.has_mail(self.worker.id)
    }

    /// Does its turn, which began when the last one ended.
    fn tick(&mut self, events: Option<&Events>, at_us: &mut u64) {
        self.worker.tick(events);
        self.at = self.worker.next_turn();
        let ended_us = self.worker.clock.now_us();
        self.took_us += ended_us.saturating_sub(*at_us);
        *at_us = ended_us;
    }
}

impl<'a> Host<'a> {
    fn new(own: Box<Worker>, inn: &'a Inn) -> Self {
        let time = HostTime::begin(own.clock.now_us());
        let (events, guest_events) = (Events::with_capacity(EVENTS_MAX), Events::with_capacity(EVENTS_MAX));
        Self { own: Served::new(own), guests: Vec::new(), inn, events, guest_events, time }
    }

    /// Runs until the post office says stop.
    fn run(mut self, barrier: &Barrier) {
        let office = Arc::clone(&self.own.worker.office);
        while !office.is_stopping() {
            self.wait(&office);
            self.look_at_door();
            self.do_turns();
            self.see_off();
        }
        let arrivals = self.inn.arrivals.lock().take();
        arrivals.into_iter().flatten().for_each(|worker| self.inn.send_home(worker));
        while !self.guests.is_empty() {
            self.send_home(0);
        }
        self.own.worker.end(&mut self.events, barrier);
    }

    /// Sleeps until there is something to do for anybody.
    fn wait(&mut self, office: &PostOffice) {
        let clock = self.own.worker.clock;
        if self.everybody().any(|served| served.worker.pace.is_busy()) {
            make_way();
        }
        // Whoever comes, or has mail, from here on wakes it.
        let may_sleep = office.fall_asleep(HOST)
            && !self.inn.has_arrivals.load(Ordering::SeqCst)
            && !self.guests.iter().any(|guest| guest.has_events || guest.has_mail());
        let first = if may_sleep { self.everybody().filter_map(|served| served.at).min() } else { Some(AT_ONCE) };
        let begun_us = clock.now_us();
        let timeout = first.map(|at| Duration::from_millis(at.since_ms(clock.now())));
        // As in the wait of a worker that is alone.
        if self.own.worker.poll.poll(&mut self.events, timeout).is_err() {
            self.events.clear();
        }
        self.time.slept(clock.now_us().saturating_sub(begun_us));
        office.awake(HOST);
    }

    fn everybody(&self) -> impl Iterator<Item = &Served> {
        std::iter::once(&self.own).chain(&self.guests)
    }

    /// Takes in the guests that have come.
    fn look_at_door(&mut self) {
        if !self.inn.has_arrivals.swap(false, Ordering::SeqCst) {
            return;
        }
        let arrivals = self.inn.arrivals.lock().as_mut().map(std::mem::take);
        for worker in arrivals.into_iter().flatten() {
            let (queue, token) = (worker.poll.as_raw_fd(), token_of(worker.id));
            match self.own.worker.poll.registry().register(&mut SourceFd(&queue), token, Interest::READABLE) {
                Ok(()) => self.guests.push(Served { has_events: true, ..Served::new(worker) }),
                // The system lacks something. It comes again.
                Err(_) => self.inn.send_home(worker),
            }
        }
    }

    /// Does the turn of everybody who has something to do, and then of those who have mail from that: so a message goes its
    /// whole way at once.
    fn do_turns(&mut self) {
        self.note_events();
        let (now, mut at_us) = (self.own.worker.clock.now(), self.own.worker.clock.now_us());
        if std::mem::take(&mut self.own.has_events) || self.own.is_due(now) {
            self.own.tick(Some(&self.events), &mut at_us);
        }
        for guest in &mut self.guests {
            if std::mem::take(&mut guest.has_events) {
                // As in the wait of a worker that is alone.
                if guest.worker.poll.poll(&mut self.guest_events, Some(Duration::ZERO)).is_err() {
                    self.guest_events.clear();
                }
                guest.has_events = is_full(&self.guest_events);
            } else if guest.is_due(now) {
                self.guest_events.clear();
            } else {
                continue;
            }
            guest.tick(Some(&self.guest_events), &mut at_us);
        }
        for served in std::iter::once(&mut self.own).chain(&mut self.guests) {
            if served.has_mail() {
                served.tick(None, &mut at_us);
            }
        }
    }

    /// Notes who has events.
    fn note_events(&mut self) {
        // Where not all fit, there may be more of anybody.
        let is_full = is_full(&self.events);
        self.own.has_events |= is_full;
        self.guests.iter_mut().for_each(|guest| guest.has_events |= is_full);
        for event in &self.events {
            let guest = guest_of(event.token());
            let served = match guest {
                None => Some(&mut self.own),
                Some(id) => self.guests.iter_mut().find(|guest| guest.worker.id == id),
            };
            if let Some(served) = served {
                served.has_events = true;
            }
        }
    }

    /// Sends guests home if there are too many.
    fn see_off(&mut self) {
        let Some(stretch) = self.time.end_stretch(self.own.worker.clock.now_us()) else { return };
        self.inn.host_us.store(self.time.busy_us(), Ordering::Relaxed);
        let guests_us: Vec<u64> = self.guests.iter_mut().map(|guest| std::mem::take(&mut guest.took_us)).collect();
        let mut going = who_goes(stretch, &guests_us);
        // From the last on, so that the numbers of the others stay.
        going.sort_unstable_by(|a, b| b.cmp(a));
        for at in going {
            self.send_home(at);
        }
    }

    fn send_home(&mut self, at: usize) {
        let worker = self.guests.swap_remove(at).worker;
        // It cannot fail for what is registered.
        let _ = self.own.worker.poll.registry().deregister(&mut SourceFd(&worker.poll.as_raw_fd()));
        self.inn.send_home(worker);
    }
}

/// Whether there may be more events than these.
fn is_full(events: &Events) -> bool {
    events.iter().count() >= EVENTS_MAX
}
