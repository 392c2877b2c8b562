//! One bridge of a worker.

use super::dial::Dial;
use super::topics::Shown;
use super::{LOOK_MS, RETRY_MS};
use crate::bridges::Setup;
use mosquitto_bridge::{Action, Backlog, Bridge};
use mosquitto_broker::{ConnectionId, Moment};
use mosquitto_config::StartType;
use mosquitto_transport::Stream;
use std::collections::VecDeque;
use std::sync::Arc;

/// A bridge and its connections.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) bridge: Bridge,
    pub(super) setup: Arc<Setup>,
    /// What it is to become as soon as it has no connection.
    pub(super) next: Option<Arc<Setup>>,
    /// What it has asked for and was not done yet: that happens in a tick only.
    pub(super) actions: VecDeque<Action>,
    pub(super) link: Option<ConnectionId>,
    /// What the shard has sent over the link and the bridge has not taken.
    pub(super) link_inbox: Vec<u8>,
    /// When the link's bytes are presented again that the shard did not take.
    pub(super) retry_at: Option<Moment>,
    pub(super) dial: Option<Dial>,
    pub(super) probe: Option<Dial>,
    pub(super) remote: Option<Box<Remote>>,
    pub(super) shown: Shown,
    pub(super) is_ready: bool,
    pub(super) is_served: bool,
    /// Whether messages of this broker are not taken any more.
    pub(super) is_ending: bool,
    /// As it stands in the list of deadlines.
    pub(super) deadline: Option<Moment>,
    look_at: Moment,
}

/// A connection to a remote broker that is open.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) stream: Stream,
    /// What was read and not taken yet.
    pub(super) inbox: Vec<u8>,
    pub(super) readable: bool,
    /// Whether the peer, or the network, has ended its half: reading goes on until that is met.
    pub(super) at_end: bool,
    /// Whether it takes nothing more until an event says so.
    pub(super) blocked: bool,
    /// Why writing has failed.
    pub(super) failure: Option<String>,
}

pub(super) fn moment(Moment(ms): Moment) -> mosquitto_client::Moment {
    mosquitto_client::Moment(ms)
}

impl Slot {
    pub(super) fn new(bridge: Bridge, setup: Arc<Setup>, now: Moment) -> Self {
        let mut slot = Self {
            bridge,
            setup,
            next: None,
            actions: VecDeque::new(),
            link: None,
            link_inbox: Vec::new(),
            retry_at: None,
            dial: None,
            probe: None,
            remote: None,
            shown: Shown::default(),
            is_ready: false,
            is_served: false,
            is_ending: false,
            deadline: None,
            look_at: now,
        };
        slot.gather();
        slot
    }

    /// Notes what is to be done.
    pub(super) fn gather(&mut self) {
        while let Some(action) = self.bridge.poll_action() {
            self.actions.push_back(action);
        }
    }

    /// Whether nothing has to be done before more is handled.
    pub(super) fn is_settled(&self) -> bool {
        self.actions.iter().all(|action| matches!(action, Action::Log(..)))
    }

    pub(super) fn tick(&mut self, now: Moment) {
        self.retry_at = None;
        if self.bridge.next_deadline().is_some_and(|at| at <= moment(now)) {
            self.bridge.tick(moment(now));
            self.gather();
        }
    }

    pub(super) fn stop(&mut self, now: Moment) {
        self.bridge.stop(moment(now));
        self.gather();
    }

    pub(super) fn note_event(&mut self, event: &mio::event::Event) {
        if let Some(remote) = &mut self.remote {
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                remote.readable = true;
                remote.at_end |= event.is_read_closed() || event.is_error();
            }
            if event.is_writable() {
                remote.blocked = false;
            }
        }
    }

    /// There may be more to read than was announced.
    pub(super) fn look_for_more(&mut self) {
        if let Some(remote) = &mut self.remote {
            remote.readable = true;
        }
    }

    /// Whether somebody wants to know what waits for it.
    fn is_watched(&self) -> bool {
        self.setup.publishes || self.setup.config.start_type == StartType::Lazy
    }

    pub(super) fn is_time_to_look(&mut self, now: Moment) -> bool {
        let is_time = self.is_watched() && self.look_at <= now;
        if is_time {
            self.look_at = now + LOOK_MS;
        }
        is_time
    }

    pub(super) fn set_backlog(&mut self, now: Moment, messages: usize, bytes: usize) {
        let backlog = Backlog { messages: messages as u64, bytes: bytes as u64 };
        self.bridge.set_backlog(moment(now), backlog);
        self.gather();
    }

    /// Whether messages are to be acknowledged that can be: those of the remote broker are not, once a message is before that.
    pub(super) fn is_under_way(&self) -> bool {
        let [outward, inward] = self.bridge.unacknowledged();
        outward > 0 || (inward > 0 && !super::link::is_publish(&self.link_inbox))
    }

    /// When there is something to do, whatever happens.
    pub(super) fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let of_bridge = self.bridge.next_deadline().map(|at| Moment(at.0));
        let dials = [&self.dial, &self.probe].map(|dial| dial.as_ref().and_then(Dial::next_deadline));
        let look = self.is_watched().then_some(self.look_at);
        let next = [of_bridge, look, self.retry_at].into_iter().chain(dials).flatten().min()?;
        // What cannot be done now is not tried again in the same moment.
        Some(next.max(now + RETRY_MS))
    }

    /// Whether there is something to do in the next tick. `progress`: it has taken or sent something since the last one.
    pub(super) fn has_work(&self, progress: bool) -> bool {
        let is_held = |remote: &Remote| !remote.inbox.is_empty() || remote.readable || remote.at_end;
        let failed = self.remote.as_ref().is_some_and(|remote| remote.failure.is_some());
        let says = !self.bridge.link_output().is_empty() && self.retry_at.is_none() && self.link.is_some();
        !self.actions.is_empty() || failed || says || (progress && self.remote.as_deref().is_some_and(is_held))
    }
}
