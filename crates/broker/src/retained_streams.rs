//! Retained messages under way to one session: a walk for each of its new subscriptions, one after the other.

use crate::retained_tree::RetainedWalk;
use crate::subscriber::Grant;
use crate::subscription_tree::NodeId;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Retained messages on their way to one subscription.
#[derive(Debug)]
pub(crate) struct RetainedStream {
    /// Of the subscription tree, where the subscription stands.
    node: NodeId,
    pub(crate) walk: RetainedWalk,
    pub(crate) grant: Grant,
    /// Whether what the walk stands at is still to be sent, since there was no room for it.
    pub(crate) pending: bool,
}

impl RetainedStream {
    pub(crate) fn new(node: NodeId, walk: RetainedWalk, grant: Grant) -> Self {
        Self { node, walk, grant, pending: false }
    }
}

/// The streams of one session, at most one for each of its subscriptions however often the client subscribes.
#[derive(Debug, Default)]
pub(crate) struct RetainedStreams {
    /// In the order in which they were asked for.
    queue: BTreeMap<u64, RetainedStream>,
    by_node: HashMap<NodeId, u64, foldhash::fast::RandomState>,
    last: u64,
}

impl RetainedStreams {
    /// Adds a stream at the end; it replaces what is left of an older one for the same subscription, which it repeats.
    pub(crate) fn push(&mut self, stream: RetainedStream) {
        self.last += 1;
        if let Some(old) = self.by_node.insert(stream.node, self.last) {
            self.queue.remove(&old);
        }
        self.queue.insert(self.last, stream);
    }

    /// The subscription at this node was replaced by one that asks for nothing retained: what is left of its stream
    /// goes on under the new terms.
    pub(crate) fn regrant(&mut self, node: NodeId, grant: Grant) {
        if let Some(stream) = self.by_node.get(&node).and_then(|at| self.queue.get_mut(at)) {
            stream.grant = grant;
        }
    }

    /// The one whose turn it is.
    pub(crate) fn first(&mut self) -> Option<&mut RetainedStream> {
        self.queue.first_entry().map(std::collections::btree_map::OccupiedEntry::into_mut)
    }

    /// The first one is done.
    pub(crate) fn finish_first(&mut self) {
        if let Some((_, stream)) = self.queue.pop_first() {
            self.by_node.remove(&stream.node);
        }
    }

    /// The subscription at this node was taken back.
    pub(crate) fn remove(&mut self, node: NodeId) {
        if let Some(at) = self.by_node.remove(&node) {
            self.queue.remove(&at);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_mqtt::QoS;
    use mosquitto_mqtt::packet::SubscriptionOptions;

    fn stream(node: NodeId) -> RetainedStream {
        RetainedStream::new(
            node,
            RetainedWalk::new("a", 0),
            Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), node),
        )
    }

    #[test]
    fn a_subscription_has_one_stream_and_they_keep_their_order() {
        let mut streams = RetainedStreams::default();
        for node in [1, 2, 3, 1, 1, 4] {
            streams.push(stream(node));
        }
        streams.remove(3);
        let order: Vec<NodeId> = std::iter::from_fn(|| {
            let node = streams.first()?.node;
            streams.finish_first();
            Some(node)
        })
        .collect();
        assert_eq!(order, [2, 1, 4]);
        assert!(streams.by_node.is_empty());
    }
}
