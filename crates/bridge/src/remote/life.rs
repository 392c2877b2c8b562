//! When there is a connection: attempts, pauses, other addresses, and what a refusal teaches.

use super::{Backlog, Effect, Leaving, OPEN_MS_MAX, PROBE_MS, Phase, Remote, RemoteEvent, options};
use mosquitto_client::mqtt::{QoS, ReasonCode};
use mosquitto_client::{End, Event, Moment, Session};
use mosquitto_config::{BridgeProtocol, LogType, StartType};

/// The code with which a broker of MQTT 3 refuses a protocol version (3.1.1, table 3.1).
const UNACCEPTABLE_VERSION: ReasonCode = ReasonCode(1);

impl Remote {
    /// Begins: the first attempt is made at once, also by a lazy bridge.
    pub fn start(&mut self, now: Moment) {
        self.advance(now);
        if self.phase == Phase::Resting {
            self.attempt();
        }
    }

    /// Ends for good, with a goodbye if there is a connection.
    pub fn stop(&mut self, now: Moment) {
        self.advance(now);
        match self.phase {
            Phase::Connected => self.leave(Leaving::Stopping),
            Phase::Connecting => {
                self.leaving = Some(Leaving::Stopping);
                self.session.closed(self.now);
                self.follow_session();
            }
            Phase::Opening(_) => self.effects.push_back(Effect::Close),
            Phase::Resting | Phase::Pausing(_) | Phase::Ended => {}
        }
        self.enter(Phase::Ended);
    }

    /// The connection that was asked for is open.
    pub fn opened(&mut self, now: Moment) {
        self.advance(now);
        if !matches!(self.phase, Phase::Opening(_)) {
            return;
        }
        let text = format!("Bridge {} sending CONNECT", self.client_id);
        self.log(LogType::Debug, text);
        self.session.connect(self.now);
        self.enter(Phase::Connecting);
        self.follow_session();
    }

    /// The connection that was asked for could not be opened.
    pub fn open_failed(&mut self, now: Moment, why: &str) {
        self.advance(now);
        if matches!(self.phase, Phase::Opening(_)) {
            self.log(LogType::Error, format!("Error creating bridge: {why}."));
            self.attempt_failed(why.to_owned());
        }
    }

    /// The connection was closed by the peer or the network, or could not be used any more.
    pub fn closed(&mut self, now: Moment, why: &str) {
        self.advance(now);
        if matches!(self.phase, Phase::Connecting | Phase::Connected) {
            self.session.closed(self.now);
            self.last_error = Some(why.to_owned());
            self.follow_session();
        }
    }

    /// Whether the address of [`Effect::Probe`] can be reached.
    pub fn probed(&mut self, now: Moment, reached: bool) {
        self.advance(now);
        if self.phase != Phase::Connected || self.addresses.missed_primary().is_none() {
            return;
        }
        if reached {
            self.leave(Leaving::ForPrimary);
        } else {
            self.probe_at = Some(self.now + PROBE_MS);
        }
    }

    /// What waits at this broker. A lazy bridge connects for enough of it.
    pub fn set_backlog(&mut self, now: Moment, backlog: Backlog) {
        self.advance(now);
        self.backlog = backlog;
        if self.phase == Phase::Resting && self.has_enough_to_do() && self.config.start_type == StartType::Lazy {
            self.attempt();
        }
    }

    /// Lets the deadlines fire that have passed.
    pub fn tick(&mut self, now: Moment) {
        self.advance(now);
        match self.phase {
            Phase::Pausing(until) if until <= self.now => self.attempt(),
            Phase::Opening(by) if by <= self.now => {
                self.effects.push_back(Effect::Close);
                self.attempt_failed("the connection could not be opened in time".to_owned());
            }
            Phase::Connecting | Phase::Connected => {
                self.session.tick(self.now);
                self.follow_session();
            }
            Phase::Resting | Phase::Pausing(_) | Phase::Opening(_) | Phase::Ended => {}
        }
        if self.idle_at().is_some_and(|at| at <= self.now) {
            let text = format!("Bridge connection {} has exceeded idle timeout, disconnecting.", self.config.name);
            self.log(LogType::Notice, text);
            self.leave(Leaving::Idle);
        }
        if self.phase == Phase::Connected
            && self.probe_at.take_if(|at| *at <= self.now).is_some()
            && let Some(address) = self.addresses.missed_primary()
        {
            self.effects.push_back(Effect::Probe(address.clone()));
        }
    }

