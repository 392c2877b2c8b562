//! The edges of a tree by parent and level: a hash table in parts.
//!
//! A hash table that is full moves all that it has to a larger one. With a million entries that takes a hundred milliseconds, as
//! each entry's hash has to be made again from a node somewhere else in memory, and whoever inserts holds the tree's lock. Of
//! parts, each moves on its own and takes a sixty-fourth of that.

use crate::slots::shrink_table;
use hashbrown::HashTable;

/// A node's number in its tree.
type NodeId = u32;

/// A power of two, so that the part is told by some bits of the hash.
const PARTS: usize = 64;

/// Which bits these are: the table itself tells by the lowest where to look first, and by the highest what is worth a look.
const SHIFT: u32 = 40;

#[derive(Debug)]
pub(crate) struct Edges(Box<[HashTable<NodeId>; PARTS]>);

impl Default for Edges {
    fn default() -> Self {
        Self(Box::new([const { HashTable::new() }; PARTS]))
    }
}

impl Edges {
    fn part(&self, hash: u64) -> &HashTable<NodeId> {
        let [first, ..] = &*self.0;
        self.0.get(place(hash)).unwrap_or(first)
    }

    fn part_mut(&mut self, hash: u64) -> Option<&mut HashTable<NodeId>> {
        self.0.get_mut(place(hash))
    }

    pub(crate) fn find(&self, hash: u64, is: impl FnMut(&NodeId) -> bool) -> Option<NodeId> {
        self.part(hash).find(hash, is).copied()
    }

    /// Adds an edge that there was not. `hash_of`: the hash of one that is there.
    pub(crate) fn insert(&mut self, hash: u64, id: NodeId, hash_of: impl Fn(NodeId) -> u64) {
        if let Some(part) = self.part_mut(hash) {
            part.insert_unique(hash, id, |&id| hash_of(id));
        }
    }

    /// Makes room for so many more, about.
    pub(crate) fn reserve(&mut self, additional: usize, hash_of: impl Fn(NodeId) -> u64) {
        // They are spread by chance, and not evenly.
        let each = additional / PARTS + additional / PARTS / 16;
        for part in self.0.iter_mut() {
            part.reserve(each, |&id| hash_of(id));
        }
    }

    /// `hash_of`: the hash of one that is there.
    pub(crate) fn remove(&mut self, hash: u64, id: NodeId, hash_of: impl Fn(NodeId) -> u64) {
        let Some(part) = self.part_mut(hash) else { return };
        if let Ok(entry) = part.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        shrink_table(part, |&id| hash_of(id));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(HashTable::len).sum()
    }
}

fn place(hash: u64) -> usize {
    (hash >> SHIFT) as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::hash::BuildHasher;

    #[test]
    fn what_was_inserted_is_found_until_it_is_removed() {
        let (mut edges, hasher) = (Edges::default(), foldhash::fast::RandomState::default());
        let hash = |id: NodeId| hasher.hash_one(id);
        (0..5000).for_each(|id| edges.insert(hash(id), id, hash));
        (0..5000).step_by(2).for_each(|id| edges.remove(hash(id), id, hash));
        assert!((0..5000).all(|id| edges.find(hash(id), |&other| other == id) == (id % 2 == 1).then_some(id)));
        assert_eq!(edges.len(), 2500);
    }

    #[test]
    fn no_insertion_moves_more_than_a_small_part_of_all() {
        const COUNT: u32 = 200_000;
        let (mut edges, hasher) = (Edges::default(), foldhash::fast::RandomState::default());
        let (moved, most) = (Cell::new(0), Cell::new(0));
        for id in 0..COUNT {
            moved.set(0);
            edges.insert(hasher.hash_one(id), id, |id| {
                moved.set(moved.get() + 1);
                hasher.hash_one(id)
            });
            most.set(most.get().max(moved.get()));
        }
        assert!(most.get() > 0 && most.get() < COUNT / 32, "{}", most.get());
    }
}
