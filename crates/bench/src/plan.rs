//! Who publishes what, and who subscribes to it.

use crate::bench::Bench;
use crate::scenario::Scenario;

/// Topics and filters. The messages of publisher `i` match the filter of subscriber `j` if `i` and `j` leave the same rest when
/// they are divided by the number of groups.
#[derive(Debug)]
pub(crate) struct Plan {
    /// One a publisher.
    pub(crate) topics: Vec<String>,
    /// One a subscriber.
    pub(crate) filters: Vec<String>,
    pub(crate) groups: usize,
    /// Whether the subscribers share the messages: each goes to one of them.
    pub(crate) shared: bool,
    /// The subscriber that stops reading.
    pub(crate) slow: Option<usize>,
    /// Filters of one more client, that match nothing.
    pub(crate) idle: Vec<String>,
}

impl Plan {
    /// That of a scenario with steady traffic.
    pub(crate) fn of(bench: &Bench) -> Self {
        let (settings, base) = (&bench.settings, bench.topic());
        let count = settings.count();
        let topics = |count: usize| (0..count).map(|i| format!("{base}/in/{i}")).collect::<Vec<_>>();
        let plan =
            |topics, filters, groups| Self { topics, filters, groups, shared: false, slow: None, idle: Vec::new() };
        match settings.scenario {
            Scenario::FanIn => plan(topics(count), vec![format!("{base}/in/+")], 1),
            Scenario::FanOut => plan(topics(1), vec![format!("{base}/in/0"); count], 1),
            Scenario::Slow => Self { slow: Some(0), ..plan(topics(1), vec![format!("{base}/in/0"); count], 1) },
            Scenario::Shared => {
                let filters = vec![format!("$share/bench/{base}/in/#"); settings.subscribers()];
                Self { shared: true, ..plan(topics(settings.publishers()), filters, 1) }
            }
            Scenario::Many => {
                let groups = settings.subscribers() / settings.matching();
                let topic = |i: usize| format!("{base}/{}/in/{i}", i % groups);
                // With one wildcard and with the other, so that both ways through the broker's tree are gone.
                let filter = |j: usize| {
                    format!("{base}/{}/{}", j % groups, if (j / groups).is_multiple_of(2) { "#" } else { "+/+" })
                };
                let topics = (0..settings.publishers()).map(topic).collect();
                let filters = (0..settings.subscribers()).map(filter).collect();
                Self { idle: Self::idle_filters(&base, settings.idle_filters), ..plan(topics, filters, groups) }
            }
            _ => plan(topics(count), topics(count), count),
        }
    }

    /// Filters that match nothing.
    pub(crate) fn idle_filters(base: &str, count: usize) -> Vec<String> {
        let last = |k: usize| if k.is_multiple_of(4) { "+" } else { "value" };
        (0..count).map(|k| format!("{base}/idle/{}/{k}/{}", k % 1000, last(k))).collect()
    }
}
