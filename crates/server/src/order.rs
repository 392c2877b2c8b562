//! What the operator has the workers do.

use crate::endpoint::Door;
use mosquitto_broker::{Publication, Settings, Statistics};
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
    /// Tells what was counted. There is room in the channel for each worker's answer.
    Report(SyncSender<Statistics>),
}

/// Other settings. A listener that they say is closed has no sockets any more.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) settings: Arc<Settings>,
    /// `set_tcp_nodelay`, for connections to come.
    pub(crate) nodelay: bool,
    /// Told when it is done. There is room in the channel for each worker's word.
    pub(crate) done: SyncSender<()>,
}
