//! What workers hand each other: mail, and connections that have come to the wrong one; and what the operator has them do.
//!
//! Every worker has one mailbox, which the others lock once a tick at most to put in a whole batch of mail, and once for
//! each connection that they hand over. Batches that were read go back through the same mailbox, so that their memory is
//! used again.

use crate::order::Order;
use crate::seats::Seat;
use mio::Waker;
use mosquitto_broker::{Mail, Shard, ShardId};
use mosquitto_transport::{Peer, Stream};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

/// Batches of one sender that may wait in a mailbox. What is more waits with the sender, whose publishers are then
/// held back.
const BATCHES_MAX: usize = 4;

/// Connections that may wait in a mailbox.
const ARRIVALS_MAX: usize = 1024;

/// Read batches that a mailbox keeps to be filled again.
const USED_MAX: usize = 4;

/// A connection on its way to the worker where its session lives.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: Stream,
    pub(crate) peer: Peer,
    /// The common name that a proxy has told of.
    pub(crate) common_name: Option<Box<str>>,
    pub(crate) listener: u16,
    pub(crate) seat: Seat,
    /// What was read from it.
    pub(crate) bytes: Vec<u8>,
}

/// The mailboxes of all workers.
#[derive(Debug)]
pub(crate) struct PostOffice {
    boxes: Vec<Mailbox>,
    stopping: AtomicBool,
    dismissed: AtomicBool,
}

#[derive(Debug)]
struct Mailbox {
    inbox: Mutex<Inbox>,
    /// Whether there is something in it. Set after it was put in, cleared before it is taken out.
    filled: AtomicBool,
    /// Whether its worker's own thread sleeps, or is about to.
    asleep: AtomicBool,
    /// The worker on whose thread its worker is.
    at: AtomicU16,
    waker: Waker,
}

#[derive(Debug)]
struct Inbox {
    batches: Vec<(ShardId, Mail)>,
    senders: Vec<Sender>,
    arrivals: Vec<Arrival>,
    /// The operator's, which waits for what it has asked for, and those of workers without descriptors, which ask now and
    /// then: so there are never many.
    orders: Vec<Order>,
    /// Batches that were read, for the next ones to fill.
    used: Vec<Mail>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sender {
    /// Batches of it that wait.
    waiting: usize,
    /// Whether it has more, and wants to be woken when there is room.
    blocked: bool,
}

/// What was in a mailbox. Used again from tick to tick.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) batches: Vec<(ShardId, Mail)>,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) orders: Vec<Order>,
    /// Batches that were read, to go back.
    pub(crate) read: Vec<Mail>,
}

impl PostOffice {
    /// A mailbox for each waker's worker.
    pub(crate) fn new(wakers: Vec<Waker>) -> Self {
        let workers = wakers.len();
        let mailbox = |(at, waker)| Mailbox {
            inbox: Mutex::new(Inbox {
                batches: Vec::new(),
                senders: vec![Sender::default(); workers],
                arrivals: Vec::new(),
                orders: Vec::new(),
                used: Vec::new(),
            }),
            filled: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            at: AtomicU16::new(at),
            waker,
        };
        Self {
            boxes: (0..).zip(wakers).map(mailbox).collect(),
            stopping: AtomicBool::new(false),
            dismissed: AtomicBool::new(false),
        }
    }

    /// Takes the mail for `to` out of the sender's shard, if there is room for it, and wakes the receiver. Returns
    /// whether it was taken.
    pub(crate) fn post(&self, shard: &mut Shard, from: ShardId, to: ShardId) -> bool {
        let Some(mailbox) = self.boxes.get(to.index()) else { return false };
        {
            let mut inbox = mailbox.inbox.lock();
            let Some(sender) = inbox.senders.get_mut(from.index()) else { return false };
            if sender.waiting >= BATCHES_MAX {
                sender.blocked = true;
                return false;
            }
            sender.waiting += 1;
            let used = inbox.used.pop().unwrap_or_default();
            inbox.batches.push((from, shard.exchange_mail(to, used)));
        }
        self.announce(mailbox);
        true
    }

