//! A session's queue while it is put together: what is taken out or added again is found by its number.

use crate::message::Message;
use crate::window::Queued;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use mosquitto_mqtt::QoS;
use std::collections::VecDeque;

/// How a copy of a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) identifier: u32,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

impl Delivery {
    /// Whether they are the same but for the QoS, which a listener may lower.
    pub(super) fn is_like(self, other: Delivery) -> bool {
        (self.identifier, self.retain) == (other.identifier, other.retain)
    }
}

/// A copy of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    pub(super) delivery: Delivery,
    /// The packet identifier under which it may be in flight already; 0: it is not.
    pub(super) in_flight_as: u16,
}

impl Copy {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { delivery, in_flight_as: 0 }
    }

    /// How well it fits: the greater, the better.
    fn fits(&self, delivery: Delivery) -> u8 {
        let (is_same, is_like) = (self.delivery == delivery, self.delivery.is_like(delivery));
        4 * u8::from(is_same) + 2 * u8::from(is_like) + u8::from(self.in_flight_as == 0)
    }
}

/// The copies of a message that follow each other: of one publication to several subscriptions.
#[derive(Debug)]
struct Group {
    message: Message,
    copies: Copies,
}

#[derive(Debug)]
enum Copies {
    One(Copy),
    #[allow(clippy::box_collection, reason = "it is rare, and the other kind is short")]
    Several(Box<VecDeque<Copy>>),
}

/// The queue. What is taken out of its middle leaves a gap, so that places stay what they are.
#[derive(Debug, Default)]
pub(super) struct Queue {
    groups: VecDeque<Option<Group>>,
    /// Groups that were taken from the front so far.
    gone: u64,
    /// The place of each message, counted in all groups that there were; none until it is needed.
    places: Option<HashMap<u64, u64, RandomState>>,
}

impl Queue {
    /// Adds a copy at the end.
    pub(super) fn push(&mut self, message: &Message, delivery: Delivery) {
        self.push_copy(message, Copy::new(delivery));
    }

    fn push_copy(&mut self, message: &Message, copy: Copy) {
        let number = message.number();
        if let Some(Some(last)) = self.groups.back_mut()
            && number != 0
            && last.message.number() == number
        {
            last.copies.add(copy, VecDeque::push_back);
            return;
        }
        let place = self.gone + self.groups.len() as u64;
        self.groups.push_back(Some(Group { message: message.clone(), copies: Copies::One(copy) }));
        if let Some(places) = &mut self.places {
            places.entry(number).or_insert(place);
        }
    }

    /// The copies that there are of a message.
    pub(super) fn copies(&mut self, number: u64) -> impl Iterator<Item = Delivery> {
        let group = self.find(number).and_then(|at| self.groups.get(at)).and_then(Option::as_ref);
        group.into_iter().flat_map(|group| group.copies.iter()).map(|copy| copy.delivery)
    }

    /// Adds copies before those that there are, or at the end where there are none.
    pub(super) fn put_before(&mut self, message: &Message, copies: &[Copy]) {
        let at = self.find(message.number());
        match at.and_then(|at| self.groups.get_mut(at)).and_then(Option::as_mut) {
            Some(group) => {
                for &copy in copies.iter().rev() {
                    group.copies.add(copy, VecDeque::push_front);
                }
            }
            None => copies.iter().for_each(|&copy| self.push_copy(message, copy)),
        }
    }

    /// Takes a copy of a message: the first that is delivered so, or else the first that is most like it.
    pub(super) fn take_first(&mut self, number: u64, delivery: Delivery) -> Option<Message> {
        // Of several that fit as well the last is found.
        self.take(number, |copies| copies.remove(|all| (0..all.len()).rev().max_by_key(|&at| fits(all, at, delivery))))
    }

    /// Likewise the last.
    pub(super) fn take_last(&mut self, number: u64, delivery: Delivery) -> Option<Message> {
        self.take(number, |copies| copies.remove(|all| (0..all.len()).max_by_key(|&at| fits(all, at, delivery))))
    }

