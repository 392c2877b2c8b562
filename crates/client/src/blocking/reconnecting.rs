//! Making a lost connection again, and what the new one has to be told.

use super::connection::{Attempt, Target};
use super::service::Service;
use super::{Client, Next, State};
use crate::{BackOff, End, Event, Reconnection, Subscriptions};
use mosquitto_transport::ClientLayers;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::ToSocketAddrs;
use std::path::PathBuf;

/// Where the server is, as the owner has said it.
#[derive(Debug, Clone)]
pub(super) enum Server {
    Tcp(String, u16),
    Service(Service),
    Unix(PathBuf),
}

impl Server {
    /// Looks its addresses up; those of a service are known by names, each with layers of its own.
    pub(super) fn targets(&self, layers: &ClientLayers) -> io::Result<VecDeque<Target>> {
        match self {
            Server::Tcp(host, port) => Ok((host.as_str(), *port).to_socket_addrs()?.map(Target::Tcp).collect()),
            Server::Service(service) => service.targets(layers),
            Server::Unix(path) => Ok(VecDeque::from([Target::Unix(path.clone())])),
        }
    }
}

/// What a client that makes lost connections again has to remember.
#[derive(Debug)]
pub(super) struct Reconnecting {
    pub(super) reconnection: Reconnection,
    pub(super) subscriptions: Subscriptions,
}

/// A number that is random enough to spread attempts in time.
fn random() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

impl Client {
    /// Whether lost connections are made again, and after which pauses; they are not unless asked for. To be set before
    /// [`connect`](Self::connect), and before there are subscriptions.
    ///
    /// [`next`](Self::next) then goes on after [`Event::Disconnected`] and [`Next::Unreachable`], where the end
    /// [is passing](End::is_passing). Messages of QoS 1 and 2 that are not through are sent again with the next connection, and
    /// so are subscriptions, where the server has no session of this client any more; the answers to those are told by
    /// [`Event::Subscribed`] too.
    ///
    /// A message of QoS 2 arrives exactly once only if the server keeps the session, so for that `clean_start` has to be off
    /// in MQTT 3. In MQTT 5 a session expiry interval suffices: CONNECT asks for a clean start only the first time.
    pub fn set_reconnect(&mut self, back_off: Option<BackOff>) {
        self.reconnecting = back_off.map(|back_off| Reconnecting {
            reconnection: Reconnection::new(back_off),
            subscriptions: Subscriptions::default(),
        });
    }

    /// Whether nothing will happen any more: there is no connection, and none will be made.
    pub fn is_idle(&self) -> bool {
        let closed = matches!(self.state, State::Closed) && !self.session.has_events();
        closed && self.reconnecting.as_ref().is_none_or(|reconnecting| reconnecting.reconnection.due().is_none())
    }

    /// Notes what counts for the next connection.
    pub(super) fn observe(&mut self, event: &Event) {
        if self.reconnecting.is_none() || !matches!(event, Event::Connected { .. } | Event::Subscribed { .. }) {
            return;
        }
        let now = self.now();
        let Some(Reconnecting { reconnection, subscriptions }) = &mut self.reconnecting else { return };
        match event {
            Event::Connected { session_present, .. } => {
                reconnection.connected(now);
                subscriptions.connected(*session_present);
                let options = self.session.options();
                if options.version.is_v5() && options.session_expiry_s.is_some_and(|seconds| seconds > 0) {
                    self.session.set_clean_start(false);
                }
            }
            Event::Subscribed { packet_id, reasons } => subscriptions.answered(*packet_id, reasons),
            _ => {}
        }
    }

    /// Repeats subscriptions, as far as there is room.
    pub(super) fn subscribe_again(&mut self) {
        if self.reconnecting.is_none() {
            return;
        }
        let now = self.now();
        if let Some(Reconnecting { subscriptions, .. }) = &mut self.reconnecting {
            subscriptions.proceed(&mut self.session, now);
        }
    }

    /// The connection is over, or could not be made (no end): another attempt may be due.
    pub(super) fn over(&mut self, end: Option<&End>) {
        let now = self.now();
        let Some(Reconnecting { reconnection, .. }) = &mut self.reconnecting else { return };
        match end {
            Some(end) => {
                reconnection.ended(now, end, random());
            }
            None => reconnection.failed(now, random()),
        }
    }

    /// Begins the attempt that is due. A name that is not found is told.
    pub(super) fn connect_again(&mut self) -> Option<Next> {
        let now = self.now();
        if !self.reconnecting.as_mut().is_some_and(|reconnecting| reconnecting.reconnection.take_due(now)) {
            return None;
        }
        match self.server.as_ref()?.targets(&self.layers) {
            Ok(targets) => {
                self.state = State::Connecting(self.attempt(targets));
                None
            }
            Err(error) => {
                self.over(None);
                Some(Next::Unreachable(error))
            }
        }
    }

    pub(super) fn attempt(&self, targets: VecDeque<Target>) -> Attempt {
        let local = self.local.filter(|_| !matches!(self.server, Some(Server::Unix(_))));
        Attempt::new(targets, local, self.layers.clone())
    }

    /// No further attempt. Returns whether one was due or under way.
    pub(super) fn stop_reconnecting(&mut self) -> bool {
        let Some(Reconnecting { reconnection, .. }) = &mut self.reconnecting else { return false };
        let waiting = matches!(self.state, State::Closed) && reconnection.due().is_some();
        reconnection.stop();
        let connecting = matches!(self.state, State::Connecting(_));
        if connecting {
            self.state = State::Closed;
        }
        waiting || connecting
    }
}