    /// Hands a connection over, or gives it back where there is no room.
    #[allow(clippy::result_large_err, reason = "what is not taken goes back as it came")]
    pub(crate) fn hand_over(&self, to: ShardId, arrival: Arrival) -> Result<(), Arrival> {
        let Some(mailbox) = self.boxes.get(to.index()) else { return Err(arrival) };
        {
            let mut inbox = mailbox.inbox.lock();
            if inbox.arrivals.len() >= ARRIVALS_MAX {
                return Err(arrival);
            }
            inbox.arrivals.push(arrival);
        }
        self.announce(mailbox);
        Ok(())
    }

    /// Gives a worker something to do at the beginning of its next tick. Orders are carried out in order.
    pub(crate) fn order(&self, to: ShardId, order: Order) {
        let Some(mailbox) = self.boxes.get(to.index()) else { return };
        mailbox.inbox.lock().orders.push(order);
        self.announce(mailbox);
    }

    /// Has a worker begin a tick, as if there were mail for it.
    pub(crate) fn call(&self, to: ShardId) {
        if let Some(mailbox) = self.boxes.get(to.index()) {
            self.announce(mailbox);
        }
    }

    /// All workers.
    pub(crate) fn workers(&self) -> impl ExactSizeIterator<Item = ShardId> + use<> {
        (0..self.boxes.len() as u16).map(ShardId)
    }

    /// Empties the mailbox of worker `own` into `delivery`, and takes back what was read.
    pub(crate) fn collect(&self, own: ShardId, delivery: &mut Delivery) {
        let Some(mailbox) = self.boxes.get(own.index()) else { return };
        if !mailbox.filled.swap(false, Ordering::SeqCst) {
            return;
        }
        let mut inbox = mailbox.inbox.lock();
        let inbox = &mut *inbox;
        inbox.used.append(&mut delivery.read);
        inbox.used.truncate(USED_MAX);
        delivery.batches.append(&mut inbox.batches);
        delivery.arrivals.append(&mut inbox.arrivals);
        delivery.orders.append(&mut inbox.orders);
        for (at, sender) in inbox.senders.iter_mut().enumerate() {
            sender.waiting = 0;
            if std::mem::take(&mut sender.blocked)
                && let Some(blocked) = self.boxes.get(at)
            {
                // Announced like mail, since it may be about to fall asleep and not be asleep yet.
                self.announce(blocked);
            }
        }
    }

    /// Says that worker `own` is going to sleep. False where it must not, since there is something for it.
    pub(crate) fn fall_asleep(&self, own: ShardId) -> bool {
        self.is_empty_for(own) && !self.is_stopping()
    }

    /// The same, once all have stopped and wait to be dismissed.
    pub(crate) fn fall_asleep_at_the_end(&self, own: ShardId) -> bool {
        self.is_empty_for(own) && !self.is_dismissed()
    }

    /// Says, before it is so, that a worker is on the thread of that other one, or on its own again. It looks for mail there
    /// before it sleeps: so nothing is lost that was announced at the old place.
    pub(crate) fn moves(&self, worker: ShardId, to: ShardId) {
        if let Some(mailbox) = self.boxes.get(worker.index()) {
            mailbox.at.store(to.0, Ordering::SeqCst);
        }
    }

    fn announce(&self, mailbox: &Mailbox) {
        mailbox.filled.store(true, Ordering::SeqCst);
        if let Some(thread) = self.boxes.get(usize::from(mailbox.at.load(Ordering::SeqCst))) {
            thread.wake();
        }
    }

    /// Whether there is something for worker `own`.
    pub(crate) fn has_mail(&self, own: ShardId) -> bool {
        self.boxes.get(own.index()).is_some_and(|mailbox| mailbox.filled.load(Ordering::SeqCst))
    }

    fn is_empty_for(&self, own: ShardId) -> bool {
        let Some(mailbox) = self.boxes.get(own.index()) else { return true };
        mailbox.asleep.store(true, Ordering::SeqCst);
        !mailbox.filled.load(Ordering::SeqCst)
    }

