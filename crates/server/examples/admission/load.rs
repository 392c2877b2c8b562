//! A hundred clients that exchange messages.

use crate::site::Site;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use mosquitto_mqtt::packet::{Connect, Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{FixedHeader, Packet, Properties, ProtocolVersion, QoS};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

const CLIENTS: usize = 100;

/// Every so often some clients send a message each, in turn: 2,000 messages a second of all together.
const STEP: Duration = Duration::from_millis(5);
const MESSAGES_A_STEP: usize = 10;

/// How long what is still under way may take at the end.
const PATIENCE: Duration = Duration::from_secs(5);

const V311: ProtocolVersion = ProtocolVersion::V311;

/// The clients, connected. Client n sends to client n + 1.
pub(crate) struct Load {
    poll: Poll,
    clients: Vec<Client>,
    started: Instant,
    next: usize,
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    is_cut: bool,
}

/// What came of a run.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) latencies_us: Vec<f64>,
    pub(crate) lost: usize,
    pub(crate) cut: usize,
}

/// A CONNECT that stays for as long as the connection does.
pub(crate) fn connect_bytes(client_id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (properties, version) = (Properties::EMPTY, V311);
    let (username, password, will) = (None, None, None);
    let packet = Connect {
        version,
        bridge: false,
        clean_start: true,
        keep_alive_s: 600,
        properties,
        client_id,
        will,
        username,
        password,
    };
    packet.encode(&mut out);
    out
}

impl Load {
    pub(crate) fn connect(site: &Site) -> Self {
        let poll = Poll::new().unwrap();
        let clients = (0..CLIENTS).map(|n| Client::connect(site, n, &poll)).collect();
        Self { poll, clients, started: Instant::now(), next: 0 }
    }

    /// Exchanges messages for so long.
    pub(crate) fn run(&mut self, duration: Duration) -> Figures {
        let (begin, mut figures, mut events) = (Instant::now(), Figures::default(), Events::with_capacity(256));
        let (mut due, mut sent) = (begin, 0);
        while begin.elapsed() < duration {
            if due <= Instant::now() {
                due += STEP;
                for _ in 0..MESSAGES_A_STEP {
                    sent += usize::from(self.send());
                }
            }
            self.receive(&mut events, Some(due.saturating_duration_since(Instant::now())), &mut figures);
        }
        let end = Instant::now();
        while figures.latencies_us.len() < sent && end.elapsed() < PATIENCE {
            self.receive(&mut events, Some(Duration::from_millis(10)), &mut figures);
        }
        figures.lost = sent - figures.latencies_us.len();
        figures.cut = self.clients.iter().filter(|client| client.is_cut).count();
        figures
    }

    fn send(&mut self) -> bool {
        let from = self.next;
        self.next = (self.next + 1) % CLIENTS;
        let (topic, now) = (format!("to/{}", self.next), self.started.elapsed().as_nanos() as u64);
        let payload = [&now.to_be_bytes()[..], &[0; 56]].concat();
        let mut out = Vec::new();
        let packet = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: &topic,
            packet_id: 0,
            properties: Properties::EMPTY,
            payload: &payload,
        };
        packet.encode(V311, &mut out);
        self.clients[from].stream.write_all(&out).is_ok()
    }

    fn receive(&mut self, events: &mut Events, timeout: Option<Duration>, figures: &mut Figures) {
        self.poll.poll(events, timeout).unwrap();
        for event in events.iter() {
            let client = &mut self.clients[event.token().0];
            let mut room = [0; 8192];
            loop {
                match client.stream.read(&mut room) {
                    Ok(len @ 1..) => client.buffer.extend_from_slice(&room[..len]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    _ => {
                        client.is_cut = true;
                        break;
                    }
                }
            }
            let now = self.started.elapsed().as_nanos() as u64;
            client.take(|payload| {
                let sent = u64::from_be_bytes(payload[..8].try_into().unwrap());
                figures.latencies_us.push((now - sent) as f64 / 1000.0);
            });
        }
    }
}

impl Client {
    fn connect(site: &Site, n: usize, poll: &Poll) -> Self {
        let mut stream = std::net::TcpStream::connect(site.plain).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut out = connect_bytes(&format!("client-{n}"));
        let filter = format!("to/{n}");
        let list = [Subscription { filter: &filter, options: SubscriptionOptions::qos(QoS::AtMostOnce) }];
        Subscribe::write(1, Properties::EMPTY, list.into_iter(), V311, &mut out);
        stream.write_all(&out).unwrap();
        // CONNACK and SUBACK.
        stream.read_exact(&mut [0; 9]).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(n), Interest::READABLE).unwrap();
        Self { stream, buffer: Vec::new(), is_cut: false }
    }

    /// Hands out the payloads of the messages that are whole.
    fn take(&mut self, mut message: impl FnMut(&[u8])) {
        let mut taken = 0;
        while let Some(header) = FixedHeader::parse(&self.buffer[taken..]).unwrap() {
            let bytes = &self.buffer[taken..];
            let Some(body) = bytes.get(usize::from(header.header_len)..header.packet_len()) else { break };
            if let Packet::Publish(publish) = Packet::decode(header, body, V311).unwrap() {
                message(publish.payload);
            }
            taken += header.packet_len();
        }
        self.buffer.drain(..taken);
    }
}
