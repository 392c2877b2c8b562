//! A broker of several shards under a fake clock, with simulated peers and mail that can be delayed.
//!
//! Peers write packets and read what comes back as short texts, so that a scenario reads like a conversation.

mod disk;
mod kept;
mod peer;
mod raw;
mod replay;
mod show;

pub(crate) use peer::{Options, Peer, connect};
pub(crate) use raw::{field, packet, raw_connect};
pub(crate) use show::show;

/// Default settings of a broker with this one listener.
pub(crate) fn of_listener(listener: ListenerSettings) -> Settings {
    Settings { listeners: vec![listener], ..Settings::default() }
}

use mosquitto_broker::{
    ConnectionId, DropReason, ListenerSettings, LogLine, LogMask, Mail, Moment, PasswordCheck, Persistence, Received,
    Secured, Settings, Shard, ShardId, Shared, Then,
};
use mosquitto_mqtt::{FixedHeader, ProtocolVersion};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// One simulated network connection.
struct Link {
    shard: usize,
    id: ConnectionId,
    /// Bytes from the peer that the broker has not taken yet.
    inbox: Vec<u8>,
    /// Bytes from the broker that the peer has not read yet.
    outbox: Vec<u8>,
    open: bool,
    /// Whether the peer takes what is sent to it.
    reading: bool,
    version: ProtocolVersion,
    listener: u16,
}

/// The broker and everybody who talks to it.
pub(crate) struct Net {
    pub(crate) shards: Vec<Shard>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) now: Moment,
    /// How far the clock of each shard is behind, in milliseconds.
    lags_ms: Vec<u64>,
    links: Vec<Link>,
    /// Mail under way, by receiver, in the order in which it was taken from each sender.
    mail: Vec<VecDeque<(usize, Mail)>>,
    used_mail: Vec<Mail>,
    /// Whether mail stays under way.
    pub(crate) hold_mail: bool,
    /// Passwords to be looked at, with the shard that wants it.
    checks: Vec<(usize, PasswordCheck)>,
    /// Whether nobody looks at them.
    pub(crate) hold_checks: bool,
    pub(crate) log: Vec<LogLine>,
    pub(crate) disk: disk::Disk,
}

impl Net {
    /// A broker of three shards with Mosquitto's default settings.
    pub(crate) fn new() -> Self {
        Self::with(3, Settings::default())
    }

    /// A broker of so many shards with these settings.
    pub(crate) fn with(shards: u16, settings: Settings) -> Self {
        let persistence = match settings.persistence {
            Persistence::Off if disk::IS_ALWAYS => Persistence::Synced,
            persistence => persistence,
        };
        let settings = Settings { log: LogMask::ALL, persistence, ..settings };
        let disk = disk::Disk::new(shards, &settings);
        let (shared, settings) = (Shared::new(shards), Arc::new(settings));
        let shard = |at: u16| Shard::new(ShardId(at), Arc::clone(&shared), Arc::clone(&settings), [at as u8 + 1; 32]);
        Self {
            shards: (0..shards).map(shard).collect(),
            now: Moment(1_000_000),
            lags_ms: vec![0; usize::from(shards)],
            links: Vec::new(),
            mail: (0..shards).map(|_| VecDeque::new()).collect(),
            used_mail: Vec::new(),
            hold_mail: false,
            checks: Vec::new(),
            hold_checks: false,
            log: Vec::new(),
            disk,
            shared,
        }
    }

    /// A new network connection to the shard of this number; nothing is sent yet.
    pub(crate) fn dial(&mut self, shard: usize) -> Peer {
        self.dial_through(shard, 0)
    }

    /// Likewise, through the listener of this number.
    pub(crate) fn dial_through(&mut self, shard: usize, listener: u16) -> Peer {
        let at = self.links.len();
        self.shards[shard].begin(self.now);
        let id = self.shards[shard].open(&format!("127.0.0.1:{}", 50_000 + at), listener);
        self.shards[shard].end();
        self.links.push(Link {
            shard,
            id,
            inbox: Vec::new(),
            outbox: Vec::new(),
            open: true,
            reading: true,
            version: ProtocolVersion::V311,
            listener,
        });
        Peer(at)
    }

