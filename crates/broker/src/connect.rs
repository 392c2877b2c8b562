//! CONNECT: who a connection belongs to.

use crate::access::CameThrough;
use crate::alias::AliasesOut;
use crate::authenticate::Claim;
use crate::connection::{Naming, Phase};
use crate::log::{log, log_connection};
use crate::memory::OUT_OF_MEMORY;
use crate::message::{Message, MessageRef};
use crate::mount_point::mounted_topic;
use crate::protocol_error::connect_line;
use crate::publish::allowed_for_will;
use crate::received::Flow;
use crate::secured::Certified;
use crate::session::{NEVER_EXPIRES, StoredWill};
use crate::settings::BRIDGE_LISTENER;
use crate::storage::OUT_OF_STORAGE;
use crate::timers::Timer;
use crate::{ConnectionId, ListenerSettings, LogLevel, Moment, Settings, Shard};
use mosquitto_mqtt::packet::{ConnAck, Connect, ConnectError, Will};
use mosquitto_mqtt::{Fault, FixedHeader, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};

/// Return codes of MQTT 3 (3.1.1, table 3.1).
const UNACCEPTABLE_PROTOCOL: u8 = 1;
const IDENTIFIER_REJECTED: u8 = 2;
const SERVER_UNAVAILABLE: u8 = 3;
const BAD_USERNAME_OR_PASSWORD: u8 = 4;
const NOT_AUTHORIZED: u8 = 5;

/// The reason that the log gives for a refusal of what the broker does not do.
const DISALLOWED: &str = "used disallowed feature (QoS too high, retain not supported, or bad AUTH method)";

/// What the properties of a CONNECT ask for.
#[derive(Debug, Default)]
struct Asked {
    session_expiry_s: u32,
    receive_maximum: Option<u16>,
    max_packet_size: Option<u32>,
    topic_alias_maximum: u16,
    authentication_method: bool,
    authentication_data: bool,
}

impl Asked {
    fn of(properties: Properties<'_>) -> Self {
        let mut asked = Asked::default();
        for property in properties.iter() {
            match property {
                Property::SessionExpiryInterval(seconds) => asked.session_expiry_s = seconds,
                Property::ReceiveMaximum(maximum) => asked.receive_maximum = Some(maximum),
                Property::MaximumPacketSize(bytes) => asked.max_packet_size = Some(bytes),
                Property::TopicAliasMaximum(maximum) => asked.topic_alias_maximum = maximum,
                Property::AuthenticationMethod(_) => asked.authentication_method = true,
                Property::AuthenticationData(_) => asked.authentication_data = true,
                _ => {}
            }
        }
        asked
    }
}

/// A CONNECT that is not accepted: the answer in either version (none: the connection is just closed), and the reason
/// for the log.
struct Refusal<'a> {
    v5: Option<ReasonCode>,
    v3: Option<u8>,
    /// What the log calls the client, where it got so far.
    client_id: Option<&'a str>,
    text: &'static str,
}

impl Refusal<'_> {
    /// Without an answer, of a client that has not said who it is.
    const MUTE: Refusal<'static> = Refusal { v5: None, v3: None, client_id: None, text: "protocol error" };
}

