//! What a client sees, held against what the model owes it.

use crate::link::{Link, Reply};
use crate::message::{Message, Said};
use crate::model::Model;
use crate::retained::{Look, matching};
use crate::session::{Awaiting, Due, DueLook, Exchange, Session, Version};
use crate::violation::{Checked, must, violated};
use mosquitto_broker::Moment;
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{ProtocolVersion, QoS};
use std::rc::Rc;

/// A PUBLISH as a client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    number: u32,
    topic: Rc<str>,
    qos: QoS,
    retain: bool,
    dup: bool,
    packet_id: u16,
    said: Said,
    v5: bool,
}

impl Model {
    /// An answer came: it has to be the next one that is owed `[MQTT-4.6.0-2]`.
    pub(crate) fn answered(link: &mut Link, reply: &Reply) -> Checked {
        match link.replies.pop_front() {
            Some(owed) if owed == *reply => Ok(()),
            owed => violated!("{reply:?} came where {owed:?} is owed"),
        }
    }

    /// A PUBREL came: as an answer to a PUBREC, or again on a new connection `[MQTT-4.4.0-1]`.
    pub(crate) fn saw_pubrel(&mut self, link: &mut Link, packet_id: u16) -> Checked {
        let retries = self.retries && !link.version.is_v5();
        let mut session = self.sessions.get_mut(&link.client);
        let again = session.as_mut().is_some_and(|session| !session.released_here.insert(packet_id));
        if link.replies.front() == Some(&Reply::PubRel(packet_id)) {
            link.replies.pop_front();
            return Ok(());
        }
        let repeated = (again && retries)
            || session.is_some_and(|session| {
                session.resumed
                    && session.exchanges.get(&packet_id).is_some_and(|exchange| exchange.awaiting == Awaiting::PubComp)
            });
        must!(repeated, "PUBREL {packet_id} came, and neither was its PUBREC sent nor has it to be repeated");
        Ok(())
    }

    /// A PUBLISH came to a client.
    pub(crate) fn saw_publish(&mut self, at: usize, links: &mut [Link], publish: &Publish<'_>) -> Checked {
        let (now, link) = (self.now, &mut links[at]);
        let seen = Self::read(link, publish)?;
        let Some(session) = self.sessions.get_mut(&link.client) else {
            violated!("{seen:?} came to a client without a session")
        };
        if seen.qos != QoS::AtMostOnce && self.retries && !seen.v5 {
            let this = (seen.number, Rc::clone(&seen.topic));
            if session.seen_here.insert(seen.packet_id, this.clone()) == Some(this) && seen.dup {
                return Ok(());
            }
        }
        if seen.qos != QoS::AtMostOnce
            && let Some(exchange) = session.exchanges.get(&seen.packet_id)
        {
            let other = exchange.number != seen.number || exchange.topic != seen.topic || !seen.dup;
            if !(other && exchange.may_be_given_up(now, session.smallest_packet)) {
                return repeated(session, &seen);
            }
        }
        must!(!seen.dup || session.connection > 1, "the first PUBLISH of {seen:?} has DUP [MQTT-3.3.1-1]");
        // Of several that look the same (a message may be published twice, and the first of them be dropped for want of
        // room or expire), one that has to come, in order, and still lives; and what may look in several ways is left for
        // what looks like nothing else, be it something that has to come or only may.
        let in_order =
            |due: &&Due| due.ambiguous || session.last_seen.get(&due.lane()).is_none_or(|last| due.seq >= *last);
        let position = |wanted: &dyn Fn(&Due) -> bool| session.due.iter().position(|due| due.is(&seen) && wanted(due));
        let lives = |due: &Due| due.expires_at > now;
        let found = position(&|due| in_order(&due) && lives(due) && due.looks.is_none() && !due.optional)
            .or_else(|| position(&|due| lives(due) && !due.optional))
            .or_else(|| position(&|due| in_order(&due) && due.looks.is_none()))
            .or_else(|| position(&|due| in_order(&due)))
            .or_else(|| position(&|_| true));
        // The same message may come live and retained, and which is which cannot be told.
        let late = found.is_some_and(|place| !in_order(&&session.due[place]));
        let either = seen.retain && found.is_some() && retained(session, &seen, false).is_ok();
        let found = found.filter(|_| !(late && either));
        let expires_at = match found {
            Some(place) => {
                let mut due = session.due.remove(place);
                session.take_note(&due, &seen);
                due.use_up_look(&seen);
                due.ambiguous |= either;
                if either {
                    session.unclear.insert(seen.number);
                    session.either.push((due.clone(), seen.as_retained()));
                }
                live(session, &due, &seen, now)?;
                // Its twin may be one that expires.
                if due.ambiguous { now } else { due.expires_at }
            }
            None => match retained(session, &seen, true) {
                Err(_) if other_was_retained(session, &seen) || session.choose_again(&seen) => now,
                expires_at => expires_at?,
            },
        };
        if seen.qos != QoS::AtMostOnce {
            let awaiting = if seen.qos == QoS::ExactlyOnce { Awaiting::PubRec } else { Awaiting::PubAck };
            let exchange = Exchange {
                number: seen.number,
                topic: Rc::clone(&seen.topic),
                awaiting,
                connection: session.connection,
                expires_at,
                size: seen.topic.len() + publish.payload.len(),
            };
            session.exchanges.insert(seen.packet_id, exchange);
            // [MQTT-3.3.4-9]
            // What has expired is not repeated, and its place is free.
            let gone = |e: &Exchange| self.retries && e.may_be_given_up(now, session.smallest_packet);
            let here = session.exchanges.values().filter(|e| e.connection == session.connection);
            let open = here.filter(|e| !gone(e)).count();
            must!(open <= usize::from(link.receive_maximum), "{open} deliveries are open, which is more than allowed");
        }
        Ok(())
    }

