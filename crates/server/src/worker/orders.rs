//! A worker at the operator's orders.

use super::Worker;
use crate::endpoint::Door;
use crate::order::{Change, Order};
use crate::persistence::HandedOver;
use crate::sys_updates::Report;
use crate::tree_print::SESSIONS_A_SLICE;
use mosquitto_broker::{LogLevel, PasswordAnswer, Shard, Stored};
use mosquitto_transport::error_text;

/// What the broker itself has to publish, and could not yet: beyond so many messages the oldest are forgotten.
const PUBLICATIONS_MAX: usize = 10_000;

impl Worker {
    /// Does what the operator has ordered, and publishes what could not be published before.
    pub(super) fn carry_out_orders(&mut self) {
        for order in std::mem::take(&mut self.delivery.orders) {
            match order {
                Order::Configure(change) => self.change(change),
                Order::Open(doors) => self.open_doors(doors),
                Order::Publish(publications) => {
                    self.publications.extend(publications);
                    let surplus = self.publications.len().saturating_sub(PUBLICATIONS_MAX);
                    self.publications.drain(..surplus);
                }
                Order::Report(answer) => {
                    let mut stored = self.stored;
                    stored += Stored::on_this_thread();
                    // Who has asked may have lost patience.
                    let _ = answer.try_send(Report { statistics: self.shard.statistics(), stored });
                }
                Order::Sessions { from, answer } => {
                    let _ = answer.try_send(self.shard.session_reports(from, SESSIONS_A_SLICE));
                }
                Order::BeginHandOver => self.shard.begin_hand_over(),
                Order::HandOver(answer) => {
                    let mut parts = Vec::new();
                    let slice = self.shard.hand_over(Shard::HAND_OVER_STEPS, &mut parts);
                    self.handed_over.push((answer, HandedOver { parts, slice }));
                }
                Order::HandedIn(answer) => self.handing_in.push(answer),
                Order::PasswordChecked(answer) => self.password_checked(answer),
                Order::Bridges(setups) => self.configure_bridges(&setups),
                Order::Found(found) => self.bridge_address_found(found),
                // When it is known who has sent something.
                Order::GiveWay(count) => self.descriptors_owed = count,
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

    /// Lets a connection go on whose client's password was looked at, if it still is there.
    pub(super) fn password_checked(&mut self, answer: PasswordAnswer) {
        if self.shard.password_checked(answer) {
            self.resume_reading(answer.connection());
        }
    }

    /// Has passwords looked at.
    pub(super) fn give_checks_away(&mut self) {
        self.shard.password_checks(&mut self.checks);
        for check in self.checks.drain(..) {
            self.refused_checks.extend(self.checkers.offer(self.id, check).err());
        }
    }

    /// The doors first: who still came through one that is closed is sent away with the others.
    fn change(&mut self, Change { settings, nodelay, lobby_max, layers, tls, pending }: Change) {
        self.entrance.change(&settings, nodelay, &layers, &tls);
        self.lobby.set_limit(lobby_max);
        self.shard.reconfigure(settings);
        drop(pending);
    }

    fn open_doors(&mut self, doors: Vec<Door>) {
        if let Err(error) = self.entrance.add(doors, self.poll.registry()) {
            let text = format!("Error: Unable to accept connections of a listener: {}.", error_text(&error));
            self.logger.log(LogLevel::Error, text);
        }
    }
}
