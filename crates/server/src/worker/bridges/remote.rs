//! Between a bridge and its remote broker.

use super::slot::{Remote, Slot, moment};
use crate::worker::Worker;
use crate::worker::reading::text_of;
use mosquitto_broker::Moment;
use mosquitto_transport::{Read, Stream, TlsFailure, Written, error_text};
use std::io::IoSlice;

/// Bytes read in a tick before the others get their turn.
const READ_BYTES: usize = 256 * 1024;

/// Bytes written in a tick before the others get their turn.
const WRITE_BYTES: usize = 4 * 1024 * 1024;

/// What the operator is told of a connection that has ended without a word.
const CLOSED: &str = "the remote broker has closed the connection";

impl Worker {
    /// In a tick: passes messages on in both directions, as long as that goes on.
    pub(super) fn exchange(&mut self, slot: &mut Slot, number: usize, now: Moment) {
        let mut budget = READ_BYTES;
        loop {
            let received = slot.take_from_remote(now);
            self.carry_out(slot, number);
            let given = self.give_to_shard(slot);
            let read = slot.read(&mut self.buffer, &mut budget, now);
            self.carry_out(slot, number);
            if !received && !given && !read {
                break;
            }
        }
    }
}

impl Slot {
    /// The connection that was asked for is open, or why there is none.
    pub(super) fn dialled(&mut self, now: Moment, outcome: Result<Stream, String>) {
        match outcome {
            Ok(stream) => {
                let remote = Remote {
                    stream,
                    inbox: Vec::new(),
                    // What has come together with the end of a handshake is announced by nothing.
                    readable: true,
                    at_end: false,
                    blocked: false,
                    failure: None,
                };
                self.remote = Some(Box::new(remote));
                self.bridge.remote_opened(moment(now));
            }
            Err(why) => self.bridge.remote_open_failed(moment(now), &why),
        }
        self.gather();
    }

    pub(super) fn probed(&mut self, now: Moment, reached: bool) {
        self.bridge.remote_probed(moment(now), reached);
        self.gather();
    }

    /// Hands the bridge what the remote broker has sent, as much as it takes.
    fn take_from_remote(&mut self, now: Moment) -> bool {
        let mut at = 0;
        while self.is_settled()
            && let Some(remote) = &self.remote
            && let Some(rest) = remote.inbox.get(at..).filter(|rest| !rest.is_empty())
        {
            let taken = self.bridge.remote_received(moment(now), rest);
            self.gather();
            if taken == 0 {
                break;
            }
            at += taken;
        }
        if let Some(remote) = &mut self.remote {
            remote.inbox.drain(..at.min(remote.inbox.len()));
        }
        at > 0
    }

    /// Reads once, unless there is something that the bridge has still to take.
    fn read(&mut self, buffer: &mut [u8], budget: &mut usize, now: Moment) -> bool {
        let Some(remote) = &mut self.remote else { return false };
        let has_packet = super::link::packet_len(&remote.inbox).is_some_and(|len| remote.inbox.len() >= len);
        if has_packet || *budget == 0 || !self.actions.is_empty() {
            return false;
        }
        if !remote.readable && !remote.at_end {
            let Some(why) = remote.failure.take() else { return false };
            self.lose_remote(now, &why);
            return false;
        }
        match remote.stream.read(buffer) {
            Ok(Read::Some(len)) => {
                remote.inbox.extend_from_slice(buffer.get(..len).unwrap_or_default());
                *budget = budget.saturating_sub(len.max(1));
                true
            }
            Ok(Read::Drained(len)) => {
                remote.readable = false;
                remote.at_end &= len > 0;
                remote.inbox.extend_from_slice(buffer.get(..len).unwrap_or_default());
                *budget = budget.saturating_sub(len);
                len > 0
            }
            // A client's streams bring neither header nor request.
            Ok(Read::End | Read::Introduced | Read::Request) => {
                let why = remote.failure.take();
                self.lose_remote(now, why.as_deref().unwrap_or(CLOSED));
                false
            }
            Err(error) => {
                let of_tls = TlsFailure::of(&error).map(|_| error_text(&error));
                let why = of_tls.or_else(|| text_of(&error)).unwrap_or_else(|| CLOSED.to_owned());
                self.lose_remote(now, &why);
                false
            }
        }
    }

    fn lose_remote(&mut self, now: Moment, why: &str) {
        self.remote = None;
        self.bridge.remote_closed(moment(now), why);
        self.gather();
    }

    /// Writes what the bridge has for the remote broker, as much as the socket takes. Returns whether it took something.
    pub(super) fn write_remote(&mut self) -> bool {
        let Some(remote) = &mut self.remote else { return false };
        if remote.blocked || remote.failure.is_some() {
            return false;
        }
        let (mut progress, mut budget) = (false, WRITE_BYTES);
        loop {
            if remote.stream.has_unsent() {
                if let Err(error) = remote.stream.flush() {
                    remote.fail(&error);
                    break;
                }
                if remote.stream.has_unsent() {
                    remote.blocked = true;
                    break;
                }
            }
            let output = self.bridge.remote_output();
            if output.is_empty() || budget == 0 {
                break;
            }
            let len = match remote.stream.write(&[IoSlice::new(output)]) {
                Ok(Written::Some(len)) => len,
                Ok(Written::Blocked(len)) => {
                    remote.blocked = true;
                    len
                }
                Err(error) => {
                    remote.fail(&error);
                    break;
                }
            };
            self.bridge.remote_sent(len);
            progress |= len > 0;
            budget = budget.saturating_sub(len);
            if remote.blocked {
                break;
            }
        }
        progress
    }
}

impl Remote {
    /// What the remote broker has said before is read first.
    fn fail(&mut self, error: &std::io::Error) {
        self.failure = Some(text_of(error).unwrap_or_else(|| CLOSED.to_owned()));
    }
}
