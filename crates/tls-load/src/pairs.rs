//! Pairs of a publisher and a subscriber, a topic for each. A publisher sends a batch in one write, and the next one when its
//! subscriber has got all of it.

use crate::Result;
use crate::broker::Broker;
use crate::certificates::Certificates;
use crate::connection::{Connection, client, put_packet, put_text};
use crate::scenario::Version;
use rustls::ClientConfig;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

const PAIRS: usize = 10;

/// Messages of a batch, at most.
const BATCH_MAX: usize = 100;

/// Bytes of a batch, at most: what sockets hold, since nobody reads while a publisher writes.
const BATCH_BYTES_MAX: usize = 128 * 1024;

const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;

/// Deliveries per CPU second of the broker.
pub(crate) fn run(
    broker: &Broker,
    certificates: &Certificates,
    version: Version,
    qos: u8,
    payload_bytes: usize,
    time: Duration,
) -> Result<f64> {
    let config = client(certificates, version, false)?;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(Pair::connect(&config, broker, number, qos, payload_bytes)?);
    }
    let before = broker.cpu_s()?;
    let barrier = Barrier::new(PAIRS);
    let deliveries = thread::scope(|scope| {
        let pairs: Vec<_> = pairs
            .iter_mut()
            .map(|pair| {
                scope.spawn(|| {
                    barrier.wait();
                    pair.exchange(time)
                })
            })
            .collect();
        pairs.into_iter().map(|pair| pair.join().map_err(|_| "a pair panicked")?).sum::<Result<u32>>()
    })?;
    Ok(f64::from(deliveries) / (broker.cpu_s()? - before))
}

struct Pair {
    publisher: Connection,
    subscriber: Connection,
    /// All packets of one.
    batch: Vec<u8>,
    /// Messages of one.
    messages: usize,
    qos: u8,
    payload_bytes: usize,
}

impl Pair {
    fn connect(
        config: &Arc<ClientConfig>,
        broker: &Broker,
        number: usize,
        qos: u8,
        payload_bytes: usize,
    ) -> Result<Self> {
        let topic = format!("pairs/{number}");
        let mut subscriber = Connection::open(config, broker.address, &format!("subscriber-{number}"))?;
        subscriber.subscribe(&topic, qos)?;
        let publisher = Connection::open(config, broker.address, &format!("publisher-{number}"))?;
        let messages = (BATCH_BYTES_MAX / payload_bytes).clamp(1, BATCH_MAX);
        let mut batch = Vec::new();
        for packet_id in 1..=messages {
            let mut body = Vec::new();
            put_text(&topic, &mut body);
            if qos > 0 {
                body.extend_from_slice(&(packet_id as u16).to_be_bytes());
            }
            body.resize(body.len() + payload_bytes, b'x');
            put_packet(PUBLISH | qos << 1, &body, &mut batch);
        }
        Ok(Self { publisher, subscriber, batch, messages, qos, payload_bytes })
    }

    /// How many messages were delivered.
    fn exchange(&mut self, time: Duration) -> Result<u32> {
        let (start, mut deliveries) = (Instant::now(), 0);
        let topic_bytes = 2 + "pairs/0".len();
        let mut acknowledgements = Vec::new();
        while start.elapsed() < time {
            self.publisher.send(&self.batch)?;
            acknowledgements.clear();
            for _ in 0..self.messages {
                let packet = self.subscriber.next_packet()?;
                if packet.first().is_none_or(|first| first & 0xF0 != PUBLISH) || packet.len() < self.payload_bytes {
                    return Err("something else came than the message".into());
                }
                if self.qos > 0 {
                    let at = packet.len() - self.payload_bytes - 2;
                    let packet_id = packet.get(at..at + 2).filter(|_| at > topic_bytes).ok_or("no packet id")?;
                    put_packet(PUBACK, packet_id, &mut acknowledgements);
                }
                deliveries += 1;
            }
            if self.qos > 0 {
                self.subscriber.send(&acknowledgements)?;
                for _ in 0..self.messages {
                    if self.publisher.next_packet()?.first() != Some(&PUBACK) {
                        return Err("something else came than PUBACK".into());
                    }
                }
            }
        }
        Ok(deliveries)
    }
}
