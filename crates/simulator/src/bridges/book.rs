//! What was published, and what has come to each broker: the books that have to come out.

use super::plan::{Look, Plan, looks};
use crate::violation::{Checked, must, violated};
use mosquitto_client::Message as Arrived;
use std::collections::{BTreeMap, HashMap};

/// A message, which is known by its number.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Message {
    pub(crate) publisher: usize,
    pub(crate) origin: usize,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// Whether it is retained, and comes back when a bridge with both directions subscribes again: perhaps with less QoS, and
    /// without the flag.
    comes_back: bool,
    /// What it is at each broker that it gets to, and from which it comes there.
    pub(crate) looks: Vec<Option<(Look, usize)>>,
    /// How often each broker was told it.
    pub(crate) counts: Vec<u32>,
    /// Whether it was published while nothing broke: then it arrives, whatever its QoS.
    pub(crate) is_calm: bool,
    /// Whether all has been at rest since: then it does not come again, unless it is retained.
    is_settled: bool,
    /// Breaks of its publisher's connections before it, after which it may have been sent again.
    breaks: u32,
    /// Whether it may be too early for sessions that did not exist yet.
    is_early: bool,
    /// Of each broker, whether the first copy that gets there may be one that was sent again: copies are lost on the way.
    may_be_again: Vec<bool>,
}

/// One direction of a bridge, as far as counting goes.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Hop {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether the sessions there outlive connections.
    pub(crate) giver_keeps: bool,
    pub(crate) taker_keeps: bool,
    /// Beginnings and ends of its connections since everything was at rest, and in all.
    pub(crate) recent_turns: u32,
    pub(crate) turns: u32,
    /// Messages that were dropped on their way into it, and counted, since everything was at rest.
    pub(crate) dropped: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) messages: Vec<Message>,
    /// The first that is not settled.
    open_from: usize,
    /// The last message of a publisher at a QoS under a first level, at each broker.
    latest: HashMap<(usize, usize, u8, String), usize>,
    /// The last word about the state of a bridge, by broker and topic.
    pub(crate) states: BTreeMap<(usize, String), Vec<u8>>,
    /// Messages that came over a bridge.
    pub(crate) crossings: u64,
}

/// What is published next.
pub(crate) struct Plain<'a> {
    pub(crate) publisher: usize,
    pub(crate) origin: usize,
    pub(crate) look: &'a Look,
    pub(crate) len: usize,
    pub(crate) is_calm: bool,
    pub(crate) breaks: u32,
    /// Whether brokers drop what waits.
    pub(crate) has_bounds: bool,
}

impl Book {
    /// Notes a message that is published, and says its number.
    pub(crate) fn publish(&mut self, plans: &[Plan], brokers: usize, plain: &Plain<'_>) -> usize {
        let looks = looks(plans, brokers, plain.origin, plain.look, plain.len);
        let goes_back = |at: usize, topic: &str| plans.iter().any(|plan| plan.comes_back(at, topic));
        let anywhere = looks
            .iter()
            .enumerate()
            .any(|(at, look)| look.as_ref().is_some_and(|(look, _)| goes_back(at, &look.topic)));
        let may_be_again = (0..brokers).map(|at| may_be_again(plans, &looks, plain, at)).collect();
        self.messages.push(Message {
            comes_back: plain.look.retain && anywhere,
            publisher: plain.publisher,
            origin: plain.origin,
            qos: plain.look.qos,
            retain: plain.look.retain,
            looks,
            counts: vec![0; brokers],
            is_calm: plain.is_calm,
            is_settled: false,
            breaks: plain.breaks,
            is_early: false,
            may_be_again,
        });
        self.messages.len()
    }

    /// A broker was told a message.
    pub(crate) fn arrived(&mut self, at: usize, arrived: &Arrived) -> Checked {
        let topic = arrived.topic.as_str();
        if topic.starts_with("$SYS/") {
            self.states.insert((at, topic.to_owned()), arrived.payload.clone());
            return Ok(());
        }
        let number = number_of(&arrived.payload);
        let Some(message) = number.checked_sub(1).and_then(|index| self.messages.get_mut(index)) else {
            violated!("{topic} has come to broker {at}, which nobody has published");
        };
        let Some((look, _)) = &message.looks[at] else {
            violated!(
                "message {number}, which was published at broker {}, has come to broker {at} as {topic}",
                message.origin
            );
        };
        let come = Look { topic: topic.to_owned(), qos: arrived.qos.bits(), retain: arrived.retain };
        let is_echo =
            message.comes_back && come.topic == look.topic && come.qos <= look.qos && come.retain <= look.retain;
        must!(come == *look || is_echo, "message {number} has come to broker {at} as {come:?}, and should be {look:?}");
        let is_again = message.is_settled && !message.retain;
        must!(!is_again, "message {number} has come to broker {at} again, after everything was at rest");
        message.counts[at] += 1;
        self.crossings += u64::from(at != message.origin);
        // Which message comes first may depend on what was retained, or, where first copies are lost, on what was sent again as
        // QoS 1 before.
        if message.counts[at] > 1 || message.retain || message.may_be_again[at] {
            return Ok(());
        }
        let origin_topic = message.looks[message.origin].as_ref().map_or("", |(look, _)| look.topic.as_str());
        let level = origin_topic.split('/').next().unwrap_or_default().to_owned();
        let latest = self.latest.entry((at, message.publisher, message.qos, level)).or_insert(0);
        must!(*latest < number, "message {number} has come to broker {at} after message {latest} of its publisher");
        *latest = number;
        Ok(())
    }

