//! Keep alive: PINGREQ where nothing else is said, and the end where nothing is heard.

use super::Session;
use crate::{End, Moment};
use mosquitto_mqtt::Packet;

/// How long CONNACK may take where the keep alive is off.
const CONNACK_MS_MAX: u64 = 60_000;

/// When something was sent and heard last.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// 0 if the keep alive is off.
    interval_ms: u64,
    last_sent: Moment,
    last_heard: Moment,
    /// An answer (CONNACK or PINGRESP) has to be here by then.
    answer_by: Option<Moment>,
}

impl KeepAlive {
    /// Begins with a CONNECT, which has to be answered.
    pub(super) fn begin(&mut self, keep_alive_s: u16, now: Moment) {
        let interval_ms = u64::from(keep_alive_s) * 1000;
        let answer_by = Some(now + if interval_ms == 0 { CONNACK_MS_MAX } else { interval_ms });
        *self = Self { interval_ms, last_sent: now, last_heard: now, answer_by };
    }

    /// The server has its own idea of the interval `[MQTT-3.1.2-21]`.
    pub(super) fn overrule(&mut self, keep_alive_s: u16) {
        self.interval_ms = u64::from(keep_alive_s) * 1000;
    }

    pub(super) fn sent(&mut self, now: Moment) {
        self.last_sent = now;
    }

    pub(super) fn heard(&mut self, now: Moment) {
        self.last_heard = now;
    }

    /// CONNACK or PINGRESP is here.
    pub(super) fn answered(&mut self) {
        self.answer_by = None;
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        // A client that only sends wants to know whether it is still heard, so silence of either side counts.
        let quiet_since = self.last_sent.min(self.last_heard);
        self.answer_by.or_else(|| (self.interval_ms > 0).then(|| quiet_since + self.interval_ms))
    }
}

impl Session {
    pub(super) fn check_keep_alive(&mut self) {
        if self.next_deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        if self.keep_alive.answer_by.is_some() {
            self.end(End::KeepAlive);
            return;
        }
        self.log(|| "sending PINGREQ".to_owned());
        let version = self.options.version;
        self.send(|out| Packet::PingReq.encode(version, out));
        self.keep_alive.answer_by = Some(self.now + self.keep_alive.interval_ms);
    }

    /// One that was not asked for does no harm.
    pub(super) fn on_pingresp(&mut self) {
        self.log(|| "received PINGRESP".to_owned());
        self.keep_alive.answered();
    }
}
