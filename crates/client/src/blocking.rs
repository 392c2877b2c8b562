//! A client for programs that wait: one connection, one thread.

mod connection;
mod gathering;
mod input;
mod reconnecting;
mod service;
mod wait;

pub use service::Service;
pub use wait::{Delivery, Events};

use crate::{End, Event, Moment, Options, Publication, RequestError, Session};
use connection::{Attempt, CONNECTION, Connection, WAKER};
use gathering::Gathering;
use mio::{Events as Polled, Poll};
use mosquitto_mqtt::packet::Subscription;
use mosquitto_mqtt::{Properties, QoS, ReasonCode};
use mosquitto_transport::ClientLayers;
use reconnecting::{Reconnecting, Server};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wait::Kept;

/// After a DISCONNECT the server is given so long to close the connection. Closed at once, with something of the server
/// still unread, the system would reset it, and the server might lose what it was sent last.
const LINGER: Duration = Duration::from_secs(1);

/// Calls of [`Client::next`] after which its waker is looked at, though there may be more to tell at once.
const BUSY_MAX: u32 = 256;

/// Of calls of [`Client::next`] that follow each other without a wait, one of so many reads the clock.
const CLOCK_EVERY: u32 = 32;

/// Pauses in which messages gather before the system is asked what else has happened.
const UNASKED_MAX: u32 = 16;

/// A blocking client: a [`Session`] with a socket and a clock.
///
/// Requests only note what is to be done. All work is done in [`next`](Self::next), which waits for the next thing that
/// happens; so call it in a loop, also while there is nothing to expect, as it keeps the connection alive.
///
/// ```no_run
/// use mosquitto_client::mqtt::{ProtocolVersion, QoS};
/// use mosquitto_client::{Client, End, Event, Next, Options, Publication};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Client::new(Options::new(ProtocolVersion::V5, "example"))?;
/// client.connect("localhost", 1883)?;
/// loop {
///     match client.next(None)? {
///         Next::Event(Event::Connected { .. }) => {
///             client.publish(Publication::new("greeting", b"hello", QoS::AtLeastOnce))?;
///         }
///         Next::Event(Event::Published { .. }) => client.disconnect(),
///         Next::Event(Event::Disconnected(End::Requested)) => return Ok(()),
///         Next::Event(Event::Disconnected(end)) => return Err(format!("{end:?}").into()),
///         Next::Unreachable(error) => return Err(error.into()),
///         _ => {}
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    session: Session,
    poll: Poll,
    polled: Polled,
    waker: Waker,
    woken: bool,
    /// Calls of `next` since the last look at the waker.
    busy: u32,
    gathering: Gathering,
    /// Pauses since the system was last asked what has happened.
    unasked: u32,
    state: State,
    nodelay: bool,
    local: Option<IpAddr>,
    layers: ClientLayers,
    /// Why the last connection ended, where that was not the server's doing.
    failure: Option<io::Error>,
    /// A publication was refused, and its owner waits for room: of this QoS.
    wants_room: Option<QoS>,
    /// Where to connect.
    server: Option<Server>,
    /// Only where lost connections are made again.
    reconnecting: Option<Reconnecting>,
    /// What is to be told before anything new.
    kept: Kept,
    epoch: Instant,
    /// As it was read last: what the session is told never goes back.
    clock: Moment,
}

#[derive(Debug)]
enum State {
    Closed,
    /// The server's addresses are tried.
    Connecting(Attempt),
    Connected(Connection),
    /// The session is over; the last bytes are being sent.
    Closing {
        connection: Connection,
        end: End,
        /// When the server has to be done, once all is sent.
        until: Option<Instant>,
    },
}

