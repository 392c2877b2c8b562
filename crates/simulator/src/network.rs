//! The broker's shards and all that lies between them and the clients: connections, mail, and time.

use crate::link::{Link, Place};
use mosquitto_broker::{ConnectionId, Mail, Moment, Settings, Shard, ShardId, Shared, Statistics};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// Batches that a mailbox takes from one sender, as in the server.
const MAILBOX: usize = 4;

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) now: Moment,
    pub(crate) shards: Vec<Shard>,
    pub(crate) shared: Arc<Shared>,
    /// When each shard was run last.
    pub(crate) last_run: Vec<Moment>,
    /// Mail under way by receiver and sender, each batch with the place of the last message in it.
    pub(crate) mail: Vec<Vec<VecDeque<(Mail, u64)>>>,
    used_mail: Vec<Mail>,
    pub(crate) links: Vec<Link>,
    /// Links on their way to each shard.
    pub(crate) arriving: Vec<Vec<usize>>,
    /// The link of each connection of each shard.
    by_connection: Vec<Vec<Option<usize>>>,
}

impl Network {
    pub(crate) fn new(shards: usize, settings: &Settings) -> Self {
        let settings = Arc::new(settings.clone());
        let shared = Shared::new(shards as u16);
        let shard =
            |at: usize| Shard::new(ShardId(at as u16), Arc::clone(&shared), Arc::clone(&settings), [at as u8 + 1; 32]);
        let now = Moment(1_000_000);
        Self {
            now,
            shards: (0..shards).map(shard).collect(),
            last_run: vec![Moment(0); shards],
            mail: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            used_mail: Vec::new(),
            links: Vec::new(),
            arriving: vec![Vec::new(); shards],
            by_connection: vec![Vec::new(); shards],
            shared,
        }
    }

    /// A connection is under way to a shard.
    pub(crate) fn send_to(&mut self, link: usize, shard: usize, handed_over: bool) {
        self.release(link, Place::Arriving { shard, handed_over });
        self.arriving[shard].push(link);
    }

    /// Lets a shard know of a connection.
    pub(crate) fn arrive(&mut self, link: usize) {
        let Place::Arriving { shard, handed_over } = self.links[link].place else { return };
        let shard_entry = &mut self.shards[shard];
        let id = if handed_over {
            shard_entry.open_handed_over("127.0.0.1:9", 0)
        } else {
            shard_entry.open("127.0.0.1:9", 0)
        };
        self.links[link].heard_at = self.now;
        self.place(link, shard, id);
    }

    fn place(&mut self, link: usize, shard: usize, id: ConnectionId) {
        self.links[link].place = Place::On(shard, id);
        let known = &mut self.by_connection[shard];
        if known.len() <= id.index() {
            known.resize(id.index() + 1, None);
        }
        known[id.index()] = Some(link);
    }

    /// A shard forgets a connection.
    pub(crate) fn release(&mut self, link: usize, to: Place) {
        if let Place::On(shard, id) = std::mem::replace(&mut self.links[link].place, to) {
            self.shards[shard].release(id);
            self.by_connection[shard][id.index()] = None;
        }
    }

    pub(crate) fn link_of(&self, shard: usize, id: ConnectionId) -> Option<usize> {
        self.by_connection[shard].get(id.index()).copied().flatten()
    }

    /// The links whose connection is on this shard.
    pub(crate) fn links_on(&self, shard: usize) -> Vec<usize> {
        self.by_connection[shard].iter().flatten().copied().collect()
    }

    /// Puts mail on its way as far as mailboxes take it. `seq` is the place of the last message in it.
    pub(crate) fn post(&mut self, from: usize, seq: u64) -> bool {
        let waiting: Vec<usize> = self.shards[from].mail_waiting().map(ShardId::index).collect();
        let mut moved = false;
        for to in waiting {
            if self.mail[to][from].len() < MAILBOX {
                let used = self.used_mail.pop().unwrap_or_default();
                let mail = self.shards[from].exchange_mail(ShardId(to as u16), used);
                self.mail[to][from].push_back((mail, seq));
                moved = true;
            }
        }
        moved
    }

    /// Has a shard read the oldest batch from another one; returns its place.
    pub(crate) fn read_mail(&mut self, from: usize, to: usize) -> Option<u64> {
        let (mail, seq) = self.mail[to][from].pop_front()?;
        self.shards[to].mail(&mail);
        self.used_mail.push(mail);
        Some(seq)
    }

    /// Offers a connection's output to its network, which takes at most `limit` bytes. Returns how many it took.
    pub(crate) fn write(&mut self, link: usize, limit: usize) -> usize {
        let Place::On(shard, id) = self.links[link].place else { return 0 };
        let shard = &mut self.shards[shard];
        let link = &mut self.links[link];
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = shard.output(id, &mut slices);
        let mut left = if link.abandoned { usize::MAX } else { limit };
        let mut taken = 0;
        for slice in &slices[..filled] {
            let part = &slice[..slice.len().min(left)];
            if !link.abandoned {
                link.outbox.extend_from_slice(part);
            }
            left -= part.len();
            taken += part.len();
        }
        shard.sent(id, taken);
        taken
    }

    pub(crate) fn output_len(&self, link: usize) -> usize {
        match self.links[link].place {
            Place::On(shard, id) => self.shards[shard].output_len(id),
            _ => 0,
        }
    }

    pub(crate) fn statistics(&self, shard: usize) -> Statistics {
        self.shards[shard].statistics()
    }

    pub(crate) fn mail_under_way(&self) -> bool {
        self.mail.iter().flatten().any(|queue| !queue.is_empty())
            || self.shards.iter().any(|shard| shard.mail_waiting().next().is_some())
    }
}
