//! The beginning and the end of a connection: CONNECT, CONNACK, DISCONNECT.

use super::limits::ServerLimits;
use super::{Misbehaviour, Phase, Session};
use crate::{End, Event, Moment, Options};
use mosquitto_mqtt::packet::{ConnAck, Connect, Disconnect, Will};
use mosquitto_mqtt::{PacketType, Properties, PropertiesBuf, Property, ProtocolVersion, ReasonCode};

impl Session {
    /// Begins a connection over a transport that was just opened. A connection that was not over is over now.
    pub fn connect(&mut self, now: Moment) {
        self.advance(now);
        self.end(End::Lost);
        self.output.clear();
        self.incoming.forget_connection();
        self.limits = ServerLimits::default();
        self.client_id.clone_from(&self.options.client_id);
        self.phase = Phase::AwaitingConnAck;
        self.log(|| "sending CONNECT".to_owned());
        let properties = connect_properties(&self.options);
        connect_packet(&self.options, &properties, |packet| self.output.append(|out| packet.encode(out)));
        self.keep_alive.begin(self.options.keep_alive_s, self.now);
    }

    pub(super) fn on_connack(&mut self, packet: ConnAck<'_>) -> Result<(), Misbehaviour> {
        let v5 = self.options.version.is_v5();
        let refused = packet.reason != ReasonCode::SUCCESS;
        if v5 && refused && !packet.reason.is_error() && packet.reason != ConnAck::MQTT3_UNACCEPTABLE_VERSION {
            return Err(Misbehaviour::protocol("CONNACK has a reason code that it cannot have"));
        }
        if v5 && packet.reason.is_error() && !packet.reason.belongs_in(PacketType::ConnAck) {
            return Err(Misbehaviour::protocol("CONNACK has a reason code that it cannot have")); // [MQTT-3.2.2-8]
        }
        if packet.session_present && (self.options.clean_start || refused) {
            // [MQTT-3.2.2-2] [MQTT-3.2.2-6]
            return Err(Misbehaviour::protocol("CONNACK tells of a session that cannot be"));
        }
        let assigned = packet.properties.iter().find_map(|property| match property {
            Property::AssignedClientIdentifier(id) => Some(id),
            _ => None,
        });
        match assigned {
            Some(_) if !self.options.client_id.is_empty() => {
                return Err(Misbehaviour::protocol("CONNACK assigns a name to a client that has one"));
            }
            Some(id) => id.clone_into(&mut self.client_id),
            None => {}
        }
        self.log(|| format!("received CONNACK ({})", packet.reason.0));
        let properties = packet.properties.iter().collect();
        if refused {
            // A server that speaks MQTT 3 only answers in MQTT 3.
            let foreign = v5 && packet.reason == ConnAck::MQTT3_UNACCEPTABLE_VERSION;
            let reason = if foreign { ReasonCode::UNSUPPORTED_PROTOCOL_VERSION } else { packet.reason };
            self.end(End::Refused { reason, properties });
            return Ok(());
        }
        self.opened(packet.session_present, packet.properties, properties);
        Ok(())
    }

    fn opened(&mut self, session_present: bool, connack: Properties<'_>, properties: PropertiesBuf) {
        self.phase = Phase::Open;
        self.keep_alive.answered();
        self.limits = ServerLimits::new(connack);
        for property in connack.iter() {
            if let Property::ServerKeepAlive(seconds) = property {
                self.keep_alive.overrule(seconds);
            }
        }
        self.events.push_back(Event::Connected { session_present, properties });
        if !session_present && !self.may_have_session() {
            self.incoming.forget_session();
            if self.options.clean_start || !self.options.as_bridge {
                self.forget_outgoing_session();
            }
        }
        self.is_holding = self.options.resend_later && self.outgoing.has_queued();
        self.send_queued();
    }

    /// Whether the server may have a session of which its CONNACK says nothing: that of MQTT 3.1 cannot.
    pub fn may_have_session(&self) -> bool {
        self.options.version == ProtocolVersion::V31 && !self.options.clean_start
    }

    pub(super) fn on_disconnect(&mut self, packet: Disconnect<'_>) -> Result<(), Misbehaviour> {
        if !self.options.version.is_v5() {
            return Err(Misbehaviour::protocol("a DISCONNECT, which a server of MQTT 3 does not send"));
        }
        self.log(|| format!("received DISCONNECT ({})", packet.reason.0));
        let properties = packet.properties.iter().collect();
        self.end(End::ByServer { reason: packet.reason, properties });
        Ok(())
    }

    pub(super) fn send_disconnect(&mut self, packet: Disconnect<'_>) {
        self.log(|| "sending DISCONNECT".to_owned());
        let version = self.options.version;
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes);
        if self.limits.check_len(bytes.len()).is_err() {
            // The server is better told the reason alone than nothing [MQTT-3.14.2-3] [MQTT-3.14.2-4].
            bytes.clear();
            Disconnect::new(packet.reason).encode(version, &mut bytes);
        }
        self.send(|out| out.extend_from_slice(&bytes));
    }
}

fn connect_properties(options: &Options) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    if options.version.is_v5() {
        let packet_size = options.maximum_packet_size.filter(|_| options.announces_packet_size);
        let list = [
            options.session_expiry_s.map(Property::SessionExpiryInterval),
            Some(options.topic_alias_maximum).filter(|&maximum| maximum > 0).map(Property::TopicAliasMaximum),
            options.receive_maximum.filter(|&maximum| maximum > 0).map(Property::ReceiveMaximum),
            packet_size.filter(|&maximum| maximum > 0).map(Property::MaximumPacketSize),
        ];
        let further = options.properties.as_properties().iter();
        list.into_iter().flatten().chain(further).for_each(|property| properties.push(property));
    }
    properties
}

/// Calls `write` with the CONNECT that the options ask for. Texts are cut at what a field can hold.
fn connect_packet(options: &Options, properties: &PropertiesBuf, write: impl FnOnce(&Connect<'_>)) {
    let will = options.will.as_ref().map(|will| Will {
        topic: text_field(&will.topic),
        payload: field(&will.payload),
        qos: will.qos,
        retain: will.retain,
        properties: will.properties.as_properties(),
    });
    let username = options.username.as_deref().map(text_field);
    // MQTT 3 has no password without a user name [3.1.1 MQTT-3.1.2-22].
    let may_have_password = username.is_some() || options.version == ProtocolVersion::V5;
    write(&Connect {
        version: options.version,
        bridge: options.bridge && !options.version.is_v5(),
        clean_start: options.clean_start,
        keep_alive_s: options.keep_alive_s,
        properties: properties.as_properties(),
        client_id: text_field(&options.client_id),
        will,
        username,
        password: options.password.as_deref().map(field).filter(|_| may_have_password),
    });
}

fn text_field(text: &str) -> &str {
    text.get(..text.floor_char_boundary(usize::from(u16::MAX))).unwrap_or(text)
}

fn field(data: &[u8]) -> &[u8] {
    data.get(..usize::from(u16::MAX)).unwrap_or(data)
}
