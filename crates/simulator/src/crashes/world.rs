//! What happens, each by chance.

use super::Counts;
use super::broker::{Broker, Consumed, PowerOff};
use super::client::{Client, FILTERS, Kind, Message, Session};
use super::start::{Beginning, Start, start};
use crate::random::Random;
use crate::violation::{Checked, must, violated};
use mosquitto_broker::{Persistence, Settings};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{FixedHeader, ProtocolVersion, QoS};
use mosquitto_storage::journal::TestDisk;

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) settings: Settings,
    /// Nothing is waited for: a crash may cost what was acknowledged.
    pub(crate) is_weak: bool,
    pub(crate) broker: Broker,
    pub(crate) clients: Vec<Client>,
    pub(crate) messages: Vec<Message>,
    pub(crate) clock: u64,
    pub(crate) counts: Counts,
    pub(crate) trace: Option<Vec<String>>,
    segment_bytes: u64,
    /// Bits on the disk may change.
    pub(crate) has_damage: bool,
    has_room: bool,
}

impl World {
    pub(crate) fn new(seed: u64, traced: bool) -> Checked<Self> {
        let mut random = Random::new(seed);
        let is_weak = random.one_in(5);
        let has_damage = random.one_in(8);
        let settings = Settings {
            persistence: if is_weak { Persistence::Unsynced } else { Persistence::Synced },
            max_queued_messages: if random.one_in(5) { 4 } else { 0 },
            max_inflight_messages: 20,
            ..Settings::default()
        };
        let clients: Vec<Client> = (0..3 + random.below(4))
            .map(|at| {
                let version = *random.pick(&[ProtocolVersion::V311, ProtocolVersion::V5, ProtocolVersion::V5]);
                let kind = match random.below(5) {
                    0 => Kind::Brief,
                    1 if version.is_v5() => Kind::Mortal(20),
                    _ => Kind::Durable,
                };
                Client::new(format!("c{at}"), version, kind)
            })
            .collect();
        let segment_bytes = 1024 * *random.pick(&[16, 64, 1024]);
        let wall_ms = 1_700_000_000_000 + random.below(1000) as u64;
        let ids: Vec<String> = clients.iter().map(|client| client.id.clone()).collect();
        let shards = 1 + random.below(3);
        let beginning =
            Beginning { disk: TestDisk::new(), settings: &settings, shards, wall_ms, segment_bytes, clients: &ids };
        let begun = match start(beginning, &mut random) {
            Ok(Ok((broker, _))) => broker,
            Ok(Err(PowerOff)) => violated!("the power is off"),
            Err(error) => violated!("the first broker does not start: {error}"),
        };
        let mut world = Self {
            random,
            settings,
            is_weak,
            broker: begun,
            clients,
            messages: Vec::new(),
            clock: 0,
            counts: Counts::default(),
            trace: traced.then(Vec::new),
            segment_bytes,
            has_damage,
            has_room: true,
        };
        world.broker.log = traced.then(Vec::new);
        let (persistence, queued) = (world.settings.persistence, world.settings.max_queued_messages);
        world.note(|w| format!("{persistence:?}, {queued} queued, {} shards, {segment_bytes}", w.broker.shards.len()));
        for at in 0..world.clients.len() {
            world.note(|w| format!("client {at}: {:?} {:?}", w.clients[at].version, w.clients[at].kind));
        }
        Ok(world)
    }

