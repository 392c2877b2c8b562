//! Many connections on one thread. What one is to send is gathered in its output and written once a turn; what comes in is read
//! by the buffer, as many packets as there are.

#![allow(
    clippy::indexing_slicing,
    reason = "links are numbered here, and offsets are the system's answers to own lengths"
)]

use crate::clock::{self, Nanos};
use mio::event::Event;
use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{DecodeError, FixedHeader, Packet, PacketType, ProtocolVersion};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

/// How much one read takes at most, in bytes.
const READ: usize = 256 * 1024;
/// Reads of one link before it is the others' turn.
const READS_IN_A_ROW: usize = 4;
const EVENTS: usize = 4096;
const TIMER: Token = Token(usize::MAX >> 1);
/// Connections from one address to another one of this machine, of which there are 28,000 ports by default.
const PER_SOURCE: usize = 20_000;

/// Who hears what comes in.
pub(crate) trait Hears {
    /// A packet has come.
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, now: Nanos);
    /// The packet was a PUBLISH, as nearly all are: whoever counts millions of them takes them here, where they were decoded, and
    /// not as a packet that may be any, into which they would have to be moved.
    fn publish(&mut self, net: &mut Net, link: usize, publish: &Publish<'_>, now: Nanos) {
        self.packet(net, link, &Packet::Publish(*publish), now);
    }
    /// The link is no more, and not because it was closed here.
    fn gone(&mut self, net: &mut Net, link: usize, why: &str);
}

/// One connection.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says something else, and all can be at the same time")]
struct Link {
    stream: Option<TcpStream>,
    /// How often its number was given away: events of an earlier link of this number are not this one's.
    generation: u32,
    output: Vec<u8>,
    /// Bytes of the output that have gone.
    written: usize,
    /// The beginning of a packet whose end has not come yet.
    rest: Vec<u8>,
    /// Whether the system takes more.
    writable: bool,
    /// Whether it is in the list of those to be written.
    listed: bool,
    paused: bool,
    /// Whether it is in the list of those that have more to be read.
    unread: bool,
}

/// All connections to brokers.
#[derive(Debug)]
pub(crate) struct Net {
    poll: Poll,
    timer: OwnedFd,
    timer_at: Nanos,
    links: Vec<Link>,
    free: Vec<usize>,
    to_write: Vec<usize>,
    to_read: Vec<usize>,
    failed: Vec<(usize, u32, String)>,
    buffer: Vec<u8>,
    version: ProtocolVersion,
    opened: usize,
    pub(crate) counted: Counted,
}

/// What has gone over all links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) bytes_written: u64,
    pub(crate) bytes_read: u64,
    /// PUBLISH packets that have come.
    pub(crate) publishes_read: u64,
}

