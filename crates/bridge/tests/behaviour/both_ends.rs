//! A bridge with scripted peers at both ends.

use crate::harness::{configured, packets};
use mosquitto_bridge::{Action, Bridge, Kept, Limits};
use mosquitto_client::Moment;
use mosquitto_client::mqtt::packet::{Ack, ConnAck, Publish, SubAck};
use mosquitto_client::mqtt::{Packet, Properties, ProtocolVersion, QoS, ReasonCode};

const LINK: ProtocolVersion = ProtocolVersion::V5;
const REMOTE: ProtocolVersion = ProtocolVersion::V311;
const NOW: Moment = Moment(1000);

struct Ends {
    bridge: Bridge,
    now: Moment,
}

fn bytes(packet: &Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes);
    bytes
}

fn publish(topic: &str, qos: QoS, packet_id: u16, dup: bool) -> Packet<'_> {
    let (properties, payload) = (Properties::EMPTY, &b"p"[..]);
    Packet::Publish(Publish { dup, qos, retain: false, topic, packet_id, properties, payload })
}

fn connack(session_present: bool) -> Packet<'static> {
    Packet::ConnAck(ConnAck { session_present, reason: ReasonCode::SUCCESS, properties: Properties::EMPTY })
}

fn ack(packet_id: u16) -> Ack<'static> {
    Ack::new(packet_id, ReasonCode::SUCCESS)
}