impl Shard {
    /// The first packet of a connection.
    pub(crate) fn on_connect(&mut self, id: ConnectionId, header: FixedHeader, body: &[u8]) -> Flow {
        // It may have been on its way here while its listener was closed.
        if self.send_away(id) {
            return Flow::Next;
        }
        let connect = match Connect::read(body) {
            Ok(connect) => connect,
            Err(refused) if refused.version.is_some_and(|version| !self.accepts(id, version)) => {
                self.refuse_version(id, refused.version.unwrap_or(ProtocolVersion::V5));
                return Flow::Next;
            }
            Err(refused) => {
                self.refuse_faulty(id, header.first_byte, &refused, body);
                return Flow::Next;
            }
        };
        if !self.accepts(id, connect.version) {
            self.refuse_version(id, connect.version);
            return Flow::Next;
        }
        if let Err(error) = header.packet_type(connect.version) {
            // [MQTT-2.1.3-1]: wrong flags, which only MQTT 3.1 lets pass.
            let version = Some(connect.version);
            let refused = ConnectError { error, answerable: false, version, client_id: None, unread: 0 };
            self.refuse_faulty(id, header.first_byte, &refused, body);
            return Flow::Next;
        }
        let certified = self.certified(id);
        let connect = match &certified {
            // Who gives an empty name gives none, as in Mosquitto 2.1.
            Certified::NotAsked => Connect { username: connect.username.filter(|name| !name.is_empty()), ..connect },
            // Whatever it says it is.
            Certified::Missing => Connect { username: None, password: None, ..connect },
            Certified::As(name) => Connect { username: Some(name), password: None, ..connect },
        };
        let client_id = self.listener(id).map_or(connect.client_id, |listener| listener.client_id(&connect));
        // A client without an id gets one that is at home here.
        let home = if client_id.is_empty() { self.id } else { self.shared.home_of(client_id) };
        if home != self.id {
            self.leave(id);
            return Flow::HandOver(home);
        }
        let asked = Asked::of(connect.properties);
        if let Some(connection) = self.home.connections.get_mut(id) {
            // [MQTT-3.1.2-24]: a refusal may be too large as well.
            connection.max_packet_size = asked.max_packet_size.unwrap_or(u32::MAX);
        }
        if let Err(refusal) = self.check(id, &connect, &certified, &asked) {
            self.refuse_connect(id, connect.version, &refusal);
            return Flow::Next;
        }
        let claim = self.claim_of(id, &connect, &certified);
        if claim == Claim::Checking {
            return Flow::Checking;
        }
        if let Err(refusal) = self.check_last(id, &connect, client_id, claim) {
            self.refuse_connect(id, connect.version, &refusal);
            return Flow::Next;
        }
        // The last thing that may be missing, since it is counted at once. Who has a session keeps its place.
        let limit = self.home.settings.global_max_clients as usize;
        let is_new = self.home.sessions.find(client_id).is_none();
        if let Some(text) = self.no_room_for(is_new, &connect, client_id, &asked) {
            let client_id = Some(client_id).filter(|name| !name.is_empty());
            let (v5, v3) = (Some(ReasonCode::QUOTA_EXCEEDED), Some(SERVER_UNAVAILABLE));
            self.refuse_connect(id, connect.version, &Refusal { v5, v3, client_id, text });
            return Flow::Next;
        }
        if is_new && !self.shared.admit_session(limit) {
            let client_id = Some(client_id).filter(|name| !name.is_empty());
            let refusal = Refusal { v5: Some(ReasonCode::SERVER_BUSY), v3: None, client_id, text: "server busy" };
            self.refuse_connect(id, connect.version, &refusal);
            return Flow::Next;
        }
        self.accept(id, &connect, client_id, &asked);
        Flow::Next
    }

