//! The broker's side: two shards under a fake clock, the mail between them, and the network.

use mosquitto_broker::{ConnectionId, Mail, Moment, Received, Settings, Shard, ShardId, Shared, Then};
use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;

const SHARDS: usize = 2;

/// Ticks after which a broker that was left alone has to be at rest.
const TICKS_MAX: usize = 2_000;

/// Batches from one shard that wait for another at most, as in the server.
const BATCHES_MAX: usize = 4;

/// The longest line of the log, in bytes.
const LINE_BYTES_MAX: usize = 999;

/// A network connection, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(usize);

/// How a client loses its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Silent,
    Error,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Wire {
    shard: usize,
    id: ConnectionId,
    /// Bytes that the broker has not taken.
    inbox: Vec<u8>,
    /// Whether some of them came since the last tick.
    news: bool,
    /// Bytes of the packet that it waits for; 0 where it cannot tell.
    packet_len: usize,
    /// Bytes that the client has not looked at.
    outbox: Vec<u8>,
    reading: bool,
    /// Whether it is to be told that it can write, though nothing is new.
    writable: bool,
    open: bool,
}

#[derive(Debug)]
pub(super) struct Broker {
    shards: [Shard; SHARDS],
    shared: Arc<Shared>,
    max_packet_size: usize,
    now: Moment,
    /// Those that a client holds.
    wires: BTreeMap<usize, Wire>,
    dialled: usize,
    /// By receiver, with the sender.
    mail: [VecDeque<(usize, Mail)>; SHARDS],
    used: Vec<Mail>,
    pub(super) hold_mail: bool,
}

impl Broker {
    pub(super) fn new(settings: Settings) -> Self {
        let (shared, settings) = (Shared::new(SHARDS as u16), Arc::new(settings));
        let shard = |at: u8| Shard::new(ShardId(at.into()), Arc::clone(&shared), Arc::clone(&settings), [at + 1; 32]);
        Self {
            shards: [shard(0), shard(1)],
            max_packet_size: settings.max_packet_size as usize,
            now: Moment(1_000_000),
            wires: BTreeMap::new(),
            dialled: 0,
            mail: [VecDeque::new(), VecDeque::new()],
            used: Vec::new(),
            hold_mail: false,
            shared,
        }
    }

    /// A client id that begins with `prefix` and is at home on this shard: which ids are is another in every process.
    pub(super) fn id_at_home_on(&self, prefix: &str, shard: usize) -> String {
        let mut ids = (0..).map(|number| format!("{prefix}{number}"));
        ids.find(|id| self.shared.home_of(id).index() == shard).unwrap_or_default()
    }

    /// A new connection, to the shard that accepts it.
    pub(super) fn dial(&mut self, shard: usize) -> Link {
        let at = self.dialled;
        self.dialled += 1;
        self.shards[shard].begin(self.now);
        let id = self.shards[shard].open(&format!("127.0.0.1:{at}"), 0);
        self.shards[shard].end();
        let (inbox, outbox) = (Vec::new(), Vec::new());
        let wire =
            Wire { shard, id, inbox, news: false, packet_len: 0, outbox, reading: true, writable: false, open: true };
        self.wires.insert(at, wire);
        Link(at)
    }

    /// Bytes come in, to be looked at in the next tick.
    pub(super) fn deliver(&mut self, link: Link, bytes: &[u8]) {
        let wire = self.wire(link);
        if !wire.open {
            return;
        }
        wire.inbox.extend_from_slice(bytes);
        wire.news = true;
    }

    /// What the client got, and whether it can get more. If not, it has to let go of the connection.
    pub(super) fn fetch(&mut self, link: Link) -> (Vec<u8>, bool) {
        let wire = self.wire(link);
        let (bytes, open) = (std::mem::take(&mut wire.outbox), wire.open);
        if !open {
            self.wires.remove(&link.0);
        }
        (bytes, open)
    }

    fn wire(&mut self, link: Link) -> &mut Wire {
        self.wires.get_mut(&link.0).expect("the client holds this connection")
    }

    /// Whether nothing holds back what a client asks and gets.
    pub(super) fn flows(&self, link: Link) -> bool {
        !self.hold_mail && self.wires.get(&link.0).is_some_and(|wire| wire.open && wire.reading)
    }

