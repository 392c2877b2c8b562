//! What topics are called on the other side.

use mosquitto_config::BridgeTopic;
use mosquitto_mqtt::{QoS, SharedFilter, TopicName};
use std::borrow::Cow;
use std::collections::HashSet;

/// The `topic` lines of a bridge: of several that match a topic, the first decides.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    lines: Vec<Line>,
}

/// One `topic` line.
#[derive(Debug, Clone)]
struct Line {
    out: bool,
    inward: bool,
    qos: QoS,
    local: Side,
    remote: Side,
}

/// How a line looks at one of the brokers.
#[derive(Debug, Clone)]
struct Side {
    prefix: String,
    /// Prefix and pattern.
    filter: String,
    /// Whether there is no pattern: then the filter is the only topic.
    single: bool,
    /// What all topics begin with that match.
    beginning: String,
}

impl Topics {
    /// The lines as the configuration has them.
    pub fn new(topics: &[BridgeTopic]) -> Self {
        Self { lines: topics.iter().map(Line::new).collect() }
    }

    /// What a topic of this broker is called at the remote one. `None`: it does not go there, or would be no topic there.
    pub fn to_remote<'a>(&self, topic: &'a str) -> Option<Cow<'a, str>> {
        let name = TopicName::new(topic).ok()?;
        let line = self.lines.iter().find(|line| line.out && line.local.matches(name))?;
        line.local.renamed(&line.remote, topic)
    }

    /// What a topic of the remote broker is called at this one. `None`: it does not come here, or would be no topic here.
    pub fn to_local<'a>(&self, topic: &'a str) -> Option<Cow<'a, str>> {
        let name = TopicName::new(topic).ok()?;
        let line = self.lines.iter().find(|line| line.inward && line.remote.matches(name))?;
        line.remote.renamed(&line.local, topic)
    }

    /// The filters to subscribe to at this broker, in order, with the QoS.
    pub fn local_subscriptions(&self) -> impl Iterator<Item = (&str, QoS)> {
        self.lines.iter().filter(|line| line.out).map(|line| (line.local.filter.as_str(), line.qos))
    }

    /// The filters to subscribe to at the remote broker, in order, with the QoS.
    pub fn remote_subscriptions(&self) -> impl Iterator<Item = (&str, QoS)> {
        self.lines.iter().filter(|line| line.inward).map(|line| (line.remote.filter.as_str(), line.qos))
    }

    /// What is said about each filter at the remote broker, in order: the QoS at which to subscribe, or none where to unsubscribe,
    /// from what only goes out, but may have come in when the remote broker's session began.
    pub fn remote_requests(&self) -> impl Iterator<Item = (&str, Option<QoS>)> {
        let wanted: HashSet<_> = self.remote_subscriptions().map(|(filter, _)| filter).collect();
        let request = |line: &'_ Line| line.inward.then_some(line.qos);
        let all = self.lines.iter().map(move |line| (line.remote.filter.as_str(), request(line)));
        all.filter(move |(filter, qos)| qos.is_some() || !wanted.contains(filter))
    }
}

impl Line {
    fn new(topic: &BridgeTopic) -> Self {
        let single = topic.pattern.is_none();
        Self {
            out: topic.direction.is_out(),
            inward: topic.direction.is_in(),
            qos: QoS::from_bits(topic.qos).unwrap_or_default(),
            local: Side::new(&topic.local_prefix, topic.local_filter(), single),
            remote: Side::new(&topic.remote_prefix, topic.remote_filter(), single),
        }
    }
}

impl Side {
    fn new(prefix: &str, filter: String, single: bool) -> Self {
        let shared = SharedFilter::new(&filter).map_or("", |shared| shared.filter.as_str());
        let (beginning, rest) = shared.split_at(shared.find(['+', '#']).unwrap_or(shared.len()));
        // `a/#` matches `a` as well.
        let beginning = if rest == "#" { beginning.strip_suffix('/').unwrap_or(beginning) } else { beginning };
        let beginning = beginning.to_owned();
        Self { prefix: prefix.to_owned(), filter, single, beginning }
    }

    fn matches(&self, topic: TopicName<'_>) -> bool {
        topic.as_str().starts_with(&self.beginning)
            && SharedFilter::new(&self.filter).is_ok_and(|shared| shared.filter.matches(topic))
    }

