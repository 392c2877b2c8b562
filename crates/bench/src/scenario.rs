//! The scenarios, declared once: for the parser, the usage text and the documents.

mod bulk;
mod idle;
mod queue;
mod retained;
mod steady;
mod storm;
mod subscriptions;

use crate::bench::{Bench, Failure};
use crate::overload;
use crate::report::Report;
use crate::soak;

/// What is done to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Publishers and subscribers two by two.
    Pairs,
    /// Many to one.
    FanIn,
    /// One to many.
    FanOut,
    /// Many to many, with wildcards, some of which match.
    Many,
    /// Shared subscriptions.
    Shared,
    /// One subscriber stops reading.
    Slow,
    /// Connections, one after the other.
    Connect,
    /// Clients that do nothing.
    Idle,
    /// Subscriptions that match nothing.
    Subscriptions,
    /// Retained messages.
    Retained,
    /// Messages for a client that is not there.
    Queue,
    /// More than a broker can do.
    Overload,
    /// Mixed traffic for a long time.
    Soak,
}

impl Scenario {
    /// All of them, each with its name and what it does.
    pub const ALL: [(Scenario, &'static str, &'static str); 13] = [
        (Self::Pairs, "pairs", "publishers and subscribers two by two, a topic for each pair"),
        (Self::FanIn, "fanin", "many publishers, each with a topic of its own, and one subscriber to all of them"),
        (Self::FanOut, "fanout", "one publisher, and many subscribers to its topic"),
        (Self::Many, "many", "many publishers and many subscribers with wildcards, some of whom get each message"),
        (Self::Shared, "shared", "publishers, and subscribers who share the messages: each goes to one of them"),
        (Self::Slow, "slow", "fanout; half way one subscriber stops reading, and the others should not notice"),
        (Self::Connect, "connect", "connections that are opened, greeted and ended, over and over"),
        (Self::Idle, "idle", "clients with one subscription each that only stay, and what memory they take"),
        (Self::Subscriptions, "subscriptions", "one client with many that match nothing, and what memory they take"),
        (Self::Retained, "retained", "retained messages that are left, fetched and cleared"),
        (Self::Queue, "queue", "messages for a client that is away, and what happens when it is back"),
        (
            Self::Overload,
            "overload",
            "more than a broker can do, or what costs it most (--load), and what others notice of it",
        ),
        (
            Self::Soak,
            "soak",
            "mixed traffic, clients that come and go; the broker's memory, descriptors and $SYS are watched (--pid)",
        ),
    ];

    /// Those in which messages flow for a while.
    pub(crate) const STEADY: &'static [Scenario] =
        &[Self::Pairs, Self::FanIn, Self::FanOut, Self::Many, Self::Shared, Self::Slow];

    /// As it is called.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scenario, ..)| *scenario == self).map_or("", |(_, name, _)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(scenario, ..)| *scenario)
    }

    pub(crate) fn run(self, bench: &mut Bench) -> Result<Report, Failure> {
        match self {
            Self::Connect => storm::run(bench),
            Self::Idle => idle::run(bench),
            Self::Subscriptions => subscriptions::run(bench),
            Self::Retained => retained::run(bench),
            Self::Queue => queue::run(bench),
            Self::Overload => overload::run(bench),
            Self::Soak => soak::run(bench),
            _ => steady::run(bench),
        }
    }
}