    pub(super) fn output_len(&self, link: Link) -> usize {
        self.wires.get(&link.0).filter(|wire| wire.open).map_or(0, |wire| self.shards[wire.shard].output_len(wire.id))
    }

    pub(super) fn set_reading(&mut self, link: Link, reading: bool) {
        let wire = self.wire(link);
        (wire.reading, wire.writable) = (reading, reading);
    }

    /// The network takes some bytes on behalf of a client that may not be reading.
    pub(super) fn take_output(&mut self, link: Link, len: usize) {
        let wire = self.wires.get_mut(&link.0).expect("the client holds this connection");
        if wire.open {
            let (id, mut bytes) = (wire.id, unsent(&self.shards[wire.shard], wire.id));
            bytes.truncate(len);
            self.shards[wire.shard].sent(id, bytes.len());
            wire.outbox.extend_from_slice(&bytes);
        }
    }

    /// The client goes. Returns what it would still have got.
    pub(super) fn hang_up(&mut self, link: Link, loss: Loss) -> Vec<u8> {
        let Some(mut wire) = self.wires.remove(&link.0) else { return Vec::new() };
        let mut last = std::mem::take(&mut wire.outbox);
        if wire.open {
            let shard = &mut self.shards[wire.shard];
            last.extend_from_slice(&unsent(shard, wire.id));
            shard.begin(self.now);
            shard.closed(wire.id, if loss == Loss::Error { Some("No route to host") } else { None });
            shard.end();
        }
        last
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now + seconds * 1000;
    }

    /// Ticks of all shards until nothing moves.
    pub(super) fn run(&mut self) {
        for _ in 0..TICKS_MAX {
            let mut moved = false;
            for at in 0..SHARDS {
                moved |= self.tick(at);
            }
            if !moved {
                return;
            }
        }
        panic!("the broker does not come to rest");
    }

    fn tick(&mut self, at: usize) -> bool {
        let mut moved = false;
        self.shards[at].begin(self.now);
        while !self.hold_mail
            && let Some((_, mail)) = self.mail[at].pop_front()
        {
            self.shards[at].mail(&mail);
            self.used.push(mail);
            moved = true;
        }
        let here = self.wires.iter().filter(|(_, wire)| wire.shard == at && wire.open);
        for number in here.map(|(&number, _)| number).collect::<Vec<_>>() {
            moved |= self.feed(Link(number));
        }
        self.shards[at].end();
        moved |= self.post(at);
        moved |= self.write(at);
        moved |= self.close(at);
        self.check_log(at);
        moved || self.shards[at].next_deadline().is_some_and(|due| due <= self.now)
    }

    fn feed(&mut self, link: Link) -> bool {
        let wire = self.wires.get_mut(&link.0).expect("the client holds this connection");
        let news = std::mem::take(&mut wire.news);
        if wire.inbox.is_empty() {
            return false;
        }
        // A packet that is known not to be whole is gathered elsewhere, as the server does.
        if wire.inbox.len() < wire.packet_len {
            if news {
                self.shards[wire.shard].heard(wire.id);
            }
            return false;
        }
        let Received { consumed, then } = self.shards[wire.shard].received(wire.id, &wire.inbox);
        assert!(consumed <= wire.inbox.len(), "more was taken than there was");
        wire.inbox.drain(..consumed);
        wire.packet_len = 0;
        match then {
            Then::Wait { packet_len } => {
                assert!(packet_len == 0 || packet_len > wire.inbox.len(), "a whole packet is waited for");
                assert!(packet_len <= self.max_packet_size, "a packet of {packet_len} bytes is waited for");
                assert!(packet_len > 0 || wire.inbox.len() < 5, "a header has five bytes at most");
                wire.packet_len = packet_len;
            }
            Then::HandOver(to) => {
                assert!(consumed == 0 && to.index() != wire.shard, "nothing is handed over but a CONNECT");
                self.hand_over(link, to.index());
                return true;
            }
            Then::Ended { .. } => wire.inbox.clear(),
            Then::Checking => unreachable!("there is no password file"),
            Then::Busy | Then::Full => assert!(!wire.inbox.is_empty(), "there is nothing to wait for"),
        }
        consumed > 0
    }

