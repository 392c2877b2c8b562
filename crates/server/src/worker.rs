//! One worker: the event loop of one shard.
//!
//! The loop does everything in batches, in the order that [`Shard`] asks for: wait; take the mail; accept, read and
//! handle what is ready; fire what is due; then send the mail, write each connection that has something new, close what
//! is at its end, and hand the log lines on.

mod accept;
mod admission;
mod bridges;
mod clock;
mod closing;
mod heap;
mod introduction;
mod load;
mod long_packets;
mod orders;
mod pace;
mod reading;
mod socket;
mod threads;
mod writing;

pub(crate) use clock::Clock;
pub(crate) use threads::spawn;

use crate::bridges::Lookups;
use crate::endpoint::Door;
use crate::evictions::{EvictionLines, Evictions};
use crate::http::Desk;
use crate::lobby::Lobby;
use crate::log::Logger;
use crate::mailbox::{Arrival, Delivery, PostOffice};
use crate::password_checks::Checkers;
use crate::persistence::{HandedOver, Keeper};
use accept::Entrance;
use bridges::Bridges;
use closing::Closing;
use long_packets::LongPackets;
use mio::{Events, Poll, Token};
use mosquitto_broker::{
    ConnectionId, LogLine, Moment, PasswordAnswer, PasswordCheck, Publication, Shard, ShardId, Stored,
};
use pace::{Pace, make_way};
use reading::READ_BUFFER_BYTES;
use socket::Sockets;
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// The token of the wake-up from other workers.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// Tokens of listening sockets count down from here; those of connections count up from 0.
const FIRST_DOOR: usize = usize::MAX - 1;

/// Rounds that workers stopping together take to bring their last mail home: one in which mailboxes that are full are
/// emptied, one in which what did not fit is posted, and one in which it is taken.
const LAST_ROUNDS: usize = 3;

/// Long past: now is not too late.
const AT_ONCE: Moment = Moment(0);

/// Events taken at once.
const EVENTS_MAX: usize = 1024;

/// The event loop of one shard.
pub(crate) struct Worker {
    id: ShardId,
    shard: Shard,
    poll: Poll,
    office: Arc<PostOffice>,
    clock: Clock,
    logger: Logger,
    checkers: Checkers,
    http: Arc<Desk>,
    entrance: Entrance,
    sockets: Sockets,
    /// Connections that have not said who they are.
    lobby: Lobby,
    eviction_lines: EvictionLines,
    /// File descriptors that another worker has asked for.
    descriptors_owed: usize,
    closing: Closing,
    bridges: Bridges,
    pace: Pace,
    long_packets: LongPackets,
    /// None: nothing is kept.
    keeper: Option<Keeper>,
    /// Whether nothing is read, until what was read before is written down.
    is_behind: bool,
    /// What was handed over of the shard in this tick, and who waits for it.
    handed_over: Vec<(SyncSender<HandedOver>, HandedOver)>,
    /// Who waits until the changes of this tick are handed in.
    handing_in: Vec<SyncSender<()>>,
    /// What is read lands here, a connection after the other.
    buffer: Box<[u8]>,
    /// Connections that have only come, with bytes to read or to handle.
    fresh: VecDeque<ConnectionId>,
    /// Connections with bytes to read or to handle in this tick, but for those and the ones in the lobby.
    ready: Vec<ConnectionId>,
    /// Connections whose bytes wait until another shard takes mail.
    held: Vec<ConnectionId>,
    /// Connections with bytes to write, besides those that the shard names.
    writable: Vec<ConnectionId>,
    /// Connections that failed while they were written, for the next tick.
    broken: Vec<(ConnectionId, Option<String>)>,
    /// Connections that other workers accepted, for the next tick.
    newcomers: Vec<Arrival>,
    /// Connections for other workers whose mailboxes are full.
    departures: Vec<(ShardId, Arrival)>,
    /// When the use of the heap was looked at last.
    heap_looked_at: Option<Moment>,
    /// What the broker itself has to publish, and could not yet.
    publications: VecDeque<Publication>,
    delivery: Delivery,
    /// What was stored and freed in ticks that are over, on whatever thread.
    stored: Stored,
    /// Passwords that nobody has time to look at, for the next tick.
    refused_checks: Vec<PasswordAnswer>,
    /// Memory that is used again from tick to tick.
    touched: Vec<ConnectionId>,
    receivers: Vec<ShardId>,
    checks: Vec<PasswordCheck>,
    lines: Vec<LogLine>,
}

/// Whom a worker hands something to.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    pub(crate) office: Arc<PostOffice>,
    pub(crate) logger: Logger,
    pub(crate) checkers: Checkers,
    pub(crate) http: Arc<Desk>,
    pub(crate) evictions: Evictions,
    pub(crate) lookups: Lookups,
}

