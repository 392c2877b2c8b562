//! SUBSCRIBE and UNSUBSCRIBE from a client.

use crate::connection::Connection;
use crate::id::SessionId;
use crate::log::log;
use crate::mount_point::MountedFilter;
use crate::retained_streams::RetainedStream;
use crate::retained_tree::RetainedWalk;
use crate::subscriber::{Grant, Subscriber};
use crate::subscription_tree::NodeId;
use crate::{ConnectionId, Shard};
use mosquitto_mqtt::packet::{
    RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions, UnsubAck, Unsubscribe,
};
use mosquitto_mqtt::{Properties, Property, ProtocolVersion, QoS, ReasonCode};
use std::fmt;

/// Filters added or removed under one lock, so that a long packet does not hold up the other shards.
const FILTERS_A_SLICE: usize = 1000;

/// The return code of a SUBACK of MQTT 3.1.1 for what was not granted (3.1.1, 3.9.3).
const FAILURE: u8 = 0x80;

/// A subscription as it was made.
struct Made<'a> {
    wanted: Subscription<'a>,
    filter: MountedFilter<'a>,
    node: NodeId,
    grant: Grant,
    is_new: bool,
}

/// A subscription as it was taken back.
struct Removed<'a> {
    filter: MountedFilter<'a>,
    /// Where it stood, if there was one.
    node: Option<NodeId>,
}

/// What a client's connection means for its subscriptions.
struct Terms {
    mount_point: Option<Box<str>>,
    bridge: bool,
}

impl Terms {
    fn of(connection: &Connection) -> Self {
        Self { mount_point: connection.mount_point().map(Into::into), bridge: connection.bridge }
    }
}

/// What SUBACK says of a filter that is none behind the client's mount point. MQTT 3.1 knows no refusal.
fn refusal(version: ProtocolVersion, wanted: &Subscription<'_>) -> u8 {
    match version {
        ProtocolVersion::V5 => ReasonCode::TOPIC_FILTER_INVALID.0,
        ProtocolVersion::V311 => FAILURE,
        ProtocolVersion::V31 => wanted.options.qos.bits(),
    }
}

