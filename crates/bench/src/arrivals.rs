//! Clients come: connections are opened, some at a time, CONNECT and SUBSCRIBE are sent and their answers waited for.

use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos, SECOND};
use crate::net::{Hears, Net};
use mosquitto_mqtt::packet::{Connect, Disconnect, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Packet, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};
use std::collections::HashMap;

/// How long there may be no answer from the broker.
const PATIENCE: Nanos = 15 * SECOND;
/// How long a session that is to outlive its connection is kept by MQTT 5, in seconds.
const EXPIRY_S: u32 = 3600;
/// Filters in one SUBSCRIBE.
const FILTERS: usize = 500;

/// A client that is to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) id: String,
    /// Whether its session outlives the connection, and goes on where it was.
    pub(crate) persistent: bool,
    pub(crate) filters: Vec<String>,
    /// Whether it goes where subscribers are.
    pub(crate) subscribes: bool,
    /// Of the socket, in bytes; else the system's.
    pub(crate) receive_buffer: Option<usize>,
}

/// A client that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) link: usize,
    /// How many QoS 1 and 2 messages the broker takes at once.
    pub(crate) receive_maximum: u16,
}

/// Has all of them come, in their order.
pub(crate) fn arrive(bench: &mut Bench, callers: &[Caller], qos: QoS) -> Result<Vec<Client>, Failure> {
    let mut arrivals =
        Arrivals { callers, qos, clients: vec![None; callers.len()], by_link: HashMap::new(), come: 0, failure: None };
    let (mut started, mut last, mut moved) = (0, 0, clock::now());
    while arrivals.come < callers.len() {
        while let Some(caller) = callers.get(started)
            && arrivals.by_link.len() < bench.settings.concurrency
        {
            let open = if caller.subscribes { Bench::open_subscriber } else { Bench::open };
            let link = open(bench, caller.receive_buffer)?;
            put_connect(bench, link, &caller.id, caller.persistent);
            arrivals.by_link.insert(link, Guest { number: started, subscribed: 0 });
            started += 1;
        }
        bench.keep_alive();
        bench.turn(&mut arrivals, Bench::soon())?;
        if let Some(why) = arrivals.failure {
            return Err(Failure(why));
        }
        let steps = arrivals.come + arrivals.by_link.values().map(|guest| guest.subscribed).sum::<usize>();
        if steps != last {
            (last, moved) = (steps, clock::now());
        } else if clock::now() > moved + PATIENCE {
            let (come, all) = (arrivals.come, callers.len());
            return Err(Failure(format!("Only {come} of {all} clients could connect and subscribe: no answer came.")));
        }
        bench.progress.tell("clients", arrivals.come as u64, "");
    }
    bench.progress.end();
    Ok(arrivals.clients.into_iter().flatten().collect())
}

/// Puts a CONNECT into a link's output.
pub(crate) fn put_connect(bench: &mut Bench, link: usize, client_id: &str, persistent: bool) {
    let version = bench.version();
    let mut properties = PropertiesBuf::new();
    if persistent && version.is_v5() {
        properties.push(Property::SessionExpiryInterval(EXPIRY_S));
    }
    let settings = &bench.settings;
    let connect = Connect {
        version,
        bridge: false,
        clean_start: !persistent,
        keep_alive_s: settings.keep_alive_s,
        properties: properties.as_properties(),
        client_id,
        will: None,
        username: settings.username.as_deref(),
        password: settings.password.as_deref().map(str::as_bytes),
    };
    connect.encode(bench.net.output(link));
}