    fn hand_over(&mut self, link: Link, to: usize) {
        let wire = self.wires.get_mut(&link.0).expect("the client holds this connection");
        assert_eq!(self.shards[wire.shard].output_len(wire.id), 0, "something was answered already");
        self.shards[wire.shard].release(wire.id);
        wire.shard = to;
        self.shards[to].begin(self.now);
        wire.id = self.shards[to].open_handed_over(&format!("127.0.0.1:{}", link.0), 0);
        self.shards[to].end();
    }

    fn post(&mut self, at: usize) -> bool {
        let mut moved = false;
        for to in 0..SHARDS {
            let waits = self.shards[at].mail_waiting().any(|shard| shard.index() == to);
            if waits && self.mail[to].iter().filter(|(from, _)| *from == at).count() < BATCHES_MAX {
                let mail = self.shards[at].exchange_mail(ShardId(to as u16), self.used.pop().unwrap_or_default());
                self.mail[to].push_back((at, mail));
                moved = true;
            }
        }
        moved
    }

    /// Sends what is new, and what waits where the network takes more again.
    fn write(&mut self, at: usize) -> bool {
        let mut touched = Vec::new();
        self.shards[at].touched(&mut touched);
        let mut moved = false;
        for wire in self.wires.values_mut().filter(|wire| wire.shard == at && wire.open) {
            let new = touched.iter().filter(|&&id| id == wire.id).count();
            assert!(new <= 1, "a connection stands in the list twice");
            if !wire.reading {
                if self.shards[at].output_len(wire.id) > 0 {
                    self.shards[at].sent(wire.id, 0);
                }
            } else if new == 1 || wire.writable {
                let bytes = unsent(&self.shards[at], wire.id);
                self.shards[at].sent(wire.id, bytes.len());
                wire.writable = self.shards[at].output_len(wire.id) > 0;
                wire.outbox.extend_from_slice(&bytes);
                moved |= !bytes.is_empty();
            }
        }
        moved
    }

    fn close(&mut self, at: usize) -> bool {
        let mut closing = Vec::new();
        self.shards[at].closing(&mut closing);
        for &id in &closing {
            for wire in self.wires.values_mut().filter(|wire| wire.shard == at && wire.id == id) {
                // Also what a client that does not read would have got, to be looked at.
                wire.outbox.extend_from_slice(&unsent(&self.shards[at], id));
                wire.open = false;
                wire.inbox = Vec::new();
                // The number is the shard's again.
                wire.shard = usize::MAX;
            }
            self.shards[at].release(id);
        }
        !closing.is_empty()
    }

    fn check_log(&mut self, at: usize) {
        let mut lines = Vec::new();
        self.shards[at].log_lines(&mut lines);
        for line in lines {
            let allowed = |c: char| !c.is_control() || c == '\t';
            assert!(line.text.len() <= LINE_BYTES_MAX && line.text.chars().all(allowed), "{:?}", line.text);
        }
    }

    /// Where nobody is connected, only a session can have a deadline.
    pub(super) fn deadlines_have_their_sessions(&self) {
        for shard in &self.shards {
            assert_eq!(shard.connection_count(), 0, "a connection is left");
            assert!(shard.session_count() > 0 || shard.next_deadline().is_none(), "a deadline is left of nothing");
        }
    }

    /// Nobody is connected, and nothing is to come.
    pub(super) fn is_empty_but_for_sessions(&self) {
        for shard in &self.shards {
            assert_eq!(shard.connection_count(), 0, "a connection is left");
            assert_eq!(shard.next_deadline(), None, "a deadline is left");
            assert_eq!(shard.mail_waiting().count(), 0, "mail is left");
        }
    }

    /// Nothing is left but retained messages.
    pub(super) fn is_empty(&self) {
        self.is_empty_but_for_sessions();
        assert_eq!(self.shards.iter().map(Shard::session_count).sum::<usize>(), 0, "a session is left");
        assert_eq!(self.shared.subscription_count(), 0, "a subscription is left");
    }
}

/// All that waits for a connection, in order.
fn unsent(shard: &Shard, id: ConnectionId) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let filled = shard.output(id, &mut slices);
    let mut bytes = Vec::new();
    slices.iter().take(filled).for_each(|slice| bytes.extend_from_slice(slice));
    bytes
}
