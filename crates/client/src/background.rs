//! A client on a thread of its own, for those who ask for it.

use crate::{Client, Event, Next, Publication, RequestError, Waker};
use mosquitto_mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_mqtt::{PropertiesBuf, QoS, ReasonCode};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Requests that the thread has not taken, at most.
const COMMANDS_MAX: usize = 1000;

/// Requests taken one after the other before the connection has its turn.
const BATCH: usize = 64;

/// A message to publish that owns its parts; see [`Publication`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnedPublication {
    /// The topic name.
    pub topic: String,
    /// May be empty.
    pub payload: Vec<u8>,
    /// How hard to try.
    pub qos: QoS,
    /// Whether the server is to keep it for later subscribers.
    pub retain: bool,
    /// Properties of PUBLISH; not sent in MQTT 3.
    pub properties: PropertiesBuf,
}

impl OwnedPublication {
    /// A message without properties.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>, qos: QoS) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos, ..Self::default() }
    }

    /// The same, borrowed.
    pub fn as_publication(&self) -> Publication<'_> {
        let Self { topic, payload, qos, retain, properties } = self;
        Publication { topic, payload, qos: *qos, retain: *retain, properties: properties.as_properties() }
    }
}

/// What became of a request to a [`Handle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A message of QoS 0 is on its way.
    Sent,
    /// The server has answered.
    Done {
        /// As in [`Event::Published`], or the first one of [`Event::Subscribed`] or [`Event::Unsubscribed`]; success where the
        /// server names none.
        reason: ReasonCode,
        /// As in [`Event::Published`]; else empty.
        properties: PropertiesBuf,
    },
    /// The request was not taken.
    Refused(RequestError),
    /// The thread has ended, or, for a SUBSCRIBE or UNSUBSCRIBE, the connection was lost before there was an answer.
    Ended,
}

/// With which to wait for what becomes of one request. It may be dropped if that does not matter.
#[derive(Debug)]
pub struct Token(Receiver<Outcome>);

impl Token {
    /// Waits for `timeout` at most; none if the time is over. The outcome is told once, [`Outcome::Ended`] from then on.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Outcome> {
        match timeout {
            None => Some(self.0.recv().unwrap_or(Outcome::Ended)),
            Some(timeout) => match self.0.recv_timeout(timeout) {
                Ok(outcome) => Some(outcome),
                Err(RecvTimeoutError::Disconnected) => Some(Outcome::Ended),
                Err(RecvTimeoutError::Timeout) => None,
            },
        }
    }
}

/// A client that runs on a thread of its own: made by [`Client::spawn`], usable from any thread, cheap to clone. When the last
/// one is dropped, the connection is ended.
///
/// Requests are done in their order. They fail with [`RequestError::Full`] when too many wait, and with
/// [`RequestError::NotConnected`] when the thread has ended.
#[derive(Debug, Clone)]
pub struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Some until the end.
    commands: Option<SyncSender<Command>>,
    waker: Waker,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The thread is to find the channel closed when it wakes.
        self.commands = None;
        self.waker.wake();
    }
}

#[derive(Debug)]
enum Action {
    Publish(OwnedPublication),
    Subscribe(String, SubscriptionOptions, PropertiesBuf),
    Unsubscribe(String),
    Disconnect,
}

#[derive(Debug)]
struct Command {
    action: Action,
    token: SyncSender<Outcome>,
}

impl Handle {
    /// Publishes a message. One of QoS 1 or 2 waits for a connection, and for room in the queue, as long as it
    /// takes; one of QoS 0 is refused without a connection.
    pub fn publish(&self, message: OwnedPublication) -> Result<Token, RequestError> {
        self.ask(Action::Publish(message))
    }

    /// Subscribes to a filter. `properties` are those of SUBSCRIBE.
    pub fn subscribe(
        &self,
        filter: &str,
        options: SubscriptionOptions,
        properties: PropertiesBuf,
    ) -> Result<Token, RequestError> {
        self.ask(Action::Subscribe(filter.to_owned(), options, properties))
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, filter: &str) -> Result<Token, RequestError> {
        self.ask(Action::Unsubscribe(filter.to_owned()))
    }

    /// Ends the connection once everything that was asked before is sent, and with it the thread.
    pub fn disconnect(&self) -> Result<(), RequestError> {
        self.ask(Action::Disconnect).map(drop)
    }

    fn ask(&self, action: Action) -> Result<Token, RequestError> {
        let (token, outcome) = sync_channel(1);
        let commands = self.0.commands.as_ref().ok_or(RequestError::NotConnected)?;
        commands.try_send(Command { action, token }).map_err(|error| match error {
            TrySendError::Full(_) => RequestError::Full,
            TrySendError::Disconnected(_) => RequestError::NotConnected,
        })?;
        self.0.waker.wake();
        Ok(Token(outcome))
    }
}

