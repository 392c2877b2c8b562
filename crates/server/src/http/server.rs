//! The event loop of the HTTP thread.

use super::access::{Claim, Login, Verdict, claim, may_read};
use super::answer::Answer;
use super::api::{self, Counters};
use super::connections::{Connections, Key};
use super::desk::{Desk, Order, Visitor};
use super::doors::{Doors, Guest};
use super::files;
use super::request::{Method, Request};
use super::sites::{Kind, Site, Sites};
use super::visit::{Place, Question, Step, Visit};
use crate::log::Logger;
use crate::password_checks::Checkers;
use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use mosquitto_auth::password::User;
use mosquitto_broker::LogLevel;
use mosquitto_transport::error_text;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The token of the wake-up from other threads.
const WAKER: Token = Token(usize::MAX);

/// Tokens of listening sockets count down from here; those of connections count up from 0.
const FIRST_DOOR: usize = usize::MAX - 1;

/// Events taken at once.
const EVENTS_MAX: usize = 256;

/// Connections accepted in a turn.
const ACCEPTED_MAX: usize = 64;

/// Passwords that are looked at at once: the threads that do it are there for clients of MQTT as well.
const LOGINS_MAX: usize = 4;

/// Bytes of the buffer that is read into, from sockets and from files.
const BUFFER_BYTES: usize = 32 * 1024;

/// The thread, for who stops it.
#[derive(Debug)]
pub(crate) struct HttpThread {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
}

struct Server {
    poll: Poll,
    desk: Arc<Desk>,
    sites: Arc<Sites>,
    counters: Counters,
    checkers: Checkers,
    logger: Logger,
    doors: Doors,
    connections: Connections,
    /// Connections that can go on at once.
    ready: Vec<Key>,
    /// Connections whose password nobody looks at yet.
    waiting: VecDeque<Key>,
    /// Passwords being looked at.
    logins: usize,
    buffer: Box<[u8]>,
    /// Whether there may be somebody at a door of whom no event tells any more.
    more_may_wait: bool,
}

/// Where the thread, which has yet to be started, takes what it is to do.
pub(crate) struct Start {
    poll: Poll,
    /// For those who hand something to it.
    pub(crate) desk: Arc<Desk>,
}

/// Makes what the thread needs of the system.
pub(crate) fn start() -> io::Result<Start> {
    let poll = Poll::new()?;
    let desk = Arc::new(Desk::new(Waker::new(poll.registry(), WAKER)?));
    Ok(Start { poll, desk })
}

impl Start {
    /// Starts the thread.
    pub(crate) fn run(self, counters: Counters, checkers: Checkers, logger: Logger) -> io::Result<HttpThread> {
        let Self { poll, desk } = self;
        let server = Server {
            poll,
            desk: Arc::clone(&desk),
            sites: Arc::default(),
            counters,
            checkers,
            logger,
            doors: Doors::default(),
            connections: Connections::default(),
            ready: Vec::new(),
            waiting: VecDeque::new(),
            logins: 0,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            more_may_wait: false,
        };
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || server.run())?;
        Ok(HttpThread { desk, thread })
    }
}

impl HttpThread {
    /// Stops it; connections under way are closed.
    pub(crate) fn stop(self) {
        self.desk.stop();
        // One that has panicked has said so, and has stopped.
        let _ = self.thread.join();
    }
}