/// Has clients go, as they should, and waits until what they have to say has gone out.
pub(crate) fn leave(bench: &mut Bench, clients: &[Client]) -> Result<(), Failure> {
    for client in clients.iter().filter(|client| bench.net.is_open(client.link)).copied().collect::<Vec<_>>() {
        bench.net.send(client.link, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
    }
    let waiting = |bench: &Bench| clients.iter().any(|c| bench.net.is_open(c.link) && bench.net.waiting(c.link) > 0);
    let end = clock::now() + SECOND;
    while waiting(bench) && clock::now() < end {
        bench.turn(&mut Deaf, Bench::soon())?;
    }
    for client in clients {
        bench.net.close(client.link);
    }
    Ok(())
}

/// Ends sessions that outlive their connections: they are begun anew, and not kept.
pub(crate) fn forget(bench: &mut Bench, callers: &[Caller]) -> Result<(), Failure> {
    let persistent = callers.iter().filter(|caller| caller.persistent);
    let last: Vec<_> = persistent
        .map(|caller| Caller { id: caller.id.clone(), subscribes: caller.subscribes, ..Caller::default() })
        .collect();
    let clients = arrive(bench, &last, QoS::AtMostOnce)?;
    leave(bench, &clients)
}

/// Hears nothing.
pub(crate) struct Deaf;

impl Hears for Deaf {
    fn packet(&mut self, _: &mut Net, _: usize, _: &Packet<'_>, _: Nanos) {}
    fn gone(&mut self, _: &mut Net, _: usize, _: &str) {}
}

/// One whose connection is open, but who has not come yet.
struct Guest {
    number: usize,
    /// How many of its filters the broker has.
    subscribed: usize,
}

struct Arrivals<'a> {
    callers: &'a [Caller],
    qos: QoS,
    clients: Vec<Option<Client>>,
    by_link: HashMap<usize, Guest>,
    come: usize,
    failure: Option<String>,
}

impl Arrivals<'_> {
    /// Sends the next filters, or has the client come if there are none left.
    fn go_on(&mut self, net: &mut Net, link: usize) {
        let Some(guest) = self.by_link.get(&link) else { return };
        let filters = self.callers.get(guest.number).map_or(&[][..], |caller| &caller.filters);
        let rest = filters.get(guest.subscribed..).unwrap_or_default();
        if rest.is_empty() {
            self.come += 1;
            self.by_link.remove(&link);
            return;
        }
        let options = SubscriptionOptions::qos(self.qos);
        let subscriptions = rest.iter().take(FILTERS).map(|filter| Subscription { filter, options });
        let version = net.version();
        Subscribe::write(1, Properties::EMPTY, subscriptions, version, net.output(link));
    }

    fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }
}

impl Hears for Arrivals<'_> {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, _: Nanos) {
        let Some(guest) = self.by_link.get_mut(&link) else { return };
        match packet {
            Packet::ConnAck(answer) if answer.reason != ReasonCode::SUCCESS => {
                let why = refusal(answer.reason, net.version());
                self.fail(format!("The broker refuses clients: {why}."));
            }
            Packet::ConnAck(answer) => {
                let maximum = answer.properties.iter().find_map(|property| match property {
                    Property::ReceiveMaximum(maximum) => Some(maximum),
                    _ => None,
                });
                let client = Client { link, receive_maximum: maximum.unwrap_or(u16::MAX) };
                if let Some(place) = self.clients.get_mut(guest.number) {
                    *place = Some(client);
                }
                self.go_on(net, link);
            }
            Packet::SubAck(answer) => {
                guest.subscribed += answer.reasons.len();
                if let Some(&code) = answer.reasons.iter().find(|&&code| ReasonCode(code).is_error()) {
                    let text = ReasonCode(code).text();
                    self.fail(format!("The broker refuses subscriptions: {text} ({code:#04x})."));
                }
                self.go_on(net, link);
            }
            // What is left in a session that is taken up again.
            _ => {}
        }
    }

    fn gone(&mut self, _: &mut Net, link: usize, why: &str) {
        if self.by_link.remove(&link).is_some() {
            self.fail(format!("A client could not connect: {}", sentence(why)));
        } else {
            self.fail(format!("A client was thrown out while others connected: {}", sentence(why)));
        }
    }
}

/// Why a CONNECT was refused, in words.
pub(crate) fn refusal(reason: ReasonCode, version: ProtocolVersion) -> String {
    let text = match (version.is_v5(), reason.0) {
        // Also what a broker says that does not know MQTT 5.
        (_, 1) => "unacceptable protocol version",
        (true, _) => reason.text(),
        (false, 2) => "identifier rejected",
        (false, 3) => "server unavailable",
        (false, 4) => "bad user name or password",
        (false, 5) => "not authorized",
        (false, _) => "unknown reason",
    };
    format!("{text} ({:#04x})", reason.0)
}

fn sentence(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}
