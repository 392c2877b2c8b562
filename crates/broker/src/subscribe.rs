//! SUBSCRIBE and UNSUBSCRIBE from a client.

use crate::id::SessionId;
use crate::log::log;
use crate::retained_streams::RetainedStream;
use crate::retained_tree::RetainedWalk;
use crate::subscriber::{Grant, Subscriber};
use crate::subscription_tree::NodeId;
use crate::{ConnectionId, Shard};
use mosquitto_mqtt::packet::{RetainHandling, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe};
use mosquitto_mqtt::{Properties, Property, QoS, ReasonCode, SharedFilter};

/// Filters added or removed under one lock, so that a long packet does not hold up the other shards.
const FILTERS_A_SLICE: usize = 1000;

/// A subscription as it was made.
struct Made<'a> {
    wanted: Subscription<'a>,
    filter: SharedFilter<'a>,
    node: NodeId,
    grant: Grant,
    is_new: bool,
}

impl Shard {
    /// Makes all subscriptions, then answers, then sends what is retained for them.
    pub(crate) fn on_subscribe(&mut self, id: ConnectionId, slot: u32, subscribe: &Subscribe<'_>) {
        let Some(connection) = self.home.connections.get(id) else { return };
        let bridge = connection.bridge;
        let Some(session) = self.origin(slot) else { return };
        if self.home.memory_full {
            if let Some(reasons) = self.refuse_subscriptions(id, subscribe) {
                self.send_suback(id, subscribe.packet_id, &reasons);
            }
            return;
        }
        let identifier = subscribe.properties.iter().find_map(|property| match property {
            Property::SubscriptionIdentifier(identifier) => Some(identifier),
            _ => None,
        });
        let made = self.make_subscriptions(session, subscribe, identifier.unwrap_or(0), bridge);
        let mut reasons = Vec::with_capacity(made.len());
        for Made { wanted, grant, .. } in &made {
            // [MQTT-3.8.4-6] [MQTT-3.9.3-1]: a code for each filter, in order.
            reasons.push(grant.qos().bits());
            log!(self.home.log, Debug, "\t{} (QoS {})", wanted.filter, grant.qos().bits());
            let name = self.home.name_of(id);
            log!(self.home.log, Subscribe, "{name} {} {}", grant.qos().bits(), wanted.filter);
        }
        // [MQTT-3.8.4-1], and before any retained message.
        if !self.send_suback(id, subscribe.packet_id, &reasons) {
            return;
        }
        // The subscription stands: what is younger comes live. What another shard has kept since it stands comes twice, and
        // nothing is lost, since what was routed without it was kept before it could be made.
        let newest = self.shared.retained.read().newest();
        for Made { wanted, filter, node, grant, is_new } in made {
            let wants_retained = match wanted.options.retain_handling {
                RetainHandling::Always => true,  // [MQTT-3.3.1-9]
                RetainHandling::IfNew => is_new, // [MQTT-3.3.1-10]
                RetainHandling::Never => false,  // [MQTT-3.3.1-11]
            };
            // Shared subscriptions get none (MQTT 5, 4.8.2).
            if filter.group.is_some() {
                continue;
            }
            if wants_retained {
                let walk = RetainedWalk::new(filter.filter.as_str(), newest);
                self.start_stream(slot, RetainedStream::new(node, walk, grant));
            } else if let Some(retained) = self.home.sessions.get_mut(slot).and_then(|s| s.retained.as_mut()) {
                // [MQTT-3.8.4-3]: the new subscription has taken the place of the old one.
                retained.regrant(node, grant);
            }
        }
    }

    /// False where the client does not take an answer so long, which ends its connection.
    fn send_suback(&mut self, id: ConnectionId, packet_id: u16, reasons: &[u8]) -> bool {
        let Some(version) = self.home.connections.get(id).map(|connection| connection.version) else { return false };
        log!(self.home.log, Debug, "Sending SUBACK to {}", self.home.name_of(id));
        let mut packet = Vec::new();
        SubAck { packet_id, properties: Properties::EMPTY, reasons }.encode(version, &mut packet);
        let taken = self.home.reply_if_taken(id, &packet);
        if !taken {
            self.end_with(id, None, Some("oversize packet"));
        }
        taken
    }