    pub(crate) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = format!("{} {} {}", self.counts.steps, self.broker.wall_ms() % 100_000_000, line(self));
            let more = self.broker.log.as_mut().map(std::mem::take).unwrap_or_default();
            if let Some(trace) = &mut self.trace {
                trace.extend(more);
                trace.push(line);
            }
        }
    }

    pub(crate) fn step(&mut self) -> Checked {
        self.counts.steps += 1;
        self.clock += 1;
        let done = match self.random.below(1000) {
            0..420 => {
                let at = self.random.below(self.clients.len());
                return self.act(at);
            }
            420..720 => {
                let at = self.random.below(self.broker.shards.len());
                return self.tick(at);
            }
            720..790 => {
                let most = *self.random.pick(&[1, 1, 3, 1000]);
                self.broker.write_frames(most).map(|_| ())
            }
            790..850 => self.sync(),
            850..870 => self.broker.flush(),
            870..890 => self.broker.prepare(),
            890..900 => self.broker.begin_saving(&mut self.random, false),
            900..950 => self.broker.go_on_saving().map(|_| ()),
            950..990 => {
                self.broker.now.0 += *self.random.pick(&[1, 10, 100, 1000, 3000]);
                Ok(())
            }
            990..992 => {
                // The power goes off in the middle of something.
                let after = self.broker.disk.operations() + self.random.below(30) as u64;
                self.broker.disk.power_off_after(after);
                self.note(|_| "the power will go off".to_owned());
                Ok(())
            }
            992..995 => {
                self.change_room();
                Ok(())
            }
            995 | 996 => Err(PowerOff),
            997 => return self.stop(),
            _ => Ok(()),
        };
        match done {
            Ok(()) => Ok(()),
            Err(PowerOff) => self.crash(),
        }
    }

    pub(crate) fn sync(&mut self) -> Result<(), PowerOff> {
        self.broker.sync()?;
        for mark in std::mem::take(&mut self.broker.safe_marks) {
            if mark.number == 0 {
                continue;
            }
            if mark.group {
                // After damage a payload may say any number: the database has no checksums.
                if let Some(message) = self.messages.get_mut(mark.number as usize - 1) {
                    message.group_settled += 1;
                }
                continue;
            }
            let client = &mut self.clients[mark.client];
            let Some(book) = client.books.get_mut(&mark.number) else { continue };
            book.settled += 1;
            let message = self.messages.get(mark.number as usize - 1);
            if let Some(message) = message.filter(|message| message.has_place() && !message.is_lenient)
                && !book.is_lenient
            {
                let lane = (message.publisher, message.qos.bits(), QoS::AtLeastOnce.bits());
                let lane = client.lanes.entry(lane).or_default();
                lane.sure = lane.sure.max(mark.number);
            }
        }
        Ok(())
    }

    fn change_room(&mut self) {
        if self.has_room {
            let bytes: usize = self.broker.disk.files().values().map(Vec::len).sum();
            self.broker.disk.set_room(Some((bytes + self.random.below(20_000)) as u64));
        } else {
            self.broker.disk.set_room(None);
        }
        self.has_room = !self.has_room;
        self.note(|w| format!("there is room: {}", w.has_room));
    }

    pub(crate) fn give_room(&mut self) -> Result<(), PowerOff> {
        self.broker.disk.set_room(None);
        self.has_room = true;
        self.broker.prepare()
    }

    pub(crate) fn tick(&mut self, at: usize) -> Checked {
        self.broker.tick(at, &mut self.random);
        if self.broker.shared.is_storage_full() {
            let is_open = |message: &&mut Message| message.is_open && message.qos == QoS::ExactlyOnce;
            self.messages.iter_mut().filter(is_open).for_each(|message| message.was_full = true);
        }
        for Consumed { link, packet } in std::mem::take(&mut self.broker.consumed) {
            let version = self.broker.links[link].version;
            if packet[0] >> 4 != 3 {
                continue;
            }
            let Ok(Some(header)) = FixedHeader::parse(&packet) else { continue };
            let body = &packet[usize::from(header.header_len)..];
            let Ok(publish) = Publish::decode(packet[0], body, version) else { continue };
            let number = number_of(publish.payload);
            if number > 0 {
                let message = &mut self.messages[number as usize - 1];
                message.attempts += 1;
                if message.qos == QoS::AtMostOnce {
                    (message.is_open, message.done_at) = (false, self.clock);
                }
            }
        }
        self.drop_dead_links()
    }

    /// Clients see that the broker has closed their connections.
    fn drop_dead_links(&mut self) -> Checked {
        for at in 0..self.clients.len() {
            if let Some(link) = self.clients[at].link
                && self.broker.links[link].is_over
            {
                self.read(at)?;
                if self.clients[at].link == Some(link) {
                    self.lost(at);
                }
            }
        }
        Ok(())
    }

    /// The machine stops, and starts again with what is on the disk.
    pub(crate) fn crash(&mut self) -> Checked {
        self.counts.crashes += 1;
        self.leave_all()?;
        let random = &mut self.random;
        let image = match random.below(6) {
            0 => self.broker.disk.kill(),
            1 => self.broker.disk.crash_and_lose_all(),
            2 => {
                let block = *random.pick(&[512, 4096]);
                self.broker.disk.crash(block, |most| if random.one_in(4) { most } else { 0 })
            }
            3 => {
                let block = *random.pick(&[512, 4096]);
                self.broker.disk.crash(block, |most| if random.one_in(4) { 0 } else { most })
            }
            _ => {
                let block = *random.pick(&[512, 4096]);
                self.broker.disk.crash(block, |most| random.below(most + 1))
            }
        };
        self.note(|_| "crash".to_owned());
        if self.has_damage && self.random.one_in(3) {
            self.damage(&image);
        }
        if self.is_weak || self.has_damage {
            self.weaken();
        }
        self.begin_again(image)
    }

    fn damage(&mut self, disk: &TestDisk) {
        let files = disk.files();
        let names: Vec<&String> = files.keys().collect();
        for _ in 0..=self.random.below(3) {
            if names.is_empty() {
                return;
            }
            let name = (*self.random.pick(&names)).clone();
            let Some(mut bytes) = disk.read(&name) else { continue };
            if bytes.is_empty() {
                continue;
            }
            let within = if self.random.one_in(2) { 12_000 } else { usize::MAX };
            let at = self.random.below(bytes.len().min(within));
            bytes[at] ^= 1 << self.random.below(8);
            disk.put(&name, &bytes);
            self.note(|_| format!("a bit of {name} at {at} is another one"));
        }
    }

    /// A clean stop, and a start.
    fn stop(&mut self) -> Checked {
        self.counts.stops += 1;
        self.note(|_| "stop".to_owned());
        for _ in 0..200 {
            for at in 0..self.broker.shards.len() {
                self.tick(at)?;
            }
            if !matches!(self.broker.write_frames(usize::MAX), Ok(true)) {
                return self.crash();
            }
            if self.sync().is_err() {
                return self.crash();
            }
            if self.broker.is_quiet() {
                break;
            }
        }
        self.leave_all()?;
        // Their leaving is not seen any more.
        let removes = self.random.below(4) > 0;
        let disk = self.broker.disk.clone();
        let empty = self.nothing()?;
        let broker = std::mem::replace(&mut self.broker, empty);
        match broker.save_finally(&mut self.random, removes) {
            Ok(removed) => {
                let image = disk.crash_and_lose_all();
                let lanes = self.clients.iter_mut().flat_map(|client| client.lanes.values_mut());
                lanes.for_each(|lane| lane.sure = lane.sure.max(lane.here));
                self.note(|_| format!("stopped, without a journal: {removed}: {:?}", image.files().keys()));
                if removed && !self.has_damage && image.files().len() != 1 {
                    violated!("behind a clean stop there are {:?}", image.files().keys());
                }
                self.begin_again(image)
            }
            Err(PowerOff) => {
                self.counts.crashes += 1;
                if self.is_weak || self.has_damage {
                    self.weaken();
                }
                let random = &mut self.random;
                let image = disk.crash(4096, |most| random.below(most + 1));
                self.begin_again(image)
            }
        }
    }

    /// A broker over an empty disk, while there is no other.
    fn nothing(&mut self) -> Checked<Broker> {
        let (disk, settings, segment_bytes) = (TestDisk::new(), &self.settings, self.segment_bytes);
        let wall_ms = self.broker.wall_ms();
        let beginning = Beginning { disk, settings, shards: 1, wall_ms, segment_bytes, clients: &[] };
        match start(beginning, &mut self.random) {
            Ok(Ok((mut broker, _))) => {
                broker.log = self.broker.log.as_ref().map(|_| Vec::new());
                Ok(broker)
            }
            _ => violated!("nothing cannot be started"),
        }
    }

    /// Starts what is on a disk, be it that the power goes off meanwhile.
    fn begin_again(&mut self, mut image: TestDisk) -> Checked {
        let mut wall_ms = self.broker.wall_ms() + *self.random.pick(&[10, 1000, 5000]);
        if self.random.one_in(8) {
            // The wall clock is set.
            wall_ms = if self.random.one_in(2) { wall_ms - 3_600_000 } else { wall_ms + 3_600_000 };
            self.note(|_| "the wall clock is set".to_owned());
            let mortal =
                |client: &&mut Client| matches!(client.kind, Kind::Mortal(_)) && client.session == Session::Yes;
            self.clients.iter_mut().filter(mortal).for_each(|client| client.session = Session::Maybe);
        }
        self.has_room = true;
        for client in &mut self.clients {
            client.lanes.values_mut().for_each(|lane| lane.here = 0);
        }
        let ids: Vec<String> = self.clients.iter().map(|client| client.id.clone()).collect();
        loop {
            if self.random.one_in(4) {
                image.power_off_after(self.random.below(20) as u64);
            }
            let (settings, segment_bytes) = (&self.settings, self.segment_bytes);
            let shards = 1 + self.random.below(3);
            let beginning = Beginning { disk: image.clone(), settings, shards, wall_ms, segment_bytes, clients: &ids };
            let begun = match start(beginning, &mut self.random) {
                Ok(begun) => begun,
                Err(error) => violated!("the broker does not start: {error}"),
            };
            if let Ok((mut broker, found)) = begun {
                self.counts.starts += 1;
                broker.log = self.broker.log.as_ref().map(|_| Vec::new());
                self.broker = broker;
                self.note(|w| format!("started with {shards} shards at {:?}: {found:?}", w.broker.now));
                self.check_start(&found)?;
                // Shards may run before this is on disk.
                let written = if self.random.one_in(3) { Ok(true) } else { self.broker.write_frames(1) };
                if written.is_ok() {
                    return Ok(());
                }
            }
            self.counts.crashes += 1;
            self.note(|_| "the power goes off at the start".to_owned());
            let random = &mut self.random;
            image = image.crash(4096, |most| random.below(most + 1));
        }
    }

    fn check_start(&self, found: &Start) -> Checked {
        if self.has_damage {
            return Ok(());
        }
        must!(!found.is_loss, "something is damaged: {:?}", found.lines);
        let skipped = found.restored.skipped;
        must!(skipped == mosquitto_broker::Skipped::default(), "something could not be used: {skipped:?}");
        Ok(())
    }

    /// All connections break off. What the broker has sent comes to its client, or does not.
    fn leave_all(&mut self) -> Checked {
        for at in 0..self.clients.len() {
            if self.random.one_in(2) {
                self.read(at)?;
            }
            self.lost(at);
        }
        Ok(())
    }

    /// What was acknowledged may be lost, what was finished may come again.
    fn weaken(&mut self) {
        self.note(|_| "what was acknowledged may be lost".to_owned());
        for client in &mut self.clients {
            client.session = Session::Maybe;
            client.held.clear();
            for filter in 0..FILTERS.len() {
                let subscribed = &mut client.filters[filter];
                (subscribed.possible, subscribed.definite) = (subscribed.ever, false);
            }
            client.books.values_mut().for_each(|book| (book.owed, book.settled) = (0, 0));
            client.lanes.clear();
        }
        for message in &mut self.messages {
            (message.is_lenient, message.is_acknowledged) = (true, false);
            (message.owed_groups, message.group_settled) = (0, 0);
        }
    }
}

/// The number of the message with this payload; 0 where it is empty.
pub(crate) fn number_of(payload: &[u8]) -> u32 {
    std::str::from_utf8(payload.get(..8).unwrap_or_default()).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