    /// When [`tick`](Self::tick) has something to do, whatever happens.
    pub fn next_deadline(&self) -> Option<Moment> {
        match self.phase {
            Phase::Pausing(at) | Phase::Opening(at) => Some(at),
            Phase::Connecting | Phase::Connected => {
                [self.session.next_deadline(), self.idle_at(), self.probe_at].into_iter().flatten().min()
            }
            Phase::Resting | Phase::Ended => None,
        }
    }

    /// When a lazy bridge has nothing to do for too long.
    fn idle_at(&self) -> Option<Moment> {
        let lazy = self.phase == Phase::Connected && self.config.start_type == StartType::Lazy;
        let idle = self.passed_on() == 0;
        (lazy && idle).then(|| self.busy_at + u64::from(self.config.idle_timeout) * 1000)
    }

    /// Messages under way that are not the bridge's own.
    fn passed_on(&self) -> usize {
        self.under_way().saturating_sub(self.own.len())
    }

    fn has_enough_to_do(&self) -> bool {
        self.backlog.messages.max(self.passed_on() as u64) >= u64::from(self.config.threshold)
    }

    fn attempt(&mut self) {
        let Some(address) = self.addresses.current().cloned() else { return self.enter(Phase::Ended) };
        let text = format!("Connecting bridge (step 1) {} ({}:{})", self.config.name, address.host, address.port);
        self.log(LogType::Notice, text);
        self.effects.push_back(Effect::Open(address));
        self.enter(Phase::Opening(self.now + OPEN_MS_MAX));
    }

    fn attempt_failed(&mut self, why: String) {
        self.last_error = Some(why);
        self.counters.failures += 1;
        self.addresses.failed();
        self.pause();
    }

    /// What comes after a connection that is over or has not come about.
    fn pause(&mut self) {
        self.probe_at = None;
        match self.config.start_type {
            StartType::Once => self.enter(Phase::Ended),
            StartType::Lazy if !self.has_enough_to_do() => self.enter(Phase::Resting),
            StartType::Lazy | StartType::Automatic => {
                let pause_ms = self.pauses.next_ms();
                let text = format!("Bridge {} next backoff will be {pause_ms} ms", self.config.name);
                self.log(LogType::Information, text);
                self.enter(Phase::Pausing(self.now + pause_ms));
            }
        }
    }

