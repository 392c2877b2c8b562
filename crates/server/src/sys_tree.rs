//! The `$SYS` tree: which topics there are, what they say, and which of them have something new to say.
//!
//! Pure: numbers and the time that has passed go in, messages come out. [`crate::sys_updates`] knows the clock.

mod load;

use crate::VERSION;
use crate::persistence::StoreFigures;
use load::Load;
use mosquitto_broker::{DropReason, Publication, Statistics, Stored};
use mosquitto_mqtt::QoS;
use std::collections::HashMap;

/// A number of those that were counted.
type Counter = fn(&Statistics) -> u64;

/// Of each of these there is a load for three periods, under `load/`. Connections are CONNECT packets.
const LOADS: [(&str, Counter); 9] = [
    ("messages/received", |s| s.packets_received),
    ("messages/sent", |s| s.packets_sent),
    ("publish/dropped", dropped),
    ("publish/received", |s| s.publish_received),
    ("publish/sent", |s| s.publish_sent),
    ("bytes/received", |s| s.bytes_received),
    ("bytes/sent", |s| s.bytes_sent),
    ("sockets", |s| s.sockets_opened),
    ("connections", |s| s.connects),
];

/// What the topics are made of: sums over all workers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) statistics: Statistics,
    pub(crate) stored: Stored,
    /// Subscriptions that are not shared, and those that are.
    pub(crate) subscriptions: usize,
    pub(crate) shared_subscriptions: usize,
    pub(crate) retained: usize,
    /// Bytes in use, and the most that ever were.
    pub(crate) heap: u64,
    pub(crate) heap_maximum: u64,
    pub(crate) uptime_s: u64,
    /// Connections closed without CONNECT to make room for others.
    pub(crate) evictions: u64,
    /// None: nothing is kept.
    pub(crate) store: Option<StoreFigures>,
}

/// What was published last, and what the next values depend on.
#[derive(Debug, Default)]
pub(crate) struct SysTree {
    published: HashMap<String, String>,
    clients_maximum: u64,
    loads: [Load; LOADS.len()],
}

impl SysTree {
    /// The topics that say something new since the last update, `elapsed_s` seconds ago; 0 for the first one. Whatever was
    /// never published is new.
    pub(crate) fn update(&mut self, figures: &Figures, elapsed_s: f64) -> Vec<Publication> {
        let mut news = Vec::new();
        self.say("version", &format_args!("mosquitto version {VERSION}"), &mut news);
        self.say("uptime", &format_args!("{} seconds", figures.uptime_s), &mut news);
        self.clients(&figures.statistics, &mut news);
        self.say("connections/unauthenticated/closed", &figures.evictions, &mut news);
        self.messages(figures, &mut news);
        self.heap(figures, &mut news);
        for (load, (name, counter)) in self.loads.iter_mut().zip(LOADS) {
            for (period, value) in load.update(counter(&figures.statistics), elapsed_s) {
                news.push(publication(&format!("load/{name}/{period}"), format!("{value:.2}")));
            }
        }
        news
    }

    /// What was published last under a topic.
    pub(crate) fn last(&self, topic: &str) -> Option<&str> {
        self.published.get(topic).map(String::as_str)
    }

    fn clients(&mut self, statistics: &Statistics, news: &mut Vec<Publication>) {
        let Statistics { sessions, connections, sessions_expired, .. } = *statistics;
        // Connections that have not said yet who they are count as connected, but belong to no session.
        let disconnected = sessions.saturating_sub(connections);
        self.clients_maximum = self.clients_maximum.max(sessions);
        for (topic, value) in [
            ("clients/total", sessions),
            ("clients/maximum", self.clients_maximum),
            ("clients/connected", connections),
            ("clients/active", connections),
            ("clients/disconnected", disconnected),
            ("clients/inactive", disconnected),
            ("clients/expired", sessions_expired),
            ("connections/socket/count", statistics.sockets_opened),
        ] {
            self.say(topic, &value, news);
        }
    }