    /// Everything is at rest: what is owed has come, and no more than that. `publisher_breaks`: of each publisher's connections.
    pub(crate) fn settle(&mut self, hops: &[Hop], publisher_breaks: &[u32]) -> Checked {
        let mut missing = vec![0_u64; hops.len()];
        for number in self.open_from + 1..=self.messages.len() {
            let message = &self.messages[number - 1];
            self.check_origin(number, publisher_breaks[message.publisher])?;
            for (at, hop) in hops.iter().enumerate() {
                missing[at] += u64::from(self.check_hop(number, hop, hop.dropped > 0)?);
            }
        }
        for (missing, hop) in missing.into_iter().zip(hops) {
            let (Hop { from, to, dropped, .. }, is) = (hop, missing);
            must!(is <= *dropped, "{is} messages are missing from broker {from} at {to}, and {dropped} were counted");
        }
        for message in &mut self.messages[self.open_from..] {
            message.is_settled = true;
        }
        self.open_from = self.messages.len();
        Ok(())
    }

    /// Until now sessions may not have been there.
    pub(crate) fn excuse(&mut self) {
        self.messages[self.open_from..].iter_mut().for_each(|message| message.is_early = true);
    }

    fn check_origin(&self, number: usize, breaks: u32) -> Checked {
        let message = &self.messages[number - 1];
        let (origin, count) = (message.origin, message.counts[message.origin]);
        let least = u32::from(message.qos > 0 || message.is_calm);
        let most = match message.qos {
            1 => 1 + breaks - message.breaks,
            _ => 1,
        };
        let is_right = count >= least && (count <= most || message.comes_back);
        must!(is_right, "broker {origin}, where message {number} was published, was told it {count} times");
        Ok(())
    }

    /// How many copies are missing over this hop, where that is allowed as some were dropped.
    fn check_hop(&self, number: usize, hop: &Hop, was_dropped: bool) -> Checked<u32> {
        let message = &self.messages[number - 1];
        let Hop { from, to, .. } = *hop;
        let Some((look, _)) = message.looks[to].as_ref().filter(|(_, by)| *by == from && to != message.origin) else {
            return Ok(0);
        };
        let (gone, come) = (message.counts[from], message.counts[to]);
        let once = hop.taker_keeps;
        let most = match look.qos {
            _ if message.retain => (gone + 1) * (hop.turns + 1),
            0 => gone,
            2 if once => gone,
            _ => gone * (1 + hop.recent_turns),
        };
        must!(
            come <= most,
            "message {number} (QoS {}) has come {come} times from broker {from} to {to}, which was told it {gone} times",
            look.qos
        );
        let is_owed = match look.qos {
            0 => false,
            1 => hop.giver_keeps && !message.is_early,
            _ => hop.giver_keeps && once && !message.is_early,
        };
        let owed = match look.qos {
            _ if message.is_calm => gone.min(1),
            // What has come back with QoS 0 goes on with it.
            _ if message.comes_back => 0,
            2 if is_owed && !message.retain => gone,
            _ if is_owed => gone.min(1),
            _ => 0,
        };
        let missing = owed.saturating_sub(come);
        must!(
            missing == 0 || was_dropped,
            "message {number} (QoS {}) has come {come} times from broker {from} to {to}, which was told it {gone} times; \
             nothing was dropped",
            look.qos
        );
        Ok(missing)
    }
}

/// Whether copies of a message may be lost on its way to a broker, where others were sent again at QoS 1.
fn may_be_again(plans: &[Plan], looks: &[Option<(Look, usize)>], plain: &Plain<'_>, mut at: usize) -> bool {
    let (mut repeats, mut loses) = (false, plain.has_bounds);
    while let Some((look, from)) = &looks[at] {
        repeats |= look.qos == 1;
        if *from == at {
            break;
        }
        let is_kept = |plan: &Plan| plan.is_kept(at) && plan.is_kept(*from);
        let hop = plans.iter().find(|plan| plan.other(at) == Some(*from));
        loses |= look.qos == 0 || !hop.is_some_and(is_kept);
        at = *from;
    }
    repeats && loses
}

/// The number of the message with this payload; 0 where it has none.
pub(crate) fn number_of(payload: &[u8]) -> usize {
    std::str::from_utf8(payload.get(..8).unwrap_or_default()).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
