//! A broker over a disk: shards, mail, connections, and the journal, each of which goes on when it is told to.

use super::snapshot::Saving;
use crate::random::Random;
use mosquitto_broker::{ConnectionId, LogLine, Mail, Moment, Shard, ShardId, Shared, Then};
use mosquitto_mqtt::{FixedHeader, ProtocolVersion};
use mosquitto_storage::journal::{Kind, TestDisk, WriteError, Writer};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// The power is off.
#[derive(Debug)]
pub(crate) struct PowerOff;

/// That a client has a message for good, as the shard has read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) client: usize,
    pub(crate) number: u32,
    pub(crate) group: bool,
}

/// A frame that was not written yet.
struct Frame {
    shard: Option<usize>,
    kind: Kind,
    payload: Vec<u8>,
    marks: Vec<Mark>,
}

/// A packet that a shard has read.
#[derive(Debug)]
pub(crate) struct Consumed {
    pub(crate) link: usize,
    pub(crate) packet: Vec<u8>,
}

pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) version: ProtocolVersion,
    shard: usize,
    id: Option<ConnectionId>,
    handed_over: bool,
    pub(crate) inbox: Vec<u8>,
    pub(crate) outbox: Vec<u8>,
    /// The client has closed it.
    pub(crate) is_cut: bool,
    /// The broker has closed it.
    pub(crate) is_over: bool,
    /// Messages whose PUBACK or PUBREC is in the inbox.
    pub(crate) acknowledged: VecDeque<Mark>,
}

pub(crate) struct Broker {
    pub(crate) disk: TestDisk,
    pub(crate) now: Moment,
    /// The wall clock at the moment 0, in milliseconds.
    pub(crate) epoch_ms: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) writer: Writer,
    pub(crate) next_number: u64,
    waiting: VecDeque<Frame>,
    /// Frames that are written and not safe: sequence numbers, shards and marks.
    unsafe_frames: VecDeque<(u64, Option<usize>, Vec<Mark>)>,
    /// Frames of each shard that are safe, and that it knows to be.
    safe: Vec<u64>,
    mail: Vec<Vec<VecDeque<Mail>>>,
    pub(crate) links: Vec<Link>,
    ending: Vec<(usize, ConnectionId)>,
    pub(crate) consumed: Vec<Consumed>,
    pub(crate) safe_marks: Vec<Mark>,
    pub(crate) log: Option<Vec<String>>,
    pub(crate) saving: Option<Saving>,
}

impl Broker {
    pub(crate) fn new(
        disk: TestDisk,
        (now, epoch_ms): (Moment, u64),
        (shared, shards): (Arc<Shared>, Vec<Shard>),
        writer: Writer,
        next_number: u64,
    ) -> Self {
        let count = shards.len();
        Self {
            disk,
            now,
            epoch_ms,
            shared,
            shards,
            writer,
            next_number,
            waiting: VecDeque::new(),
            unsafe_frames: VecDeque::new(),
            safe: vec![0; count],
            mail: (0..count).map(|_| (0..count).map(|_| VecDeque::new()).collect()).collect(),
            links: Vec::new(),
            ending: Vec::new(),
            consumed: Vec::new(),
            safe_marks: Vec::new(),
            log: None,
            saving: None,
        }
    }

    pub(crate) fn wall_ms(&self) -> u64 {
        self.epoch_ms + self.now.0
    }

    /// A connection from a client to a shard.
    pub(crate) fn connect(&mut self, client: usize, version: ProtocolVersion, shard: usize) -> usize {
        self.links.push(Link {
            client,
            version,
            shard,
            id: None,
            handed_over: false,
            inbox: Vec::new(),
            outbox: Vec::new(),
            is_cut: false,
            is_over: false,
            acknowledged: VecDeque::new(),
        });
        self.links.len() - 1
    }

    /// Runs a shard for a tick.
    pub(crate) fn tick(&mut self, at: usize, random: &mut Random) {
        let mut marks = Vec::new();
        self.shards[at].begin(self.now);
        self.shards[at].durable(self.safe[at]);
        self.read_links(at, random, &mut marks);
        for from in 0..self.shards.len() {
            for _ in 0..random.below(3) {
                let Some(mail) = self.mail[at][from].pop_front() else { break };
                self.shards[at].mail(&mail);
            }
        }
        self.hand_over(at, random);
        self.shards[at].end();
        if let Some(payload) = self.shards[at].take_changes(Vec::new()) {
            self.waiting.push_back(Frame { shard: Some(at), kind: Kind::Changes, payload, marks });
        }
        self.post(at);
        self.write_links(at);
        let mut lines: Vec<LogLine> = Vec::new();
        self.shards[at].log_lines(&mut lines);
        if let Some(log) = &mut self.log {
            log.extend(lines.iter().map(|line| format!("    shard {at}: {line:?}")));
        }
    }

    fn read_links(&mut self, at: usize, random: &mut Random, marks: &mut Vec<Mark>) {
        let count = self.links.len();
        let first = if count > 0 { random.below(count) } else { 0 };
        for link in (0..count).map(|n| (n + first) % count) {
            if self.links[link].shard != at || self.links[link].is_over {
                continue;
            }
            let id = match self.links[link].id {
                Some(id) => id,
                None => {
                    let shard = &mut self.shards[at];
                    let id =
                        if self.links[link].handed_over { shard.open_handed_over("p", 0) } else { shard.open("p", 0) };
                    self.links[link].id = Some(id);
                    id
                }
            };
            if self.links[link].is_cut && self.links[link].inbox.is_empty() {
                self.shards[at].closed(id, None);
                continue;
            }
            if random.one_in(5) {
                continue;
            }
            let received = self.shards[at].received(id, &self.links[link].inbox);
            self.take_packets(link, received.consumed, marks);
            match received.then {
                Then::HandOver(to) => {
                    self.shards[at].release(id);
                    let link = &mut self.links[link];
                    (link.shard, link.id, link.handed_over) = (to.index(), None, true);
                }
                _ if self.links[link].is_cut => {
                    self.links[link].inbox.clear();
                }
                _ => {}
            }
        }
    }

