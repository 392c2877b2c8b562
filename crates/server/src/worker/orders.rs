//! A worker at the operator's orders.

use super::Worker;
use crate::order::Order;
use crate::sys_updates::Report;
use crate::tree_print::SESSIONS_A_SLICE;
use mosquitto_broker::Stored;

/// What the broker itself has to publish, and could not yet: beyond so many messages the oldest are forgotten.
const PUBLICATIONS_MAX: usize = 10_000;

impl Worker {
    /// Does what the operator has ordered, and publishes what could not be published before.
    pub(super) fn carry_out_orders(&mut self) {
        for order in std::mem::take(&mut self.delivery.orders) {
            match order {
                Order::Configure(settings) => self.shard.reconfigure(settings),
                Order::Publish(publications) => {
                    self.publications.extend(publications);
                    let surplus = self.publications.len().saturating_sub(PUBLICATIONS_MAX);
                    self.publications.drain(..surplus);
                }
                Order::Report(answer) => {
                    // Who has asked may have lost patience.
                    let _ = answer
                        .try_send(Report { statistics: self.shard.statistics(), stored: Stored::on_this_thread() });
                }
                Order::Sessions { from, answer } => {
                    let _ = answer.try_send(self.shard.session_reports(from, SESSIONS_A_SLICE));
                }
                Order::Answer(answer) => {
                    let _ = answer.try_send(());
                }
            }
        }
        while let Some(publication) = self.publications.front() {
            if !self.shard.publish_own(publication) {
                break;
            }
            self.publications.pop_front();
        }
    }
}
