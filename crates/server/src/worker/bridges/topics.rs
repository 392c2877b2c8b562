//! The topics below `$SYS` that say how a bridge does.

use super::slot::Slot;
use crate::worker::Worker;
use mosquitto_bridge::Report;
use mosquitto_broker::Publication;
use mosquitto_mqtt::{QoS, TopicName};
use std::time::SystemTime;

/// What was published last, by the ends of the topics; empty where nothing was.
#[derive(Debug, Default)]
pub(super) struct Shown {
    texts: [String; TOPICS.len()],
}

/// The ends of the topics.
const TOPICS: [&str; 6] = ["state", "since", "address", "last_error", "backlog/messages", "backlog/bytes"];

impl Worker {
    /// Publishes what has changed of how a bridge does.
    pub(super) fn publish_state(&mut self, slot: &mut Slot) {
        if !slot.setup.publishes {
            return self.forget_state(slot);
        }
        let report = slot.bridge.report();
        let since_ms = self.clock.now().0.saturating_sub(report.since.0);
        let texts = texts(&report, since_ms, &slot.shown);
        for (at, text) in texts.into_iter().enumerate() {
            self.show(slot, at, text);
        }
    }

    /// There is nothing to say of a bridge any more.
    pub(super) fn forget_state(&mut self, slot: &mut Slot) {
        for at in 0..TOPICS.len() {
            self.show(slot, at, String::new());
        }
    }

    fn show(&mut self, slot: &mut Slot, at: usize, text: String) {
        let (Some(shown), Some(end)) = (slot.shown.texts.get_mut(at), TOPICS.get(at)) else { return };
        if *shown == text {
            return;
        }
        let topic = format!("$SYS/broker/bridge/{}/{end}", slot.setup.config.name);
        // Some names of bridges make no topics.
        if TopicName::new(&topic).is_ok() {
            let payload = text.as_bytes().into();
            let publication =
                Publication { topic: topic.into(), payload, qos: QoS::ExactlyOnce, retain: true, expiry_s: None };
            self.publications.push_back(publication);
        }
        *shown = text;
    }
}

fn texts(report: &Report, since_ms: u64, shown: &Shown) -> [String; TOPICS.len()] {
    let [state, since, ..] = &shown.texts;
    let now_text = report.state.text();
    let since = if state == now_text && !since.is_empty() { since.clone() } else { seconds_since_1970(since_ms) };
    [
        now_text.to_owned(),
        since,
        report.address.as_ref().map(|address| format!("{}:{}", address.host, address.port)).unwrap_or_default(),
        report.last_error.clone().unwrap_or_default(),
        report.backlog.messages.to_string(),
        report.backlog.bytes.to_string(),
    ]
}

/// When it was so many milliseconds ago.
fn seconds_since_1970(ago_ms: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (now.as_millis() as u64).saturating_sub(ago_ms).div_euclid(1000).to_string()
}
