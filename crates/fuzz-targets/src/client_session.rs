//! `client_session`: whatever a server sends, a client's session stays on its feet and says nothing that it must not.
//!
//! The first two bytes say what the client is like, every further one is a step (see [`Run::step`]); where a step needs
//! more, it takes the bytes behind it.

use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{FixedHeader, Packet, Properties, Property, ProtocolVersion, QoS, ReasonCode, TopicName};
use mosquitto_client::{Event, Moment, Options, Publication, RequestError, Session};
use std::collections::BTreeSet;

/// Messages that are not through, at most: those in the queue, and those in flight.
const UNFINISHED_MAX: usize = 1000 + 65_535;

/// Unsent bytes, at most, where a request is not larger than some kilobytes.
const OUTPUT_MAX: usize = 256 * 1024 + 64 * 1024;

/// Milliseconds that can pass in a step.
const WAITS_MS: [u64; 8] = [1, 999, 5_000, 10_000, 30_000, 60_000, 120_000, 1 << 40];

struct Run<'a> {
    rest: &'a [u8],
    session: Session,
    now: Moment,
    /// From the server, not taken yet.
    inbox: Vec<u8>,
    wire: Wire,
    /// Messages of QoS 1 and 2 that no event has told the end of.
    unfinished: BTreeSet<u16>,
    /// Whether an event has to tell of the end of the connection.
    connected: bool,
}

/// What the server's side sees of the present connection.
struct Wire {
    version: ProtocolVersion,
    /// Not taken apart yet.
    bytes: Vec<u8>,
    begun: bool,
    ended: bool,
}

pub(crate) fn run(bytes: &[u8]) {
    let (Some((&[first, second], rest)), version) = (bytes.split_first_chunk(), version(bytes)) else { return };
    let mut options = Options::new(version, if first & 4 == 0 { "me" } else { "" });
    options.clean_start = first & 8 == 0;
    options.log_packets = first & 16 != 0;
    options.keep_alive_s = u16::from(first >> 5) * 5;
    options.topic_alias_maximum = u16::from(second & 3);
    options.receive_maximum = (second & 4 != 0).then_some(2);
    options.maximum_packet_size = (second & 8 != 0).then_some(64);
    options.inflight_max = 1 + u16::from(second >> 4);
    let wire = Wire { version, bytes: Vec::new(), begun: false, ended: false };
    let mut run = Run {
        rest,
        session: Session::new(options),
        now: Moment(1000),
        inbox: Vec::new(),
        wire,
        unfinished: BTreeSet::new(),
        connected: false,
    };
    run.connect();
    while run.step() {
        run.drain();
    }
    run.session.closed(run.now);
    run.drain();
    assert!(!run.connected && run.session.next_deadline().is_none());
}

fn version(bytes: &[u8]) -> ProtocolVersion {
    match bytes.first().copied().unwrap_or_default() & 3 {
        1 => ProtocolVersion::V311,
        2 => ProtocolVersion::V31,
        _ => ProtocolVersion::V5,
    }
}

