//! All comes to rest, and is checked as a whole.

use super::broker::PowerOff;
use super::client::{Kind, Message, Session};
use super::world::{World, number_of};
use crate::violation::{Checked, must, violated};
use mosquitto_mqtt::packet::{Connect, Disconnect, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{FixedHeader, Packet, Properties, ProtocolVersion, QoS, ReasonCode};
use std::collections::BTreeMap;

/// Rounds after which all has to be at rest.
const ROUNDS: usize = 600;

impl World {
    /// Everybody comes back, reads and answers, until there is nothing left to do.
    pub(crate) fn settle(&mut self) -> Checked {
        self.note(|_| "all comes to rest".to_owned());
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            self.clock += 1;
            for at in 0..self.clients.len() {
                if self.clients[at].link.is_none() {
                    self.connect(at);
                }
                self.read(at)?;
                self.answer_all(at);
            }
            for at in 0..self.broker.shards.len() {
                self.tick(at)?;
            }
            if self.disk_work().is_err() {
                self.crash()?;
            }
            let is_done = |world: &Self| {
                world.broker.is_quiet()
                    && world.broker.saving.is_none()
                    && world.broker.withheld() == 0
                    && world.broker.links.iter().all(|link| link.is_over || link.outbox.is_empty())
                    && world.clients.iter().all(|client| client.connected && client.answers.is_empty())
            };
            quiet = if is_done(self) { quiet + 1 } else { 0 };
            if quiet >= 5 {
                return self.check_rest();
            }
        }
        let (quiet, withheld) = (self.broker.is_quiet(), self.broker.withheld());
        let saving = self.broker.saving.is_some();
        violated!("there is no rest: quiet {quiet}, withheld {withheld}, saving {saving}")
    }

    fn disk_work(&mut self) -> Result<(), PowerOff> {
        self.give_room()?;
        self.broker.write_frames(usize::MAX)?;
        self.sync()?;
        self.broker.go_on_saving().map(|_| ())
    }

    fn check_rest(&mut self) -> Checked {
        self.counts.settled += 1;
        for (at, client) in self.clients.iter().enumerate() {
            must!(client.outgoing.is_empty(), "client {at} has no answer to {:?}", client.outgoing);
        }
        if self.has_damage {
            return Ok(());
        }
        self.check_owed()?;
        let sessions: usize = self.broker.shards.iter().map(mosquitto_broker::Shard::session_count).sum();
        must!(sessions == self.clients.len(), "{sessions} sessions of {} clients", self.clients.len());
        self.check_retained()
    }

    /// What is retained is what was published last.
    fn check_retained(&mut self) -> Checked {
        let retained = self.look_at_retained()?;
        let mut topics: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (number, message) in (1..).zip(&self.messages) {
            if message.retain {
                topics.entry(&message.topic).or_default().push(number);
            }
        }
        for (topic, numbers) in topics {
            let found = retained.get(topic).copied();
            let message = |number: u32| &self.messages[number as usize - 1];
            // Whether another one came for sure behind what was over at this time.
            let is_past = |done_at: u64| {
                let is_sure = |message: &Message| message.is_acknowledged && !message.was_full && !message.is_lenient;
                numbers.iter().any(|number| is_sure(message(*number)) && message(*number).sent_at > done_at)
            };
            let may_be = match found {
                Some(number) => numbers.contains(&number) && !is_past(message(number).done_at),
                None => {
                    let ends = |number: &&u32| message(**number).is_empty || message(**number).expires;
                    numbers.iter().filter(ends).any(|number| !is_past(message(*number).done_at)) || !is_past(0)
                }
            };
            must!(may_be, "{found:?} is retained for {topic}, of {numbers:?}");
        }
        for topic in retained.keys() {
            must!(self.messages.iter().any(|message| message.retain && message.topic == *topic), "{topic} is retained");
        }
        Ok(())
    }

    /// What somebody gets who comes and asks.
    fn look_at_retained(&mut self) -> Checked<BTreeMap<String, u32>> {
        let version = ProtocolVersion::V311;
        let link = self.broker.connect(usize::MAX, version, 0);
        let mut out = Vec::new();
        Connect {
            version,
            bridge: false,
            clean_start: true,
            keep_alive_s: 0,
            properties: Properties::EMPTY,
            client_id: "looks",
            will: None,
            username: None,
            password: None,
        }
        .encode(&mut out);
        let list = [Subscription { filter: "r/#", options: SubscriptionOptions::qos(QoS::AtMostOnce) }];
        Subscribe::write(1, Properties::EMPTY, list.into_iter(), version, &mut out);
        self.broker.links[link].inbox = out;
        let mut retained = BTreeMap::new();
        for _ in 0..30 {
            for at in 0..self.broker.shards.len() {
                self.tick(at)?;
            }
            let bytes = std::mem::take(&mut self.broker.links[link].outbox);
            let mut rest = bytes.as_slice();
            while let Ok(Some(header)) = FixedHeader::parse(rest) {
                let (packet, behind) = rest.split_at(header.packet_len());
                rest = behind;
                if let Ok(Packet::Publish(publish)) =
                    Packet::decode(header, &packet[usize::from(header.header_len)..], version)
                {
                    let before = retained.insert(publish.topic.to_owned(), number_of(publish.payload));
                    must!(before.is_none(), "{} is retained twice", publish.topic);
                }
            }
        }
        let mut out = Vec::new();
        Disconnect::new(ReasonCode::SUCCESS).encode(version, &mut out);
        self.broker.links[link].inbox = out;
        for _ in 0..30 {
            for at in 0..self.broker.shards.len() {
                self.tick(at)?;
            }
        }
        Ok(retained)
    }

    /// Everybody leaves for good, and nothing is left.
    pub(crate) fn finish(&mut self) -> Checked {
        self.settle()?;
        for at in 0..self.clients.len() {
            self.clients[at].wants_clean = true;
            self.clients[at].kind = Kind::Brief;
            self.clients[at].session = Session::Maybe;
            self.connect(at);
        }
        self.settle()?;
        for at in 0..self.clients.len() {
            self.lost(at);
        }
        for _ in 0..60 {
            for at in 0..self.broker.shards.len() {
                self.tick(at)?;
            }
        }
        let sessions: usize = self.broker.shards.iter().map(mosquitto_broker::Shard::session_count).sum();
        let subscriptions = self.broker.shared.subscription_count();
        // Damage may make a session another client's.
        let is_empty = sessions == 0 && subscriptions == 0;
        must!(self.has_damage || is_empty, "{sessions} sessions and {subscriptions} subscriptions are left");
        Ok(())
    }
}