impl Ends {
    /// A bridge that is connected on both sides, of which all that is said at the beginning is read.
    fn new() -> Self {
        let config = configured("topic t both 2\nnotifications false");
        let mut ends = Self { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
        ends.bridge.start(ends.now);
        // It gets to know the broker first.
        assert_eq!(ends.actions(), "link, remote");
        ends.bridge.link_opened(ends.now);
        ends.link(&connack(false));
        ends.link(&Packet::SubAck(SubAck { packet_id: 1, properties: Properties::EMPTY, reasons: &[2] }));
        assert_eq!(ends.actions(), "close link");
        assert_eq!(ends.sent_to_link(), "CONNECT, SUBSCRIBE 1 t=0x2e, DISCONNECT Success");
        ends.remote_again(false);
        ends.link_again(true);
        ends
    }

    fn actions(&mut self) -> String {
        let mut list = Vec::new();
        while let Some(action) = self.bridge.poll_action() {
            match action {
                Action::OpenRemote(_) => list.push("remote"),
                Action::ProbeRemote(_) => list.push("probe"),
                Action::CloseRemote => list.push("close remote"),
                Action::OpenLink => list.push("link"),
                Action::CloseLink => list.push("close link"),
                Action::PassOver(_) | Action::Log(..) => {}
            }
        }
        list.join(", ")
    }

    /// This broker sends a packet.
    fn link(&mut self, packet: &Packet<'_>) {
        let bytes = bytes(packet, LINK);
        assert_eq!(self.bridge.link_received(self.now, &bytes), bytes.len(), "{packet:?}");
    }

    /// The remote broker sends a packet.
    fn remote(&mut self, packet: &Packet<'_>) {
        let bytes = bytes(packet, REMOTE);
        assert_eq!(self.bridge.remote_received(self.now, &bytes), bytes.len(), "{packet:?}");
    }

    fn sent_to_link(&mut self) -> String {
        let bytes = self.bridge.link_output().to_vec();
        self.bridge.link_sent(bytes.len());
        short(&bytes, LINK)
    }

    fn sent_to_remote(&mut self) -> String {
        let bytes = self.bridge.remote_output().to_vec();
        self.bridge.remote_sent(bytes.len());
        short(&bytes, REMOTE)
    }

    /// The remote broker accepts the connection that is asked for.
    fn remote_again(&mut self, session_present: bool) {
        self.bridge.remote_opened(self.now);
        self.remote(&connack(session_present));
        assert_eq!(self.actions(), "link");
        self.sent_to_remote();
    }

    /// This broker accepts the link that is asked for.
    fn link_again(&mut self, session_present: bool) {
        self.bridge.link_opened(self.now);
        self.link(&connack(session_present));
        self.sent_to_link();
    }

    fn remote_breaks(&mut self) {
        self.bridge.remote_closed(self.now, "reset");
        assert_eq!(self.actions(), "close link, close remote");
        self.sent_to_link();
        self.wait();
        assert_eq!(self.actions(), "remote");
    }

    fn link_breaks(&mut self) {
        self.bridge.link_closed(self.now);
        assert_eq!(self.actions(), "close link");
        self.wait();
        assert_eq!(self.actions(), "link");
    }

    fn wait(&mut self) {
        self.now = self.now.max(self.bridge.next_deadline().unwrap());
        self.bridge.tick(self.now);
    }
}

fn short(bytes: &[u8], version: ProtocolVersion) -> String {
    let connect = |text: String| if text.starts_with("CONNECT") { "CONNECT".to_owned() } else { text };
    packets(bytes, version).into_iter().map(connect).collect::<Vec<_>>().join(", ")
}

#[test]
fn no_side_is_acknowledged_before_the_other_has_acknowledged() {
    let mut ends = Ends::new();
    ends.link(&publish("t", QoS::AtLeastOnce, 5, false));
    ends.remote(&publish("t", QoS::AtLeastOnce, 6, false));
    ends.link(&publish("t", QoS::ExactlyOnce, 7, false));
    ends.remote(&publish("t", QoS::ExactlyOnce, 8, false));
    assert_eq!(ends.sent_to_remote(), "PUBLISH t 5 q1 p, PUBLISH t 7 q2 p");
    assert_eq!(ends.sent_to_link(), "PUBLISH t 6 q1 p, PUBLISH t 8 q2 p");
    ends.remote(&Packet::PubAck(ack(5)));
    ends.link(&Packet::PubAck(ack(6)));
    assert_eq!((ends.sent_to_link(), ends.sent_to_remote()), ("PUBACK 5".to_owned(), "PUBACK 6".to_owned()));
    ends.remote(&Packet::PubRec(ack(7)));
    ends.link(&Packet::PubRec(ack(8)));
    assert_eq!((ends.sent_to_link(), ends.sent_to_remote()), ("PUBREC 7".to_owned(), "PUBREC 8".to_owned()));
    ends.link(&Packet::PubRel(ack(7)));
    ends.remote(&Packet::PubRel(ack(8)));
    assert_eq!((ends.sent_to_link(), ends.sent_to_remote()), ("PUBREL 8".to_owned(), "PUBREL 7".to_owned()));
    ends.remote(&Packet::PubComp(ack(7)));
    ends.link(&Packet::PubComp(ack(8)));
    assert_eq!((ends.sent_to_link(), ends.sent_to_remote()), ("PUBCOMP 7".to_owned(), "PUBCOMP 8".to_owned()));
}

#[test]
fn what_was_acknowledged_while_there_was_no_link_is_not_passed_on_again() {
    let mut ends = Ends::new();
    ends.link(&publish("t", QoS::AtLeastOnce, 5, false));
    ends.sent_to_remote();
    ends.bridge.link_closed(ends.now);
    assert_eq!(ends.actions(), "close link");
    ends.remote(&Packet::PubAck(ack(5)));
    ends.wait();
    assert_eq!(ends.actions(), "link");
    ends.link_again(true);
    ends.link(&publish("t", QoS::AtLeastOnce, 5, true));
    assert_eq!((ends.sent_to_link(), ends.sent_to_remote()), ("PUBACK 5".to_owned(), String::new()));
    // And then the identifier is free.
    ends.link(&publish("t", QoS::AtLeastOnce, 5, false));
    assert_eq!(ends.sent_to_remote(), "PUBLISH t 5 q1 p");
}

#[test]
fn what_is_still_under_way_is_not_passed_on_again() {
    let mut ends = Ends::new();
    ends.remote(&publish("t", QoS::AtLeastOnce, 6, false));
    assert_eq!(ends.sent_to_link(), "PUBLISH t 6 q1 p");
    ends.remote_breaks();
    ends.remote_again(true);
    ends.link_again(true);
    ends.remote(&publish("t", QoS::AtLeastOnce, 6, true));
    assert_eq!(ends.sent_to_link(), "");
    ends.link(&Packet::PubAck(ack(6)));
    assert_eq!(ends.sent_to_remote(), "PUBACK 6");
}

#[test]
fn acknowledgements_of_a_session_that_is_gone_are_not_taken_for_those_of_another() {
    let mut ends = Ends::new();
    ends.remote(&publish("t", QoS::ExactlyOnce, 6, false));
    assert_eq!(ends.sent_to_link(), "PUBLISH t 6 q2 p");
    ends.remote_breaks();
    ends.remote_again(false);
    ends.link_again(true);
    ends.remote(&publish("t", QoS::ExactlyOnce, 6, false));
    assert_eq!(ends.sent_to_link(), "", "the first one has its identifier");
    ends.link(&Packet::PubRec(ack(6)));
    assert_eq!(ends.sent_to_link(), "PUBREL 6", "nobody else releases it");
    ends.link(&Packet::PubComp(ack(6)));
    assert_eq!(ends.sent_to_remote(), "", "that was the first");
    assert_eq!(ends.sent_to_link(), "PUBLISH t 6 q2 p");
    ends.link(&Packet::PubRec(ack(6)));
    assert_eq!(ends.sent_to_remote(), "PUBREC 6");

    let mut ends = Ends::new();
    ends.link(&publish("t", QoS::ExactlyOnce, 5, false));
    assert_eq!(ends.sent_to_remote(), "PUBLISH t 5 q2 p");
    ends.link_breaks();
    ends.link_again(false);
    ends.link(&publish("t", QoS::ExactlyOnce, 5, false));
    assert_eq!(ends.sent_to_remote(), "", "the first one has its identifier");
    ends.remote(&Packet::PubRec(ack(5)));
    assert_eq!(ends.sent_to_remote(), "PUBREL 5", "nobody else releases it");
    ends.remote(&Packet::PubComp(ack(5)));
    assert_eq!(ends.sent_to_link(), "", "that was the first");
    assert_eq!(ends.sent_to_remote(), "PUBLISH t 5 q2 p");
    ends.remote(&Packet::PubRec(ack(5)));
    assert_eq!(ends.sent_to_link(), "PUBREC 5");
}

#[test]
fn no_more_comes_in_than_the_window_allows() {
    let mut ends = Ends::new();
    let message = |packet_id| bytes(&publish("t", QoS::AtLeastOnce, packet_id, false), REMOTE);
    let taken = (11..100).take_while(|id| ends.bridge.remote_received(ends.now, &message(*id)) > 0).count();
    assert_eq!(taken, 20);
    ends.remote(&Packet::PubAck(ack(99)));
    ends.link(&Packet::PubAck(ack(11)));
    ends.remote(&publish("t", QoS::AtLeastOnce, 31, false));
}

#[test]
fn nothing_comes_in_before_there_is_a_link() {
    let mut ends = Ends::new();
    ends.remote_breaks();
    ends.remote_again(true);
    let message = bytes(&publish("t", QoS::AtMostOnce, 0, false), REMOTE);
    assert_eq!(ends.bridge.remote_received(ends.now, &message), 0);
    ends.link_again(true);
    assert_eq!(ends.bridge.remote_received(ends.now, &message), message.len());
    assert_eq!(ends.sent_to_link(), "PUBLISH t 0 q0 p");
}

#[test]
fn a_remote_broker_that_does_not_read_stops_qos_0_and_no_acknowledgement() {
    let mut ends = Ends::new();
    ends.remote(&publish("t", QoS::AtLeastOnce, 6, false));
    let payload = [0; 10_000];
    let Packet::Publish(mut message) = publish("t", QoS::AtMostOnce, 0, false) else { unreachable!() };
    message.payload = &payload;
    let message = bytes(&Packet::Publish(message), LINK);
    let taken = (0..1000).take_while(|_| ends.bridge.link_received(ends.now, &message) > 0).count();
    assert!((20..40).contains(&taken), "{taken}");
    ends.link(&Packet::PubAck(ack(6)));
    ends.link(&publish("t", QoS::AtLeastOnce, 5, false));
    let sent = ends.sent_to_remote();
    assert!(sent.contains("PUBACK 6") && sent.contains("q1 p"), "PUBACK and PUBLISH are on their way");
    assert!(ends.bridge.link_received(ends.now, &message) > 0);
    assert_eq!(ends.bridge.report().counters.dropped_out_congested, 0);
}

/// Nothing would wait for it, and a lazy one would never wake.
#[test]
fn a_link_that_is_closed_before_this_broker_knows_all_subscriptions_is_opened_again() {
    let config = configured("topic t both 2\nnotifications false");
    let mut ends = Ends { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
    ends.bridge.start(ends.now);
    ends.bridge.link_opened(ends.now);
    ends.bridge.remote_open_failed(ends.now, "refused");
    ends.link(&connack(false));
    assert_eq!(ends.sent_to_link(), "CONNECT, SUBSCRIBE 1 t=0x2e");
    ends.bridge.link_closed(ends.now);
    assert_eq!(ends.actions(), "link, remote, close link");
    ends.wait();
    assert_eq!(ends.actions(), "link");
    ends.bridge.link_opened(ends.now);
    ends.link(&connack(true));
    assert_eq!(ends.sent_to_link(), "CONNECT, SUBSCRIBE 2 t=0x2e");
}

#[test]
fn the_state_is_told_here_whatever_is_under_way() {
    let config = configured("topic t in 1\nbridge_attempt_unsubscribe false");
    let limits = Limits { max_inflight_messages: 1, ..Limits::default() };
    let mut ends = Ends { bridge: Bridge::new(config, "host", limits, 1), now: NOW };
    let state = "$SYS/broker/connection/host.b/state";
    ends.bridge.start(ends.now);
    assert_eq!(ends.actions(), "link, remote");
    ends.bridge.remote_opened(ends.now);
    ends.remote(&connack(false));
    ends.link_again(false);
    ends.link(&Packet::PubAck(ack(1)));
    ends.remote(&publish("t", QoS::AtLeastOnce, 6, false));
    assert_eq!(ends.sent_to_link(), "PUBLISH t 6 q1 p");
    ends.remote_breaks();
    ends.remote_again(true);
    ends.bridge.link_opened(ends.now);
    ends.link(&connack(true));
    let told = format!("CONNECT, PUBLISH t 6 q1 dup p, PUBLISH {state} 7 q1 retain 1");
    assert_eq!(ends.sent_to_link(), told);
}

#[test]
fn one_that_is_stopped_while_it_opens_its_connections_gives_both_up() {
    let config = configured("topic t both 2");
    let mut ends = Ends { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
    ends.bridge.start(ends.now);
    assert_eq!(ends.actions(), "link, remote");
    ends.bridge.stop(ends.now);
    assert_eq!(ends.actions(), "close remote, close link");
    ends.bridge.link_opened(ends.now);
    ends.bridge.remote_opened(ends.now);
    assert_eq!(
        (ends.sent_to_link(), ends.sent_to_remote(), ends.actions()),
        (String::new(), String::new(), String::new())
    );
    assert_eq!(ends.bridge.next_deadline(), None);
}

/// [MQTT-4.3.3-1] [MQTT-4.4.0-1]
#[test]
fn one_that_is_made_anew_goes_on_with_what_this_broker_has_kept() {
    let config = configured("topic t both 2\nnotifications false");
    let mut ends = Ends { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
    ends.bridge.remember(Kept { in_flight: vec![1, 2, 3], unreleased: vec![8], filters: Vec::new() });
    ends.bridge.start(ends.now);
    ends.bridge.remote_opened(ends.now);
    ends.remote(&connack(true));
    // Not under an identifier that the remote broker may know.
    assert_eq!(ends.sent_to_remote(), "CONNECT, SUBSCRIBE 4 t=0x02");
    ends.bridge.link_opened(ends.now);
    ends.link(&connack(true));
    ends.sent_to_link();
    ends.link(&Packet::PubRel(ack(1)));
    ends.link(&publish("t", QoS::ExactlyOnce, 2, true));
    ends.link(&publish("t", QoS::AtLeastOnce, 3, true));
    assert_eq!(ends.sent_to_remote(), "PUBREL 1, PUBLISH t 2 q2 dup p, PUBLISH t 3 q1 dup p");
    ends.remote(&Packet::PubComp(ack(1)));
    assert_eq!(ends.sent_to_link(), "PUBCOMP 1");
    ends.remote(&Packet::PubRel(ack(8)));
    assert_eq!(ends.sent_to_link(), "PUBREL 8");
    ends.link(&Packet::PubComp(ack(8)));
    assert_eq!(ends.sent_to_remote(), "PUBCOMP 8");
}

#[test]
fn what_is_not_released_is_released_where_the_remote_broker_has_forgotten_it() {
    let config = configured("topic t both 2\nnotifications false");
    let mut ends = Ends { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
    ends.bridge.remember(Kept { in_flight: Vec::new(), unreleased: vec![8], filters: Vec::new() });
    ends.bridge.start(ends.now);
    ends.bridge.remote_opened(ends.now);
    ends.remote(&connack(false));
    ends.bridge.link_opened(ends.now);
    ends.link(&connack(true));
    let sent = ends.sent_to_link();
    assert!(sent.contains("PUBREL 8"), "{sent}");
}

/// Else what has been waiting for so long would be published when the next session of the remote broker uses the identifier.
#[test]
fn what_is_not_released_is_released_whatever_identifiers_are_needed_at_the_beginning() {
    let config = configured("topic t both 2");
    let mut ends = Ends { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
    ends.bridge.remember(Kept { in_flight: Vec::new(), unreleased: vec![2, 1], filters: Vec::new() });
    ends.bridge.start(ends.now);
    ends.bridge.link_opened(ends.now);
    ends.link(&connack(true));
    let sent = ends.sent_to_link();
    assert!(sent.contains("SUBSCRIBE 4"), "{sent}");
    ends.bridge.remote_opened(ends.now);
    ends.remote(&connack(false));
    let sent = ends.sent_to_link();
    assert!(sent.contains("PUBREL 2, PUBREL 1"), "{sent}");
}

#[test]
fn its_own_identifiers_and_those_of_messages_are_kept_apart() {
    let config = configured("topic t both 2\nnotifications false");
    let mut ends = Ends { bridge: Bridge::new(config, "host", Limits::default(), 1), now: NOW };
    ends.bridge.start(ends.now);
    ends.bridge.remote_opened(ends.now);
    ends.remote(&connack(false));
    assert_eq!(ends.sent_to_remote(), "CONNECT, SUBSCRIBE 1 t=0x02");
    let told = std::iter::from_fn(|| ends.bridge.poll_action()).filter(|action| *action == Action::PassOver(1)).count();
    assert_eq!(told, 1);
    ends.bridge.link_opened(ends.now);
    ends.link(&connack(true));
    // This broker was not told in time.
    ends.link(&publish("t", QoS::AtLeastOnce, 1, false));
    ends.link(&publish("t", QoS::AtLeastOnce, 2, false));
    assert_eq!(ends.sent_to_remote(), "");
    ends.remote(&Packet::SubAck(SubAck { packet_id: 1, properties: Properties::EMPTY, reasons: &[2] }));
    assert_eq!(ends.sent_to_remote(), "PUBLISH t 1 q1 p, PUBLISH t 2 q1 p");
}