    /// A topic that matches here, as it is called there; if that is a topic.
    fn renamed<'a>(&self, there: &Side, topic: &'a str) -> Option<Cow<'a, str>> {
        if !self.single && self.prefix == there.prefix {
            return Some(Cow::Borrowed(topic));
        }
        let renamed = if self.single {
            there.filter.clone()
        } else if let Some(rest) = topic.strip_prefix(&self.prefix) {
            format!("{}{rest}", there.prefix)
        } else {
            // `a/#` matches `a` as well, which lacks the end of the prefix.
            there.prefix.strip_suffix('/')?.to_owned()
        };
        TopicName::new(&renamed).is_ok().then_some(Cow::Owned(renamed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_config::Direction;
    use proptest::prelude::*;

    fn line(pattern: &str, direction: Direction, local: &str, remote: &str) -> BridgeTopic {
        let pattern = (!pattern.is_empty()).then(|| pattern.to_owned());
        BridgeTopic { pattern, direction, qos: 1, local_prefix: local.to_owned(), remote_prefix: remote.to_owned() }
    }

    fn topics(lines: &[(&str, Direction, &str, &str)]) -> Topics {
        Topics::new(&lines.iter().map(|(p, d, l, r)| line(p, *d, l, r)).collect::<Vec<_>>())
    }

    #[test]
    fn prefixes_are_taken_off_and_put_on() {
        use Direction::{Both, In, Out};
        for (pattern, local, remote, here, there) in [
            ("#", "l/", "r/", "l/a/b", "r/a/b"),
            ("#", "l/", "", "l/a", "a"),
            ("#", "", "r/", "a", "r/a"),
            ("a/+", "", "", "a/b", "a/b"),
            ("", "one", "another", "one", "another"),
            ("#", "l/", "r/", "l", "r"),
            ("#", "$SYS/", "r/", "$SYS/uptime", "r/uptime"),
            ("#", "l/", "l/", "l/a", "l/a"),
            ("#", "l/", "l/", "l", "l"),
            ("$share/g/a/+", "", "", "a/b", "a/b"),
        ] {
            let both = topics(&[(pattern, Both, local, remote)]);
            assert_eq!(both.to_remote(here).as_deref(), Some(there));
            assert_eq!(both.to_local(there).as_deref(), Some(here));
            assert_eq!(topics(&[(pattern, In, local, remote)]).to_remote(here), None);
            assert_eq!(topics(&[(pattern, Out, local, remote)]).to_local(there), None);
        }
    }

    #[test]
    fn what_does_not_fit_goes_nowhere() {
        let all = topics(&[("#", Direction::Both, "l/", "")]);
        for topic in ["$SYS/x", "", "a/#", "+", "a+"] {
            assert_eq!(all.to_local(topic), None, "{topic}");
        }
        assert_eq!(all.to_remote("other"), None);
        assert_eq!(all.to_remote("l"), None, "it would have no name");
        assert_eq!(all.to_local(&"x".repeat(65_534)), None, "it would be too long");
        assert_eq!(topics(&[("", Direction::In, "l", "r")]).to_local("r/x"), None);
    }

    #[test]
    fn the_first_line_that_matches_decides() {
        let list = topics(&[("a/#", Direction::Out, "", "first/"), ("#", Direction::Both, "", "second/")]);
        assert_eq!(list.to_remote("a/b").as_deref(), Some("first/a/b"));
        assert_eq!(list.to_remote("b").as_deref(), Some("second/b"));
        assert_eq!(list.to_local("first/a/b"), None);
    }

    #[test]
    fn shared_subscriptions_bring_the_topics_of_their_filter() {
        let shared = topics(&[("$share/g/a/#", Direction::In, "l/", "")]);
        assert_eq!(shared.to_local("a/b").as_deref(), Some("l/a/b"));
    }

    #[test]
    fn each_direction_has_its_subscriptions() {
        use Direction::{Both, In, Out};
        let list =
            topics(&[("o", Out, "l/", "r/"), ("i", In, "l/", "r/"), ("b", Both, "l/", "r/"), ("i", Out, "", "r/")]);
        let filters = |list: Vec<(&str, QoS)>| list.iter().map(|(filter, _)| (*filter).to_owned()).collect::<Vec<_>>();
        assert_eq!(filters(list.local_subscriptions().collect()), ["l/o", "l/b", "i"]);
        assert_eq!(filters(list.remote_subscriptions().collect()), ["r/i", "r/b"]);
        // Not from what another line wants.
        let requests: Vec<_> = list.remote_requests().map(|(filter, qos)| (filter, qos.is_some())).collect();
        assert_eq!(requests, [("r/o", false), ("r/i", true), ("r/b", true)]);
        assert!(list.local_subscriptions().all(|(_, qos)| qos == QoS::AtLeastOnce));
    }

    proptest! {
        #[test]
        fn there_and_back_again_is_the_same_topic(
            prefixes in ("([a-c]/){0,2}", "([a-c]/){0,2}"),
            pattern in "([abc+]/){0,3}([abc+]|#)",
            topic in "[abc/]{1,12}",
        ) {
            let list = topics(&[(&pattern, Direction::Both, &prefixes.0, &prefixes.1)]);
            if let Some(there) = list.to_remote(&topic) {
                let here = list.to_local(&there);
                prop_assert_eq!(here.as_deref(), Some(topic.as_str()));
            }
        }

        #[test]
        fn any_topic_becomes_a_topic_or_nothing(
            lines in prop::collection::vec(("[ab/+#$]{0,5}", "[ab/]{0,3}", "[ab/]{0,3}"), 0..4),
            topic in ".{0,20}",
        ) {
            let lines: Vec<_> = lines.iter().map(|(p, l, r)| line(p, Direction::Both, l, r)).collect();
            let list = Topics::new(&lines);
            for renamed in [list.to_local(&topic), list.to_remote(&topic)].into_iter().flatten() {
                prop_assert!(TopicName::new(&renamed).is_ok());
            }
        }
    }
}