    fn make_subscriptions<'a>(
        &mut self,
        session: SessionId,
        subscribe: &Subscribe<'a>,
        identifier: u32,
        bridge: bool,
    ) -> Vec<Made<'a>> {
        let max_qos = self.home.sessions.find_mut(session).map_or(QoS::ExactlyOnce, |session| session.max_qos);
        let (shard, mut wanted, mut made) = (self.id, subscribe.subscriptions().peekable(), Vec::new());
        while wanted.peek().is_some() {
            let slice = wanted.by_ref().take(FILTERS_A_SLICE);
            self.change_tree(|tree| {
                made.extend(slice.filter_map(|wanted| {
                    let filter = SharedFilter::new(wanted.filter).ok()?;
                    let mut options = wanted.options;
                    options.qos = options.qos.min(max_qos); // MQTT 5, 3.8.4: it may grant less than was asked for
                    // A bridge of MQTT 3 cannot ask for it, and means it.
                    options.no_local |= bridge;
                    options.retain_as_published |= bridge;
                    let grant = Grant::new(options, identifier);
                    let subscriber = Subscriber { session, grant, shard };
                    // [MQTT-3.8.4-3]: the same filter again replaces what was there.
                    let (node, is_new) = tree.insert(filter.filter.as_str(), filter.group, subscriber);
                    Some(Made { wanted, filter, node, grant, is_new })
                }));
            });
        }
        self.work += made.len() as u32;
        if let Some(session) = self.home.sessions.find_mut(session) {
            for Made { node, filter, .. } in made.iter().filter(|made| made.is_new) {
                session.add_subscription(*node, filter.group);
            }
        }
        made
    }

    /// Takes all subscriptions back, then answers `[MQTT-3.10.4-4]`.
    pub(crate) fn on_unsubscribe(&mut self, id: ConnectionId, slot: u32, unsubscribe: &Unsubscribe<'_>) {
        let Some(version) = self.home.connections.get(id).map(|connection| connection.version) else { return };
        let Some(session) = self.origin(slot) else { return };
        let removed = self.remove_subscriptions(session, unsubscribe);
        let mut reasons = Vec::with_capacity(removed.len());
        for (filter, removed) in unsubscribe.filters().zip(&removed) {
            reasons.push(if removed.is_some() { ReasonCode::SUCCESS.0 } else { ReasonCode::NO_SUBSCRIPTION_EXISTED.0 });
            log!(self.home.log, Debug, "\t{filter}");
            log!(self.home.log, Unsubscribe, "{} {filter}", self.home.name_of(id));
        }
        if let Some(session) = self.home.sessions.find_mut(session) {
            for (node, group) in removed.into_iter().flatten() {
                session.remove_subscription(node, group);
                if group.is_none() {
                    // What is retained for it does not follow any more.
                    session.stop_stream(node);
                }
            }
        }
        log!(self.home.log, Debug, "Sending UNSUBACK to {}", self.home.name_of(id));
        let ack = UnsubAck { packet_id: unsubscribe.packet_id, properties: Properties::EMPTY, reasons: &reasons };
        let mut packet = Vec::new();
        ack.encode(version, &mut packet);
        if !self.home.reply_if_taken(id, &packet) {
            self.end_with(id, None, Some("oversize packet"));
        }
    }

    /// Returns for each filter the node and the group, if there was such a subscription.
    fn remove_subscriptions<'a>(
        &mut self,
        session: SessionId,
        unsubscribe: &Unsubscribe<'a>,
    ) -> Vec<Option<(NodeId, Option<&'a str>)>> {
        let (shard, mut filters, mut removed) = (self.id, unsubscribe.filters().peekable(), Vec::new());
        while filters.peek().is_some() {
            let (slice, before) = (filters.by_ref().take(FILTERS_A_SLICE), removed.len());
            let ((), generation) = self.change_tree(|tree| {
                removed.extend(slice.map(|filter| {
                    let SharedFilter { group, filter } = SharedFilter::new(filter).ok()?;
                    // [MQTT-3.10.4-1]: compared character by character.
                    let node = tree.remove(filter.as_str(), group, shard, session)?;
                    Some((node, group))
                }));
            });
            if removed.iter().skip(before).any(Option::is_some)
                && let Some(session) = self.home.sessions.find_mut(session)
            {
                session.unsubscribed_in = generation;
            }
        }
        self.work += removed.len() as u32;
        removed
    }
}
