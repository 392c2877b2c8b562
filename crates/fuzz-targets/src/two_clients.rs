//! `two_clients`: a script for two clients and the network between them and a broker of two shards.
//!
//! The first byte says which versions and limits there are, every further one is a step (see [`Script::step`]); where a
//! step needs more, it takes the bytes behind it. So any bytes are a script. What a client gets is held against the
//! rules for servers, what is kept for it against the bounds that `docs/fuzzing.md` derives, and at the end nothing may
//! be left of either.

mod broker;
mod client;
mod ready;

use broker::{Broker, Loss};
use client::Client;
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::ProtocolVersion;

/// Bytes that the clients of one script send at most, so that every script comes to its end soon.
const SENT_MAX: usize = 1024 * 1024;

/// The same for the pieces in which they send.
const PIECES_MAX: usize = 1000;

/// Seconds that can pass in a step.
const WAITS_S: [u64; 16] = [1, 1, 2, 3, 5, 8, 10, 15, 16, 30, 31, 46, 100, 3_600, 1 << 20, 1 << 33];

/// In so many seconds the broker has given its buffers back, half of them in each.
const REST_SECONDS: usize = 16;

struct Script<'a> {
    rest: &'a [u8],
    broker: Broker,
    clients: [Client; 2],
    /// Client ids for packets that are made for the clients.
    ids: [String; 3],
    sent: usize,
    pieces: usize,
}

/// Runs the script in `bytes`. `allocated` says how much memory the process holds, for those who know.
pub(crate) fn run(bytes: &[u8], allocated: Option<fn() -> usize>) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let before = allocated.map(|allocated| (allocated, allocated()));
    let settings = settings(first >> 4 & 3);
    let clients = [Client::new(version(first), &settings), Client::new(version(first >> 2), &settings)];
    let broker = Broker::new(settings);
    let ids = [("a", 0), ("b", 1), ("c", 0)].map(|(prefix, shard)| broker.id_at_home_on(prefix, shard));
    let mut script = Script { rest, broker, clients, ids, sent: 0, pieces: 0 };
    if first & 0x40 != 0 {
        (0..2).for_each(|who| script.greet(who));
    }
    while script.step() {
        if let Some((allocated, before)) = before {
            let limit = MEMORY_FIXED + MEMORY_A_BYTE * (script.sent + bytes.len());
            let held = allocated().saturating_sub(before);
            assert!(held <= limit, "{held} bytes are held for {} that were sent", script.sent);
        }
    }
    script.end();
}

/// What a broker of two shards and the clients' side of the script hold whatever is sent.
const MEMORY_FIXED: usize = 2 << 20;

/// What one byte from a client may make the broker hold, at most: a level of a topic of one character and its `/` make a
/// node of a tree.
const MEMORY_A_BYTE: usize = 256;

fn version(bits: u8) -> ProtocolVersion {
    match bits & 3 {
        1 => ProtocolVersion::V311,
        2 => ProtocolVersion::V31,
        _ => ProtocolVersion::V5,
    }
}

fn settings(profile: u8) -> Settings {
    let small = Settings {
        max_packet_size: 4096,
        max_inflight_messages: 3,
        max_queued_messages: 5,
        listeners: listeners(2, 2),
        retry_interval_s: Some(0),
        log: mosquitto_broker::LogMask::ALL,
        ..Settings::default()
    };
    match profile {
        0 => small,
        1 => Settings { max_inflight_messages: 1, max_queued_messages: 1, listeners: listeners(2, 0), ..small },
        2 => Settings { max_inflight_messages: 0, max_queued_messages: 0, listeners: listeners(0, 2), ..small },
        _ => Settings { max_keepalive_s: 10, retry_interval_s: None, log: mosquitto_broker::LogMask::DEFAULT, ..small },
    }
}

fn listeners(max_topic_alias: u16, max_topic_alias_broker: u16) -> Vec<ListenerSettings> {
    vec![ListenerSettings { max_topic_alias, max_topic_alias_broker, ..ListenerSettings::default() }]
}