    /// Tells the broker that a connection is inside TLS. One that is handed over later is not known to be.
    pub(crate) fn secured(&mut self, peer: Peer, secured: Secured) {
        let Link { shard, id, .. } = self.links[peer.0];
        self.shards[shard].secured(id, secured);
    }

    /// Sends bytes from a peer and lets the broker work until it is quiet.
    pub(crate) fn send_bytes(&mut self, peer: Peer, bytes: &[u8]) {
        self.links[peer.0].inbox.extend_from_slice(bytes);
        self.run();
    }

    /// Sends bytes from a peer that the broker finds in its next tick.
    pub(crate) fn leave_bytes(&mut self, peer: Peer, bytes: &[u8]) {
        self.links[peer.0].inbox.extend_from_slice(bytes);
    }

    /// Tells the broker that a part of a packet came from a peer.
    pub(crate) fn heard(&mut self, peer: Peer) {
        let link = &self.links[peer.0];
        if link.open {
            self.shards[link.shard].heard(link.id);
        }
    }

    /// Gives the broker bytes from a peer in a tick of their own, and returns what it says to them.
    pub(crate) fn received_at_once(&mut self, peer: Peer, bytes: &[u8]) -> Received {
        let Link { shard, id, .. } = self.links[peer.0];
        let shard = &mut self.shards[shard];
        shard.begin(self.now);
        let received = shard.received(id, bytes);
        shard.end();
        received
    }

    /// Likewise, with a buffer of their own. Returns what is left of them as well.
    pub(crate) fn received_whole_at_once(&mut self, peer: Peer, bytes: Vec<u8>) -> (Received, Vec<u8>) {
        let Link { shard, id, .. } = self.links[peer.0];
        let shard = &mut self.shards[shard];
        shard.begin(self.now);
        let received = shard.received_whole(id, bytes);
        shard.end();
        received
    }

    /// Bytes from a peer that the broker has not taken.
    pub(crate) fn unread_by_broker(&self, peer: Peer) -> usize {
        self.links[peer.0].inbox.len()
    }

    /// What a peer received since it last looked, packet by packet as text.
    pub(crate) fn got(&mut self, peer: Peer) -> Vec<String> {
        let link = &mut self.links[peer.0];
        show(&std::mem::take(&mut link.outbox), link.version)
    }

    /// The first packet that a peer has not looked at yet. The others can still be read.
    pub(crate) fn got_first(&mut self, peer: Peer) -> String {
        let link = &mut self.links[peer.0];
        let header = FixedHeader::parse(&link.outbox).unwrap().expect("nothing came");
        let first: Vec<u8> = link.outbox.drain(..header.packet_len()).collect();
        show(&first, link.version).remove(0)
    }

    /// What a peer received since it last looked, as bytes.
    pub(crate) fn got_bytes(&mut self, peer: Peer) -> Vec<u8> {
        std::mem::take(&mut self.links[peer.0].outbox)
    }

    /// Whether the broker has not closed the connection.
    pub(crate) fn is_open(&self, peer: Peer) -> bool {
        self.links[peer.0].open
    }

    /// The network connection ends without a word.
    pub(crate) fn cut(&mut self, peer: Peer) {
        self.lose(peer, None);
    }

    /// The network connection ends with an error of the system's.
    pub(crate) fn break_with(&mut self, peer: Peer, error: &str) {
        self.lose(peer, Some(error));
    }

    fn lose(&mut self, peer: Peer, error: Option<&str>) {
        let (shard, id) = (self.links[peer.0].shard, self.links[peer.0].id);
        if std::mem::replace(&mut self.links[peer.0].open, false) {
            let shard = &mut self.shards[shard];
            shard.begin(self.now);
            shard.closed(id, error);
            shard.end();
        }
        self.run();
    }

    /// From now on the peer takes nothing, or takes everything again.
    pub(crate) fn set_reading(&mut self, peer: Peer, reading: bool) {
        self.links[peer.0].reading = reading;
        self.run();
    }