    /// It is told whether what is in flight under this identifier is one of the copies, or none of them.
    pub(super) fn settle(&mut self, number: u64, packet_id: u16, is_one: bool) {
        let Some(at) = self.find(number) else { return };
        let Some(group) = self.groups.get_mut(at).and_then(Option::as_mut) else { return };
        let mut copies = group.copies.iter_mut();
        let Some(copy) = copies.find(|copy| copy.in_flight_as == packet_id) else { return };
        if is_one {
            let is_it = move |copy: &Copy| copy.in_flight_as == packet_id;
            drop(copies);
            self.take(number, |copies| copies.remove(|all| all.iter().position(is_it)));
        } else {
            copy.in_flight_as = 0;
        }
    }

    fn take(&mut self, number: u64, remove: impl FnOnce(&mut Copies) -> bool) -> Option<Message> {
        let at = self.find(number)?;
        let place = self.groups.get_mut(at)?;
        let group = place.as_mut()?;
        if !remove(&mut group.copies) {
            return Some(group.message.clone());
        }
        let message = place.take()?.message;
        if let Some(places) = &mut self.places {
            places.remove(&number);
        }
        while let Some(None) = self.groups.front() {
            self.groups.pop_front();
            self.gone += 1;
        }
        while let Some(None) = self.groups.back() {
            self.groups.pop_back();
        }
        Some(message)
    }

    /// Nearly always the oldest or the youngest.
    fn find(&mut self, number: u64) -> Option<usize> {
        let is = |group: Option<&Option<Group>>| {
            group.and_then(Option::as_ref).is_some_and(|group| group.message.number() == number)
        };
        if is(self.groups.front()) {
            return Some(0);
        }
        if is(self.groups.back()) {
            return Some(self.groups.len() - 1);
        }
        let (groups, gone) = (&self.groups, self.gone);
        let places = self.places.get_or_insert_with(|| {
            let numbers = groups.iter().map(|group| group.as_ref().map(|group| group.message.number()));
            // Of several the first: the last one that is put in.
            let mut all: Vec<_> = (gone..).zip(numbers).filter_map(|(place, number)| Some((number?, place))).collect();
            all.reverse();
            all.into_iter().collect()
        });
        let at = usize::try_from(places.get(&number)?.checked_sub(self.gone)?).ok()?;
        is(self.groups.get(at)).then_some(at)
    }

    /// The queue as a session has it, and how many messages of it `is_gone` has left out.
    pub(super) fn into_queued(self, is_gone: impl Fn(&Message) -> bool) -> (VecDeque<Queued>, usize) {
        let (mut queued, mut left_out) = (VecDeque::with_capacity(self.groups.len()), 0);
        for Group { message, copies } in self.groups.into_iter().flatten() {
            if is_gone(&message) {
                left_out += copies.iter().filter(|copy| copy.in_flight_as == 0).count();
                continue;
            }
            let mut add = |message: Message, copy: Copy| {
                let Delivery { identifier, qos, retain } = copy.delivery;
                if copy.in_flight_as == 0 {
                    queued.push_back(Queued { message, qos, retain, identifier });
                }
            };
            match copies {
                Copies::One(copy) => add(message, copy),
                Copies::Several(all) => all.into_iter().for_each(|copy| add(message.clone(), copy)),
            }
        }
        (queued, left_out)
    }
}

fn fits(copies: &VecDeque<Copy>, at: usize, delivery: Delivery) -> u8 {
    copies.get(at).map_or(0, |copy| copy.fits(delivery))
}

impl Copies {
    fn add(&mut self, copy: Copy, add: impl FnOnce(&mut VecDeque<Copy>, Copy)) {
        match self {
            Copies::Several(all) => add(all, copy),
            Copies::One(one) => {
                let mut all = VecDeque::from([*one]);
                add(&mut all, copy);
                *self = Copies::Several(Box::new(all));
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = Copy> {
        let (one, several) = match self {
            Copies::One(copy) => (Some(*copy), None),
            Copies::Several(all) => (None, Some(all.iter().copied())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Copy> {
        let (one, several) = match self {
            Copies::One(copy) => (Some(copy), None),
            Copies::Several(all) => (None, Some(all.iter_mut())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    /// True where none is left.
    fn remove(&mut self, find: impl FnOnce(&VecDeque<Copy>) -> Option<usize>) -> bool {
        match self {
            Copies::One(_) => true,
            Copies::Several(all) => {
                if let Some(at) = find(all) {
                    all.remove(at);
                }
                all.is_empty()
            }
        }
    }
}
