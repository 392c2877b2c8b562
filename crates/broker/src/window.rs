//! QoS 1 and 2 towards a client: what is in flight, in order, and what waits behind it.

mod kept;

use crate::message::Message;
use crate::subscriber::Grant;
use mosquitto_mqtt::QoS;
use std::collections::VecDeque;

pub(crate) use kept::KeptInFlight;

/// What a message in flight waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaiting {
    /// QoS 1.
    PubAck,
    /// QoS 2, first step.
    PubRec,
    /// QoS 2, second step: the message itself is the client's now.
    PubComp,
    /// Nothing: finished out of order, and gone when those before it are.
    Nothing,
}

/// A message with a packet identifier.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// Its message's number, also when that is the client's.
    pub(crate) number: u64,
    pub(crate) packet_id: u16,
    pub(crate) awaiting: Awaiting,
    pub(crate) retain: bool,
    /// Whether it went out on the present connection.
    sent: bool,
    /// Whether it takes of the present connection's quota.
    counted: bool,
    pub(crate) identifier: u32,
    /// The second in which it was last sent, where it is to be sent again without an acknowledgement.
    pub(crate) sent_s: u32,
    payload_len: u32,
    /// None once the client has it for good.
    pub(crate) message: Option<Message>,
}

impl InFlight {
    /// What of it is sent again.
    fn again(&self) -> Unsent {
        Unsent {
            packet_id: self.packet_id,
            awaiting: self.awaiting,
            retain: self.retain,
            identifier: self.identifier,
            message: self.message.clone(),
        }
    }
}

/// What has to be sent again.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) packet_id: u16,
    pub(crate) awaiting: Awaiting,
    pub(crate) retain: bool,
    pub(crate) identifier: u32,
    pub(crate) message: Option<Message>,
}

/// A message that has no packet identifier yet.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) message: Message,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifier: u32,
}

impl Queued {
    pub(crate) fn new(message: Message, qos: QoS, retain: bool, grant: Grant) -> Self {
        Self { message, qos, retain, identifier: grant.identifier() }
    }
}

/// Entries that an empty window or queue may keep room for.
const KEPT_CAPACITY: usize = 1024;

/// A session takes no further message while those in flight and queued have this many bytes, whatever its client's
/// Receive Maximum and `max_queued_messages` allow.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes that a queued message takes besides its own, about: very many that say nothing would take more than any that do.
const QUEUED_COST: usize = size_of::<Queued>() + 64;

/// The outgoing half of a session.
#[derive(Debug, Default)]
pub(crate) struct Window {
    in_flight: VecDeque<InFlight>,
    /// None before anything has waited.
    queue: Option<Box<Queue>>,
    /// Of all messages in flight and queued. A message that stands in several sessions counts in each.
    bytes: usize,
    /// Payload bytes of the exchanges in flight.
    in_flight_payload: usize,
    /// With so many of them, nothing more is started, or queued; 0 is no limit.
    in_flight_payload_max: u32,
    queued_payload_max: u32,
    /// Messages that the present connection takes at once, as it was told (0: any number).
    maximum: u16,
    /// Entries of `in_flight` that await something.
    live: u16,
    /// Entries that wait to be sent again on the present connection.
    unsent: u16,
    last_id: u16,
    /// Entries that were taken from the front of `in_flight`, and of `queue`, so far: who goes through them in several
    /// steps knows by that where it is. They go round.
    in_flight_gone: u32,
    queue_gone: u32,
    /// How many more PUBLISH packets the client takes now (MQTT 5, 4.9).
    quota: u16,
    quota_max: u16,
}

/// What waits in a session that keeps up mostly is nothing, and an idle one pays for a pointer only.
#[derive(Debug, Default)]
struct Queue {
    list: VecDeque<Queued>,
    /// Payload bytes of them.
    payload: usize,
    /// Those of QoS 0.
    qos_0: u32,
}

impl Queue {
    fn push(&mut self, queued: Queued) {
        self.payload += queued.message.view().payload.len();
        self.qos_0 += u32::from(queued.qos == QoS::AtMostOnce);
        self.list.push_back(queued);
    }
}

impl Window {
    /// Sets the bytes of payload with which nothing more is started, and with which nothing more is queued (0: any).
    pub(crate) fn limit_payload(&mut self, in_flight_max: u32, queued_max: u32) {
        (self.in_flight_payload_max, self.queued_payload_max) = (in_flight_max, queued_max);
    }

