//! Bringing everything to rest, and looking at it as a whole.

use crate::actions::Manner;
use crate::link::Closed;
use crate::retained::matching;
use crate::session::{Candidate, Due, Session, Version};
use crate::simulation::Simulation;
use crate::violation::{Checked, must, violated};
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{ProtocolVersion, QoS};
use std::rc::Rc;

/// Rounds after which the broker has to be at rest.
const ROUNDS_MAX: usize = 20_000;

impl Simulation {
    /// Everybody comes back, takes everything and answers everything. Then nothing may be owed any more.
    pub(crate) fn settle(&mut self) -> Checked {
        self.counts.settled += 1;
        self.note(|_| "everything comes to rest".to_owned());
        for at in 0..self.clients.len() {
            self.clients[at].stalled = false;
            if self.clients[at].link.is_none() && self.model.sessions.contains_key(&at) {
                self.connect(at, Manner::Back);
            }
        }
        self.rest()?;
        self.check_owed()?;
        // What is retained is what was published last: everybody asks for all of it.
        if let Some(at) = (0..self.clients.len()).find(|&at| self.clients[at].connected && !self.is_picky(at)) {
            for filter in ["#", "$x/#"] {
                let options = SubscriptionOptions::qos(QoS::AtLeastOnce);
                self.send_subscribe(at, vec![(filter.into(), options)], None);
                if !self.clients[at].filters.iter().any(|known| **known == *filter) {
                    self.clients[at].filters.push(filter.into());
                }
            }
            self.rest()?;
            self.check_owed()?;
        }
        Ok(())
    }

    /// Whether a client takes small packets only.
    fn is_picky(&self, at: usize) -> bool {
        self.clients[at].link.is_some_and(|link| self.network.links[link].max_packet_size < 100_000)
    }