impl Shard {
    /// Makes all subscriptions, then answers, then sends what is retained for them.
    pub(crate) fn on_subscribe(&mut self, id: ConnectionId, slot: u32, subscribe: &Subscribe<'_>) {
        let Some(connection) = self.home.connections.get(id) else { return };
        let (version, terms) = (connection.version, Terms::of(connection));
        let Some(session) = self.origin(slot) else { return };
        if self.is_full_for(slot) && self.any_is_new(session, subscribe, &terms) {
            if let Some(reasons) = self.refuse_subscriptions(id, subscribe) {
                self.send_suback(id, subscribe.packet_id, &reasons);
            }
            return;
        }
        let identifier = subscribe.properties.iter().find_map(|property| match property {
            Property::SubscriptionIdentifier(identifier) => Some(identifier),
            _ => None,
        });
        let made = self.make_subscriptions(session, subscribe, identifier.unwrap_or(0), &terms);
        let mut reasons = Vec::with_capacity(made.len());
        for made in &made {
            // [MQTT-3.8.4-6] [MQTT-3.9.3-1]: a code for each filter, in order.
            match made {
                Ok(Made { filter, grant, .. }) => {
                    reasons.push(grant.qos().bits());
                    log!(self.home.log, Debug, "\t{filter} (QoS {})", grant.qos().bits());
                    let name = self.home.name_of(id);
                    log!(self.home.log, Subscribe, "{name} {} {filter}", grant.qos().bits());
                }
                Err(wanted) => {
                    reasons.push(refusal(version, wanted));
                    log!(self.home.log, Debug, "\t{} (denied)", wanted.filter);
                }
            }
        }
        // [MQTT-3.8.4-1], and before any retained message.
        if !self.send_suback(id, subscribe.packet_id, &reasons) {
            return;
        }
        // The subscription stands: what is younger comes live. What another shard has kept since it stands comes twice, and
        // nothing is lost, since what was routed without it was kept before it could be made.
        let newest = self.shared.retained.read().newest();
        for Made { wanted, filter, node, grant, is_new } in made.into_iter().flatten() {
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
                let walk = RetainedWalk::new(&filter.filter, newest);
                self.start_stream(slot, RetainedStream::new(node, walk, grant));
            } else if let Some(retained) = self.home.sessions.get_mut(slot).and_then(|s| s.retained.as_mut()) {
                // [MQTT-3.8.4-3]: the new subscription has taken the place of the old one.
                retained.regrant(node, grant);
            }
        }
    }

    /// Whether any of the subscriptions takes memory: one that is there already is only replaced.
    #[cold]
    fn any_is_new(&mut self, session: SessionId, subscribe: &Subscribe<'_>, terms: &Terms) -> bool {
        let (shard, tree) = (self.id, self.tree());
        let is_new = |filter: MountedFilter<'_>| !tree.has(&filter.filter, filter.group, shard, session);
        let mount_point = terms.mount_point.as_deref();
        subscribe.subscriptions().any(|wanted| MountedFilter::new(mount_point, wanted.filter).is_some_and(is_new))
    }

    /// False where the client does not take an answer so long, which ends its connection.
    fn send_suback(&mut self, id: ConnectionId, packet_id: u16, reasons: &[u8]) -> bool {
        let Some(version) = self.home.connections.get(id).map(|connection| connection.version) else { return false };
        log!(self.home.log, Debug, "Sending SUBACK to {}", self.home.name_of(id));
        let mut packet = Vec::new();
        SubAck { packet_id, properties: Properties::EMPTY, reasons }.encode(version, &mut packet);
        self.home.close_gate_for_answer(id);
        let taken = self.home.reply_if_taken(id, &packet);
        if !taken {
            self.end_with(id, None, Some("oversize packet"));
        }
        taken
    }

    /// Returns what was made, or what was wanted where it cannot be.
    fn make_subscriptions<'a>(
        &mut self,
        session: SessionId,
        subscribe: &Subscribe<'a>,
        identifier: u32,
        terms: &Terms,
    ) -> Vec<Result<Made<'a>, Subscription<'a>>> {
        let known = self.home.sessions.find_mut(session);
        let (max_qos, is_durable) =
            known.map_or((QoS::ExactlyOnce, false), |session| (session.max_qos, session.is_durable));
        let (shard, mut wanted, mut made) = (self.id, subscribe.subscriptions().peekable(), Vec::new());
        while wanted.peek().is_some() {
            let slice = wanted.by_ref().take(FILTERS_A_SLICE);
            self.change_tree(|tree| {
                made.extend(slice.map(|wanted| {
                    let mount_point = terms.mount_point.as_deref();
                    let Some(filter) = MountedFilter::new(mount_point, wanted.filter) else { return Err(wanted) };
                    let mut options = wanted.options;
                    options.qos = options.qos.min(max_qos); // MQTT 5, 3.8.4: it may grant less than was asked for
                    // A bridge of MQTT 3 cannot ask for it, and means it.
                    options.no_local |= terms.bridge;
                    options.retain_as_published |= terms.bridge;
                    let grant = Grant::new(options, identifier);
                    let subscriber = Subscriber { is_durable, ..Subscriber::new(shard, session, grant) };
                    // [MQTT-3.8.4-3]: the same filter again replaces what was there.
                    let (node, is_new) = tree.insert(&filter.filter, filter.group, subscriber);
                    Ok(Made { wanted, filter, node, grant, is_new })
                }));
            });
        }
        self.work += made.len() as u32;
        if is_durable {
            for Made { wanted, filter, grant, .. } in made.iter().flatten() {
                let options = SubscriptionOptions {
                    qos: grant.qos(),
                    no_local: grant.no_local(),
                    retain_as_published: grant.retain_as_published(),
                    ..wanted.options
                };
                self.home.changes.subscribed(session, &filter.text(), options.to_byte(), identifier);
            }
        }
        if let Some(session) = self.home.sessions.find_mut(session) {
            for Made { node, filter, .. } in made.iter().flatten().filter(|made| made.is_new) {
                session.add_subscription(*node, filter.group);
            }
        }
        made
    }

    /// Takes all subscriptions back, then answers `[MQTT-3.10.4-4]`.
    pub(crate) fn on_unsubscribe(&mut self, id: ConnectionId, slot: u32, unsubscribe: &Unsubscribe<'_>) {
        let Some(connection) = self.home.connections.get(id) else { return };
        let (version, terms) = (connection.version, Terms::of(connection));
        let Some(session) = self.origin(slot) else { return };
        let removed = self.remove_subscriptions(session, unsubscribe, &terms);
        let mut reasons = Vec::with_capacity(removed.len());
        for removed in &removed {
            let is_gone = removed.as_ref().is_ok_and(|removed| removed.node.is_some());
            reasons.push(if is_gone { ReasonCode::SUCCESS.0 } else { ReasonCode::NO_SUBSCRIPTION_EXISTED.0 });
            let filter: &dyn fmt::Display = match removed {
                Ok(removed) => &removed.filter,
                Err(text) => text,
            };
            log!(self.home.log, Debug, "\t{filter}");
            log!(self.home.log, Unsubscribe, "{} {filter}", self.home.name_of(id));
        }
        if let Some(known) = self.home.sessions.find_mut(session) {
            if known.is_durable {
                let gone = removed.iter().flatten().filter(|removed| removed.node.is_some());
                gone.for_each(|removed| self.home.changes.unsubscribed(session, &removed.filter.text()));
            }
            for Removed { filter, node } in removed.into_iter().flatten() {
                let Some(node) = node else { continue };
                known.remove_subscription(node, filter.group);
                if filter.group.is_none() {
                    // What is retained for it does not follow any more.
                    known.stop_stream(node);
                }
            }
        }
        log!(self.home.log, Debug, "Sending UNSUBACK to {}", self.home.name_of(id));
        let ack = UnsubAck { packet_id: unsubscribe.packet_id, properties: Properties::EMPTY, reasons: &reasons };
        let mut packet = Vec::new();
        ack.encode(version, &mut packet);
        self.home.close_gate_for_answer(id);
        if !self.home.reply_if_taken(id, &packet) {
            self.end_with(id, None, Some("oversize packet"));
        }
    }

    /// Returns for each filter what became of it, or its text where no subscription can have been made with it.
    fn remove_subscriptions<'a>(
        &mut self,
        session: SessionId,
        unsubscribe: &Unsubscribe<'a>,
        terms: &Terms,
    ) -> Vec<Result<Removed<'a>, &'a str>> {
        let (shard, mut filters, mut removed) = (self.id, unsubscribe.filters().peekable(), Vec::new());
        while filters.peek().is_some() {
            let (slice, before) = (filters.by_ref().take(FILTERS_A_SLICE), removed.len());
            let ((), generation) = self.change_tree(|tree| {
                removed.extend(slice.map(|text| {
                    let filter = MountedFilter::new(terms.mount_point.as_deref(), text).ok_or(text)?;
                    // [MQTT-3.10.4-1]: compared character by character.
                    let node = tree.remove(&filter.filter, filter.group, shard, session);
                    Ok(Removed { filter, node })
                }));
            });
            if removed.iter().skip(before).flatten().any(|removed| removed.node.is_some())
                && let Some(session) = self.home.sessions.find_mut(session)
            {
                session.unsubscribed_in = generation;
            }
        }
        self.work += removed.len() as u32;
        removed
    }
}