impl<'a> Script<'a> {
    fn take(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// As many bytes as the next one says, or as there are.
    fn take_bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.take().unwrap_or(0)).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// One step. Bit 0 says who, bits 1 to 3 what, bits 4 to 7 how:
    ///
    /// - 0: sends bytes, whole; 1: sends bytes in pieces of so many, each handled before the next comes
    /// - 2: sends what it sent last again, two to the power of so many times
    /// - 3: the connection breaks; the next bytes come over a new one
    /// - 4: time passes
    /// - 5: stops reading, reads again, or reads just a little
    /// - 6: sends a packet that fits the moment
    /// - 7: mail between the shards is held or let go; or a new connection, with a CONNECT that is right
    ///
    /// False at the end of the script.
    fn step(&mut self) -> bool {
        let Some(byte) = self.take() else { return false };
        let (who, how) = (usize::from(byte & 1), byte >> 4);
        match byte >> 1 & 7 {
            0 => {
                let bytes = self.take_bytes();
                self.send(who, bytes);
            }
            1 => {
                let bytes = self.take_bytes();
                bytes.chunks(usize::from(how) + 1).for_each(|piece| self.send(who, piece));
            }
            2 => {
                let last = self.clients[who].last_sent().to_vec();
                (0..1 << (how & 7)).for_each(|_| self.send(who, &last));
            }
            3 => self.hang_up(who, if how & 1 == 0 { Loss::Silent } else { Loss::Error }),
            4 => {
                self.broker.wait(WAITS_S[usize::from(how)]);
                self.settle();
            }
            5 => self.read(who, how),
            6 => {
                let packet = ready::packet(how, &self.clients[who]);
                self.send(who, &packet);
            }
            _ => match how {
                0 => self.broker.hold_mail = true,
                1 => {
                    self.broker.hold_mail = false;
                    self.settle();
                }
                _ => {
                    self.hang_up(who, Loss::Silent);
                    let packet = ready::connect(how, self.clients[who].version(), &self.ids);
                    self.send(who, &packet);
                }
            },
        }
        true
    }

    /// Connects a client and lets it subscribe to everything.
    fn greet(&mut self, who: usize) {
        let version = self.clients[who].version();
        self.send(who, &ready::connect(2 + who as u8, version, &self.ids));
        let subscribe = ready::packet(0, &self.clients[who]);
        self.send(who, &subscribe);
    }

    fn send(&mut self, who: usize, bytes: &[u8]) {
        if bytes.is_empty() || self.sent + bytes.len() > SENT_MAX || self.pieces == PIECES_MAX {
            return;
        }
        self.sent += bytes.len();
        self.pieces += 1;
        let client = &mut self.clients[who];
        let link = *client.link.get_or_insert_with(|| self.broker.dial(who));
        client.sends(bytes);
        self.broker.deliver(link, bytes);
        self.settle();
    }

    fn read(&mut self, who: usize, how: u8) {
        let client = &mut self.clients[who];
        let Some(link) = client.link else { return };
        match how {
            0 => self.broker.set_reading(link, false),
            1 => self.broker.set_reading(link, true),
            _ => {
                self.broker.take_output(link, usize::from(how) * 16);
            }
        }
        self.settle();
    }

    fn hang_up(&mut self, who: usize, loss: Loss) {
        let Some(link) = self.clients[who].link.take() else { return };
        let last = self.broker.hang_up(link, loss);
        self.clients[who].ends(&last);
        self.settle();
    }

    /// Runs the broker until it is at rest, and brings the clients what they can get.
    fn settle(&mut self) {
        self.broker.run();
        for client in &mut self.clients {
            let Some(link) = client.link else { continue };
            let (bytes, open) = self.broker.fetch(link);
            client.receives(&bytes);
            client.keeps_within_bounds(self.broker.output_len(link));
            if self.broker.flows(link) {
                client.has_all_answers();
            }
            if !open {
                client.link = None;
                client.ends(&[]);
            }
        }
    }

    /// Everybody leaves, time goes by, and whoever may still have a session takes it with them.
    fn end(mut self) {
        self.broker.hold_mail = false;
        (0..2).for_each(|who| self.hang_up(who, Loss::Silent));
        self.rest();
        self.broker.deadlines_have_their_sessions();
        self.broker.wait(1 << 34);
        self.settle();
        // The log is told within a minute what that made the broker drop.
        self.broker.wait(1 << 20);
        self.rest();
        self.broker.is_empty_but_for_sessions();
        let ids = self.clients.iter().flat_map(Client::ids_used).cloned().collect::<Vec<_>>();
        for id in ids {
            let link = self.broker.dial(0);
            self.broker.deliver(link, &ready::last_connect(&id));
            self.broker.run();
            let (bytes, open) = self.broker.fetch(link);
            assert!(open && bytes.starts_with(&[0x20]), "nobody is served any more");
            self.broker.deliver(link, &[0xe0, 0]);
            self.broker.run();
            assert!(!self.broker.fetch(link).1);
        }
        self.rest();
        self.broker.is_empty();
    }

    /// Some seconds pass, in which the broker gives its buffers back, some in each.
    fn rest(&mut self) {
        for _ in 0..REST_SECONDS {
            self.settle();
            self.broker.wait(1);
        }
        self.settle();
    }
}
