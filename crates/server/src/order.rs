//! What the operator has the workers do.

use crate::bridges::{Found, Setups};
use crate::endpoint::Door;
use crate::persistence::HandedOver;
use crate::sys_updates::Report;
use mosquitto_broker::{PasswordAnswer, Publication, SessionReport, Settings};
use mosquitto_transport::{Layers, Security};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Something to do for one worker, at the beginning of its next tick.
#[derive(Debug)]
pub(crate) enum Order {
    /// Goes on with other settings.
    Configure(Change),
    /// Lets clients in through these doors, too.
    Open(Vec<Door>),
    /// Publishes what the broker itself has to say.
    Publish(Vec<Publication>),
    /// Tells what was counted. There is room in the channel for its answer.
    Report(SyncSender<Report>),
    /// Tells about a slice of its sessions, from this place on, and where the next one begins.
    Sessions { from: u32, answer: SyncSender<(Vec<SessionReport>, Option<u32>)> },
    /// Goes on with a connection whose client's password was looked at.
    PasswordChecked(PasswordAnswer),
    /// Closes so many connections that have not said who they are, the longest silent first: another worker lacks file
    /// descriptors, and has nobody to take them from.
    GiveWay(usize),
    /// Goes on with these bridges, as far as they are at home with it.
    Bridges(Setups),
    /// Goes on with a bridge that has had a name looked up.
    Found(Found),
    /// Begins to hand over what its shard has.
    BeginHandOver,
    /// Hands over some more. There is room in the channel for it.
    HandOver(SyncSender<HandedOver>),
    /// Answers when the changes of this tick are handed in. There is room in the channel for that.
    HandedIn(SyncSender<()>),
    /// Shows that it is alive. There is room in the channel for each worker's answer.
    Answer(SyncSender<()>),
}

/// Other settings. A listener that they say is closed has no sockets any more.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) settings: Arc<Settings>,
    /// `set_tcp_nodelay`, for connections to come.
    pub(crate) nodelay: bool,
    /// Connections that may be in a worker's lobby.
    pub(crate) lobby_max: usize,
    /// Those of the listeners by number, for connections to come.
    pub(crate) layers: Arc<[Layers]>,
    /// What connections to come need for TLS, by the number of their listener.
    pub(crate) tls: Arc<[Option<Security>]>,
    /// Nothing is sent there: it is dropped when the settings are in force.
    pub(crate) pending: SyncSender<Infallible>,
}