impl Worker {
    pub(crate) fn new(
        id: ShardId,
        shard: Shard,
        poll: Poll,
        doors: Vec<Door>,
        clock: Clock,
        lobby: Lobby,
        neighbours: Neighbours,
    ) -> io::Result<Self> {
        let Neighbours { office, logger, checkers, http, evictions, lookups } = neighbours;
        Ok(Self {
            id,
            shard,
            entrance: Entrance::open(doors, poll.registry())?,
            poll,
            office,
            clock,
            logger,
            checkers,
            http,
            sockets: Sockets::default(),
            lobby,
            eviction_lines: EvictionLines::new(evictions),
            descriptors_owed: 0,
            closing: Closing::default(),
            bridges: Bridges::new(lookups),
            pace: Pace::default(),
            long_packets: LongPackets::default(),
            keeper: None,
            is_behind: false,
            handed_over: Vec::new(),
            handing_in: Vec::new(),
            buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            fresh: VecDeque::new(),
            ready: Vec::new(),
            held: Vec::new(),
            writable: Vec::new(),
            broken: Vec::new(),
            newcomers: Vec::new(),
            departures: Vec::new(),
            heap_looked_at: None,
            publications: VecDeque::new(),
            delivery: Delivery::default(),
            stored: Stored::default(),
            refused_checks: Vec::new(),
            touched: Vec::new(),
            receivers: Vec::new(),
            checks: Vec::new(),
            lines: Vec::new(),
        })
    }

    /// What it changes is kept by way of this keeper, if there is one.
    pub(crate) fn keep(mut self, keeper: Option<Keeper>) -> Self {
        self.keeper = keeper;
        self
    }

    /// Until something happens, unless there is something to do.
    fn wait(&mut self, events: &mut Events) {
        if self.pace.is_busy() {
            make_way();
        }
        let at = if self.office.fall_asleep(self.id) { self.next_turn() } else { Some(AT_ONCE) };
        let timeout = at.map(|at| Duration::from_millis(at.since_ms(self.clock.now())));
        // Only EINTR can come of it, and the tick does what there is to do anyway.
        if self.poll.poll(events, timeout).is_err() {
            events.clear();
        }
        self.office.awake(self.id);
    }

    /// When there is something to do again, whatever happens.
    fn next_turn(&self) -> Option<Moment> {
        let work = !self.writable.is_empty() || !self.broken.is_empty() || !self.refused_checks.is_empty();
        // Who is behind is called when that is over.
        let reads = !self.is_behind && (!self.ready.is_empty() || self.has_admissions() || self.bridges.has_work());
        if work || reads || !self.newcomers.is_empty() {
            return Some(AT_ONCE);
        }
        let entrance = self.entrance.next_deadline().filter(|_| !self.is_behind && self.may_accept());
        let lines = self.eviction_lines.next_deadline();
        let bridges = self.bridges.next_deadline().filter(|_| !self.is_behind);
        let deadlines = [self.shard.next_deadline(), self.closing.next_deadline(), entrance, lines, bridges];
        let waits = !self.departures.is_empty() || !self.publications.is_empty();
        let retry = waits.then(|| self.clock.now() + 1);
        deadlines.into_iter().flatten().chain(retry).min()
    }

    /// Does what there is to do. The events are what has happened since the last tick; none: nobody has looked.
    fn tick(&mut self, events: Option<&Events>) {
        let started = Instant::now();
        let now = self.clock.now();
        self.shard.begin(now);
        self.look_at_heap(now);
        self.look_at_what_is_kept();
        let newcomers = if events.is_some() { std::mem::take(&mut self.newcomers) } else { Vec::new() };
        self.collect_mail();
        for answer in std::mem::take(&mut self.refused_checks) {
            self.password_checked(answer);
        }
        self.end_broken();
        if let Some(events) = events {
            self.note_events(events);
        }
        // They came before this tick's events were looked for. So what a client sent on its last connection, which may be
        // one of ours, stands before what it sent on its new one.
        for newcomer in newcomers {
            self.welcome(newcomer);
        }
        self.pace.serve(now, self.ready.len());
        if !self.is_behind {
            self.read_ready();
            self.serve_bridges();
        }
        self.give_descriptors_up();
        self.log_evictions();
        self.shard.end();
        self.drain();
        if !self.is_behind {
            self.admit(started.elapsed());
        }
        self.stored += Stored::take();
    }

