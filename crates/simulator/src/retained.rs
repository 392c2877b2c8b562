//! Which subscription brought which retained message: several of one session may bring what looks the same.

use crate::session::{Candidate, Stream, Version};
use mosquitto_mqtt::QoS;
use std::rc::Rc;

/// What of a retained message can be told from its PUBLISH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) number: u32,
    pub(crate) qos: QoS,
    /// The subscription identifier, where the client's version has such.
    #[allow(
        clippy::option_option,
        reason = "none is what an older version cannot say; none in it is that there is none"
    )]
    pub(crate) identifier: Option<Option<u32>>,
    /// Whether it has a user property and an expiry interval, where the client's version has such.
    pub(crate) made: Option<(bool, bool)>,
}

impl Stream {
    /// The version of what is retained for a topic that looks so, if this subscription may bring it.
    pub(crate) fn brings(&self, topic: &Rc<str>, look: &Look) -> Option<&Version> {
        self.topics.get(topic)?.versions.iter().rev().find(|version| {
            let message = &version.message;
            let made = (message.tagged, message.expiry_s.is_some_and(|seconds| seconds > 0));
            message.number == look.number
                && look.made.is_none_or(|like| like == made)
                && self.grants.iter().any(|(qos, identifier)| {
                    message.qos.min(*qos) == look.qos && look.identifier.is_none_or(|told| told == *identifier)
                })
        })
    }
}

/// How many of the streams that have a `wanted` candidate for the topic can have brought one of the messages seen each,
/// no two the same one.
pub(crate) fn matching(
    streams: &[Stream],
    topic: &Rc<str>,
    looks: &[Look],
    wanted: impl Fn(&Candidate) -> bool,
) -> usize {
    let streams: Vec<&Stream> = streams.iter().filter(|s| s.topics.get(topic).is_some_and(&wanted)).collect();
    let mut brought_by: Vec<Option<usize>> = vec![None; looks.len()];
    let mut count = 0;
    for at in 0..streams.len() {
        let mut tried = vec![false; looks.len()];
        count += usize::from(find(&streams, topic, looks, at, &mut brought_by, &mut tried));
    }
    count
}

/// Finds a message for a stream, where necessary by finding another one for the stream that has it (Kuhn's algorithm).
fn find(
    streams: &[&Stream],
    topic: &Rc<str>,
    looks: &[Look],
    at: usize,
    brought_by: &mut Vec<Option<usize>>,
    tried: &mut Vec<bool>,
) -> bool {
    for (place, look) in looks.iter().enumerate() {
        if tried[place] || streams[at].brings(topic, look).is_none() {
            continue;
        }
        tried[place] = true;
        let free = match brought_by[place] {
            None => true,
            Some(other) => find(streams, topic, looks, other, brought_by, tried),
        };
        if free {
            brought_by[place] = Some(at);
            return true;
        }
    }
    false
}