    /// Begins a connection that takes `maximum` unacknowledged messages (0: as many as there are identifiers).
    /// Everything in flight is to be sent again.
    pub(crate) fn connect(&mut self, maximum: u16) {
        self.maximum = maximum;
        self.quota_max = if maximum == 0 { u16::MAX } else { maximum };
        self.quota = self.quota_max;
        self.unsent = 0;
        for entry in &mut self.in_flight {
            entry.sent = false;
            entry.counted = false;
            self.unsent += u16::from(entry.awaiting != Awaiting::Nothing);
        }
    }

    /// Whether a new message may go out at once.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.has_room() && self.unsent == 0 && !self.has_queue() && self.bytes < BYTES_MAX
    }

    /// Whether the next waiting message may go out.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        let limit = self.in_flight_payload_max;
        let in_bytes = limit == 0 || self.in_flight_payload < limit as usize;
        self.quota > 0 && in_bytes && self.has_free_id()
    }

    #[inline]
    fn has_queue(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| !queue.list.is_empty())
    }

    /// Identifiers ascend and go round; one that would lap the oldest message in flight is never given. So the
    /// identifiers in flight are always in order, counted from the oldest.
    #[inline]
    fn has_free_id(&self) -> bool {
        self.in_flight.front().is_none_or(|oldest| oldest.packet_id != following(self.last_id))
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.live == 0 && !self.has_queue()
    }

    /// Puts a message in flight as sent, with the next free packet identifier `[MQTT-2.2.1-4]`.
    #[inline]
    pub(crate) fn launch(&mut self, message: Message, qos: QoS, retain: bool, identifier: u32) -> u16 {
        debug_assert!(self.has_free_id(), "the window was not checked");
        let packet_id = following(self.last_id);
        self.last_id = packet_id;
        self.bytes += message.bytes().len();
        let payload_len = message.view().payload.len();
        self.in_flight_payload += payload_len;
        let awaiting = if qos == QoS::ExactlyOnce { Awaiting::PubRec } else { Awaiting::PubAck };
        self.in_flight.push_back(InFlight {
            number: message.number(),
            packet_id,
            awaiting,
            retain,
            sent: true,
            counted: true,
            identifier,
            sent_s: 0,
            payload_len: payload_len as u32,
            message: Some(message),
        });
        self.live += 1;
        self.quota = self.quota.saturating_sub(1);
        packet_id
    }

    /// The entry in flight under this identifier.
    #[inline]
    pub(crate) fn find(&mut self, packet_id: u16) -> Option<&mut InFlight> {
        let at = self.position(packet_id)?;
        self.in_flight.get_mut(at)
    }

    /// Nearly always the oldest, or as far behind it as its identifier is ahead.
    #[inline]
    fn position(&self, packet_id: u16) -> Option<usize> {
        let oldest = self.in_flight.front()?.packet_id;
        let distance = ahead(oldest, packet_id);
        let is = |at: usize| {
            self.in_flight.get(at).is_some_and(|e| e.packet_id == packet_id && e.awaiting != Awaiting::Nothing)
        };
        if is(usize::from(distance)) {
            return Some(usize::from(distance));
        }
        let at = self.in_flight.binary_search_by_key(&distance, |e| ahead(oldest, e.packet_id)).ok()?;
        is(at).then_some(at)
    }

    /// The client has the message for good; only the end of the exchange is awaited.
    pub(crate) fn handed_over(&mut self, packet_id: u16) {
        let Some(entry) = self.find(packet_id) else { return };
        entry.awaiting = Awaiting::PubComp;
        let bytes = entry.message.take().map_or(0, |message| message.bytes().len());
        self.bytes -= bytes;
    }

    /// Whether as many messages are queued as may be where the limit is `limit` (0: any number). Mosquitto's rule: for a
    /// client that is here, as many more as it takes at once.
    pub(crate) fn has_too_many(&self, limit: usize, is_here: bool) -> bool {
        let more = if is_here { usize::from(self.maximum) } else { 0 };
        limit > 0 && self.queued() >= limit.saturating_add(more)
    }

    /// Whether as many bytes are queued as may be; likewise.
    pub(crate) fn has_too_many_bytes(&self, is_here: bool) -> bool {
        let more = if is_here { self.in_flight_payload_max as usize } else { 0 };
        let limit = self.queued_payload_max as usize;
        let payload = self.queue.as_ref().map_or(0, |queue| queue.payload);
        (limit > 0 && payload >= limit.saturating_add(more)) || self.bytes + self.queued() * QUEUED_COST >= BYTES_MAX
    }

    /// Whether so much payload is in flight that there is no room for QoS 0 either: Mosquitto's rule.
    pub(crate) fn holds_up_qos_0(&self) -> bool {
        let excess = self.in_flight_payload.saturating_sub(self.in_flight_payload_max as usize);
        self.queued_payload_max > 0 && excess >= self.queued_payload_max as usize
    }

    /// Lets a message wait for its turn.
    pub(crate) fn enqueue(&mut self, queued: Queued) {
        self.bytes += queued.message.bytes().len();
        self.queue.get_or_insert_default().push(queued);
    }

    /// Finishes an exchange; the next message may take its place.
    #[inline]
    pub(crate) fn finish(&mut self, packet_id: u16) {
        let Some(entry) = self.find(packet_id) else { return };
        entry.awaiting = Awaiting::Nothing;
        let (sent, counted, payload_len) = (entry.sent, entry.counted, entry.payload_len as usize);
        let bytes = entry.message.take().map_or(0, |message| message.bytes().len());
        self.bytes -= bytes;
        self.in_flight_payload -= payload_len;
        self.live -= 1;
        if !sent {
            self.unsent -= 1;
        }
        if counted {
            self.quota = self.quota.saturating_add(1).min(self.quota_max);
        }
        while self.in_flight.front().is_some_and(|e| e.awaiting == Awaiting::Nothing) {
            self.in_flight.pop_front();
            self.in_flight_gone = self.in_flight_gone.wrapping_add(1);
        }
        if self.in_flight.is_empty() && self.in_flight.capacity() > KEPT_CAPACITY {
            self.in_flight = VecDeque::new();
        }
    }

    /// The oldest entry that has to be sent again, marked as sent. Each takes of the quota `[MQTT-3.3.4-9]`; only a
    /// PUBREL goes out also where nothing is left of it, since it is what makes room.
    pub(crate) fn next_unsent(&mut self) -> Option<Unsent> {
        if self.unsent == 0 {
            return None;
        }
        // They are sent in order, so all that were stand before all that were not.
        let mut at = self.in_flight.partition_point(|entry| entry.sent);
        while let Some(finished) = self.in_flight.get_mut(at).filter(|entry| entry.awaiting == Awaiting::Nothing) {
            finished.sent = true;
            at += 1;
        }
        let entry = self.in_flight.get_mut(at)?;
        if self.quota == 0 && entry.awaiting != Awaiting::PubComp {
            return None;
        }
        entry.counted = self.quota > 0;
        self.quota = self.quota.saturating_sub(1);
        entry.sent = true;
        self.unsent -= 1;
        Some(entry.again())
    }

    /// Entries that were sent on the present connection in the second `last_s` or before, `most` of them, oldest
    /// identifiers first; each counts as sent in the second `now_s`. And the second in which the one was sent that waits
    /// longest then, if there is any.
    pub(crate) fn overdue(&mut self, last_s: u32, now_s: u32, most: usize) -> (Vec<Unsent>, Option<u32>) {
        let (mut overdue, mut oldest_s) = (Vec::new(), None);
        for entry in self.in_flight.iter_mut().filter(|entry| entry.sent && entry.awaiting != Awaiting::Nothing) {
            if entry.sent_s <= last_s && overdue.len() < most {
                entry.sent_s = now_s;
                overdue.push(entry.again());
            }
            oldest_s = Some(oldest_s.map_or(entry.sent_s, |oldest: u32| oldest.min(entry.sent_s)));
        }
        (overdue, oldest_s)
    }

    /// Takes the message that has waited longest.
    pub(crate) fn next_queued(&mut self) -> Option<Queued> {
        let queue = self.queue.as_mut()?;
        let next = queue.list.pop_front();
        if let Some(Queued { message, qos, .. }) = &next {
            queue.qos_0 -= u32::from(*qos == QoS::AtMostOnce);
            queue.payload -= message.view().payload.len();
            self.bytes -= message.bytes().len();
            self.queue_gone = self.queue_gone.wrapping_add(1);
        }
        if queue.list.is_empty() && queue.list.capacity() > KEPT_CAPACITY {
            self.queue = None;
        }
        next
    }

    /// Whether a message of QoS 0 waits: others have to wait behind it.
    #[inline]
    pub(crate) fn has_queued_qos_0(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.qos_0 > 0)
    }

    /// Whether the message that has waited longest is of QoS 0, and so needs no room in the window.
    #[inline]
    pub(crate) fn next_is_qos_0(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.list.front().is_some_and(|queued| queued.qos == QoS::AtMostOnce))
    }

    /// Whether entries wait to be sent again.
    pub(crate) fn has_unsent(&self) -> bool {
        self.unsent > 0
    }

    /// Whether anything waits for room.
    #[inline]
    pub(crate) fn wants_pump(&self) -> bool {
        self.unsent > 0 || self.has_queue()
    }

    /// Goes on with the identifiers after this one, unless that is no step forward: something else has it.
    pub(crate) fn pass_over(&mut self, packet_id: u16) {
        // Those in flight stay in order, and none is lapped.
        let room = match self.in_flight.front() {
            None => u16::MAX / 2,
            Some(oldest) if oldest.packet_id == self.last_id => u16::MAX / 2,
            Some(oldest) => ahead(self.last_id, oldest.packet_id),
        };
        let step = ahead(self.last_id, packet_id);
        if packet_id != 0 && step < room {
            self.last_id = packet_id;
        }
    }

    /// The identifiers in use.
    pub(crate) fn packet_ids(&self) -> impl Iterator<Item = u16> {
        let live = self.in_flight.iter().filter(|entry| entry.awaiting != Awaiting::Nothing);
        live.map(|entry| entry.packet_id)
    }

    /// Undoes the last [`launch`](Self::launch): the packet was not sent, and its identifier is free again.
    pub(crate) fn take_back(&mut self, packet_id: u16) {
        if self.in_flight.back().is_some_and(|entry| entry.packet_id == packet_id) {
            let Some(taken) = self.in_flight.pop_back() else { return };
            self.bytes -= taken.message.map_or(0, |message| message.bytes().len());
            self.in_flight_payload -= taken.payload_len as usize;
            self.live -= 1;
            self.quota = self.quota.saturating_add(1).min(self.quota_max);
            self.last_id = if packet_id == 1 { u16::MAX } else { packet_id - 1 };
        }
    }

    /// Bytes of all messages in flight and queued.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages queued.
    pub(crate) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.list.len())
    }

    /// Messages in flight and queued.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.live) + self.queued()
    }

    /// Those of them that the client does not have for good.
    pub(crate) fn undelivered(&self) -> usize {
        self.in_flight.iter().filter(|entry| entry.message.is_some()).count() + self.queued()
    }
}