impl Server {
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.desk.is_stopping() {
            // Only EINTR can come of it, and the turn does what there is to do anyway.
            if self.poll.poll(&mut events, self.timeout()).is_err() {
                events.clear();
            }
            self.turn(&events);
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || self.more_may_wait {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.connections.next_deadline(), self.doors.next_deadline()];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn turn(&mut self, events: &Events) {
        let now = Instant::now();
        let mut ready = std::mem::take(&mut self.ready);
        for event in events {
            ready.extend(self.note(event).filter(|key| !ready.contains(key)));
        }
        for key in ready {
            self.serve(key, now);
        }
        self.clear_desk(now);
        self.accept(now);
        self.have_passwords_looked_at(now);
        self.connections.expire(now);
    }

    /// The connection that an event is about.
    fn note(&mut self, event: &Event) -> Option<Key> {
        match event.token() {
            WAKER => None,
            Token(token) if token > FIRST_DOOR - self.doors.len() => {
                self.doors.knock(FIRST_DOOR - token);
                None
            }
            Token(token) => self.connections.at(token),
        }
    }

    fn clear_desk(&mut self, now: Instant) {
        let tray = self.desk.clear();
        for order in tray.orders {
            match order {
                Order::Configure(sites, pending) => {
                    self.doors.change(&sites);
                    self.sites = sites;
                    drop(pending);
                }
                Order::Open(doors) => {
                    if let Err(error) = self.doors.add(doors, FIRST_DOOR, self.poll.registry()) {
                        let text =
                            format!("Error: Unable to accept connections of a listener: {}.", error_text(&error));
                        self.logger.log(LogLevel::Error, text);
                    }
                }
            }
        }
        for (key, verdict) in tray.verdicts {
            self.logins = self.logins.saturating_sub(1);
            self.judge(key, verdict, now);
        }
        for Visitor { stream, listener, seat, head } in tray.visitors {
            let visit = Visit::begun(stream, listener, Place::Counted { _seat: seat }, head, now);
            self.let_in(visit, now);
        }
    }

    fn accept(&mut self, now: Instant) {
        self.more_may_wait = false;
        for _ in 0..ACCEPTED_MAX {
            let (mut stream, listener, seats, tls) = match self.doors.accept(now) {
                Ok(Some(Guest { stream, door })) => (stream, door.listener, door.seats.clone(), door.tls.clone()),
                Ok(None) => return,
                Err(error) => {
                    let text = format!("Unable to accept new connection: {}.", error_text(&error));
                    return self.logger.log(LogLevel::Warning, text);
                }
            };
            if tls.is_some_and(|tls| stream.secure(&tls).is_err()) {
                continue;
            }
            // Nothing is written that could wait for more.
            let _ = stream.set_nodelay(true);
            let visit = Visit::begun(stream, listener, Place::Uncounted { _seats: seats }, Vec::new(), now);
            self.let_in(visit, now);
        }
        // Others may still wait, and no event tells of them.
        self.more_may_wait = true;
    }

    /// Begins to serve a connection, if there is room.
    fn let_in(&mut self, mut visit: Visit, now: Instant) {
        let Some(key) = self.connections.next_key() else { return };
        if visit.stream().register(self.poll.registry(), Token(key.place())).is_ok() {
            self.connections.insert(key, visit);
            self.serve(key, now);
        }
    }

    /// Gives a connection its turn.
    fn serve(&mut self, key: Key, now: Instant) {
        let Some(visit) = self.connections.get_mut(key) else { return };
        match visit.go_on(&mut self.buffer, now) {
            Step::Wait => {}
            Step::Again => self.ready.push(key),
            Step::Request(request) => self.decide(key, request, now),
            Step::End => self.connections.remove(key),
        }
    }

    /// A request has come. What is decided about it depends on the settings as they are now.
    fn decide(&mut self, key: Key, request: Request, now: Instant) {
        let sites = Arc::clone(&self.sites);
        let Some(visit) = self.connections.get_mut(key) else { return };
        let Some(site) = sites.of(visit.listener) else { return self.connections.remove(key) };
        if request.method != Method::Get {
            return self.answer(key, Answer::invalid_method(), request.method, now);
        }
        match &site.kind {
            Kind::Files => self.answer(key, file(site, &request), request.method, now),
            Kind::Api(door) => match claim(door, &request) {
                Claim::Proven => self.grant(key, site, &request, now),
                Claim::Refused => self.answer(key, Answer::not_authorised(), request.method, now),
                Claim::Unproven(file) => {
                    let name = request.credentials.as_ref().map(|credentials| credentials.username.as_str());
                    let user = name.and_then(|name| file.user(name)).cloned();
                    visit.check(Question { request, file, user }, now);
                    self.waiting.push_back(key);
                }
            },
        }
    }

    /// Answers somebody who is let in.
    fn grant(&mut self, key: Key, site: &Site, request: &Request, now: Instant) {
        let answer = match &site.kind {
            Kind::Api(door) if !may_read(door, request) => Answer::not_authorised(),
            Kind::Api(_) if api::is_of_api(&request.path) => {
                let text = api::endpoint(&request.path, &self.counters, &self.sites.listeners);
                text.map_or_else(Answer::not_found, Answer::of_api)
            }
            _ => file(site, request),
        };
        self.answer(key, answer, request.method, now);
    }

    fn answer(&mut self, key: Key, answer: Answer, method: Method, now: Instant) {
        if let Some(visit) = self.connections.get_mut(key) {
            visit.answer(answer, method, now);
            self.serve(key, now);
        }
    }

    /// Gives as many passwords away as may be looked at.
    fn have_passwords_looked_at(&mut self, now: Instant) {
        while self.logins < LOGINS_MAX
            && let Some(key) = self.waiting.pop_front()
        {
            let question = self.connections.get_mut(key).and_then(|visit| visit.question());
            let Some(Question { request, file, .. }) = question else { continue };
            let Some(credentials) = request.credentials.clone() else { continue };
            let login = Login { desk: Arc::clone(&self.desk), key, file: Arc::clone(file), credentials };
            if self.checkers.offer_login(login) {
                self.logins += 1;
            } else {
                self.judge(key, Verdict::Busy, now);
            }
        }
    }

    /// A password was looked at.
    fn judge(&mut self, key: Key, verdict: Verdict, now: Instant) {
        let Some(visit) = self.connections.get_mut(key) else { return };
        let listener = visit.listener;
        let Some(Question { request, user, .. }) = visit.take_question() else { return };
        match verdict {
            Verdict::Wrong => self.answer(key, Answer::not_authorised(), request.method, now),
            Verdict::Busy => self.answer(key, Answer::busy(), request.method, now),
            Verdict::Right => {
                let sites = Arc::clone(&self.sites);
                match sites.of(listener) {
                    Some(site) if says_the_same(site, &request, user.as_ref()) => self.grant(key, site, &request, now),
                    // By the file as it is now.
                    _ => self.decide(key, request, now),
                }
            }
        }
    }
}

/// Whether the password file says the same about a user as it did when the password was looked at.
fn says_the_same(site: &Site, request: &Request, then: Option<&User>) -> bool {
    let (Kind::Api(door), Some(credentials)) = (&site.kind, &request.credentials) else { return false };
    let now = door.users.as_ref().and_then(|users| users.user(&credentials.username));
    now.is_some() && now == then
}

fn file(site: &Site, request: &Request) -> Answer {
    let found = site.directory.as_deref().and_then(|directory| files::find(directory, &request.path));
    found.map_or_else(Answer::not_found, |(body, content_type)| Answer::file(body, content_type))
}
