//! Retained messages: kept when they are published, streamed when somebody subscribes.

use crate::access::Source;
use crate::changes::is_kept;
use crate::id::SessionId;
use crate::message::Outgoing;
use crate::retained_streams::RetainedStream;
use crate::retained_tree::{Found, Retained};
use crate::session::Session;
use crate::shard::RetainedChange;
use crate::{DropReason, Shard};

/// Streaming to a client goes on when less than this many bytes wait to be sent to it.
pub(crate) const STREAM_LOW_WATER: usize = 64 * 1024;

/// Nodes of the retained tree that all streams together visit in a tick.
const VISITS_MAX: u32 = 20_000;

/// Changes of retained messages that may wait for the end of a tick before the shared tree learns of them.
const CHANGES_MAX: usize = 1000;

/// Bytes that those changes may hold. An alias of a few bytes may stand for a topic of 64 KB.
const CHANGES_BYTES_MAX: usize = 1024 * 1024;

impl Shard {
    /// Keeps a published message, or forgets what its topic has if it is empty `[MQTT-3.3.1-6]` `[MQTT-3.3.1-7]`. The
    /// shared tree learns of it at the end of the tick, before anybody here looks, or when too much waits.
    pub(crate) fn retain(&mut self, outgoing: &mut Outgoing<'_>, origin: Option<SessionId>) {
        let change = if outgoing.view.payload.is_empty() {
            RetainedChange::Clear(outgoing.view.topic.into())
        } else {
            let source = origin.filter(|_| self.home.settings.check_retain_source);
            let source = source.and_then(|id| self.home.sessions.find_mut(id)).map(Session::source);
            let message = if outgoing.view.number == 0 || is_kept(outgoing.view.topic) {
                outgoing.stored()
            } else {
                // For those that are to get it it is kept, but not as what is retained.
                outgoing.unnumbered()
            };
            RetainedChange::Set(Retained { message, source })
        };
        if self.home.changes.is_on() && is_kept(outgoing.view.topic) {
            self.home.changes.expect();
        }
        self.change_retained(change);
    }

    fn change_retained(&mut self, change: RetainedChange) {
        self.retained_changes_bytes += match &change {
            RetainedChange::Set(retained) => retained.message.bytes().len(),
            RetainedChange::Clear(topic) | RetainedChange::Expired(topic) => topic.len(),
        };
        self.retained_changes.push(change);
        if self.retained_changes.len() >= CHANGES_MAX || self.retained_changes_bytes >= CHANGES_BYTES_MAX {
            self.apply_retained_changes();
        }
    }

    /// Brings the shared tree up to date, under one lock for all changes.
    pub(crate) fn apply_retained_changes(&mut self) {
        if self.retained_changes.is_empty() {
            return;
        }
        self.retained_changes_bytes = 0;
        let mut tree = self.shared.retained.write();
        let records = &mut self.home.changes;
        for change in self.retained_changes.drain(..) {
            if records.is_on() {
                // Under the lock, so that the order of the numbers is that of the changes.
                tree.changes += 1;
                records.retained(tree.changes, &change);
            }
            match change {
                RetainedChange::Set(retained) => tree.set(retained),
                RetainedChange::Clear(topic) => tree.remove(&topic),
                RetainedChange::Expired(topic) => tree.remove_expired(&topic, self.home.now),
            }
        }
    }

    /// Whether anything is retained for a topic, after all that this shard has done so far.
    pub(crate) fn is_retained(&mut self, topic: &[u8]) -> bool {
        self.apply_retained_changes();
        self.shared.retained.read().has(topic)
    }

    /// Begins to send a new subscription what is retained for it `[MQTT-3.3.1-9]`.
    pub(crate) fn start_stream(&mut self, slot: u32, stream: RetainedStream) {
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        session.retained.get_or_insert_default().push(stream);
        self.home.resume_streaming(slot);
    }

    /// Sends retained messages to all who wait for some and have room, a bounded number of steps in all.
    pub(crate) fn stream_retained(&mut self) {
        if self.home.streaming.is_empty() {
            return;
        }
        self.apply_retained_changes();
        let mut visits = VISITS_MAX;
        for _ in 0..self.home.streaming.len() {
            let Some(slot) = self.home.streaming.pop_front() else { break };
            if let Some(session) = self.home.sessions.get_mut(slot) {
                session.streaming = false;
                if session.window.next_is_qos_0() {
                    self.home.pump(slot);
                }
                if self.stream_to(slot, &mut visits) {
                    self.home.resume_streaming(slot);
                }
            }
            if visits == 0 {
                break;
            }
        }
    }

    /// Streams to one session. True where it stopped only for the sake of others.
    fn stream_to(&mut self, slot: u32, visits: &mut u32) -> bool {
        loop {
            let Some(session) = self.home.sessions.get_mut(slot) else { return false };
            let Some(id) = session.connection else { return false };
            let Some(stream) = session.retained.as_mut().and_then(|retained| retained.first()) else {
                session.retained = None;
                return false;
            };
            if self.home.connections.get(id).is_none_or(|c| c.output.bytes() >= STREAM_LOW_WATER) {
                return false;
            }
            let tree = self.shared.retained.read();
            // What had no room before is looked up again: it may have been replaced meanwhile, and what replaced it be
            // delivered already.
            let again = if std::mem::take(&mut stream.pending) { tree.current(&stream.walk) } else { None };
            let found = again.map_or_else(|| tree.advance(&mut stream.walk, visits), Found::Message);
            drop(tree);
            let grant = stream.grant;
            match found {
                Found::End => {
                    if let Some(retained) = &mut session.retained {
                        retained.finish_first();
                    }
                }
                Found::Pause => return true,
                Found::Message(Retained { message, source }) => {
                    let view = message.view();
                    if view.expires_at <= self.home.now {
                        self.home.drop_for(slot, DropReason::Expired);
                        self.change_retained(RetainedChange::Expired(view.topic.into()));
                    } else if !self.is_barred(source.as_deref(), view.topic)
                        && !self.home.deliver_retained(slot, grant, &mut Outgoing::of(&message))
                    {
                        self.keep_pending(slot);
                        return false;
                    }
                }
            }
        }
    }

    /// Whether a retained message is held back, since its publisher could not publish it now (`check_retain_source`).
    fn is_barred(&self, source: Option<&Source>, topic: &[u8]) -> bool {
        let settings = &self.home.settings;
        settings.check_retain_source && source.is_some_and(|source| !source.may_write(settings, topic))
    }

    fn keep_pending(&mut self, slot: u32) {
        let retained = self.home.sessions.get_mut(slot).and_then(|session| session.retained.as_mut());
        if let Some(stream) = retained.and_then(|retained| retained.first()) {
            stream.pending = true;
        }
    }
}