    fn messages(&mut self, figures: &Figures, news: &mut Vec<Publication>) {
        let statistics = &figures.statistics;
        for (topic, value) in [
            ("messages/received", statistics.packets_received),
            ("messages/sent", statistics.packets_sent),
            ("publish/messages/received", statistics.publish_received),
            ("publish/messages/sent", statistics.publish_sent),
            ("publish/messages/dropped", dropped(statistics)),
            ("publish/bytes/received", statistics.publish_bytes_received),
            ("publish/bytes/sent", statistics.publish_bytes_sent),
            ("bytes/received", statistics.bytes_received),
            ("bytes/sent", statistics.bytes_sent),
            ("packet/out/count", statistics.packets_waiting),
            ("packet/out/bytes", statistics.bytes_waiting),
            ("subscriptions/count", figures.subscriptions as u64),
            ("shared_subscriptions/count", figures.shared_subscriptions as u64),
            ("retained messages/count", figures.retained as u64),
            ("messages/stored", not_negative(figures.stored.messages)),
            ("store/messages/count", not_negative(figures.stored.messages)),
            ("store/messages/bytes", not_negative(figures.stored.bytes)),
        ] {
            self.say(topic, &value, news);
        }
        if let Some(StoreFigures { journal_bytes, saved_at_s }) = figures.store {
            self.say("store/journal/bytes", &journal_bytes, news);
            self.say("store/saved", &saved_at_s, news);
        }
        for reason in DropReason::ALL {
            let topic = format!("publish/messages/dropped/{}", reason.name());
            self.say(&topic, &statistics.dropped_for(reason), news);
        }
    }

    /// Also under the names that Mosquitto's older manuals have.
    fn heap(&mut self, figures: &Figures, news: &mut Vec<Publication>) {
        for (topic, value) in [
            ("heap/current", figures.heap),
            ("heap/current size", figures.heap),
            ("heap/maximum", figures.heap_maximum),
            ("heap/maximum size", figures.heap_maximum),
        ] {
            self.say(topic, &value, news);
        }
    }

    fn say(&mut self, topic: &str, value: &dyn std::fmt::Display, news: &mut Vec<Publication>) {
        let value = value.to_string();
        if self.published.get(topic).is_none_or(|last| *last != value) {
            news.push(publication(topic, value.clone()));
            self.published.insert(topic.to_owned(), value);
        }
    }
}

fn publication(topic: &str, value: String) -> Publication {
    Publication {
        topic: format!("$SYS/broker/{topic}").into(),
        payload: value.into_bytes().into(),
        qos: QoS::ExactlyOnce,
        retain: true,
        expiry_s: None,
    }
}

/// What Mosquitto counts as dropped.
fn dropped(statistics: &Statistics) -> u64 {
    DropReason::ALL.into_iter().filter(|r| r.is_mosquittos()).map(|r| statistics.dropped_for(r)).sum()
}

