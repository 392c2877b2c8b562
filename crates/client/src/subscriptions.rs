//! What a client has subscribed to, to be repeated where the server has forgotten it.

use crate::{Moment, RequestError, Session};
use mosquitto_mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, PropertiesBuf, ReasonCode};
use std::collections::{BTreeMap, VecDeque};

/// The subscriptions that a client wants to have. Like [`Session`] it does nothing by itself: its owner notes what was asked
/// for and answered, calls [`connected`](Self::connected) once the server has accepted another connection, and then
/// [`proceed`](Self::proceed) as often as it handles events, while that returns true.
#[derive(Debug, Default)]
pub struct Subscriptions {
    wanted: BTreeMap<String, Wanted>,
    /// Filters to subscribe to again.
    pending: VecDeque<String>,
}

#[derive(Debug)]
struct Wanted {
    options: SubscriptionOptions,
    properties: PropertiesBuf,
    /// The SUBSCRIBE that is not answered, and the place of the filter in it.
    asked: Option<(u16, usize)>,
}

impl Subscriptions {
    /// A SUBSCRIBE is sent.
    pub fn asked(&mut self, packet_id: u16, subscriptions: &[Subscription<'_>], properties: Properties<'_>) {
        for (place, Subscription { filter, options }) in subscriptions.iter().enumerate() {
            let (asked, properties) = (Some((packet_id, place)), properties.iter().collect());
            self.wanted.insert((*filter).to_owned(), Wanted { options: *options, properties, asked });
        }
    }

    /// A SUBACK is here: what the server refuses is not asked for again.
    pub fn answered(&mut self, packet_id: u16, reasons: &[ReasonCode]) {
        self.wanted.retain(|_, wanted| match wanted.asked {
            Some((asked, place)) if asked == packet_id => {
                wanted.asked = None;
                !reasons.get(place).is_some_and(|reason| reason.is_error())
            }
            _ => true,
        });
    }

    /// An UNSUBSCRIBE is sent.
    pub fn ended(&mut self, filters: &[&str]) {
        for filter in filters {
            self.wanted.remove(*filter);
        }
    }

    /// The server has accepted a connection. What it has no session for is asked for again, and in any case what it has not
    /// answered.
    pub fn connected(&mut self, session_present: bool) {
        let lost = self.wanted.iter().filter(|(_, wanted)| !session_present || wanted.asked.is_some());
        self.pending = lost.map(|(filter, _)| filter.clone()).collect();
    }

    /// Subscribes again, as far as the session takes it. Returns whether something is left. A filter that the server says not
    /// to support any more is passed over.
    pub fn proceed(&mut self, session: &mut Session, now: Moment) -> bool {
        while let Some(filter) = self.pending.pop_front() {
            let Some(wanted) = self.wanted.get_mut(&filter) else { continue };
            let subscription = Subscription { filter: &filter, options: wanted.options };
            match session.subscribe(now, &[subscription], wanted.properties.as_properties()) {
                Ok(packet_id) => wanted.asked = Some((packet_id, 0)),
                Err(RequestError::Full | RequestError::NotConnected) => {
                    self.pending.push_front(filter);
                    return true;
                }
                Err(_) => {}
            }
        }
        false
    }

    /// How many subscriptions are kept.
    pub fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }
}