    /// Why there is no room for another session, if there is none: in memory, or on the disk where it would be kept.
    fn no_room_for(&self, is_new: bool, connect: &Connect<'_>, client_id: &str, asked: &Asked) -> Option<&'static str> {
        if is_new && self.home.memory_full {
            return Some(OUT_OF_MEMORY);
        }
        let is_full = self.home.storage_full && wanted_expiry(connect, asked) > 0;
        (is_full && !self.has_kept_session(client_id)).then_some(OUT_OF_STORAGE)
    }

    /// What the operator has set for the listener that a connection came through.
    pub(crate) fn listener(&self, id: ConnectionId) -> Option<&ListenerSettings> {
        let connection = self.home.connections.get(id)?;
        self.home.settings.listener(connection.listener)
    }

    /// Whether it is the link of a bridge of this broker.
    pub(crate) fn is_of_bridge(&self, id: ConnectionId) -> bool {
        self.home.connections.get(id).is_some_and(|connection| connection.listener == BRIDGE_LISTENER)
    }

    fn accepts(&self, id: ConnectionId, version: ProtocolVersion) -> bool {
        self.listener(id).is_some_and(|listener| listener.versions.contain(version))
    }

    /// `[MQTT-3.1.2-2]`: the listener does not take clients of this version.
    fn refuse_version(&mut self, id: ConnectionId, version: ProtocolVersion) {
        let (v5, v3) = (Some(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION), Some(UNACCEPTABLE_PROTOCOL));
        self.refuse_connect(id, version, &Refusal { v5, v3, client_id: None, text: DISALLOWED });
    }

    /// The connection goes to another shard: nothing of it stays behind but its number.
    fn leave(&mut self, id: ConnectionId) {
        if let Some(connection) = self.home.connections.get_mut(id) {
            connection.phase = Phase::Ending;
            self.home.statistics.connections -= 1;
        }
    }

    /// Says what is wrong with a CONNECT that cannot be decoded, and answers it where that is due.
    fn refuse_faulty(&mut self, id: ConnectionId, first_byte: u8, refused: &ConnectError<'_>, body: &[u8]) {
        let Some(connection) = self.home.connections.get(id) else { return };
        let ConnectError { error, version, answerable, .. } = *refused;
        let (peer, address) = (&connection.peer, connection.address());
        let mosquittos = connect_line(refused, first_byte, body, peer, address);
        let text = match error.fault {
            Fault::ClientIdentifier => "client identifier not valid",
            // Whatever Mosquitto has a line for, it counts as a protocol error.
            Fault::Malformed if mosquittos.is_none() => "malformed packet",
            Fault::UnsupportedVersion if version.is_none() => DISALLOWED,
            _ => "protocol error",
        };
        let (level, line) = mosquittos.unwrap_or_else(|| {
            (LogLevel::Information, format!("Protocol error from {peer}: CONNECT {} {}.", error.field, error.what))
        });
        // Clients that speak another protocol, or another version of this one, are a matter of connecting.
        let told = version.is_some() && error.fault != Fault::UnsupportedVersion;
        if self.home.log.wants(level) && (told || self.home.log.connection_messages) {
            self.home.log.write(level, crate::log::line(format_args!("{line}")));
        }
        if error.fault == Fault::UnsupportedVersion {
            // Where the client's version is unknown, 5 is the one in which all can be said.
            let refusal =
                Refusal { v5: Some(error.fault.reason()), v3: Some(UNACCEPTABLE_PROTOCOL), client_id: None, text };
            self.refuse_connect(id, version.unwrap_or(ProtocolVersion::V5), &refusal);
            return;
        }
        let v5 = answerable.then_some(error.fault.reason());
        self.refuse_connect(
            id,
            version.unwrap_or(ProtocolVersion::V311),
            &Refusal { v5, v3: None, client_id: None, text },
        );
    }

    /// `[MQTT-3.1.4-2]`, `[MQTT-3.2.2-7]`: answers with the code, if there is one, and closes.
    fn refuse_connect(&mut self, id: ConnectionId, version: ProtocolVersion, refusal: &Refusal<'_>) {
        let reason = if version.is_v5() { refusal.v5 } else { refusal.v3.map(ReasonCode) };
        if let Some(reason) = reason {
            let name = refusal.client_id.unwrap_or(self.home.name_of(id));
            log!(self.home.log, Debug, "Sending CONNACK to {name} (0, {})", reason.0);
            // [MQTT-3.2.2-6]: no session where there is an error.
            let mut properties = PropertiesBuf::new();
            self.add_maximum_qos(id, &mut properties);
            let ack = ConnAck { session_present: false, reason, properties: properties.as_properties() };
            let mut bytes = Vec::new();
            ack.encode(version, &mut bytes);
            self.home.reply_if_taken(id, &bytes);
        }
        self.end_unknown(id, refusal.client_id, refusal.text);
    }

    /// Everything that may speak against a client before its password is looked at, in Mosquitto's order.
    fn check<'a>(
        &mut self,
        id: ConnectionId,
        connect: &Connect<'a>,
        certified: &Certified,
        asked: &Asked,
    ) -> Result<(), Refusal<'a>> {
        let anonymous = || Refusal::MUTE;
        // Where nobody can tell what is allowed, nothing is.
        let connection = self.home.connections.get(id).ok_or_else(anonymous)?;
        let (peer, settings) = (&connection.peer, &self.home.settings);
        let listener = settings.listener(connection.listener).ok_or_else(anonymous)?;
        let of_bridge = connection.listener == BRIDGE_LISTENER;
        let client_id = listener.client_id(connect);
        let named = Some(client_id).filter(|name| !name.is_empty());
        let known = || Refusal { client_id: named, ..anonymous() };
        if let Some(will) = &connect.will {
            check_will_features(settings, listener, will)?;
        }
        if asked.authentication_data && !asked.authentication_method {
            log!(
                self.home.log,
                Information,
                "Protocol error from {peer}: CONNECT with authentication data but no authentication method."
            );
            return Err(Refusal { v5: Some(ReasonCode::PROTOCOL_ERROR), ..anonymous() });
        }
        if connect.client_id.is_empty() && !listener.may_assign_client_id(connect) {
            // [3.1.1 MQTT-3.1.3-8]
            let said = match connect.version {
                ProtocolVersion::V31 => "v3.1 CONNECT with zero length clientid",
                _ => "CONNECT with zero length clientid when forbidden",
            };
            log!(self.home.log, Information, "Protocol error from {peer}: {said}.");
            let v5 = Some(ReasonCode::UNSPECIFIED_ERROR);
            return Err(Refusal { v5, v3: Some(IDENTIFIER_REJECTED), ..anonymous() });
        }
        let not_authorized = (Some(ReasonCode::NOT_AUTHORIZED), Some(NOT_AUTHORIZED));
        if !of_bridge && !settings.allows_client_id(listener, connect.client_id) {
            let (v5, v3) = not_authorized;
            return Err(Refusal { v5, v3, text: "not authorised", ..anonymous() });
        }
        if let Some(will) = &connect.will {
            check_will_topic(listener, will)?;
        }
        let limit = settings.message_size_limit as usize;
        if limit > 0 && connect.will.is_some_and(|will| will.payload.len() > limit) {
            log!(self.home.log, Debug, "Client {} connected with too large Will payload", connect.client_id);
            let v5 = Some(ReasonCode::PACKET_TOO_LARGE);
            return Err(Refusal { v5, v3: Some(NOT_AUTHORIZED), text: "oversize payload", ..anonymous() });
        }
        if *certified == Certified::Missing {
            let v5 = Some(ReasonCode::BAD_USERNAME_OR_PASSWORD);
            let client_id = Some(connect.client_id).filter(|name| !name.is_empty());
            return Err(Refusal { v5, v3: Some(BAD_USERNAME_OR_PASSWORD), client_id, text: "not authorised" });
        }
        if client_id.is_empty() && listener.use_username_as_clientid {
            let ((v5, v3), client_id) = (not_authorized, Some(connect.client_id).filter(|name| !name.is_empty()));
            return Err(Refusal { v5, v3, client_id, text: "not authorised" });
        }
        if asked.authentication_method {
            // [MQTT-4.12.0-1]
            let v5 = Some(ReasonCode::BAD_AUTHENTICATION_METHOD);
            return Err(Refusal { v5, text: DISALLOWED, ..known() });
        }
        Ok(())
    }

    /// Who a certificate has named has nothing more to prove.
    fn claim_of(&mut self, id: ConnectionId, connect: &Connect<'_>, certified: &Certified) -> Claim {
        match certified {
            Certified::As(_) => Claim::Proven,
            Certified::NotAsked | Certified::Missing => self.authenticate(id, connect),
        }
    }

    /// What may speak against a client once its claim to be somebody was looked at.
    fn check_last<'a>(
        &mut self,
        id: ConnectionId,
        connect: &Connect<'_>,
        client_id: &'a str,
        claim: Claim,
    ) -> Result<(), Refusal<'a>> {
        let named = Some(client_id).filter(|name| !name.is_empty());
        let known = || Refusal { client_id: named, ..Refusal::MUTE };
        match claim {
            Claim::Proven => {}
            Claim::Busy => {
                let (v5, v3) = (Some(ReasonCode::SERVER_BUSY), Some(SERVER_UNAVAILABLE));
                return Err(Refusal { v5, v3, text: "server busy", ..known() });
            }
            Claim::Refused | Claim::Checking => {
                let (v5, v3) = (Some(ReasonCode::NOT_AUTHORIZED), Some(NOT_AUTHORIZED));
                return Err(Refusal { v5, v3, text: "not authorised", ..known() });
            }
        }
        let limit = self.home.settings.max_keepalive_s;
        if limit > 0 && !connect.version.is_v5() && (connect.keep_alive_s > limit || connect.keep_alive_s == 0) {
            // Mosquitto looks at this last of all, when the log has the client already.
            self.log_accepted(id, connect, client_id);
            return Err(Refusal {
                v3: Some(IDENTIFIER_REJECTED),
                text: "bad socket read/write: Invalid input",
                ..known()
            });
        }
        Ok(())
    }

    /// `client_id` is empty where the broker has to make one up.
    fn accept(&mut self, id: ConnectionId, connect: &Connect<'_>, client_id: &str, asked: &Asked) {
        let made_up = client_id.is_empty().then(|| self.assign_client_id(id));
        let client_id = made_up.as_deref().unwrap_or(client_id);
        // Also where it is the user name.
        let assigned = connect.client_id.is_empty().then_some(client_id);
        let (slot, session_present) = self.claim_session(connect, client_id);
        let (keep_alive_s, now) = (self.keep_alive(id, connect), self.home.now);
        let listener = self.listener(id);
        let (aliases_in, aliases_out) =
            listener.map_or((0, 0), |listener| (listener.max_topic_alias, listener.max_topic_alias_broker));
        let mount_point = listener.and_then(|listener| listener.mount_point()).map(Into::into);
        let is_certified = listener.is_some_and(|listener| listener.certificate_username.is_some());
        if let Some(connection) = self.home.connections.get_mut(id) {
            connection.version = connect.version;
            connection.bridge = connect.bridge;
            connection.phase = Phase::Open(slot);
            // [MQTT-3.1.2-22]: counted from this packet, however long the client has taken to send it.
            connection.heard_at = now;
            // One and a half times the keep alive; 0 turns it off.
            connection.silence_ms = u32::from(keep_alive_s) * 1500;
            // A bridge cannot say how many messages the other broker leaves unreleased.
            if connect.version.is_v5() && connection.listener != BRIDGE_LISTENER {
                connection.receive_maximum = self.home.settings.max_inflight_messages;
            }
            connection.is_certified = is_certified;
            connection.max_topic_alias = aliases_in;
            let aliases = asked.topic_alias_maximum.min(aliases_out);
            if mount_point.is_some() || aliases > 0 {
                let aliases_out = (aliases > 0).then(|| AliasesOut::new(aliases));
                connection.naming = Some(Box::new(Naming { mount_point, aliases_out, ..Naming::default() }));
            }
        }
        self.arm_silence(id);
        self.begin_session(slot, id, connect, asked);
        self.log_accepted(id, connect, client_id);
        if !self.send_connack(id, connect, session_present, keep_alive_s, assigned) {
            // The client cannot even be told that it is connected: it gets no answer, as in Mosquitto.
            self.end_with(id, None, Some("oversize packet"));
            return;
        }
        self.home.pump(slot);
    }

    /// The session for a client: the one it has, if it may go on with it, or a new one, which is counted already where it
    /// has none. Says which.
    fn claim_session(&mut self, connect: &Connect<'_>, client_id: &str) -> (u32, bool) {
        let Some(slot) = self.home.sessions.find(client_id) else {
            return (self.home.sessions.create(client_id), false);
        };
        let kept = self.home.sessions.get(slot).is_some_and(|s| s.expiry_s > 0) && !connect.clean_start;
        if kept {
            // [MQTT-3.1.3-9]: a will that waits is not published when its session goes on.
            self.drop_will(slot);
        }
        if let Some(old) = self.home.sessions.get(slot).and_then(|s| s.connection) {
            // [MQTT-3.1.4-3]
            self.end_with(old, Some(ReasonCode::SESSION_TAKEN_OVER), Some("session taken over"));
        }
        if kept {
            // [MQTT-3.1.2-5] [MQTT-3.2.2-3]; MQTT 3.1 has no such flag.
            return (slot, connect.version != ProtocolVersion::V31);
        }
        // [MQTT-3.1.2-4]
        if self.home.sessions.get(slot).is_some() {
            self.end_session(slot);
        }
        // In the place of the old one.
        self.shared.admit_session(0);
        (self.home.sessions.create(client_id), false)
    }

    /// Ties a session to its connection.
    fn begin_session(&mut self, slot: u32, id: ConnectionId, connect: &Connect<'_>, asked: &Asked) {
        let default_window = self.home.settings.max_inflight_messages;
        let (in_flight_bytes, queued_bytes) =
            (self.home.settings.max_inflight_bytes, self.home.settings.max_queued_bytes);
        let listener = self.listener(id);
        let max_qos = listener.map_or(QoS::ExactlyOnce, |listener| listener.max_qos);
        let mount_point = listener.and_then(|listener| listener.mount_point());
        let will = connect.will.and_then(|will| {
            let topic = mounted_topic(mount_point, will.topic)?;
            Some(Box::new(store_will(&Will { topic: &topic, ..will })))
        });
        let number = self.home.connections.get(id).map_or(u16::MAX, |connection| connection.listener);
        let came_through = CameThrough::new(&self.home.settings, number);
        let is_on = self.home.changes.is_on();
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        // Nobody goes on with a session that does not outlive its connection.
        let is_new = session.expiry_s == 0;
        session.connection = Some(id);
        session.arrive(connect.username, came_through);
        session.drops_logged = false;
        session.v5 = connect.version.is_v5();
        session.max_qos = max_qos;
        session.will = will;
        session.expiry_s = wanted_expiry(connect, asked);
        if is_new {
            session.is_durable = is_on && session.expiry_s > 0;
        }
        self.home.changes.connected(slot, session);
        let end_to_wait_for = self.home.changes.end_to_wait_for(&session.client_id);
        session.window.limit_payload(in_flight_bytes, queued_bytes);
        session.window.connect(asked.receive_maximum.unwrap_or(default_window));
        session.incoming.connect();
        if let Some(at) = session.expires_at.take() {
            self.home.timers.cancel(at, Timer::SessionExpiry(slot));
        }
        if let Some(frame) = end_to_wait_for {
            self.home.close_gate_until(id, frame);
        }
    }

    /// Seconds; the client's own, or less where that is too long.
    fn keep_alive(&self, id: ConnectionId, connect: &Connect<'_>) -> u16 {
        let limit = if self.is_of_bridge(id) { 0 } else { self.home.settings.max_keepalive_s };
        let asked = connect.keep_alive_s;
        if limit > 0 && (asked > limit || asked == 0) { limit } else { asked }
    }

    /// False where the CONNACK is larger than the client takes `[MQTT-3.1.2-24]`.
    fn send_connack(
        &mut self,
        id: ConnectionId,
        connect: &Connect<'_>,
        session_present: bool,
        keep_alive_s: u16,
        assigned: Option<&str>,
    ) -> bool {
        let settings = &self.home.settings;
        let mut properties = PropertiesBuf::new();
        if connect.version.is_v5() {
            if keep_alive_s != connect.keep_alive_s {
                properties.push(Property::ServerKeepAlive(keep_alive_s)); // [MQTT-3.2.2-21]
            }
            let max_topic_alias = self.home.connections.get(id).map_or(0, |connection| connection.max_topic_alias);
            if max_topic_alias > 0 {
                properties.push(Property::TopicAliasMaximum(max_topic_alias));
            }
            if let Some(assigned) = assigned {
                properties.push(Property::AssignedClientIdentifier(assigned)); // [MQTT-3.2.2-16]
            }
            if !settings.retain_available {
                properties.push(Property::RetainAvailable(0));
            }
            properties.push(Property::MaximumPacketSize(settings.max_packet_size));
            let receive_maximum = self.home.connections.get(id).map_or(0, |connection| connection.receive_maximum);
            if receive_maximum > 0 {
                properties.push(Property::ReceiveMaximum(receive_maximum));
            }
            self.add_maximum_qos(id, &mut properties);
        }
        let ack = ConnAck { session_present, reason: ReasonCode::SUCCESS, properties: properties.as_properties() };
        let mut bytes = Vec::new();
        ack.encode(connect.version, &mut bytes);
        log!(self.home.log, Debug, "Sending CONNACK to {} ({}, 0)", self.home.name_of(id), u8::from(session_present));
        // [MQTT-3.2.0-1]: before anything else.
        self.home.close_gate_for_answer(id);
        self.home.reply_if_taken(id, &bytes)
    }

    /// `[MQTT-3.2.2-9]`
    fn add_maximum_qos(&self, id: ConnectionId, properties: &mut PropertiesBuf) {
        if let Some(listener) = self.listener(id)
            && listener.max_qos != QoS::ExactlyOnce
        {
            properties.push(Property::MaximumQoS(listener.max_qos.bits()));
        }
    }

    fn log_accepted(&mut self, id: ConnectionId, connect: &Connect<'_>, client_id: &str) {
        let Some(connection) = self.home.connections.get(id) else { return };
        if connection.listener == BRIDGE_LISTENER {
            return;
        }
        let kind = if connect.bridge { "bridge" } else { "client" };
        let username = connect.username.map(|name| format!(", u'{name}'")).unwrap_or_default();
        log_connection!(
            self.home.log,
            Notice,
            "New {kind} connected from {} as {client_id} (p{}, c{}, k{}{username}).",
            connection.peer,
            connect.version.level(),
            u8::from(connect.clean_start),
            connect.keep_alive_s
        );
        match connect.will {
            None => log_connection!(self.home.log, Debug, "No will message specified."),
            Some(will) => {
                log_connection!(
                    self.home.log,
                    Debug,
                    "Will message specified ({} bytes) (r{}, q{}).",
                    will.payload.len(),
                    u8::from(will.retain),
                    will.qos.bits()
                );
                let mount_point = self.listener(id).and_then(|listener| listener.mount_point()).unwrap_or_default();
                log_connection!(self.home.log, Debug, "\t{mount_point}{}", will.topic);
            }
        }
        let secured = self.home.connections.get_mut(id).and_then(|connection| connection.secured.take());
        if let Some(secured) = secured.filter(|secured| !secured.protocol.is_empty()) {
            let (protocol, cipher) = (secured.protocol, secured.cipher);
            log!(self.home.log, Notice, "Client {client_id} negotiated {protocol} cipher {cipher}");
        }
    }
}