/// What one worker has freed of another's may be seen before what the other has stored.
fn not_negative(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn texts(news: &[Publication]) -> BTreeMap<&str, &str> {
        let text = |p: &'_ Publication| {
            assert!(p.retain && p.qos == QoS::ExactlyOnce && p.expiry_s.is_none());
        };
        news.iter().for_each(text);
        let topic = |p: &'_ Publication| p.topic.len();
        assert!(news.iter().all(|p| topic(p) > "$SYS/broker/".len()));
        news.iter()
            .map(|p| (p.topic.strip_prefix("$SYS/broker/").unwrap(), std::str::from_utf8(&p.payload).unwrap()))
            .collect()
    }

    #[test]
    fn the_first_update_has_every_topic() {
        let news = SysTree::default().update(&Figures::default(), 0.0);
        let texts = texts(&news);
        assert_eq!(texts.len(), news.len(), "each once");
        assert_eq!(texts["version"], concat!("mosquitto version ", env!("CARGO_PKG_VERSION")));
        assert_eq!(texts["uptime"], "0 seconds");
        for topic in [
            "clients/total",
            "clients/maximum",
            "clients/connected",
            "clients/active",
            "clients/disconnected",
            "clients/inactive",
            "clients/expired",
            "messages/received",
            "messages/sent",
            "messages/stored",
            "store/messages/count",
            "store/messages/bytes",
            "subscriptions/count",
            "shared_subscriptions/count",
            "retained messages/count",
            "bytes/received",
            "bytes/sent",
            "publish/messages/received",
            "publish/messages/sent",
            "publish/messages/dropped",
            "publish/messages/dropped/queue_full",
            "publish/bytes/received",
            "publish/bytes/sent",
            "heap/current",
            "heap/current size",
            "heap/maximum",
            "heap/maximum size",
            "packet/out/count",
            "packet/out/bytes",
            "connections/socket/count",
        ] {
            assert_eq!(texts[topic], "0", "{topic}");
        }
        let loads: Vec<_> = texts.iter().filter(|(topic, _)| topic.starts_with("load/")).collect();
        assert_eq!(loads.len(), 27);
        assert!(loads.iter().all(|(_, value)| **value == "0.00"));
        assert!(texts.contains_key("load/connections/15min"));
    }

    #[test]
    fn sockets_are_counted_since_the_start() {
        let mut tree = SysTree::default();
        let statistics = Statistics { sockets_opened: 7, connections: 2, ..Statistics::default() };
        let news = tree.update(&Figures { statistics, ..Figures::default() }, 0.0);
        let values = texts(&news);
        assert_eq!((values["connections/socket/count"], values["clients/connected"]), ("7", "2"));
    }

    #[test]
    fn later_updates_have_what_has_changed() {
        let mut tree = SysTree::default();
        tree.update(&Figures::default(), 0.0);
        assert!(tree.update(&Figures::default(), 10.0).is_empty());
        let statistics = Statistics { sessions: 3, connections: 1, ..Statistics::default() };
        let news = tree.update(&Figures { statistics, uptime_s: 20, ..Figures::default() }, 10.0);
        let expected = [
            ("clients/active", "1"),
            ("clients/connected", "1"),
            ("clients/disconnected", "2"),
            ("clients/inactive", "2"),
            ("clients/maximum", "3"),
            ("clients/total", "3"),
            ("uptime", "20 seconds"),
        ];
        assert_eq!(texts(&news), BTreeMap::from(expected));
        let statistics = Statistics { sessions: 2, ..statistics };
        let news = tree.update(&Figures { statistics, uptime_s: 20, ..Figures::default() }, 10.0);
        let expected = [("clients/disconnected", "1"), ("clients/inactive", "1"), ("clients/total", "2")];
        assert_eq!(texts(&news), BTreeMap::from(expected), "the maximum stays");
    }

    #[test]
    fn dropped_is_what_queues_had_no_room_for_and_each_reason_stands_below_it() {
        let mut tree = SysTree::default();
        tree.update(&Figures::default(), 0.0);
        let mut shard = Statistics::default();
        // By the core's own means: a count of 1 for each reason cannot be made here.
        shard += Statistics::default();
        assert_eq!(dropped(&shard), 0);
        assert_eq!(
            DropReason::ALL.into_iter().filter(|r| r.is_mosquittos()).map(DropReason::name).collect::<Vec<_>>(),
            ["queue_full", "queue_bytes", "output_full"]
        );
    }

    #[test]
    fn a_load_is_published_in_two_digits() {
        let mut tree = SysTree::default();
        tree.update(&Figures::default(), 0.0);
        let statistics = Statistics { connects: 10, ..Statistics::default() };
        let news = tree.update(&Figures { statistics, ..Figures::default() }, 10.0);
        let texts = texts(&news);
        // 10 in 10 s are 60 a minute: 60 (1 - e^(-10/60)), e^(-10/300), e^(-10/900).
        assert_eq!(texts["load/connections/1min"], "9.21");
        assert_eq!(texts["load/connections/5min"], "1.97");
        assert_eq!(texts["load/connections/15min"], "0.66");
        assert_eq!(texts.len(), 3);
    }
}
