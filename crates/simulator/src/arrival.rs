//! Copies that arrive at their session: which of them come, and what they may look like.

use crate::model::Model;
use crate::session::{Due, DueLook, Session};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the settings say of how copies come to a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    /// Clients of MQTT 3 get one for all of their subscriptions.
    pub(crate) one_copy: bool,
    /// Those of QoS 0 wait for a client that is away.
    pub(crate) queues_qos_0: bool,
}

impl Model {
    /// What is under way from a shard to a session has arrived, up to this place.
    pub(crate) fn arrive(session: &mut Session, seq: u64, from: usize, delivery: Delivery) {
        if session.due.iter().all(|due| due.under_way != Some(from)) {
            return;
        }
        let mut due = std::mem::take(&mut session.due);
        let (mut arrived, mut unclear): (BTreeSet<u64>, BTreeSet<u64>) = Default::default();
        for due in due.iter_mut().filter(|due| due.under_way == Some(from) && due.seq <= seq) {
            due.under_way = None;
            due.connection = session.connection;
            arrived.insert(due.seq);
            if session.unsubscribed_at >= due.seq && !session.still_has(due) {
                unclear.insert(due.seq);
            }
        }
        for &seq in &unclear {
            Self::blur(session, &mut due, seq);
        }
        if delivery.one_copy && !session.v5 {
            for seq in arrived {
                Self::leave_one(&mut due, seq);
            }
        }
        if session.link.is_none() && !delivery.queues_qos_0 {
            due.retain_mut(|due| due.under_way.is_some() || due.outlives_the_connection(false));
        }
        session.due = due;
    }

    /// A session has taken subscriptions back or changed them while the copies of this place were under way to it. Which
    /// copy comes for which subscription cannot be told any more, and so neither can their looks; how many at least can:
    /// as many as there were, unless it has fewer subscriptions now `[MQTT-3.10.4-2]`.
    fn blur(session: &Session, due: &mut Vec<Due>, seq: u64) {
        let topic = due.iter().find(|due| due.seq == seq).map(|due| Rc::clone(&due.message.topic));
        let Some(topic) = topic else { return };
        let matching = session.subscriptions.values().filter(|subscription| subscription.matches(&topic));
        let (shared, alone): (Vec<_>, Vec<_>) = matching.partition(|subscription| subscription.group.is_some());
        let (any, mut left) = (shared.len() + alone.len() > 0, alone.len());
        let looks = due.iter().filter(|due| due.seq == seq).map(Due::look).collect();
        let looks = Self::share_looks(due, seq, looks);
        due.retain_mut(|due| {
            if due.seq != seq {
                return true;
            }
            if due.subscription.starts_with("$share/") {
                due.optional = !session.subscriptions.contains_key(&due.subscription);
            } else {
                due.optional = left == 0;
                left = left.saturating_sub(1);
            }
            due.looks = Some(Rc::clone(&looks));
            due.ambiguous = true;
            any
        });
    }

    /// What the copies of this place may look like. Those of a message that was published before are not told apart from
    /// the ones that it brought then.
    fn share_looks(due: &[Due], seq: u64, looks: Vec<DueLook>) -> Rc<RefCell<Vec<DueLook>>> {
        let message = due.iter().find(|due| due.seq == seq).map(|due| &due.message);
        let is_twin = |due: &&Due| {
            message.is_some_and(|message| due.message.number == message.number && due.message.topic == message.topic)
        };
        let known = due.iter().filter(is_twin).find_map(|due| due.looks.clone());
        let shared = known.unwrap_or_default();
        shared.borrow_mut().extend(looks);
        shared
    }

    /// Of the copies of this place that its own subscriptions bring a session, one has to come, at the highest QoS
    /// `[3.1.1 MQTT-3.3.5-1]`; for which of those subscriptions is the broker's choice. One more may come where the
    /// highest was granted for what others publish only, which does not stand for the rest.
    fn leave_one(due: &mut Vec<Due>, seq: u64) {
        let is_one = |due: &Due| due.seq == seq && !due.subscription.starts_with("$share/");
        let all: Vec<&Due> = due.iter().filter(|due| is_one(due)).collect();
        let granted = |no_local: bool| all.iter().filter(|due| due.no_local == no_local).map(|due| due.granted).max();
        // Where subscriptions have changed meanwhile, the best one may be gone.
        let changed = all.iter().any(|due| due.looks.is_some());
        let more = match (granted(true), granted(false)) {
            (Some(others), Some(plain)) => changed || others > plain,
            _ => false,
        };
        let best = all.iter().map(|due| due.qos).max();
        let looks: Vec<DueLook> =
            all.iter().filter(|due| more || Some(due.qos) == best).map(|due| due.look()).collect();
        let differ = looks.iter().any(|look| Some(look) != looks.first());
        let looks = differ.then(|| Self::share_looks(due, seq, looks));
        let mut chosen = false;
        due.retain_mut(|due| {
            if !is_one(due) {
                return true;
            }
            let first = !chosen && (changed || more || Some(due.qos) == best);
            chosen |= first;
            due.optional |= !first;
            due.looks = due.looks.take().or_else(|| looks.clone());
            due.ambiguous |= more && due.looks.is_some();
            first || more
        });
    }
}
