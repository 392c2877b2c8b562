//! What bridges ask for.

use super::slot::{Slot, moment};
use crate::log::level_of;
use crate::worker::Worker;
use mosquitto_bridge::Action;
use mosquitto_broker::BRIDGE_LISTENER;

impl Worker {
    /// In a tick: does what a bridge has asked for.
    pub(super) fn carry_out(&mut self, slot: &mut Slot, number: usize) {
        while let Some(action) = slot.actions.pop_front() {
            match action {
                Action::OpenRemote(address) => self.dial(slot, number, address, false),
                Action::ProbeRemote(address) => self.dial(slot, number, address, true),
                Action::CloseRemote => self.close_remote(slot),
                Action::OpenLink => self.open_link(slot, number),
                Action::CloseLink => self.end_link(slot),
                Action::PassOver(packet_id) => {
                    self.shard.pass_over_packet_id(slot.bridge.local_clientid(), packet_id);
                }
                Action::Log(level, text) => self.logger.log(level_of(level), text),
            }
        }
    }

    fn open_link(&mut self, slot: &mut Slot, number: usize) {
        let id = self.shard.open_handed_over(&slot.setup.config.name, BRIDGE_LISTENER);
        self.bridges.links.insert(id, Some(number));
        slot.link = Some(id);
        slot.link_inbox.clear();
        slot.bridge.link_opened(moment(self.clock.now()));
        slot.gather();
    }

    /// The link's goodbye is in its output, unless the shard does not take it now: then it ends without.
    fn end_link(&mut self, slot: &mut Slot) {
        let Some(id) = slot.link else { return };
        self.give_to_shard(slot);
        slot.link = None;
        slot.link_inbox.clear();
        self.bridges.links.insert(id, None);
        self.shard.closed(id, None);
    }

    fn close_remote(&mut self, slot: &mut Slot) {
        slot.dial = None;
        slot.probe = None;
        let now = self.clock.now();
        slot.write_remote();
        let Some(remote) = slot.remote.take() else { return };
        if remote.failure.is_none() {
            self.linger(remote.stream, now);
        }
    }
}
