//! Messages on their way from one side to the other, until the taker has them.

use mosquitto_client::mqtt::QoS;
use std::collections::HashMap;

/// Messages of QoS 1 and 2 on their way from a giver to a taker, by the packet identifier that they have at both.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    messages: HashMap<u16, (Stage, QoS)>,
    under_way: usize,
}

/// How far a message has come that the giver does not know to be the taker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits here.
    Held,
    /// The taker has not acknowledged it.
    UnderWay,
    /// The taker has it, or will not take it, but the giver could not be told over the connection that it had.
    Done,
}

impl Ledger {
    /// How far a message has come that the giver sends again.
    pub(crate) fn stage(&self, packet_id: u16) -> Option<Stage> {
        self.messages.get(&packet_id).map(|(stage, _)| *stage)
    }

    /// A message has come from the giver.
    pub(crate) fn begin(&mut self, packet_id: u16, qos: QoS) {
        self.settle(packet_id);
        self.messages.insert(packet_id, (Stage::Held, qos));
        self.under_way += 1;
    }

    /// It is on its way to the taker.
    pub(crate) fn sent(&mut self, packet_id: u16) {
        if let Some((stage, _)) = self.messages.get_mut(&packet_id) {
            *stage = Stage::UnderWay;
        }
    }

    /// The taker has acknowledged a message: the QoS at which the giver waits for that, if it does.
    pub(crate) fn arrived(&mut self, packet_id: u16) -> Option<QoS> {
        let (stage, qos) = self.messages.get_mut(&packet_id).filter(|(stage, _)| *stage == Stage::UnderWay)?;
        *stage = Stage::Done;
        self.under_way -= 1;
        Some(*qos)
    }

    /// The taker has a message or will not take it, but the giver could not be told.
    pub(crate) fn give_up(&mut self, packet_id: u16) {
        if let Some((stage, _)) = self.messages.get_mut(&packet_id) {
            self.under_way -= usize::from(std::mem::replace(stage, Stage::Done) != Stage::Done);
        }
    }

    /// The giver has been told.
    pub(crate) fn settle(&mut self, packet_id: u16) {
        let message = self.messages.remove(&packet_id);
        self.under_way -= usize::from(message.is_some_and(|(stage, _)| stage != Stage::Done));
    }

    /// A session has begun anew: nobody waits.
    pub(crate) fn forget(&mut self) {
        self.messages.clear();
        self.under_way = 0;
    }

    /// Messages that the taker has not acknowledged.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }
}
