//! What the operator has the workers do.

use mosquitto_broker::{Publication, Settings, Statistics};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Something to do for one worker, at the beginning of its next tick.
#[derive(Debug)]
pub(crate) enum Order {
    /// Goes on with other settings.
    Configure(Arc<Settings>),
    /// Publishes what the broker itself has to say.
    Publish(Vec<Publication>),
    /// Tells what was counted. There is room in the channel for each worker's answer.
    Report(SyncSender<Statistics>),
    /// Shows that it is alive. There is room in the channel for each worker's answer.
    Answer(SyncSender<()>),
}