impl Net {
    pub(crate) fn new(version: ProtocolVersion) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        Ok(Self {
            poll,
            timer,
            timer_at: 0,
            links: Vec::new(),
            free: Vec::new(),
            to_write: Vec::new(),
            to_read: Vec::new(),
            failed: Vec::new(),
            buffer: vec![0; READ],
            version,
            opened: 0,
            counted: Counted::default(),
        })
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// Begins a connection; what is put into its output goes out once it stands. `receive_buffer`: bytes of the system's.
    pub(crate) fn open(&mut self, broker: SocketAddr, receive_buffer: Option<usize>) -> io::Result<usize> {
        let socket = Socket::new(Domain::for_address(broker), Type::STREAM.nonblocking().cloexec(), None)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if broker.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) && self.open_links() >= PER_SOURCE {
            let source = Ipv4Addr::new(127, 0, 0, 2 + (self.open_links() / PER_SOURCE % 250) as u8);
            socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
        }
        // Under way is all that it can be at once.
        if let Err(error) = socket.connect(&SockAddr::from(broker))
            && error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error())
        {
            return Err(error);
        }
        let mut stream = TcpStream::from_std(socket.into());
        let number = self.free.pop().unwrap_or_else(|| {
            self.links.push(Link::default());
            self.links.len() - 1
        });
        let link = &mut self.links[number];
        link.generation = (link.generation + 1) & 0x3fff_ffff;
        let token = Token((link.generation as usize) << 32 | number);
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        link.stream = Some(stream);
        self.opened += 1;
        Ok(number)
    }

    /// How many connections there are.
    pub(crate) fn open_links(&self) -> usize {
        self.links.len() - self.free.len()
    }

    /// All that are open.
    pub(crate) fn open_numbers(&self) -> Vec<usize> {
        (0..self.links.len()).filter(|&number| self.is_open(number)).collect()
    }

    pub(crate) fn is_open(&self, number: usize) -> bool {
        self.links[number].stream.is_some()
    }

    /// Where to put packets. It is written at the end of the turn.
    pub(crate) fn output(&mut self, number: usize) -> &mut Vec<u8> {
        let link = &mut self.links[number];
        if !link.listed {
            link.listed = true;
            self.to_write.push(number);
        }
        &mut link.output
    }

    /// Puts a packet.
    pub(crate) fn send(&mut self, number: usize, packet: &Packet<'_>) {
        let version = self.version;
        packet.encode(version, self.output(number));
    }

    /// Bytes that the system has not taken yet.
    pub(crate) fn waiting(&self, number: usize) -> usize {
        self.links[number].output.len() - self.links[number].written
    }

    /// Stops reading, so that the broker has nowhere to go with its messages; or goes on.
    pub(crate) fn pause(&mut self, number: usize, paused: bool) {
        self.links[number].paused = paused;
        if !paused {
            self.read_later(number);
        }
    }

    /// Ends a connection as if its client were gone: with a reset, and nothing is left of it that the system would remember.
    pub(crate) fn reset(&mut self, number: usize) {
        let link = &mut self.links[number];
        link.writable = false;
        if let Some(stream) = &link.stream {
            // What then remains is a port that is not free for a while.
            let _ = SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
        }
        self.close(number);
    }

    /// Ends a connection, after one last write.
    pub(crate) fn close(&mut self, number: usize) {
        let link = &mut self.links[number];
        let Some(mut stream) = link.stream.take() else { return };
        if link.writable && link.written < link.output.len() {
            // Who closes does not wait for an answer.
            let written = stream.write(&link.output[link.written..]);
            self.counted.bytes_written += written.unwrap_or(0) as u64;
        }
        let kept = Link { generation: link.generation, listed: link.listed, unread: link.unread, ..Link::default() };
        *link = kept;
        self.free.push(number);
    }

    /// Writes what there is, waits for what comes, until `until` at the latest, and has it heard.
    pub(crate) fn turn(&mut self, hears: &mut impl Hears, events: &mut Events, until: Nanos) -> io::Result<()> {
        self.write(hears);
        self.wake_at(until)?;
        let timeout = (!self.to_read.is_empty()).then_some(std::time::Duration::ZERO);
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for number in mem::take(&mut self.to_read) {
            self.links[number].unread = false;
            self.read(hears, number);
        }
        for event in &*events {
            if event.token() != TIMER {
                self.event(hears, event);
            }
        }
        self.write(hears);
        Ok(())
    }

    /// For [`turn`](Self::turn).
    pub(crate) fn events() -> Events {
        Events::with_capacity(EVENTS)
    }

    fn wake_at(&mut self, at: Nanos) -> io::Result<()> {
        // A timer that has gone off does not do so again, and one that is not set never does.
        if at != self.timer_at || at <= clock::now() {
            let value = Itimerspec { it_interval: clock::timespec(0), it_value: clock::timespec(at.max(1)) };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
            self.timer_at = at;
        }
        Ok(())
    }

    fn event(&mut self, hears: &mut impl Hears, event: &Event) {
        let (number, generation) = (event.token().0 & 0xffff_ffff, (event.token().0 >> 32) as u32);
        let link = &mut self.links[number];
        let Some(stream) = link.stream.as_ref().filter(|_| link.generation == generation) else { return };
        if let Ok(Some(error)) = if event.is_error() { stream.take_error() } else { Ok(None) } {
            return self.fail(hears, number, &error.to_string());
        }
        if event.is_writable() {
            link.writable = true;
            if link.written < link.output.len() {
                let _ = self.output(number);
            }
        }
        if event.is_readable() || event.is_read_closed() {
            self.read(hears, number);
        }
    }

    fn write(&mut self, hears: &mut impl Hears) {
        for number in mem::take(&mut self.to_write) {
            let link = &mut self.links[number];
            link.listed = false;
            let Some(stream) = link.stream.as_mut().filter(|_| link.writable) else { continue };
            while link.written < link.output.len() {
                match stream.write(&link.output[link.written..]) {
                    Ok(bytes) => {
                        link.written += bytes;
                        self.counted.bytes_written += bytes as u64;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        link.writable = false;
                        break;
                    }
                    Err(error) => {
                        self.failed.push((number, link.generation, error.to_string()));
                        break;
                    }
                }
            }
            if link.written == link.output.len() {
                link.output.clear();
                link.written = 0;
            } else if link.written > READ {
                link.output.drain(..mem::take(&mut link.written));
            }
        }
        for (number, generation, why) in mem::take(&mut self.failed) {
            if self.links[number].generation == generation {
                self.fail(hears, number, &why);
            }
        }
    }

    fn fail(&mut self, hears: &mut impl Hears, number: usize, why: &str) {
        if self.is_open(number) {
            self.links[number].writable = false;
            self.close(number);
            hears.gone(self, number, why);
        }
    }

    fn read_later(&mut self, number: usize) {
        let link = &mut self.links[number];
        if link.stream.is_some() && !link.unread {
            link.unread = true;
            self.to_read.push(number);
        }
    }

    fn read(&mut self, hears: &mut impl Hears, number: usize) {
        let mut buffer = mem::take(&mut self.buffer);
        for count in 1..=READS_IN_A_ROW {
            let link = &mut self.links[number];
            if link.paused {
                break;
            }
            let generation = link.generation;
            let Some(stream) = &mut link.stream else { break };
            let kept = link.rest.len();
            if kept >= READ {
                if !self.gather(hears, number) {
                    break;
                }
                if count == READS_IN_A_ROW {
                    self.read_later(number);
                }
                continue;
            }
            if buffer.len() < 2 * kept + READ {
                buffer.resize(2 * kept + READ, 0);
            }
            let read = stream.read(&mut buffer[kept..]);
            let end = match read {
                Ok(0) => {
                    self.fail(hears, number, "The broker has closed the connection.");
                    break;
                }
                Ok(bytes) => {
                    self.counted.bytes_read += bytes as u64;
                    kept + bytes
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.fail(hears, number, &error.to_string());
                    break;
                }
            };
            buffer[..kept].copy_from_slice(&link.rest);
            link.rest.clear();
            let heard = self.hear(hears, number, generation, &buffer[..end]);
            if !heard || end < buffer.len() {
                // That was all: the next event says when there is more.
                break;
            }
            if count == READS_IN_A_ROW {
                self.read_later(number);
            }
        }
        self.buffer = buffer;
    }

    /// Reads more of a long packet behind what there is of it. False where there is nothing more to read.
    fn gather(&mut self, hears: &mut impl Hears, number: usize) -> bool {
        let link = &mut self.links[number];
        let (kept, generation) = (link.rest.len(), link.generation);
        let Some(stream) = &mut link.stream else { return false };
        link.rest.resize(kept + READ, 0);
        let read = stream.read(&mut link.rest[kept..]);
        link.rest.truncate(kept + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => self.fail(hears, number, "The broker has closed the connection."),
            Ok(bytes) => {
                self.counted.bytes_read += bytes as u64;
                let is_whole = match FixedHeader::parse(&link.rest) {
                    Ok(header) => header.is_some_and(|header| header.packet_len() <= link.rest.len()),
                    Err(_) => true,
                };
                if is_whole {
                    let rest = mem::take(&mut link.rest);
                    return self.hear(hears, number, generation, &rest);
                }
                return true;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.fail(hears, number, &error.to_string()),
        }
        false
    }

    /// Whether the link is still there.
    fn hear(&mut self, hears: &mut impl Hears, number: usize, generation: u32, mut bytes: &[u8]) -> bool {
        let now = clock::now();
        loop {
            let header = match FixedHeader::parse(bytes) {
                Ok(Some(header)) if header.packet_len() <= bytes.len() => header,
                Ok(_) => break,
                Err(error) => {
                    self.fail(hears, number, &wrong(&error));
                    return false;
                }
            };
            let (packet, behind) = bytes.split_at(header.packet_len());
            bytes = behind;
            if let Err(error) = self.take(hears, number, header, &packet[usize::from(header.header_len)..], now) {
                self.fail(hears, number, &wrong(&error));
            }
            let link = &self.links[number];
            if link.stream.is_none() || link.generation != generation {
                return false;
            }
        }
        self.links[number].rest.extend_from_slice(bytes);
        true
    }

    /// Has a packet heard.
    #[inline]
    fn take(
        &mut self,
        hears: &mut impl Hears,
        number: usize,
        header: FixedHeader,
        body: &[u8],
        now: Nanos,
    ) -> Result<(), DecodeError> {
        if header.packet_type(self.version)? != PacketType::Publish {
            hears.packet(self, number, &Packet::decode(header, body, self.version)?, now);
            return Ok(());
        }
        match &Publish::decode(header.first_byte, body, self.version) {
            Ok(publish) => {
                self.counted.publishes_read += 1;
                hears.publish(self, number, publish, now);
                Ok(())
            }
            Err(error) => Err(*error),
        }
    }
}

fn wrong(error: &DecodeError) -> String {
    format!("The broker has sent a wrong packet: {error}.")
}
