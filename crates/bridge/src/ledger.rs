//! Which message of one side is which of the other, until the taker has it for good.

use mosquitto_client::mqtt::QoS;
use std::collections::HashMap;

/// Messages of QoS 1 and 2 on their way from a giver to a taker, by their packet identifiers at both. There is one at most for
/// each identifier of the giver.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The giver's identifier for each of the taker's.
    under_way: HashMap<u16, u16>,
    givers: HashMap<u16, (Stage, QoS)>,
}

/// How far a message has come that the giver does not know to be through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The taker has not acknowledged it.
    UnderWay,
    /// The taker has it, but the giver could not be told over the connection that it had.
    Done,
}

impl Ledger {
    /// How far a message has come that the giver sends again.
    pub(crate) fn stage(&self, giver: u16) -> Option<Stage> {
        self.givers.get(&giver).map(|(stage, _)| *stage)
    }

    /// A message is on its way.
    pub(crate) fn begin(&mut self, giver: u16, qos: QoS, taker: u16) {
        self.givers.insert(giver, (Stage::UnderWay, qos));
        self.under_way.insert(taker, giver);
    }

    /// The taker has a message for good: the giver's identifier and QoS, if the giver still waits.
    pub(crate) fn finish(&mut self, taker: u16) -> Option<(u16, QoS)> {
        let giver = self.under_way.remove(&taker)?;
        let (stage, qos) = self.givers.get_mut(&giver)?;
        *stage = Stage::Done;
        Some((giver, *qos))
    }

    /// The giver has been told.
    pub(crate) fn settle(&mut self, giver: u16) {
        self.givers.remove(&giver);
    }

    /// A session has begun anew: nobody waits.
    pub(crate) fn forget(&mut self) {
        self.under_way.clear();
        self.givers.clear();
    }

    /// Messages under way.
    pub(crate) fn len(&self) -> usize {
        self.under_way.len()
    }
}