    /// Notes the packets that were read.
    fn take_packets(&mut self, link: usize, consumed: usize, marks: &mut Vec<Mark>) {
        let bytes: Vec<u8> = self.links[link].inbox.drain(..consumed).collect();
        let mut rest = bytes.as_slice();
        while let Ok(Some(header)) = FixedHeader::parse(rest) {
            let (packet, behind) = rest.split_at(header.packet_len());
            if matches!(packet[0] >> 4, 4 | 5) {
                marks.extend(self.links[link].acknowledged.pop_front());
            }
            self.consumed.push(Consumed { link, packet: packet.to_vec() });
            rest = behind;
        }
    }

    fn post(&mut self, from: usize) {
        let waiting: Vec<usize> = self.shards[from].mail_waiting().map(ShardId::index).collect();
        for to in waiting {
            if self.mail[to][from].len() < 4 {
                let mail = self.shards[from].exchange_mail(ShardId(to as u16), Mail::default());
                self.mail[to][from].push_back(mail);
            }
        }
    }

    fn write_links(&mut self, at: usize) {
        let mut touched = Vec::new();
        self.shards[at].touched(&mut touched);
        for id in touched {
            let link = self.links.iter().position(|link| link.shard == at && link.id == Some(id) && !link.is_over);
            let mut slices = [IoSlice::new(&[]); 16];
            loop {
                let filled = self.shards[at].output(id, &mut slices);
                let len: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
                if len == 0 {
                    break;
                }
                if let Some(link) = link.filter(|link| !self.links[*link].is_cut) {
                    slices[..filled].iter().for_each(|slice| self.links[link].outbox.extend_from_slice(slice));
                }
                self.shards[at].sent(id, len);
                slices = [IoSlice::new(&[]); 16];
            }
        }
        let mut closing = Vec::new();
        self.shards[at].closing(&mut closing);
        self.ending.extend(closing.into_iter().map(|id| (at, id)));
        let (shard, links) = (&mut self.shards[at], &mut self.links);
        self.ending.retain(|&(of, id)| {
            if of != at {
                return true;
            }
            let link = links.iter().position(|link| link.shard == at && link.id == Some(id) && !link.is_over);
            let is_cut = link.is_none_or(|link| links[link].is_cut);
            if !is_cut && shard.withheld_len(id) > 0 {
                return true;
            }
            shard.release(id);
            if let Some(link) = link {
                links[link].is_over = true;
            }
            false
        });
    }

    pub(crate) fn withheld(&self) -> usize {
        let of = |link: &Link| link.id.map_or(0, |id| self.shards[link.shard].withheld_len(id));
        self.links.iter().filter(|link| !link.is_over).map(of).sum()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
            && self.unsafe_frames.is_empty()
            && self.mail.iter().flatten().all(VecDeque::is_empty)
            && self.shards.iter().all(|shard| shard.mail_waiting().next().is_none())
            && self.links.iter().all(|link| link.is_over || link.inbox.is_empty())
    }

    pub(crate) fn push_boot(&mut self, payload: Vec<u8>) {
        self.waiting.push_back(Frame { shard: None, kind: Kind::Boot, payload, marks: Vec::new() });
    }

    /// Writes so many frames at most. False where there was no room for one.
    pub(crate) fn write_frames(&mut self, most: usize) -> Result<bool, PowerOff> {
        for _ in 0..most {
            let Some(frame) = self.waiting.front() else { break };
            match self.writer.append(frame.kind, self.epoch_ms.cast_signed(), &frame.payload) {
                Ok(sequence) => {
                    let Some(frame) = self.waiting.pop_front() else { break };
                    self.unsafe_frames.push_back((sequence, frame.shard, frame.marks));
                }
                Err(WriteError::NoRoom) => {
                    self.shared.set_storage_full(true);
                    return Ok(false);
                }
                Err(WriteError::Failed(_)) => return Err(PowerOff),
            }
        }
        Ok(self.waiting.is_empty())
    }

    pub(crate) fn flush(&mut self) -> Result<(), PowerOff> {
        no_room_is_none(self.writer.flush()).map(|_| ())
    }

    /// Syncs what was written, which is safe then.
    pub(crate) fn sync(&mut self) -> Result<(), PowerOff> {
        no_room_is_none(self.writer.sync())?;
        let synced = self.writer.synced();
        while let Some((_, shard, marks)) = self.unsafe_frames.pop_front_if(|(sequence, ..)| *sequence <= synced) {
            if let Some(shard) = shard {
                self.safe[shard] += 1;
            }
            self.safe_marks.extend(marks);
        }
        Ok(())
    }

    /// Looks for room for the next segment.
    pub(crate) fn prepare(&mut self) -> Result<(), PowerOff> {
        no_room_is_none(self.writer.prepare())?;
        self.shared.set_storage_full(self.writer.is_full());
        Ok(())
    }
}

pub(crate) fn no_room_is_none<T>(result: Result<T, WriteError>) -> Result<Option<T>, PowerOff> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(WriteError::NoRoom) => Ok(None),
        Err(WriteError::Failed(_)) => Err(PowerOff),
    }
}
