//! One connection: a request comes, an answer goes, and that is its end.

use super::answer::Answer;
use super::files::Body;
use super::request::{Fault, Method, Request};
use crate::seats::{Seat, Seats};
use mosquitto_auth::password::{PasswordFile, User};
use mosquitto_transport::{Read, Stream, Written};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request may take to come, from the beginning of the connection.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// How long a password may take to be looked at.
const LOGIN_TIME: Duration = Duration::from_mins(1);

/// How long somebody may take nothing of an answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// How long somebody who has got an answer may take to hang up: otherwise the system would throw away what has not been read
/// yet, if more than the head of a request was sent.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// Reads, or writes, in one turn before others get theirs.
const STEPS_MAX: usize = 8;

/// A connection.
#[derive(Debug)]
pub(super) struct Visit {
    stream: Stream,
    /// The number of its listener.
    pub(super) listener: u16,
    /// For as long as this is there, no other listener has that number.
    _place: Place,
    state: State,
    /// When it is closed.
    pub(super) deadline: Instant,
}

/// Its place among those that came through its listener.
#[derive(Debug)]
pub(super) enum Place {
    /// One that counts.
    Counted { _seat: Seat },
    /// One that does not.
    Uncounted { _seats: Seats },
}

#[derive(Debug)]
enum State {
    /// A request comes; so much of it has.
    Reading(Vec<u8>),
    /// A password is being looked at.
    Checking(Box<Question>),
    /// An answer goes: bytes, of which so many are sent, then a file.
    Answering { first: Vec<u8>, sent: usize, body: Option<Body> },
    /// All is sent.
    Lingering,
}

/// Whether the password of a request is right.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) file: Arc<PasswordFile>,
    /// What the file says about the user.
    pub(super) user: Option<User>,
}

/// What came of a turn.
#[derive(Debug)]
pub(super) enum Step {
    /// An event tells when it goes on.
    Wait,
    /// It can go on at once, after others.
    Again,
    /// A request has come.
    Request(Request),
    /// It is over.
    End,
}

impl Visit {
    /// A connection of which `head` was read already.
    pub(super) fn begun(stream: Stream, listener: u16, place: Place, head: Vec<u8>, now: Instant) -> Self {
        Self { stream, listener, _place: place, state: State::Reading(head), deadline: now + REQUEST_TIME }
    }

    pub(super) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Whether it can be closed without a loss for whom it serves: nothing was asked for, or all was answered.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Reading(_) | State::Lingering)
    }

    /// Goes on as far as it can. `room` is for what is read meanwhile.
    pub(super) fn go_on(&mut self, room: &mut [u8], now: Instant) -> Step {
        let step = match self.state {
            State::Reading(_) => self.read(room, now),
            State::Checking(_) => Ok(Step::Wait),
            State::Answering { .. } => self.write(room, now),
            State::Lingering => self.linger(room),
        };
        step.unwrap_or(Step::End)
    }

    /// Waits for what is found out about a password.
    pub(super) fn check(&mut self, question: Question, now: Instant) {
        self.state = State::Checking(Box::new(question));
        self.deadline = now + LOGIN_TIME;
    }

    /// The password that is waited for.
    pub(super) fn question(&self) -> Option<&Question> {
        match &self.state {
            State::Checking(question) => Some(question),
            _ => None,
        }
    }

    /// Waits no more for what is found out about a password.
    pub(super) fn take_question(&mut self) -> Option<Question> {
        match std::mem::replace(&mut self.state, State::Lingering) {
            State::Checking(question) => Some(*question),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Begins to answer.
    pub(super) fn answer(&mut self, answer: Answer, method: Method, now: Instant) {
        let (first, body) = answer.into_parts(method);
        self.state = State::Answering { first, sent: 0, body };
        self.deadline = now + ANSWER_TIME;
    }

    fn read(&mut self, room: &mut [u8], now: Instant) -> io::Result<Step> {
        if self.stream.has_unsent() {
            self.stream.flush()?;
        }
        for _ in 0..STEPS_MAX {
            let State::Reading(head) = &mut self.state else { return Ok(Step::Again) };
            // What was read by another comes first.
            match Request::parse(head) {
                Ok(Some(request)) => return Ok(Step::Request(request)),
                Ok(None) => {}
                Err(fault) => {
                    self.fault(fault, now);
                    return Ok(Step::Again);
                }
            }
            match self.stream.read(room)? {
                Read::Some(len) | Read::Drained(len) if len > 0 => {
                    head.extend_from_slice(room.get(..len).unwrap_or_default());
                }
                Read::Some(_) => {}
                Read::Drained(_) => return Ok(Step::Wait),
                Read::End | Read::Introduced | Read::Request => return Ok(Step::End),
            }
        }
        Ok(Step::Again)
    }

    fn fault(&mut self, fault: Fault, now: Instant) {
        self.answer(Answer::to_fault(fault), Method::Other, now);
    }

    fn write(&mut self, room: &mut [u8], now: Instant) -> io::Result<Step> {
        for _ in 0..STEPS_MAX {
            if self.stream.has_unsent() {
                self.stream.flush()?;
                if self.stream.has_unsent() {
                    return Ok(Step::Wait);
                }
                self.deadline = now + ANSWER_TIME;
            }
            let State::Answering { first, sent, body } = &mut self.state else { return Ok(Step::Again) };
            let rest = first.get(*sent..).filter(|rest| !rest.is_empty());
            let (written, is_file) = match (rest, &body) {
                (Some(rest), _) => (self.stream.write(&[IoSlice::new(rest)])?, false),
                (None, Some(file)) if file.len() > 0 => match file.peek(room)? {
                    0 => return Ok(Step::End),
                    len => (self.stream.write(&[IoSlice::new(room.get(..len).unwrap_or_default())])?, true),
                },
                _ => return self.finish(now),
            };
            let (Written::Some(len) | Written::Blocked(len)) = written;
            match body {
                Some(body) if is_file => body.advance(len),
                _ => *sent += len,
            }
            if len > 0 {
                self.deadline = now + ANSWER_TIME;
            }
            // With TLS, what counts as written may not be sent yet; an event tells when it can be.
            if matches!(written, Written::Blocked(_)) {
                return Ok(Step::Wait);
            }
        }
        Ok(Step::Again)
    }

    fn finish(&mut self, now: Instant) -> io::Result<Step> {
        self.stream.finish()?;
        self.state = State::Lingering;
        self.deadline = now + LINGER_TIME;
        Ok(Step::Again)
    }

    /// Throws away what still comes.
    fn linger(&mut self, room: &mut [u8]) -> io::Result<Step> {
        for _ in 0..STEPS_MAX {
            match self.stream.read(room)? {
                Read::Drained(0) => return Ok(Step::Wait),
                // The end of the other half may have come with these bytes, and has no event of its own.
                Read::Some(_) | Read::Drained(_) => {}
                Read::End | Read::Introduced | Read::Request => return Ok(Step::End),
            }
        }
        Ok(Step::Again)
    }
}