/// Seconds for which a client wants its session to outlive the connection.
fn wanted_expiry(connect: &Connect<'_>, asked: &Asked) -> u32 {
    match (connect.version.is_v5(), connect.clean_start) {
        (true, _) => asked.session_expiry_s,
        (false, true) => 0,
        (false, false) => NEVER_EXPIRES,
    }
}

/// `[MQTT-3.2.2-12]` `[MQTT-3.2.2-13]`
fn check_will_features(
    settings: &Settings,
    listener: &ListenerSettings,
    will: &Will<'_>,
) -> Result<(), Refusal<'static>> {
    let refused = if will.retain && !settings.retain_available {
        Some(ReasonCode::RETAIN_NOT_SUPPORTED)
    } else {
        (will.qos > listener.max_qos).then_some(ReasonCode::QOS_NOT_SUPPORTED)
    };
    if refused.is_some() { Err(Refusal { v5: refused, text: DISALLOWED, ..Refusal::MUTE }) } else { Ok(()) }
}

/// A will goes where its client may publish, behind its mount point. It may be too long or too deep there.
fn check_will_topic(listener: &ListenerSettings, will: &Will<'_>) -> Result<(), Refusal<'static>> {
    let Some(topic) = mounted_topic(listener.mount_point(), will.topic) else {
        let (v5, v3) = (Some(ReasonCode::TOPIC_NAME_INVALID), Some(NOT_AUTHORIZED));
        return Err(Refusal { v5, v3, text: "not authorised", ..Refusal::MUTE });
    };
    if allowed_for_will(&topic) { Ok(()) } else { Err(Refusal::MUTE) }
}

fn store_will(will: &Will<'_>) -> StoredWill {
    let (mut delay_s, mut expiry_s) = (0, None);
    let mut properties = PropertiesBuf::new();
    for property in will.properties.iter() {
        match property {
            Property::WillDelayInterval(seconds) => delay_s = seconds,
            Property::MessageExpiryInterval(seconds) => expiry_s = Some(seconds),
            other => properties.push(other),
        }
    }
    let message = Message::store_will(MessageRef {
        number: 0,
        topic: will.topic.as_bytes(),
        properties: properties.as_properties().as_bytes(),
        payload: will.payload,
        qos: will.qos,
        retain: will.retain,
        expires_at: Moment::NEVER,
    });
    StoredWill { message, expiry_s, delay_s }
}