    /// The network takes all that it is offered in one go, and says how much that was.
    pub(crate) fn take_offered(&mut self, peer: Peer) -> usize {
        let before = self.output_len(peer);
        self.take_output(peer, usize::MAX);
        before - self.output_len(peer)
    }

    /// The network takes so many bytes from the broker that the peer does not look at yet.
    pub(crate) fn take_output(&mut self, peer: Peer, len: usize) {
        let link = &mut self.links[peer.0];
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = self.shards[link.shard].output(link.id, &mut slices);
        let bytes: Vec<u8> = slices[..filled].iter().flat_map(|s| s.iter().copied()).take(len).collect();
        link.outbox.extend_from_slice(&bytes);
        self.shards[link.shard].sent(link.id, bytes.len());
    }

    /// Lets time pass, second by second.
    pub(crate) fn advance(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + 1000;
            self.run();
        }
    }

    /// From now on the clock of a shard is so far behind.
    pub(crate) fn set_lag_ms(&mut self, shard: usize, lag_ms: u64) {
        self.lags_ms[shard] = lag_ms;
    }

    fn time_on(&self, shard: usize) -> Moment {
        Moment(self.now.0 - self.lags_ms[shard])
    }

    /// Lets a long time pass, after which a shard has but one tick.
    pub(crate) fn leap_to_a_tick(&mut self, shard: usize, seconds: u64) {
        self.now = self.now + seconds * 1000;
        self.tick(shard);
    }

    /// Lets a long time pass at once.
    pub(crate) fn leap(&mut self, seconds: u64) {
        self.now = self.now + seconds * 1000;
        self.run();
    }

    /// Delivers the mail that was held.
    pub(crate) fn deliver_mail(&mut self) {
        self.hold_mail = false;
        self.run();
    }

    /// How many passwords wait to be looked at.
    pub(crate) fn waiting_checks(&self) -> usize {
        self.checks.len()
    }

    /// Somebody looks at the passwords that were held back.
    pub(crate) fn do_checks(&mut self) {
        self.hold_checks = false;
        self.run();
    }

    /// Nobody has time for the passwords that were held back.
    pub(crate) fn give_checks_up(&mut self) {
        for (at, check) in std::mem::take(&mut self.checks) {
            self.shards[at].begin(self.now);
            self.shards[at].password_checked(check.give_up());
            self.shards[at].end();
        }
        self.run();
    }

    /// The log lines that contain a text.
    pub(crate) fn log_with(&self, text: &str) -> Vec<&str> {
        self.log.iter().map(|line| line.text.as_str()).filter(|line| line.contains(text)).collect()
    }

    /// Bytes that wait in the broker for a peer.
    pub(crate) fn output_len(&self, peer: Peer) -> usize {
        let link = &self.links[peer.0];
        self.shards[link.shard].output_len(link.id)
    }

    /// Messages that were dropped for this reason.
    pub(crate) fn dropped(&self, reason: DropReason) -> u64 {
        self.shards.iter().map(|shard| shard.statistics().dropped_for(reason)).sum()
    }

    pub(crate) fn session_count(&self) -> usize {
        self.shards.iter().map(Shard::session_count).sum()
    }

    /// Connections and deadlines of all shards.
    pub(crate) fn connections_and_deadlines(&self) -> (usize, usize) {
        let connections = self.shards.iter().map(Shard::connection_count).sum();
        (connections, self.shards.iter().filter_map(Shard::next_deadline).count())
    }

    /// Has all shards go on with other settings, of which the log gets everything.
    pub(crate) fn reconfigure(&mut self, settings: Settings) {
        let settings = Arc::new(Settings { log: LogMask::ALL, ..settings });
        self.shards.iter_mut().for_each(|shard| shard.reconfigure(Arc::clone(&settings)));
        self.run();
    }

    /// Ticks of all shards until nothing moves any more.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for at in 0..self.shards.len() {
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
        let now = self.time_on(at);
        self.shards[at].begin(now);
        self.go_on_with_snapshot(at);
        if !self.hold_mail {
            while let Some((_, mail)) = self.mail[at].pop_front() {
                self.shards[at].mail(&mail);
                self.used_mail.push(mail);
                moved = true;
            }
        }
        if !self.hold_checks {
            for (_, check) in self.checks.extract_if(.., |(shard, _)| *shard == at).collect::<Vec<_>>() {
                self.shards[at].password_checked(check.carry_out());
                moved = true;
            }
        }
        for link in 0..self.links.len() {
            if self.links[link].shard == at && self.links[link].open {
                moved |= self.feed(link);
            }
        }
        self.shards[at].end();
        self.write_changes(at);
        let moved = self.drain(at) || moved;
        // A deadline that has passed asks for another tick.
        moved || self.shards[at].next_deadline().is_some_and(|due| due <= self.now)
    }

    fn feed(&mut self, at: usize) -> bool {
        let link = &mut self.links[at];
        if link.inbox.is_empty() {
            return false;
        }
        // As in the server, what waited is given away with its buffer.
        let (received, rest) = self.shards[link.shard].received_whole(link.id, std::mem::take(&mut link.inbox));
        link.inbox = rest;
        if let Then::HandOver(to) = received.then {
            self.shards[link.shard].release(link.id);
            link.shard = to.index();
            let shard = &mut self.shards[link.shard];
            shard.begin(self.now);
            link.id = shard.open_handed_over(&format!("127.0.0.1:{}", 50_000 + at), link.listener);
            shard.end();
            return true;
        }
        received.consumed > 0
    }

    fn drain(&mut self, at: usize) -> bool {
        let mut moved = false;
        for to in 0..self.shards.len() {
            // A mailbox takes four batches, as in the server; batches that were read are filled again.
            let waits = self.shards[at].mail_waiting().any(|shard| shard.index() == to);
            if waits && self.mail[to].iter().filter(|(from, _)| *from == at).count() < 4 {
                let used = self.used_mail.pop().unwrap_or_default();
                let mail = self.shards[at].exchange_mail(ShardId(to as u16), used);
                self.mail[to].push_back((at, mail));
                moved = true;
            }
        }
        self.shards[at].touched(&mut Vec::new());
        for link in self.links.iter_mut().filter(|l| l.shard == at) {
            if !link.reading {
                if self.shards[at].output_len(link.id) > 0 {
                    self.shards[at].sent(link.id, 0);
                }
                continue;
            }
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = self.shards[at].output(link.id, &mut slices);
            let bytes: Vec<u8> = slices[..filled].iter().flat_map(|s| s.iter().copied()).collect();
            if link.open || !bytes.is_empty() {
                moved |= !bytes.is_empty();
                link.outbox.extend_from_slice(&bytes);
                self.shards[at].sent(link.id, bytes.len());
            }
        }
        let mut closing = Vec::new();
        self.shards[at].closing(&mut closing);
        for id in closing {
            moved = true;
            for link in self.links.iter_mut().filter(|l| l.shard == at && l.id == id && l.open) {
                link.open = false;
            }
            self.shards[at].release(id);
            // The number is the shard's again: no link may stand for it any more.
            for link in self.links.iter_mut().filter(|l| l.shard == at && l.id == id && !l.open) {
                link.shard = usize::MAX;
            }
        }
        let mut checks = Vec::new();
        self.shards[at].password_checks(&mut checks);
        moved |= !checks.is_empty();
        self.checks.extend(checks.into_iter().map(|check| (at, check)));
        let mut lines = Vec::new();
        self.shards[at].log_lines(&mut lines);
        self.log.append(&mut lines);
        moved
    }

    /// Tells which shard a client id is at home on.
    pub(crate) fn home_of(&self, client_id: &str) -> usize {
        self.shared.home_of(client_id).index()
    }

    /// A client id that begins with `prefix` and is at home on this shard.
    pub(crate) fn id_at_home_on(&self, prefix: &str, shard: usize) -> String {
        (0..).map(|n| format!("{prefix}{n}")).find(|id| self.home_of(id) == shard).unwrap()
    }

    pub(crate) fn set_version(&mut self, peer: Peer, version: ProtocolVersion) {
        self.links[peer.0].version = version;
    }
}
