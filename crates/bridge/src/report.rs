//! How a bridge does, for those who operate it.

use crate::remote::Backlog;
use mosquitto_client::Moment;
use mosquitto_config::BridgeAddress;

/// How a bridge does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub since: Moment,
    /// The address that it is at, or tries next.
    pub address: Option<BridgeAddress>,
    /// Why the last connection ended or did not come about. It stays when the next one does.
    pub last_error: Option<String>,
    /// What waits at this broker.
    pub backlog: Backlog,
    /// Messages of QoS 1 and 2 that the remote broker has not taken for good.
    pub under_way: usize,
    /// What was counted since the bridge was made.
    pub counters: Counters,
}

/// What a bridge is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not started, or lazy and without enough to do.
    Resting,
    /// Waiting before the next attempt.
    BackingOff {
        /// When that is.
        until: Moment,
    },
    /// Opening a connection, or waiting for the remote broker to accept it.
    Connecting,
    /// Passing messages on.
    Connected,
    /// Done for good: stopped, or one that connects once only.
    Ended,
}

impl State {
    /// One or two words, for a topic.
    pub fn text(self) -> &'static str {
        match self {
            State::Resting => "resting",
            State::BackingOff { .. } => "backing off",
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Ended => "ended",
        }
    }
}

/// What was counted since a bridge was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that the remote broker has accepted.
    pub connections: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Messages that were passed to the remote broker, whatever became of them there.
    pub messages_out: u64,
    /// Messages that were passed to this broker.
    pub messages_in: u64,
    /// Messages of the remote broker that no topic line lets in.
    pub dropped_in_unmapped: u64,
    /// Messages of this broker that no topic line lets out: they wait from the time of other topic lines.
    pub dropped_out_unmapped: u64,
    /// Messages that are larger than the remote broker or `bridge_max_packet_size` allows.
    pub dropped_out_too_large: u64,
    /// Messages of QoS 0 that found both directions full.
    pub dropped_out_congested: u64,
    /// Messages that the remote broker has not taken.
    pub refused_by_remote: u64,
    /// Messages that this broker has not taken.
    pub refused_by_local: u64,
    /// Messages of QoS 0 for which there was no connection.
    pub dropped_disconnected: u64,
}