    /// The form of a PUBLISH: alias, properties, packet size.
    fn read(link: &mut Link, publish: &Publish<'_>) -> Checked<Seen> {
        let v5 = link.version == ProtocolVersion::V5;
        let said = Said::by(publish.properties);
        must!(said.identifiers <= 1 && said.other == 0, "odd properties: {said:?}");
        must!(publish.qos == QoS::AtMostOnce || publish.packet_id != 0, "packet identifier 0");
        let mut topic: Rc<str> = publish.topic.into();
        if let Some(alias) = said.alias {
            // [MQTT-3.1.2-26] [MQTT-3.3.2-8]
            must!((1..=link.alias_maximum).contains(&alias), "topic alias {alias} of {}", link.alias_maximum);
            match link.aliases.iter_mut().find(|(known, _)| *known == alias) {
                Some((_, known)) if topic.is_empty() => topic = Rc::clone(known),
                Some((_, known)) => *known = Rc::clone(&topic),
                None if topic.is_empty() => violated!("topic alias {alias} stands for nothing [MQTT-3.3.2-12]"),
                None => link.aliases.push((alias, Rc::clone(&topic))),
            }
        }
        let Some(number) = Message::number_of(publish.payload) else { violated!("a payload that nobody sent") };
        let (qos, retain, dup, packet_id) = (publish.qos, publish.retain, publish.dup, publish.packet_id);
        Ok(Seen { number, topic, qos, retain, dup, packet_id, said, v5 })
    }
}

impl Seen {
    fn as_retained(&self) -> Look {
        let Self { number, qos, said, v5, .. } = self;
        Look {
            number: *number,
            qos: *qos,
            identifier: v5.then_some(said.identifier),
            made: v5.then_some((said.user.is_some(), said.expiry_s.is_some())),
        }
    }

    /// Whether a message has properties of these kinds. One that its publisher sent again, under another version, may
    /// have lost them.
    fn is_made_like(&self, message: &Message) -> bool {
        let expires = message.expiry_s.is_some_and(|seconds| seconds > 0);
        message.tagged == self.said.user.is_some() && expires == self.said.expiry_s.is_some()
    }
}

impl Due {
    /// Messages of one lane have to come in order: those of a publisher, QoS 0 apart from the others.
    fn lane(&self) -> (usize, bool) {
        (self.origin, self.qos == QoS::AtMostOnce)
    }

    /// Whether this copy explains what was seen.
    pub(crate) fn is(&self, seen: &Seen) -> bool {
        self.under_way.is_none()
            && self.message.number == seen.number
            && *self.message.topic == *seen.topic
            && match &self.looks {
                None => self.looks_like(seen, &self.look()),
                Some(looks) => looks.borrow().iter().any(|look| self.looks_like(seen, look)),
            }
    }

    pub(crate) fn look(&self) -> DueLook {
        (self.qos, self.retain, self.identifier)
    }

    /// It has come. A look with the retain flag is one fellow's only: what looks so again is a retained message.
    fn use_up_look(&self, seen: &Seen) {
        if let Some(looks) = self.looks.as_ref().filter(|_| seen.retain) {
            let used = looks.borrow().iter().position(|look| self.looks_like(seen, look));
            used.map(|used| looks.borrow_mut().remove(used));
        }
    }

    fn looks_like(&self, seen: &Seen, &(qos, retain, identifier): &DueLook) -> bool {
        let told = !seen.v5 || self.any_identifier;
        let told = told || (identifier == seen.said.identifier && seen.is_made_like(&self.message));
        qos == seen.qos && retain == seen.retain && told
    }
}

/// A delivery of QoS 1 or 2 that the client has seen before.
fn repeated(session: &mut Session, seen: &Seen) -> Checked {
    let connection = session.connection;
    let Some(exchange) = session.exchanges.get_mut(&seen.packet_id) else { return Ok(()) };
    must!(
        exchange.number == seen.number && exchange.topic == seen.topic,
        "{seen:?} came under an identifier that is in use for {exchange:?} [MQTT-2.2.1-4]"
    );
    must!(exchange.awaiting != Awaiting::PubComp, "{seen:?} came again after PUBREC [MQTT-4.3.3-5]");
    must!(seen.dup, "{seen:?} came again without DUP [MQTT-3.3.1-1]");
    must!(exchange.connection < connection, "{seen:?} came again on the same connection [MQTT-4.4.0-1]");
    exchange.connection = connection;
    Ok(())
}