    /// Says that worker `own` is awake and will look into its mailbox.
    pub(crate) fn awake(&self, own: ShardId) {
        if let Some(mailbox) = self.boxes.get(own.index()) {
            mailbox.asleep.store(false, Ordering::SeqCst);
        }
    }

    /// Tells all workers to stop.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.boxes.iter().for_each(Mailbox::wake);
    }

    /// Lets workers go that have stopped.
    pub(crate) fn dismiss(&self) {
        self.dismissed.store(true, Ordering::SeqCst);
        self.boxes.iter().for_each(Mailbox::wake);
    }

    /// Whether workers that have stopped may go.
    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed.load(Ordering::SeqCst)
    }

    /// Whether the workers are to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Mailbox {
    /// Once is enough for all who want it awake.
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // Writing to an event descriptor fails only if it is full of wake-ups already.
            let _: io::Result<()> = self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Poll, Token};
    use mosquitto_broker::{Settings, Shared};
    use std::sync::Arc;

    const SENDER: ShardId = ShardId(0);
    const RECEIVER: ShardId = ShardId(1);

    fn office() -> (PostOffice, Shard, Vec<Poll>) {
        let polls: Vec<Poll> = (0..2).map(|_| Poll::new().unwrap()).collect();
        let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), Token(0)).unwrap()).collect();
        let shard = Shard::new(SENDER, Shared::new(2), Arc::new(Settings::default()), [1; 32]);
        (PostOffice::new(wakers), shard, polls)
    }

    #[test]
    fn a_sender_that_found_a_full_mailbox_is_told_when_there_is_room() {
        let (office, mut shard, _polls) = office();
        for _ in 0..BATCHES_MAX {
            assert!(office.post(&mut shard, SENDER, RECEIVER));
        }
        assert!(!office.post(&mut shard, SENDER, RECEIVER), "there is no more room");
        let mut delivery = Delivery::default();
        office.collect(RECEIVER, &mut delivery);
        assert_eq!(delivery.batches.len(), BATCHES_MAX);
        // It was awake then, and is about to sleep now.
        assert!(!office.fall_asleep(SENDER), "it must look again");
        office.awake(SENDER);
        office.collect(SENDER, &mut delivery);
        assert!(office.post(&mut shard, SENDER, RECEIVER));
        assert!(office.fall_asleep(SENDER));
    }

    #[test]
    fn nobody_falls_asleep_over_mail_that_came_in_the_meantime() {
        let (office, mut shard, mut polls) = office();
        assert!(office.fall_asleep(RECEIVER));
        office.post(&mut shard, SENDER, RECEIVER);
        let mut events = mio::Events::with_capacity(4);
        polls[1].poll(&mut events, None).unwrap();
        assert!(!events.is_empty(), "it was woken");
        office.awake(RECEIVER);
        assert!(!office.fall_asleep(RECEIVER));
    }

    #[test]
    fn the_thread_is_woken_that_a_worker_is_on() {
        let (office, _shard, mut polls) = office();
        let mut events = mio::Events::with_capacity(4);
        let mut wakes = |at: usize| {
            polls[at].poll(&mut events, Some(std::time::Duration::ZERO)).unwrap();
            !events.is_empty()
        };
        office.moves(RECEIVER, SENDER);
        assert!(office.fall_asleep(SENDER));
        office.call(RECEIVER);
        assert!(wakes(0) && !wakes(1));
        assert!(office.has_mail(RECEIVER) && !office.has_mail(SENDER));
        office.moves(RECEIVER, RECEIVER);
        assert!(!office.fall_asleep(RECEIVER), "what came before it was at home");
        office.call(RECEIVER);
        assert!(wakes(1) && !wakes(0));
    }

    #[test]
    fn used_batches_go_back_but_not_without_bound() {
        let (office, mut shard, _polls) = office();
        let mut delivery = Delivery::default();
        delivery.read.extend((0..100).map(|_| Mail::default()));
        office.post(&mut shard, SENDER, RECEIVER);
        office.collect(RECEIVER, &mut delivery);
        assert!(delivery.read.is_empty());
        assert_eq!(office.boxes[1].inbox.lock().used.len(), USED_MAX);
    }
}
