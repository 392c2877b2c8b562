//! The letters that wait to be taken to other shards.

use crate::ShardId;
use crate::mail::Mail;
use crate::message::Outgoing;
use crate::subscriber::Subscriber;
use crate::topic_cache::RemoteShard;

/// One batch under way for each other shard.
#[derive(Debug)]
pub(crate) struct Post {
    outboxes: Vec<Outbox>,
}

#[derive(Debug, Default)]
struct Outbox {
    mail: Mail,
    /// Counts the batches, so that targets written down are known by the batch they are in.
    batch: u64,
}

impl Post {
    pub(crate) fn new(shards: u16) -> Self {
        Self { outboxes: (0..shards).map(|_| Outbox::default()).collect() }
    }

    /// Whether so much waits for a shard that publishers to it are held back.
    #[inline]
    pub(crate) fn is_full(&self, shard: ShardId) -> bool {
        self.outboxes.get(shard.index()).is_some_and(|o| o.mail.is_full())
    }

    /// Whether that is so for any shard.
    pub(crate) fn any_full(&self) -> bool {
        self.outboxes.iter().any(|outbox| outbox.mail.is_full())
    }

    /// The batch for a shard, for a used one to fill next.
    pub(crate) fn exchange(&mut self, shard: ShardId, mut used: Mail) -> Mail {
        used.clear();
        let Some(outbox) = self.outboxes.get_mut(shard.index()) else { return used };
        outbox.batch += 1;
        std::mem::replace(&mut outbox.mail, used)
    }

    /// Shards for which something waits.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = ShardId> {
        (0..).zip(&self.outboxes).filter(|(_, o)| !o.mail.is_empty()).map(|(at, _)| ShardId(at))
    }

    /// Says to all other shards that this one has begun to hand over its sessions.
    pub(crate) fn announce(&mut self, own: ShardId) {
        for (_, outbox) in (0..).zip(&mut self.outboxes).filter(|(at, _)| ShardId(*at) != own) {
            outbox.mail.announce_hand_over();
        }
    }

    /// Sends a message to all of its targets on one shard.
    #[inline]
    pub(crate) fn send(
        &mut self,
        remote: &mut RemoteShard,
        targets: &[Subscriber],
        generation: u64,
        outgoing: &mut Outgoing<'_>,
    ) {
        let Some(Outbox { mail, batch }) = self.outboxes.get_mut(remote.shard.index()) else { return };
        let range = match &remote.addressed {
            Some((written_in, range)) if written_in == batch => range.clone(),
            _ => {
                let range = mail.address(targets, generation);
                remote.addressed = Some((*batch, range.clone()));
                range
            }
        };
        mail.push(range, outgoing);
    }

    /// Sends a message to one session, the member of a group whose turn it is.
    pub(crate) fn send_to_member(&mut self, target: Subscriber, generation: u64, outgoing: &mut Outgoing<'_>) {
        let Some(outbox) = self.outboxes.get_mut(target.shard.index()) else { return };
        let range = outbox.mail.address_member(target, generation);
        outbox.mail.push(range, outgoing);
    }
}
