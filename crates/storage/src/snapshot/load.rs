//! A file, to the broker.

use crate::{BaseMessage, Chunk, Client, ClientMessage, Direction, Error, MessageState, Reader};
use mosquitto_broker::{KeptDelivery, KeptMessage, KeptSession, Moment, Publisher, Restore, Stage};
use mosquitto_mqtt::{Properties, PropertiesBuf, Property, QoS};
use std::io::Read;

/// Gives all that stands in a file to `restore`. The first chunk that is damaged ends it, as it does Mosquitto; what a chunk
/// says that makes no sense is left out, and counted there.
pub fn load<R: Read>(reader: &mut Reader<R>, restore: &mut Restore) -> Result<(), Error> {
    while let Some(entry) = reader.next_entry()? {
        match entry.chunk {
            Chunk::Config(config) => restore.number_used(config.last_store_id),
            Chunk::BaseMessage(message) => base_message(&message, restore),
            Chunk::ClientMessage(message) => client_message(&message, restore),
            Chunk::Retained(retained) => restore.retained(retained.store_id),
            Chunk::Subscription(subscription) => {
                let options = subscription.options | subscription.qos.bits();
                restore.subscription(subscription.client_id, subscription.filter, options, subscription.identifier);
            }
            Chunk::Client(client) => session(&client, restore),
            Chunk::Unknown(_) => {}
        }
    }
    Ok(())
}

fn base_message(message: &BaseMessage<'_>, restore: &mut Restore) {
    let expires_at = match message.expiry_time {
        0 => Moment::NEVER,
        seconds => restore.moment(milliseconds(seconds)),
    };
    let filtered = only_forwarded(message.properties);
    let properties = filtered.as_ref().map_or(message.properties, PropertiesBuf::as_properties);
    let kept = KeptMessage {
        number: message.store_id,
        topic: message.topic,
        properties: properties.as_bytes(),
        payload: message.payload,
        qos: message.qos,
        retain: message.retain,
        expires_at,
    };
    let publisher = Publisher {
        client_id: message.source_id,
        username: message.source_username,
        listener_port: message.source_port,
    };
    restore.message(kept, Some(publisher));
}

/// Those properties that go on to subscribers, where there are others.
fn only_forwarded(properties: Properties<'_>) -> Option<PropertiesBuf> {
    let is_forwarded = |property: &Property<'_>| {
        use Property as P;
        !matches!(property, P::TopicAlias(_) | P::MessageExpiryInterval(_) | P::SubscriptionIdentifier(_))
    };
    if properties.iter().all(|property| is_forwarded(&property)) {
        return None;
    }
    let mut forwarded = PropertiesBuf::new();
    for property in properties.iter().filter(is_forwarded) {
        forwarded.push(property);
    }
    Some(forwarded)
}

fn session(client: &Client<'_>, restore: &mut Restore) {
    let ends = client.session_expiry_time;
    restore.session(KeptSession {
        client_id: client.client_id,
        username: client.username,
        listener_port: client.listener_port,
        expiry_s: client.session_expiry_interval,
        ends_at_ms: (ends != 0).then(|| milliseconds(ends)),
        last_packet_id: client.last_mid,
    });
}

fn client_message(message: &ClientMessage<'_>, restore: &mut Restore) {
    use MessageState as S;
    let (stage, qos) = match (message.direction, message.state) {
        // Whatever was to happen next, the client sends it, or PUBREL, once more.
        (Direction::In, _) if message.qos == QoS::ExactlyOnce => (Stage::Incoming, QoS::ExactlyOnce),
        (Direction::Out, S::PublishQos1 | S::WaitForPuback) if message.mid != 0 => (Stage::PubAck, QoS::AtLeastOnce),
        (Direction::Out, S::PublishQos2 | S::WaitForPubrec) if message.mid != 0 => (Stage::PubRec, QoS::ExactlyOnce),
        (Direction::Out, S::ResendPubrel | S::WaitForPubcomp) => (Stage::PubComp, QoS::ExactlyOnce),
        (Direction::Out, S::PublishQos0) => (Stage::Queued, QoS::AtMostOnce),
        (Direction::Out, _) => (Stage::Queued, message.qos),
        // Nothing that a file of Mosquitto has: those are the broker's when they are acknowledged.
        (Direction::In, _) => return,
    };
    let (number, packet_id, retain) = (message.store_id, message.mid, message.retain);
    let identifier = message.subscription_identifiers().next().unwrap_or(0);
    restore.delivery(message.client_id, KeptDelivery { number, packet_id, qos, retain, identifier, stage });
}

/// Of seconds since 1970. What lies before that is as long gone as can be.
fn milliseconds(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}