/// A copy that is owed has come.
fn live(session: &mut Session, due: &Due, seen: &Seen, now: Moment) -> Checked {
    if !seen.v5 {
        let same = session.due.iter_mut().filter(|other| other.message.number == seen.number);
        same.for_each(|other| other.any_identifier = true);
    }
    let was_sent = due.ambiguous || due.connection < session.connection;
    must!(!seen.dup || was_sent, "{seen:?} has DUP, and was not sent before [MQTT-3.3.1-1]");
    if !due.ambiguous {
        let last = session.last_seen.entry(due.lane()).or_default();
        must!(due.seq >= *last, "{due:?} was overtaken by a later message of its publisher, {last} [MQTT-4.6.0-5]");
        *last = due.seq;
    }
    if due.message.retain && !due.ambiguous {
        session.seen_live.insert(Rc::clone(&due.message.topic), (due.seq, session.connection));
    }
    if due.any_identifier {
        return Ok(());
    }
    check_properties(seen, &due.message)?;
    if due.expires_at != Moment::NEVER && seen.v5 && !due.ambiguous {
        // [MQTT-3.3.2-6]: no more than there was when it was published, and no less than there is now.
        let Some(left) = seen.said.expiry_s else { violated!("{seen:?} lost its expiry interval") };
        let given = due.message.expiry_s.unwrap_or_default();
        let least = due.expires_at.since_ms(now) / 1000;
        must!(left <= given && u64::from(left) >= least, "{left} s are left of {given}, at least {least} should be");
    }
    Ok(())
}

fn check_properties(seen: &Seen, message: &Message) -> Checked {
    if seen.v5 {
        let expected = message.user_property().map(|(name, value)| (name.to_owned(), value));
        must!(seen.said.user == expected, "{seen:?} has the wrong user property [MQTT-3.3.2-17]");
        let timed = message.expiry_s.is_some_and(|seconds| seconds > 0);
        must!(seen.said.expiry_s.is_some() == timed, "{seen:?}: expiry of {message:?}");
    }
    Ok(())
}

/// What is not owed as a live message must be a retained one for a subscription that was made. Returns when it expires.
/// It is noted as seen where it is `taken`.
fn retained(session: &mut Session, seen: &Seen, taken: bool) -> Checked<Moment> {
    must!(seen.retain, "{seen:?} is not owed: nobody published it to this session, or it came before");
    let look = seen.as_retained();
    let version = session.streams.iter().filter_map(|stream| stream.brings(&seen.topic, &look)).max_by_key(|v| v.seq);
    let Some(Version { message, seq, .. }) = version.cloned() else {
        violated!("{seen:?} is not owed: neither live nor retained")
    };
    check_properties(seen, &message)?;
    // One of QoS 1 or 2 may have waited for the client, as its successor did not.
    if seen.qos == QoS::AtMostOnce
        && !session.unclear.contains(&seen.number)
        && let Some(&(live, connection)) = session.seen_live.get(&seen.topic)
    {
        let same = connection == session.connection;
        must!(!same || live <= seq, "{seen:?} is retained, and its successor has been seen already");
    }
    let (all, brought) = bring(session, &seen.topic, look, taken);
    must!(brought == all, "{seen:?} is not owed: it came {all} times, and {brought} subscriptions bring it");
    // Its publisher may have sent it twice, once with an expiry interval and once without.
    let candidates = session.streams.iter().filter_map(|stream| stream.topics.get(&seen.topic));
    let twins = candidates.flat_map(|candidate| &candidate.versions).filter(|v| v.message.number == seen.number);
    Ok(twins.map(|version| version.expires_at).min().unwrap_or(Moment::NEVER))
}

/// Of all retained messages seen for this topic and one that looks so, how many the subscriptions can have brought: each
/// brings one. It is noted where it is `taken` and one of them can.
fn bring(session: &mut Session, topic: &Rc<str>, look: Look, taken: bool) -> (usize, usize) {
    let looks = session.seen_retained.entry(Rc::clone(topic)).or_default();
    looks.push(look);
    let (all, brought) = (looks.len(), matching(&session.streams, topic, looks, |_| true));
    if !taken || brought < all {
        looks.pop();
    }
    (all, brought)
}

/// What is neither owed nor retained may be a live copy that another one was taken for, which was the retained message:
/// an older version of MQTT cannot tell for which subscription either came.
fn other_was_retained(session: &mut Session, seen: &Seen) -> bool {
    for (at, (due, other)) in session.either.clone().into_iter().enumerate() {
        if due.is(seen) {
            let (all, brought) = bring(session, &seen.topic, other, true);
            if brought == all {
                session.either.remove(at);
                return true;
            }
        }
    }
    false
}

/// A packet that acknowledges a publication, as a reply.
pub(crate) fn reply_of(kind: &str, ack: &Ack<'_>) -> Reply {
    let packet_id = ack.packet_id;
    match kind {
        "PUBACK" => Reply::PubAck { packet_id, reason: ack.reason.0 },
        "PUBREC" => Reply::PubRec { packet_id, reason: ack.reason.0 },
        _ => Reply::PubComp(packet_id),
    }
}
