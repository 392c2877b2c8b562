//! What was seen and could have been one of several copies: the choice that was made can be made again.
//!
//! A copy is chosen for what a client sees as soon as it sees it. Where copies of one message may look alike (it was published
//! more than once, or subscriptions changed meanwhile), a later one may show that an earlier one was chosen for the wrong
//! one; so the choices are kept, and changed along a path that leaves each of them with a copy of its own.

use crate::observe::Seen;
use crate::session::{Due, Session};

/// A copy, and what it was chosen for.
#[derive(Debug)]
pub(crate) struct Taken {
    due: Due,
    seen: Seen,
}

impl Session {
    /// Keeps a choice that may have to be made again.
    pub(crate) fn take_note(&mut self, due: &Due, seen: &Seen) {
        if due.ambiguous || due.looks.is_some() || due.any_identifier {
            self.taken.push(Taken { due: due.clone(), seen: seen.clone() });
        }
    }

    /// Finds a copy for what is seen by choosing others for what was seen before. Says whether there is one.
    pub(crate) fn choose_again(&mut self, seen: &Seen) -> bool {
        let mut visited = vec![false; self.taken.len()];
        let Some(due) = self.free_for(seen, &mut visited) else { return false };
        self.taken.push(Taken { due, seen: seen.clone() });
        true
    }

    /// Frees a copy that was taken and explains this one too: whoever has it gets another, which is free or is freed for it.
    fn free_for(&mut self, seen: &Seen, visited: &mut [bool]) -> Option<Due> {
        for at in 0..self.taken.len() {
            if visited[at] || !self.taken[at].due.is(seen) {
                continue;
            }
            visited[at] = true;
            let other = self.taken[at].seen.clone();
            let place = self.due.iter().position(|due| due.is(&other));
            let instead = place.map(|place| self.due.remove(place)).or_else(|| self.free_for(&other, visited));
            if let Some(instead) = instead {
                return Some(std::mem::replace(&mut self.taken[at].due, instead));
            }
        }
        None
    }

    /// What has to come and has not may stand for something seen that a copy was chosen for which need not have come.
    pub(crate) fn prefer_what_must_come(&mut self) {
        for due in self.due.iter_mut().filter(|due| !due.optional) {
            if let Some(taken) = self.taken.iter_mut().find(|taken| taken.due.optional && due.is(&taken.seen)) {
                std::mem::swap(due, &mut taken.due);
            }
        }
    }
}