    /// Does what follows from what has happened in the session.
    pub(super) fn follow_session(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Connected { session_present, .. } => self.accepted(session_present),
                Event::Message(message) => {
                    self.busy_at = self.now;
                    self.events.push_back(RemoteEvent::Message(message));
                }
                Event::Published { packet_id, reason, .. } => self.through(packet_id, reason),
                Event::Subscribed { packet_id, reasons } => {
                    let reasons: Vec<u8> = reasons.iter().map(|reason| reason.0).collect();
                    self.subscribed(packet_id, &reasons);
                }
                Event::Unsubscribed { .. } => {
                    self.log(LogType::Debug, format!("Received UNSUBACK from {}", self.local_clientid));
                    self.go_on_with_setup();
                }
                Event::Disconnected(end) => self.over(&end),
                Event::Log(_) => {}
            }
        }
    }

    fn accepted(&mut self, session_present: bool) {
        let text = format!("Received CONNACK on connection {}.", self.local_clientid);
        self.log(LogType::Debug, text);
        self.counters.connections += 1;
        self.busy_at = self.now;
        self.probe_at = self.addresses.missed_primary().is_some().then(|| self.now + PROBE_MS);
        self.enter(Phase::Connected);
        let session_present = session_present || self.session.may_have_session();
        self.events.push_back(RemoteEvent::Connected { session_present });
        self.begin_setup();
    }

    fn over(&mut self, end: &End) {
        self.effects.push_back(Effect::Close);
        self.setup.clear();
        self.asked.clear();
        let leaving = self.leaving.take();
        let was_connected = self.phase == Phase::Connected;
        if was_connected {
            self.events.push_back(RemoteEvent::Disconnected);
            if self.pauses.held_for(self.now.since_ms(self.since)) {
                let text = format!("Bridge {} connection was stable enough, resetting backoff", self.config.name);
                self.log(LogType::Information, text);
            }
        }
        match leaving {
            Some(Leaving::Stopping) => return self.enter(Phase::Ended),
            Some(Leaving::Idle) => return self.enter(Phase::Resting),
            Some(Leaving::ForPrimary) => {
                self.addresses.back_to_primary();
                return self.enter(Phase::Pausing(self.now));
            }
            None => {}
        }
        let learned = self.learn_from(end);
        // Of a lost connection, who has noticed it has said more.
        let why = self.last_error.take().filter(|_| *end == End::Lost).unwrap_or_else(|| describe(end));
        if let End::Refused { reason, .. } = end {
            self.log(LogType::Error, format!("Connection Refused: {}", refusal(*reason)));
        }
        if was_connected {
            self.last_error = Some(why);
            self.addresses.lost();
            self.pause();
        } else if learned {
            self.last_error = Some(why);
            self.counters.failures += 1;
            self.pause();
        } else {
            self.attempt_failed(why);
        }
    }

    /// Whether a refusal has taught something, so that the same address is worth another attempt.
    fn learn_from(&mut self, end: &End) -> bool {
        let End::Refused { reason, .. } = end else { return false };
        match *reason {
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION | UNACCEPTABLE_VERSION if self.version == BridgeProtocol::V5 => {
                self.speak(BridgeProtocol::V311);
                true
            }
            UNACCEPTABLE_VERSION if self.session.options().bridge => {
                self.session.set_bridge(false);
                true
            }
            ReasonCode::QOS_NOT_SUPPORTED if self.qos_max > QoS::AtMostOnce => {
                let lower = if self.qos_max == QoS::ExactlyOnce { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                self.qos_max = lower;
                self.lower_will();
                true
            }
            ReasonCode::RETAIN_NOT_SUPPORTED if self.retain => {
                self.retain = false;
                self.lower_will();
                true
            }
            _ => false,
        }
    }

    /// The will obeys what was learned.
    fn lower_will(&mut self) {
        let mut will = self.session.options().will.clone();
        if let Some(will) = &mut will {
            will.qos = will.qos.min(self.qos_max);
            will.retain &= self.retain;
        }
        self.session.set_will(will);
    }

    /// Speaks another version from now on. Packets of the one before are of no use, so the session begins anew.
    fn speak(&mut self, version: BridgeProtocol) {
        self.version = version;
        let options = options(&self.config, version, &self.client_id, &self.notification_topic, self.limits);
        self.session = Session::new(options);
        self.own.clear();
        self.lower_will();
        self.events.push_back(RemoteEvent::Forgotten);
    }
}

/// Why a connection ended, for the operator.
fn describe(end: &End) -> String {
    match end {
        End::Requested => "ended".to_owned(),
        End::Refused { reason, .. } => format!("refused: {}", refusal(*reason)),
        End::ByServer { reason, .. } => format!("ended by the remote broker: {}", reason.text()),
        End::Lost => "the connection was lost".to_owned(),
        End::KeepAlive => "the remote broker has not answered in time".to_owned(),
        End::ServerMisbehaved { what, .. } => format!("the remote broker broke the protocol: {what}"),
    }
}

fn refusal(reason: ReasonCode) -> &'static str {
    match reason.0 {
        1 => "unacceptable protocol version",
        2 => "identifier rejected",
        3 => "broker unavailable",
        4 => "bad user name or password",
        5 => "not authorised",
        0x80.. => reason.text(),
        _ => "unknown reason",
    }
}