impl Client {
    /// Runs the client on a thread of its own, until its connection is over and no other will be made. `told` is called on
    /// that thread for everything that [`next`](Self::next) returns; while it works, the connection has to wait, so what
    /// takes long is better sent elsewhere. It may use the handle, but not wait for a token.
    ///
    /// The thread's result is an error of the system's polling.
    pub fn spawn(
        mut self,
        mut told: impl FnMut(Next) + Send + 'static,
    ) -> io::Result<(Handle, JoinHandle<io::Result<()>>)> {
        let (commands, received) = sync_channel(COMMANDS_MAX);
        let waker = self.waker();
        let thread = Builder::new().name("mqtt-client".to_owned()).spawn(move || {
            let mut work =
                Work { received, stalled: None, messages: HashMap::new(), requests: HashMap::new(), ending: false };
            work.take(&mut self);
            while self.has_buffered() || !self.is_idle() {
                let next = self.next(None)?;
                work.answer(&next);
                told(next);
                work.take(&mut self);
            }
            Ok(())
        })?;
        Ok((Handle(Arc::new(Shared { commands: Some(commands), waker })), thread))
    }
}

/// What the thread has to do.
#[derive(Debug)]
struct Work {
    received: Receiver<Command>,
    /// Has to wait until the session has room.
    stalled: Option<Command>,
    /// Who waits for a message, by packet identifier.
    messages: HashMap<u16, SyncSender<Outcome>>,
    /// Who waits for the answer to another request.
    requests: HashMap<u16, SyncSender<Outcome>>,
    /// The connection is to be ended, also one that is only being made.
    ending: bool,
}

impl Work {
    fn take(&mut self, client: &mut Client) {
        for _ in 0..BATCH {
            if self.ending {
                client.disconnect();
                return;
            }
            let command = match self.stalled.take() {
                Some(command) => command,
                None => match self.received.try_recv() {
                    Ok(command) => command,
                    Err(TryRecvError::Empty) => return,
                    Err(TryRecvError::Disconnected) => {
                        self.ending = true;
                        continue;
                    }
                },
            };
            if let Some(stalled) = self.handle(command, client) {
                self.stalled = Some(stalled);
                return;
            }
        }
        // There may be more: the connection first.
        client.waker().wake();
    }

    /// Does what is asked. Returns the command if there is no room for it.
    fn handle(&mut self, command: Command, client: &mut Client) -> Option<Command> {
        let (result, waiting) = match &command.action {
            Action::Publish(message) => (client.publish(message.as_publication()), &mut self.messages),
            Action::Subscribe(filter, options, properties) => {
                let subscription = Subscription { filter, options: *options };
                (client.subscribe(&[subscription], properties.as_properties()), &mut self.requests)
            }
            Action::Unsubscribe(filter) => {
                (client.unsubscribe(&[filter], PropertiesBuf::new().as_properties()), &mut self.requests)
            }
            Action::Disconnect => {
                self.ending = true;
                return None;
            }
        };
        let at_most_once = matches!(&command.action, Action::Publish(message) if message.qos == QoS::AtMostOnce);
        match result {
            Ok(_) if at_most_once => tell(&command.token, Outcome::Sent),
            Ok(packet_id) => drop(waiting.insert(packet_id, command.token)),
            Err(RequestError::Full) if matches!(command.action, Action::Publish(_)) => return Some(command),
            Err(error) => tell(&command.token, Outcome::Refused(error)),
        }
        None
    }

    fn answer(&mut self, next: &Next) {
        match next {
            Next::Event(Event::Published { packet_id, reason, properties }) => {
                if let Some(token) = self.messages.remove(packet_id) {
                    tell(&token, Outcome::Done { reason: *reason, properties: properties.clone() });
                }
            }
            Next::Event(Event::Subscribed { packet_id, reasons } | Event::Unsubscribed { packet_id, reasons }) => {
                if let Some(token) = self.requests.remove(packet_id) {
                    let reason = reasons.first().copied().unwrap_or(ReasonCode::SUCCESS);
                    tell(&token, Outcome::Done { reason, properties: PropertiesBuf::new() });
                }
            }
            Next::Event(Event::Disconnected(_)) => self.requests.clear(),
            _ => {}
        }
    }
}

/// Nobody may want to know it.
fn tell(token: &SyncSender<Outcome>, outcome: Outcome) {
    let _ = token.try_send(outcome);
}
