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

/// The copies of a message that follow each other: of one publication to several subscriptions.
#[derive(Debug)]
struct Group {
    message: Message,
    copies: Copies,
}

#[derive(Debug)]
enum Copies {
    One(Delivery),
    #[allow(clippy::box_collection, reason = "it is rare, and the other kind is short")]
    Several(Box<VecDeque<Delivery>>),
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
        let number = message.number();
        if let Some(Some(last)) = self.groups.back_mut()
            && number != 0
            && last.message.number() == number
        {
            last.copies.add(delivery, VecDeque::push_back);
            return;
        }
        let place = self.gone + self.groups.len() as u64;
        self.groups.push_back(Some(Group { message: message.clone(), copies: Copies::One(delivery) }));
        if let Some(places) = &mut self.places {
            places.entry(number).or_insert(place);
        }
    }

    /// The copies that there are of a message.
    pub(super) fn copies(&mut self, number: u64) -> impl Iterator<Item = Delivery> {
        let group = self.find(number).and_then(|at| self.groups.get(at)).and_then(Option::as_ref);
        group.into_iter().flat_map(|group| group.copies.iter())
    }

    /// Adds copies before those that there are, or at the end where there are none.
    pub(super) fn put_before(&mut self, message: &Message, deliveries: &[Delivery]) {
        let at = self.find(message.number());
        match at.and_then(|at| self.groups.get_mut(at)).and_then(Option::as_mut) {
            Some(group) => {
                for &delivery in deliveries.iter().rev() {
                    group.copies.add(delivery, VecDeque::push_front);
                }
            }
            None => deliveries.iter().for_each(|&delivery| self.push(message, delivery)),
        }
    }

    /// Takes a copy of a message: the first that is delivered so, or else the first of all.
    pub(super) fn take_first(&mut self, number: u64, delivery: Delivery) -> Option<Message> {
        self.take(number, |copies| copies.remove_first(delivery))
    }

    /// Takes the last copy of a message.
    pub(super) fn take_last(&mut self, number: u64) -> Option<Message> {
        self.take(number, Copies::remove_last)
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
                left_out += copies.iter().count();
                continue;
            }
            let mut add = |message: Message, Delivery { identifier, qos, retain }| {
                queued.push_back(Queued { message, qos, retain, identifier });
            };
            match copies {
                Copies::One(delivery) => add(message, delivery),
                Copies::Several(all) => all.into_iter().for_each(|delivery| add(message.clone(), delivery)),
            }
        }
        (queued, left_out)
    }
}

impl Copies {
    fn add(&mut self, delivery: Delivery, add: impl FnOnce(&mut VecDeque<Delivery>, Delivery)) {
        match self {
            Copies::Several(all) => add(all, delivery),
            Copies::One(one) => {
                let mut all = VecDeque::from([*one]);
                add(&mut all, delivery);
                *self = Copies::Several(Box::new(all));
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = Delivery> {
        let (one, several) = match self {
            Copies::One(delivery) => (Some(*delivery), None),
            Copies::Several(all) => (None, Some(all.iter().copied())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    /// True where none is left.
    fn remove_first(&mut self, delivery: Delivery) -> bool {
        match self {
            Copies::One(_) => true,
            Copies::Several(all) => {
                let at = all.iter().position(|copy| *copy == delivery);
                all.remove(at.unwrap_or(0));
                all.is_empty()
            }
        }
    }

    /// Likewise.
    fn remove_last(&mut self) -> bool {
        match self {
            Copies::One(_) => true,
            Copies::Several(all) => {
                all.pop_back();
                all.is_empty()
            }
        }
    }
}
