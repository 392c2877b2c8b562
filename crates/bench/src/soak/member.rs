//! A client that comes and goes.

use crate::clock::{MILLISECOND, Nanos, SECOND};

/// What becomes of its session while it is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It ends with the connection.
    Clean,
    /// It is taken up again.
    Kept,
    /// It expires before its client is back (MQTT 5).
    Expiring,
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Away,
    /// CONNECT has no answer yet.
    Coming,
    /// SUBSCRIBE has none yet.
    Subscribing,
    Here,
    /// It will go once all that it has sent is dealt with.
    Leaving,
}

/// How long a session of [`Kind::Expiring`] is kept, in seconds, and from when it must be gone.
pub(super) const EXPIRY_S: u32 = 1;
const EXPIRED: Nanos = 4 * SECOND;

/// One of them.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) has_will: bool,
    pub(super) state: State,
    pub(super) link: usize,
    /// Whether the broker has its session, with its subscriptions.
    pub(super) has_session: bool,
    /// When it comes or goes.
    pub(super) due: Nanos,
    pub(super) unacknowledged: u32,
    pub(super) packet_id: u16,
    /// The number of the next message to it; none: any.
    pub(super) next: Option<u32>,
}

impl Member {
    pub(super) fn new(number: usize, with_expiry: bool, due: Nanos) -> Self {
        let kind = match number % 4 {
            0 | 1 => Kind::Clean,
            3 if with_expiry && number.is_multiple_of(3) => Kind::Expiring,
            _ => Kind::Kept,
        };
        Self {
            number,
            kind,
            has_will: number.is_multiple_of(5),
            state: State::Away,
            link: 0,
            has_session: false,
            due,
            unacknowledged: 0,
            packet_id: 0,
            next: None,
        }
    }

    /// A packet identifier that is not in use: few are at once.
    pub(super) fn packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
        self.packet_id
    }

    /// How long it is away, by a number at random.
    fn absence(&self, random: u64) -> Nanos {
        let least = if self.kind == Kind::Expiring { EXPIRED } else { 300 * MILLISECOND };
        least + random % (4 * SECOND)
    }

    /// It is away now.
    pub(super) fn left(&mut self, now: Nanos, random: u64) {
        self.state = State::Away;
        self.unacknowledged = 0;
        self.due = now + self.absence(random);
        if self.kind != Kind::Kept {
            self.has_session = false;
        }
    }

    /// Whether a message with this number, sent again or not, has nothing missing before it, and has not come before. The error
    /// says what is wrong.
    pub(super) fn take(&mut self, number: u32, is_again: bool) -> Result<(), Fault> {
        let expected = self.next.unwrap_or(number);
        self.next = Some(expected.max(number + 1));
        match number.cmp(&expected) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Fault::Lost(number - expected)),
            // Of QoS 1, what was not acknowledged on the last connection comes again.
            std::cmp::Ordering::Less if is_again => Ok(()),
            std::cmp::Ordering::Less => Err(Fault::Repeated),
        }
    }
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Lost(u32),
    Repeated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_repetitions_are_told_from_what_was_sent_again() {
        let mut member = Member::new(2, true, 0);
        assert_eq!(member.take(7, false), Ok(()), "the first one may have any number");
        assert_eq!(member.take(8, false), Ok(()));
        assert_eq!(member.take(11, false), Err(Fault::Lost(2)));
        assert_eq!(member.take(11, true), Ok(()));
        assert_eq!(member.take(11, false), Err(Fault::Repeated));
        assert_eq!(member.take(12, false), Ok(()));
    }
}