    fn note_events(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                WAKER => {}
                Token(token) if token > FIRST_DOOR - self.entrance.len() => self.entrance.knock(FIRST_DOOR - token),
                token if threads::is_guest(token) => {}
                token if self.note_bridge_event(token, event) => {}
                Token(token) => self.note_event(ConnectionId(token as u32), event),
            }
        }
    }

    /// Lets out what waited for changes to be safe.
    fn look_at_what_is_kept(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.tell(&mut self.shard);
            self.is_behind = keeper.is_behind();
        }
    }

    /// Ends the connections that failed while they were written.
    fn end_broken(&mut self) {
        for (id, error) in std::mem::take(&mut self.broken) {
            self.shard.closed(id, error.as_deref());
        }
    }

    /// Notes what an event says about a connection.
    fn note_event(&mut self, id: ConnectionId, event: &mio::event::Event) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            socket.readable = true;
            socket.at_end |= event.is_read_closed() || event.is_error();
            if !socket.held {
                self.line_up(id);
            }
        }
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if event.is_writable() && (socket.blocked || socket.stream.has_unsent()) {
            socket.blocked = false;
            self.writable.push(id);
        }
    }

    fn collect_mail(&mut self) {
        self.office.collect(self.id, &mut self.delivery);
        for (_, mail) in self.delivery.batches.drain(..) {
            self.shard.mail(&mail);
            self.delivery.read.push(mail);
        }
        self.newcomers.append(&mut self.delivery.arrivals);
        self.carry_out_orders();
    }

    /// Takes in a connection that another worker accepted.
    fn welcome(&mut self, arrival: Arrival) {
        let id = self.shard.open_handed_over(&arrival.peer.to_string(), arrival.listener);
        if let Some(name) = &arrival.common_name {
            let common_name = Some(name.clone());
            self.shard.secured(id, mosquitto_broker::Secured { common_name, ..mosquitto_broker::Secured::default() });
        }
        self.take_in(id, arrival, None);
        self.watch(id);
        self.tell_secured(id);
    }

    /// Brings out what the tick came to: mail first, so that an acknowledgement overtakes its message only where a
    /// mailbox is full; but before it what is to be kept, so that no effect is written down before its cause.
    fn drain(&mut self) {
        self.hand_changes_in();
        self.post_mail();
        self.depart();
        self.write_all();
        self.finish_bridges();
        self.close_ended();
        self.give_checks_away();
        self.shard.log_lines(&mut self.lines);
        self.logger.write(&mut self.lines);
    }

    /// What was handed over of the shard goes out only now: it has what these changes have done.
    fn hand_changes_in(&mut self) {
        let Some(keeper) = &mut self.keeper else { return };
        keeper.hand_in(&mut self.shard);
        for (answer, handed_over) in self.handed_over.drain(..) {
            let _ = answer.try_send(handed_over);
        }
        for answer in self.handing_in.drain(..) {
            let _ = answer.try_send(());
        }
    }

    fn post_mail(&mut self) {
        self.receivers.clear();
        self.receivers.extend(self.shard.mail_waiting());
        let mut posted = false;
        for &to in &self.receivers {
            posted |= self.office.post(&mut self.shard, self.id, to);
        }
        if posted && !self.held.is_empty() {
            for id in std::mem::take(&mut self.held) {
                if let Some(socket) = self.sockets.get_mut(id) {
                    socket.listed = false;
                    self.resume_reading(id);
                }
            }
        }
    }

    /// Hands over connections that belong to others, as many as those take.
    fn depart(&mut self) {
        for (to, arrival) in std::mem::take(&mut self.departures) {
            if let Err(arrival) = self.office.hand_over(to, arrival) {
                self.departures.push((to, arrival));
            }
        }
    }

    /// What is left to do when the post office says stop.
    fn end(mut self: Box<Self>, events: &mut Events, barrier: &Barrier) {
        self.await_acknowledgements(events);
        self.stop(barrier);
    }

    /// The end of the broker: wills go out, also to sessions of other shards, and what can be written is written.
    fn stop(mut self, barrier: &Barrier) {
        self.shard.begin(self.clock.now());
        self.collect_mail();
        self.end_bridges();
        self.shard.shut_down();
        self.shard.end();
        self.drain();
        for _ in 0..LAST_ROUNDS {
            barrier.wait();
            self.shard.begin(self.clock.now());
            self.collect_mail();
            self.shard.end();
            self.drain();
        }
        if self.keeper.is_some() {
            self.wait_to_be_dismissed();
        }
    }

    /// What the shard has is still asked for, so that it can be saved, and what clients were to be told goes out once it is kept.
    /// The shard's time stands still.
    fn wait_to_be_dismissed(&mut self) {
        let (now, mut events) = (self.clock.now(), Events::with_capacity(EVENTS_MAX));
        while !self.office.is_dismissed() {
            let timeout = if self.office.fall_asleep_at_the_end(self.id) { None } else { Some(Duration::ZERO) };
            let _ = self.poll.poll(&mut events, timeout);
            self.office.awake(self.id);
            self.shard.begin(now);
            self.look_at_what_is_kept();
            self.collect_mail();
            self.shard.end();
            self.drain();
        }
    }
}