    /// Runs until nothing moves any more.
    fn rest(&mut self) -> Checked {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            let mut moved = false;
            for link in 0..self.network.links.len() {
                let entry = &mut self.network.links[link];
                if entry.abandoned && entry.closed == Closed::No {
                    entry.closed = Closed::Orderly;
                }
            }
            for shard in 0..self.network.shards.len() {
                moved |= self.run_shard(shard, true)?;
            }
            for at in 0..self.clients.len() {
                moved |= self.calm_client(at)?;
            }
            self.pass(1);
            quiet = if moved || self.network.mail_under_way() { 0 } else { quiet + 1 };
            if quiet > 2 {
                return Ok(());
            }
        }
        violated!("the broker does not come to rest")
    }

    /// A client that does all that it should do at once.
    fn calm_client(&mut self, at: usize) -> Checked<bool> {
        if self.clients[at].link.is_none() {
            if self.model.sessions.contains_key(&at) {
                self.connect(at, Manner::Back);
                return Ok(true);
            }
            return Ok(false);
        }
        let before = self.counts.deliveries;
        self.read(at, usize::MAX)?;
        let mut moved = self.counts.deliveries != before;
        while let Some(answer) = self.clients[at].answers.pop_front() {
            self.send_answer(at, answer);
            moved = true;
        }
        Ok(moved)
    }

    /// Whether a message need not come for a reason that the model does not follow to the end.
    fn is_excused(&self, client: usize, due: &Due) -> bool {
        let now = self.network.now;
        let session = &self.model.sessions[&client];
        let too_large = due.message.payload.len() + due.message.topic.len() + 60 > session.smallest_packet;
        due.optional || due.expires_at <= now || too_large
    }

    fn check_owed(&mut self) -> Checked {
        let clients: Vec<usize> = self.model.sessions.keys().copied().collect();
        let mut missing: Vec<String> = Vec::new();
        self.model.sessions.values_mut().for_each(Session::prefer_what_must_come);
        for client in clients {
            let session = &self.model.sessions[&client];
            for due in session.due.iter().filter(|due| !self.is_excused(client, due)) {
                missing.push(format!("client {client} did not get {due:?}"));
            }
            let open = session.exchanges.iter();
            let open =
                open.filter(|(_, exchange)| !exchange.may_be_given_up(self.network.now, session.smallest_packet));
            let open: Vec<_> = open.collect();
            must!(open.is_empty(), "client {client}: not finished: {open:?}");
            self.missing_retained(client, &mut missing);
            let link = session.link.map(|link| &self.network.links[link]);
            let owed = link.map(|link| &link.replies);
            must!(owed.is_none_or(std::collections::VecDeque::is_empty), "client {client} is owed {owed:?}");
            must!(self.clients[client].outgoing.is_empty(), "client {client}: {:?}", self.clients[client].outgoing);
        }
        // What was dropped for want of room was counted.
        must!(
            missing.len() as u64 <= self.room_drops,
            "{} messages did not come, {} were dropped: {}",
            missing.len(),
            self.room_drops,
            missing.first().map_or("", String::as_str)
        );
        self.room_drops = 0;
        for session in self.model.sessions.values_mut() {
            session.due.clear();
            session.exchanges.clear();
            session.streams.clear();
            session.seen_retained.clear();
            session.unclear.clear();
            session.either.clear();
            session.taken.clear();
        }
        Ok(())
    }

    /// What is retained and did not come with a subscription.
    fn missing_retained(&self, client: usize, missing: &mut Vec<String>) {
        let session = &self.model.sessions[&client];
        let now = self.network.now;
        if session.smallest_packet < 100_000 {
            return;
        }
        // What expired on the way was passed over; and what came may have been an older version, live or retained.
        let clear = |version: &Version| !session.unclear.contains(&version.message.number);
        let must = |candidate: &Candidate| {
            candidate.must && candidate.versions.iter().all(|version| version.expires_at > now && clear(version))
        };
        let topics = self.model.retained.iter().filter(|(_, retained)| retained.expires_at > now && clear(retained));
        for topic in topics.map(|(topic, _)| topic) {
            let musts = session.streams.iter().filter(|s| s.topics.get(topic).is_some_and(must)).count();
            let looks = session.seen_retained.get(topic).map_or(&[][..], Vec::as_slice);
            let brought = matching(&session.streams, topic, looks, must);
            for _ in brought..musts {
                missing.push(format!(
                    "client {client} got what is retained for {topic:?} {brought} times, and should {musts} times: \
                     {looks:?}"
                ));
            }
        }
    }

    /// Everybody leaves for good, and nothing may be left behind.
    pub(crate) fn finish(&mut self) -> Checked {
        self.settle()?;
        self.leave_for_good()?;
        let topics: Vec<Rc<str>> = self.model.retained.keys().cloned().collect();
        for at in 0..self.clients.len() {
            self.clients[at].version = ProtocolVersion::V311;
        }
        self.connect(0, Manner::Back);
        self.rest()?;
        for topic in topics {
            self.clear(0, &topic);
        }
        self.rest()?;
        self.leave_for_good()?;
        let left: usize = self.network.shards.iter().map(|s| s.session_count() + s.connection_count()).sum();
        must!(left == 0, "{left} sessions and connections are left");
        let (subscriptions, retained) =
            (self.network.shared.subscription_count(), self.network.shared.retained_count());
        must!(subscriptions == 0 && retained == 0, "{subscriptions} subscriptions, {retained} retained messages left");
        let due = self.network.shards.iter().find_map(mosquitto_broker::Shard::next_deadline);
        must!(due.is_none(), "there is a deadline left: {due:?}");
        Ok(())
    }

    /// Ends all sessions: each client comes back clean and says goodbye.
    fn leave_for_good(&mut self) -> Checked {
        for at in 0..self.clients.len() {
            self.clients[at].version = ProtocolVersion::V311;
            self.connect(at, Manner::Clean);
        }
        self.rest()?;
        for at in 0..self.clients.len() {
            self.send_disconnect(at, false, None);
        }
        self.rest()
    }
}
