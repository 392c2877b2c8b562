//! `log_dest topic`: lines as messages below `$SYS/broker/log`.
//!
//! The first worker publishes them. Debug lines are not among them: publishing a line at that level would bring forth the
//! next one. A batch waits for the last one to be taken, so there is never more than one with the worker.

use super::outlet::{Batch, Place};
use crate::mailbox::PostOffice;
use crate::order::Order;
use mosquitto_broker::{LogLevel, Publication, ShardId};
use mosquitto_mqtt::QoS;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a line is worth reading, as in Mosquitto.
const EXPIRY_S: u32 = 20;

/// How often to look whether the broker stops while its worker does not answer.
const LOOK: Duration = Duration::from_millis(20);

/// The way to a broker that runs. The log is there before it.
#[derive(Debug, Clone, Default)]
pub(super) struct Broker(Arc<OnceLock<Arc<PostOffice>>>);

impl Broker {
    /// From now on there is one.
    pub(super) fn runs(&self, office: Arc<PostOffice>) {
        // There is one broker in the life of a log.
        let _ = self.0.set(office);
    }
}

/// The topics.
#[derive(Debug)]
pub(super) struct Topics(pub(super) Broker);

impl Place for Topics {
    fn name(&self) -> String {
        "$SYS/broker/log".to_owned()
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        // Before there is a broker, nobody can subscribe.
        let Some(office) = self.0.0.get() else { return Ok(()) };
        let publications: Vec<_> = batch.lines().filter_map(|(level, line)| publication(level, line)).collect();
        if publications.is_empty() {
            return Ok(());
        }
        let (sender, taken) = sync_channel(1);
        office.order(ShardId(0), Order::Publish(publications));
        office.order(ShardId(0), Order::Answer(sender));
        while !office.is_stopping() && taken.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {}
        Ok(())
    }
}

fn publication(level: LogLevel, line: &[u8]) -> Option<Publication> {
    let topic = match level {
        LogLevel::Error => "E",
        LogLevel::Warning => "W",
        LogLevel::Notice => "N",
        LogLevel::Information => "I",
        LogLevel::Subscribe => "M/subscribe",
        LogLevel::Unsubscribe => "M/unsubscribe",
        LogLevel::Debug => return None,
    };
    Some(Publication {
        topic: format!("$SYS/broker/log/{topic}").into(),
        payload: line.strip_suffix(b"\n").unwrap_or(line).into(),
        qos: QoS::ExactlyOnce,
        retain: false,
        expiry_s: Some(EXPIRY_S),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_but_debug_has_a_topic() {
        for (level, topic) in [
            (LogLevel::Error, "E"),
            (LogLevel::Warning, "W"),
            (LogLevel::Notice, "N"),
            (LogLevel::Information, "I"),
            (LogLevel::Subscribe, "M/subscribe"),
            (LogLevel::Unsubscribe, "M/unsubscribe"),
        ] {
            let Publication { topic: found, payload, qos, retain, expiry_s } = publication(level, b"text\n").unwrap();
            assert_eq!(*found, format!("$SYS/broker/log/{topic}"));
            assert_eq!((&*payload, qos, retain, expiry_s), (&b"text"[..], QoS::ExactlyOnce, false, Some(20)));
        }
        assert_eq!(publication(LogLevel::Debug, b"text\n"), None);
    }

    #[test]
    fn before_there_is_a_broker_lines_are_for_nobody() {
        let mut topics = Topics(Broker::default());
        topics.write(&Batch::of("", LogLevel::Error, "text".to_owned())).unwrap();
    }
}