/// What [`Client::next`] has waited for.
#[derive(Debug)]
pub enum Next {
    /// Something happened in the session. After [`Event::Disconnected`] the connection is closed, and everything that was
    /// published before a [`Client::disconnect`] has been sent.
    Event(Event),
    /// None of the server's addresses can be connected to; the error is that of the last. Or the server was reached, but
    /// what stands between the socket and MQTT did not open: the error is that of the layer.
    Unreachable(io::Error),
    /// A publication that failed with [`RequestError::Full`] can be tried again.
    Room,
    /// A [`Waker`] woke the client.
    Woken,
    /// The time is over.
    TimedOut,
}

/// Wakes a client that waits in [`Client::next`], from any thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<mio::Waker>);

impl Waker {
    /// Has [`Client::next`] return [`Next::Woken`], at once or when it is called next; once for any number of calls.
    pub fn wake(&self) {
        // It can only fail where the client is gone.
        let _ = self.0.wake();
    }
}

impl Client {
    /// A client that is not connected.
    pub fn new(options: Options) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker(Arc::new(mio::Waker::new(poll.registry(), WAKER)?));
        Ok(Self {
            session: Session::new(options),
            poll,
            polled: Polled::with_capacity(8),
            waker,
            woken: false,
            busy: 0,
            gathering: Gathering::default(),
            unasked: 0,
            state: State::Closed,
            nodelay: false,
            local: None,
            layers: ClientLayers::default(),
            failure: None,
            wants_room: None,
            server: None,
            reconnecting: None,
            kept: Kept::default(),
            epoch: Instant::now(),
            clock: Moment(0),
        })
    }

    /// Whether small packets leave at once (TCP_NODELAY), from the next connection on.
    pub fn set_nodelay(&mut self, on: bool) {
        self.nodelay = on;
    }

    /// Whether messages and acknowledgements that trickle in steadily, faster than one in a tenth of a millisecond, are left
    /// to gather for about as long, and for up to half a millisecond where that gathers more, so that they cost fewer
    /// wake-ups. For programs that move many messages in one direction.
    pub fn set_gathering(&mut self, on: bool) {
        self.gathering.set(on);
    }

    /// The own address from which to connect, from the next connection on; the system chooses one if there is none.
    pub fn set_local_address(&mut self, address: Option<IpAddr>) {
        self.local = address;
    }

    /// What stands between the socket and MQTT, from the next connection on. Where a proxy is part of it, it is the proxy
    /// that [`connect`](Self::connect) is told.
    pub fn set_layers(&mut self, layers: ClientLayers) {
        self.layers = layers;
    }

    /// Why the last connection was lost, where the system or one of the layers says so; none where the server has closed it.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// What wakes this client.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// The session, to look at.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Begins a connection, and ends the one that there is. The name is looked up here; an error is that of the look-up.
    /// All else is told by [`next`](Self::next), which tries all addresses that were found.
    pub fn connect(&mut self, host: &str, port: u16) -> io::Result<()> {
        self.begin(Server::Tcp(host.to_owned(), port))
    }

    /// [`connect`](Self::connect) to a Unix socket.
    pub fn connect_unix(&mut self, path: &Path) {
        // There is no name to look up, so there is no error.
        let _ = self.begin(Server::Unix(path.to_owned()));
    }

    /// [`connect`](Self::connect) to a server that is looked up by its service: SRV records. Its hosts are tried in the order
    /// that the records say. With each attempt to make a lost connection again they are looked up again.
    pub fn connect_service(&mut self, service: Service) -> io::Result<()> {
        self.begin(Server::Service(service))
    }

    fn begin(&mut self, server: Server) -> io::Result<()> {
        self.hang_up();
        let targets = server.targets(&self.layers);
        self.server = Some(server);
        self.state = State::Connecting(self.attempt(targets?));
        Ok(())
    }

    fn hang_up(&mut self) {
        self.stop_reconnecting();
        self.state = State::Closed;
        let now = self.now();
        self.session.closed(now);
    }

    /// Publishes a message: see [`Session::publish`].
    pub fn publish(&mut self, message: Publication<'_>) -> Result<u16, RequestError> {
        let now = self.now();
        let result = self.session.publish(now, message);
        if result == Err(RequestError::Full) {
            self.wants_room = Some(message.qos);
        }
        result
    }

    /// Subscribes to filters: see [`Session::subscribe`].
    pub fn subscribe(
        &mut self,
        subscriptions: &[Subscription<'_>],
        properties: Properties<'_>,
    ) -> Result<u16, RequestError> {
        let now = self.now();
        let packet_id = self.session.subscribe(now, subscriptions, properties)?;
        if let Some(reconnecting) = &mut self.reconnecting {
            reconnecting.subscriptions.asked(packet_id, subscriptions, properties);
        }
        Ok(packet_id)
    }

    /// Ends subscriptions: see [`Session::unsubscribe`].
    pub fn unsubscribe(&mut self, filters: &[&str], properties: Properties<'_>) -> Result<u16, RequestError> {
        let now = self.now();
        let packet_id = self.session.unsubscribe(now, filters, properties)?;
        if let Some(reconnecting) = &mut self.reconnecting {
            reconnecting.subscriptions.ended(filters);
        }
        Ok(packet_id)
    }

    /// Ends the connection, once everything is sent. [`Event::Disconnected`] tells when it is done.
    pub fn disconnect(&mut self) {
        self.disconnect_with(ReasonCode::SUCCESS, Properties::EMPTY);
    }

    /// [`disconnect`](Self::disconnect) with a reason and properties of MQTT 5.
    pub fn disconnect_with(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        if self.stop_reconnecting() {
            self.kept.push(Next::Event(Event::Disconnected(End::Requested)));
        }
        let now = self.now();
        self.session.disconnect(now, reason, properties);
    }

    /// Whether [`next`](Self::next) would return an event without waiting for the network. Output that is collected in
    /// a buffer is best flushed when not.
    pub fn has_buffered(&self) -> bool {
        let packet = match &self.state {
            State::Connected(connection) => connection.input.has_packet(),
            _ => false,
        };
        !self.kept.is_empty() || self.session.has_events() || packet
    }

    /// Waits for the next thing that happens, for `timeout` at most: while things happen one after the other, no time is
    /// over. An error is one of the system's polling.
    pub fn next(&mut self, timeout: Option<Duration>) -> io::Result<Next> {
        match self.kept.pop() {
            Some(next) => Ok(next),
            None => self.next_new(timeout),
        }
    }

    /// [`next`](Self::next), but for what was kept.
    fn next_new(&mut self, timeout: Option<Duration>) -> io::Result<Next> {
        self.busy += 1;
        if self.busy > BUSY_MAX {
            self.poll(Some(Instant::now()))?;
            if std::mem::take(&mut self.woken) {
                return Ok(Next::Woken);
            }
        }
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(next) = self.step() {
                return Ok(next);
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(Next::TimedOut);
            }
            self.poll(until)?;
        }
    }

    /// Does what can be done without waiting, up to the first thing to tell.
    fn step(&mut self) -> Option<Next> {
        loop {
            match self.session.poll_event() {
                Some(Event::Disconnected(end)) => self.close(end),
                Some(event) => {
                    self.observe(&event);
                    return Some(Next::Event(event));
                }
                None => self.subscribe_again(),
            }
            let now = if matches!(self.state, State::Connected(_)) { self.time_of_step() } else { self.now() };
            match &mut self.state {
                State::Closed => {
                    if let Some(next) = self.connect_again() {
                        return Some(next);
                    }
                    if matches!(self.state, State::Connecting(_)) {
                        continue;
                    }
                }
                State::Connecting(attempt) => match attempt.proceed(self.poll.registry(), self.nodelay) {
                    Ok(Some(connection)) => {
                        self.state = State::Connected(connection);
                        self.session.connect(now);
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.state = State::Closed;
                        self.over(None);
                        return Some(Next::Unreachable(error));
                    }
                },
                State::Connected(connection) => {
                    self.session.tick(now);
                    if connection.proceed(&mut self.session, now) || self.session.has_events() {
                        continue;
                    }
                }
                State::Closing { .. } => {
                    if let Some(end) = self.proceed_closing() {
                        self.over(Some(&end));
                        return Some(Next::Event(Event::Disconnected(end)));
                    }
                }
            }
            return self.pending();
        }
    }

    fn pending(&mut self) -> Option<Next> {
        if std::mem::take(&mut self.woken) {
            return Some(Next::Woken);
        }
        if self.wants_room.is_some_and(|qos| self.session.has_room(qos)) {
            self.wants_room = None;
            return Some(Next::Room);
        }
        None
    }

    fn close(&mut self, end: End) {
        // Where the next connection is only a matter of time, so is room.
        if self.reconnecting.is_none() {
            self.wants_room = None;
        }
        self.failure = None;
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Connected(mut connection) | State::Closing { mut connection, .. } => {
                self.failure = connection.failure.take();
                State::Closing { connection, end, until: None }
            }
            other => other,
        };
    }

    /// Sends the last bytes, and lets the server close the connection where that was asked for.
    fn proceed_closing(&mut self) -> Option<End> {
        let State::Closing { connection, end, until } = &mut self.state else { return None };
        let orderly = connection.flush(&mut self.session) && *end == End::Requested;
        if orderly && (!self.session.output().is_empty() || connection.has_unsent()) {
            return None;
        }
        let now = Instant::now();
        let told = orderly && (until.is_some() || connection.finish());
        if told && now < *until.get_or_insert(now + LINGER) && connection.linger() {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closing { end, .. } => Some(end),
            _ => None,
        }
    }

    fn poll(&mut self, until: Option<Instant>) -> io::Result<()> {
        let events = std::mem::take(&mut self.busy);
        let session = self.session.next_deadline().map(|moment| self.epoch + Duration::from_millis(moment.0));
        let state = match &self.state {
            State::Connecting(attempt) => attempt.deadline(),
            State::Closing { until, .. } => *until,
            State::Closed => self.reconnection_due(),
            State::Connected(_) => None,
        };
        let deadline = [until, session, state].into_iter().flatten().min();
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let connected = matches!(self.state, State::Connected(_));
        let pause = self.gathering.pause(events, timeout).filter(|_| connected);
        if let Some(pause) = pause {
            std::thread::sleep(pause);
            // Most likely something has come. Reading it tells as well as asking for it first.
            if self.unasked < UNASKED_MAX
                && let State::Connected(connection) = &mut self.state
                && connection.try_to_read()
            {
                self.unasked += 1;
                self.gathering.waited(Duration::ZERO);
                return Ok(());
            }
        }
        self.unasked = 0;
        let since = self.gathering.is_on().then(Instant::now);
        let polled = self.poll.poll(&mut self.polled, timeout);
        if let Some(since) = since {
            self.gathering.waited(since.elapsed());
        }
        match polled {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        for event in &self.polled {
            match event.token() {
                WAKER => self.woken = true,
                CONNECTION => match &mut self.state {
                    State::Connected(connection) | State::Closing { connection, .. } => connection.ready(event),
                    State::Connecting(attempt) => attempt.ready(event),
                    State::Closed => {}
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn reconnection_due(&self) -> Option<Instant> {
        let due = self.reconnecting.as_ref()?.reconnection.due()?;
        Some(self.epoch + Duration::from_millis(due.0))
    }

    fn now(&mut self) -> Moment {
        self.clock = Moment(u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.clock
    }

    /// The time of late: reading it for each of many messages that came together would cost a tenth of the whole.
    fn time_of_step(&mut self) -> Moment {
        if self.busy.is_multiple_of(CLOCK_EVERY) { self.now() } else { self.clock }
    }
}