/// The identifier after this one: 1 to 65,535 and round again.
fn following(packet_id: u16) -> u16 {
    if packet_id == u16::MAX { 1 } else { packet_id + 1 }
}

/// How many identifiers lie from `from` to `to`, going round.
fn ahead(from: u16, to: u16) -> u16 {
    if to >= from { to - from } else { to.wrapping_sub(from).wrapping_sub(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::message::MessageRef;

    fn message() -> Message {
        Message::store(MessageRef {
            number: 0,
            topic: b"t",
            properties: b"",
            payload: b"",
            qos: QoS::AtLeastOnce,
            retain: false,
            expires_at: Moment::NEVER,
        })
    }

    fn window(maximum: u16) -> Window {
        let mut window = Window::default();
        window.connect(maximum);
        window
    }

    #[test]
    fn identifiers_ascend_and_go_round_without_zero() {
        // [MQTT-2.2.1-3]
        let mut window = window(0);
        for expected in (1..=u16::MAX).chain(1..10) {
            assert_eq!(window.launch(message(), QoS::AtLeastOnce, false, 0), expected);
            window.finish(expected);
        }
    }

    #[test]
    fn an_identifier_in_use_is_never_given_again() {
        // [MQTT-2.2.1-4]
        let mut window = window(0);
        let first = window.launch(message(), QoS::AtLeastOnce, false, 0);
        for _ in 1..u16::MAX {
            let id = window.launch(message(), QoS::AtLeastOnce, false, 0);
            window.finish(id);
        }
        assert!(!window.is_open(), "the next identifier would be the first one's");
        window.finish(first);
        assert!(window.is_open());
    }

    #[test]
    fn identifiers_go_on_after_those_of_others_and_lap_none() {
        let mut window = window(0);
        window.pass_over(3);
        assert_eq!(window.launch(message(), QoS::AtLeastOnce, false, 0), 4);
        for behind in [3, 4, 1, 0, u16::MAX] {
            window.pass_over(behind);
        }
        window.pass_over(5);
        assert_eq!(window.launch(message(), QoS::AtLeastOnce, false, 0), 6);
        window.pass_over(u16::MAX);
        assert_eq!(window.launch(message(), QoS::AtLeastOnce, false, 0), 1);
        assert_eq!(window.packet_ids().collect::<Vec<_>>(), [4, 6, 1]);
        window.finish(6);
        assert_eq!(window.packet_ids().collect::<Vec<_>>(), [4, 1]);
        window.pass_over(3);
        assert!(!window.has_room(), "the next one would be the first");
    }

    #[test]
    fn acknowledgements_in_any_order_finish_the_right_ones() {
        let mut window = window(0);
        for _ in 0..60_000 {
            window.launch(message(), QoS::AtLeastOnce, false, 0);
        }
        for id in 1..=60_000 {
            window.finish(id);
        }
        let ids: Vec<u16> = (0..10_000).map(|_| window.launch(message(), QoS::AtLeastOnce, false, 0)).collect();
        assert!(ids.contains(&u16::MAX) && ids.contains(&1), "they went round");
        for &id in ids.iter().step_by(2).rev().chain(ids.iter().skip(1).step_by(2)) {
            assert!(window.find(id).is_some(), "{id}");
            window.finish(id);
            assert!(window.find(id).is_none(), "{id}");
        }
        assert!(window.is_empty() && window.in_flight.is_empty());
    }

    #[test]
    fn bytes_are_bounded_and_come_and_go_with_their_messages() {
        let (mut window, small, payload) = (window(0), message(), vec![0; BYTES_MAX / 2]);
        let large = Message::store(MessageRef { payload: &payload, ..small.view() });
        let id = window.launch(large.clone(), QoS::ExactlyOnce, false, 0);
        assert!(window.is_open() && !window.has_too_many_bytes(true));
        window.enqueue(Queued { message: large.clone(), qos: QoS::AtLeastOnce, retain: false, identifier: 0 });
        assert!(window.has_too_many_bytes(true));
        window.handed_over(id);
        assert!(!window.has_too_many_bytes(true));
        window.finish(id);
        let queued = window.next_queued().unwrap();
        let id = window.launch(queued.message, QoS::AtLeastOnce, false, 0);
        window.take_back(id);
        window.enqueue(Queued { message: large, qos: QoS::AtLeastOnce, retain: false, identifier: 0 });
        window.next_queued();
        assert_eq!(window.bytes, 0);
    }

    #[test]
    fn messages_that_say_nothing_are_bounded_as_well() {
        let (mut window, nothing) = (window(0), message());
        let large = Message::store(MessageRef { payload: &vec![0; BYTES_MAX - 1000 * QUEUED_COST], ..nothing.view() });
        let queued = |message: &Message| Queued {
            message: message.clone(),
            qos: QoS::AtLeastOnce,
            retain: false,
            identifier: 0,
        };
        window.enqueue(queued(&large));
        let more = (0..1000).take_while(|_| {
            window.enqueue(queued(&nothing));
            !window.has_too_many_bytes(false)
        });
        assert_eq!(more.count(), 1000 - 2 - 1000 / QUEUED_COST);
    }

    #[test]
    fn the_quota_closes_the_window_and_opens_it_again() {
        // [MQTT-3.3.4-9]
        let mut window = window(2);
        let first = window.launch(message(), QoS::ExactlyOnce, false, 0);
        window.launch(message(), QoS::AtLeastOnce, false, 0);
        assert!(!window.is_open());
        window.finish(first);
        assert!(window.is_open());
    }

    #[test]
    fn what_is_in_flight_is_sent_again_in_order_within_the_new_quota() {
        // [MQTT-4.4.0-1] [MQTT-4.6.0-1]
        let mut window = window(10);
        for _ in 0..4 {
            window.launch(message(), QoS::ExactlyOnce, false, 0);
        }
        window.handed_over(2);
        window.connect(2);
        let mut sent = Vec::new();
        while let Some(entry) = window.next_unsent() {
            sent.push(entry.packet_id);
        }
        assert_eq!(sent, [1, 2], "the exchange of 2 is not finished either");
        window.finish(2);
        assert_eq!(window.next_unsent().map(|e| e.packet_id), Some(3));
    }

    #[test]
    fn a_pubrel_goes_out_again_also_where_the_new_quota_is_used_up() {
        let mut window = window(10);
        for _ in 0..4 {
            let id = window.launch(message(), QoS::ExactlyOnce, false, 0);
            window.handed_over(id);
        }
        window.launch(message(), QoS::AtLeastOnce, false, 0);
        window.finish(3);
        window.connect(1);
        let sent: Vec<u16> = std::iter::from_fn(|| window.next_unsent()).map(|e| e.packet_id).collect();
        assert_eq!(sent, [1, 2, 4]);
        window.finish(2);
        assert!(window.next_unsent().is_none(), "it took nothing of the quota, so it gives nothing back");
        window.finish(1);
        assert_eq!(window.next_unsent().map(|e| e.packet_id), Some(5));
    }
}