impl Run<'_> {
    fn take(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// One step: the lower three bits say what, the others how. False at the end.
    ///
    /// - 0: bytes come from the server, as many as the next byte says
    /// - 1: the client publishes; 2: it subscribes; 3: it unsubscribes
    /// - 4: time passes
    /// - 5: the network takes some of the output, or all
    /// - 6: the connection is lost, and there is a new one
    /// - 7: the client disconnects, or the server accepts it as it should
    fn step(&mut self) -> bool {
        let Some(byte) = self.take() else { return false };
        let how = byte >> 3;
        match byte & 7 {
            0 => {
                let len = usize::from(self.take().unwrap_or(0)).min(self.rest.len());
                let (bytes, rest) = self.rest.split_at(len);
                self.rest = rest;
                self.server_sends(bytes);
            }
            1 => self.publish(how),
            2 => {
                let options = SubscriptionOptions::qos(QoS::ExactlyOnce);
                let list = ["#", "$share/g/a"].map(|filter| Subscription { filter, options });
                let wanted = &list[..=usize::from(how & 1)];
                let _ = self.session.subscribe(self.now, wanted, Properties::EMPTY);
            }
            3 => _ = self.session.unsubscribe(self.now, &["a", "b/+"], Properties::EMPTY),
            4 => {
                self.now = self.now + WAITS_MS[usize::from(how & 7)];
                self.session.tick(self.now);
                let due = self.session.next_deadline().is_some_and(|due| due <= self.now);
                assert!(!due, "a deadline is left after it has fired");
            }
            5 => self.network_takes(if how == 0 { usize::MAX } else { usize::from(how) }),
            6 => {
                self.session.closed(self.now);
                self.drain();
                self.connect();
            }
            _ if how == 0 => {
                self.session.disconnect(self.now, ReasonCode::SUCCESS, Properties::EMPTY);
                self.drain();
                self.network_takes(usize::MAX);
                self.connect();
            }
            _ => {
                let ok: &[u8] = if self.wire.version.is_v5() { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
                self.server_sends(ok);
            }
        }
        true
    }

    fn connect(&mut self) {
        self.session.connect(self.now);
        self.connected = true;
        self.inbox.clear();
        self.wire = Wire { version: self.wire.version, bytes: Vec::new(), begun: false, ended: false };
    }

    fn publish(&mut self, how: u8) {
        let qos = QoS::from_bits(how & 3).unwrap_or_default();
        let payload = vec![b'.'; if how & 8 == 0 { 3 } else { 2000 }];
        let message = Publication { retain: how & 4 != 0, ..Publication::new("a/b", &payload, qos) };
        let could = self.session.has_room(qos);
        match self.session.publish(self.now, message) {
            Ok(packet_id) if qos != QoS::AtMostOnce => {
                assert!(could && self.unfinished.insert(packet_id), "identifier {packet_id} is in use");
            }
            Ok(_) => assert!(could),
            Err(error) => assert!(!could || error != RequestError::Full || qos == QoS::AtMostOnce, "{error}"),
        }
    }

    fn server_sends(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        loop {
            let taken = self.session.received(self.now, &self.inbox);
            assert!(taken <= self.inbox.len(), "more was taken than there was");
            self.inbox.drain(..taken);
            self.drain();
            if taken == 0 || self.inbox.is_empty() {
                return;
            }
        }
    }

    /// Looks at all events, and at how much is kept.
    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.on_event(event);
        }
        assert!(!self.session.has_events());
        assert_eq!(self.session.unfinished_count(), self.unfinished.len());
        assert!(self.unfinished.len() <= UNFINISHED_MAX && self.session.output().len() <= OUTPUT_MAX);
        // One without a connection has nothing to wait for.
        assert!(self.connected || (self.session.next_deadline().is_none() && !self.session.is_connected()));
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected { session_present, .. } => {
                assert!(self.connected && self.session.is_connected());
                assert!(!session_present || !self.session.options().clean_start);
            }
            Event::Message(message) => {
                TopicName::new(&message.topic).expect("a message has a topic");
                assert_eq!(message.packet_id > 0, message.qos != QoS::AtMostOnce);
            }
            Event::Published { packet_id, .. } => {
                assert!(self.unfinished.remove(&packet_id), "{packet_id} is through a second time");
            }
            Event::Disconnected(_) => {
                assert!(std::mem::replace(&mut self.connected, false), "the end is told a second time");
            }
            Event::Subscribed { packet_id, .. } | Event::Unsubscribed { packet_id, .. } => {
                assert!(packet_id > 0 && self.connected);
            }
            Event::Received { .. } | Event::Released { .. } => panic!("nobody has asked for QoS 2 in steps"),
            Event::Log(line) => assert!(!line.contains('\n')),
        }
    }

    fn network_takes(&mut self, len: usize) {
        let output = self.session.output();
        let len = len.min(output.len());
        self.wire.bytes.extend_from_slice(&output[..len]);
        self.session.sent(len);
        while let Some(len) = self.wire.look() {
            self.wire.bytes.drain(..len);
        }
    }
}

impl Wire {
    /// Looks at the first packet; `None` while it is not whole.
    fn look(&mut self) -> Option<usize> {
        let header = FixedHeader::parse(&self.bytes).expect("a client writes headers")?;
        let body = self.bytes.get(usize::from(header.header_len)..header.packet_len())?;
        let packet = Packet::decode(header, body, self.version).expect("a client writes packets");
        assert!(!self.ended, "{packet:?} came after the end");
        match packet {
            Packet::Connect(_) => assert!(!std::mem::replace(&mut self.begun, true)),
            Packet::Disconnect(_) => self.ended = true,
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp | Packet::Auth(_) => {
                panic!("a client does not send {packet:?}")
            }
            Packet::Publish(publish) => {
                let forbidden = |property| matches!(property, Property::SubscriptionIdentifier(_));
                assert!(!publish.properties.iter().any(forbidden)); // [MQTT-3.3.4-6]
            }
            _ => {}
        }
        assert!(self.begun, "something came before CONNECT"); // [MQTT-3.1.0-1]
        Some(header.packet_len())
    }
}
