//! SUBSCRIBE and UNSUBSCRIBE.

use super::{Misbehaviour, Phase, Session};
use crate::{Event, Moment, RequestError};
use mosquitto_mqtt::packet::{SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe};
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, Properties, ReasonCode, SharedFilter, TopicFilter, valid_text};

/// Requests that are not answered yet, at most.
const REQUESTS_MAX: usize = 1000;

/// A request that waits for its answer, with the number of its filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(usize),
    Unsubscribe(usize),
}

impl Session {
    /// Subscribes to one or more filters with one SUBSCRIBE. Returns its packet identifier, by which
    /// [`Event::Subscribed`] tells the answer; none comes if the connection ends first. `properties` are those of
    /// SUBSCRIBE; they, and options other than the QoS, count in MQTT 5 only.
    pub fn subscribe(
        &mut self,
        now: Moment,
        subscriptions: &[Subscription<'_>],
        properties: Properties<'_>,
    ) -> Result<u16, RequestError> {
        self.advance(now);
        for subscription in subscriptions {
            let shared = SharedFilter::new(checked_text(subscription.filter)?).map_err(RequestError::Filter)?;
            if shared.filter.has_wildcard() && !self.limits.wildcards {
                return Err(RequestError::WildcardsNotSupported);
            }
            if shared.group.is_some() && !self.limits.shared {
                return Err(RequestError::SharedNotSupported);
            }
        }
        let version = self.options.version;
        let packet_id = self.request(Request::Subscribe(subscriptions.len()), |packet_id, out| {
            Subscribe::write(packet_id, properties, subscriptions.iter().copied(), version, out);
        })?;
        for Subscription { filter, options } in subscriptions {
            let rest = if version.is_v5() { options.to_byte() & 0xfc } else { 0 };
            self.log(|| {
                let qos = options.qos.bits();
                format!("sending SUBSCRIBE (Mid: {packet_id}, Topic: {filter}, QoS: {qos}, Options: 0x{rest:02x})")
            });
        }
        Ok(packet_id)
    }

    /// Ends one or more subscriptions with one UNSUBSCRIBE. Returns its packet identifier, by which
    /// [`Event::Unsubscribed`] tells the answer; none comes if the connection ends first.
    pub fn unsubscribe(
        &mut self,
        now: Moment,
        filters: &[&str],
        properties: Properties<'_>,
    ) -> Result<u16, RequestError> {
        self.advance(now);
        for filter in filters {
            TopicFilter::new(checked_text(filter)?).map_err(RequestError::Filter)?;
        }
        let version = self.options.version;
        let packet_id = self.request(Request::Unsubscribe(filters.len()), |packet_id, out| {
            Unsubscribe::write(packet_id, properties, filters.iter().copied(), version, out);
        })?;
        for filter in filters {
            self.log(|| format!("sending UNSUBSCRIBE (Mid: {packet_id}, Topic: {filter})"));
        }
        Ok(packet_id)
    }

    fn request(&mut self, request: Request, write: impl FnOnce(u16, &mut Vec<u8>)) -> Result<u16, RequestError> {
        let (Request::Subscribe(filters) | Request::Unsubscribe(filters)) = request;
        if filters == 0 {
            return Err(RequestError::NoFilter);
        }
        if self.phase != Phase::Open {
            return Err(RequestError::NotConnected);
        }
        if self.requests.len() >= REQUESTS_MAX {
            return Err(RequestError::Full);
        }
        let packet_id = self.ids.claim().ok_or(RequestError::Full)?;
        let mut packet = Vec::new();
        write(packet_id, &mut packet);
        if let Err(error) = self.limits.check_len(packet.len()) {
            self.ids.free(packet_id);
            return Err(error);
        }
        self.send(|out| out.extend_from_slice(&packet));
        self.requests.insert(packet_id, request);
        Ok(packet_id)
    }

    fn answered_request(&mut self, packet_id: u16) -> Option<Request> {
        let request = self.requests.remove(&packet_id)?;
        self.ids.free(packet_id);
        Some(request)
    }

    /// A SUBACK of MQTT 5 that ends with its properties, of which there are none. It is malformed, but what it means is plain,
    /// and the original's clients take it; so do these.
    pub(super) fn bare_suback<'b>(&self, header: FixedHeader, body: &'b [u8]) -> Option<Packet<'b>> {
        let &[high, low, 0] = body else { return None };
        let is_suback = header.first_byte == PacketType::SubAck.first_byte() && self.options.version.is_v5();
        let packet_id = u16::from_be_bytes([high, low]);
        let packet = SubAck { packet_id, properties: Properties::EMPTY, reasons: &[] };
        (is_suback && packet_id != 0).then_some(Packet::SubAck(packet))
    }

    pub(super) fn on_suback(&mut self, packet: SubAck<'_>) -> Result<(), Misbehaviour> {
        self.log(|| "received SUBACK".to_owned());
        let packet_id = packet.packet_id;
        match self.answered_request(packet_id) {
            // [MQTT-3.9.3-1]: a code for each filter; or none at all, see `bare_suback`.
            Some(Request::Subscribe(filters)) if filters == packet.reasons.len() || packet.reasons.is_empty() => {}
            Some(Request::Subscribe(_)) => return Err(Misbehaviour::protocol("SUBACK has not a code for each filter")),
            _ => return Err(Misbehaviour::protocol("a SUBACK without its SUBSCRIBE")),
        }
        let reasons = packet.reasons.iter().copied().map(ReasonCode).collect();
        self.events.push_back(Event::Subscribed { packet_id, reasons });
        Ok(())
    }

    pub(super) fn on_unsuback(&mut self, packet: UnsubAck<'_>) -> Result<(), Misbehaviour> {
        self.log(|| "received UNSUBACK".to_owned());
        let packet_id = packet.packet_id;
        match self.answered_request(packet_id) {
            Some(Request::Unsubscribe(filters)) if filters == packet.reasons.len() || !self.options.version.is_v5() => {
            }
            Some(Request::Unsubscribe(_)) => {
                return Err(Misbehaviour::protocol("UNSUBACK has not a code for each filter"));
            }
            _ => return Err(Misbehaviour::protocol("an UNSUBACK without its UNSUBSCRIBE")),
        }
        let reasons = packet.reasons.iter().copied().map(ReasonCode).collect();
        self.events.push_back(Event::Unsubscribed { packet_id, reasons });
        Ok(())
    }
}

fn checked_text(filter: &str) -> Result<&str, RequestError> {
    valid_text(filter.as_bytes()).ok_or(RequestError::NotText)
}
