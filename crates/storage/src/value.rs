//! What stands in the file, as values. They borrow from the bytes that they were read from.

use mosquitto_mqtt::{Properties, Property, QoS};

/// The type of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChunkType {
    /// [`Config`]
    Config = 1,
    /// [`BaseMessage`]
    BaseMessage = 2,
    /// [`ClientMessage`]
    ClientMessage = 3,
    /// [`Retained`]
    Retained = 4,
    /// [`Subscription`]
    Subscription = 5,
    /// [`Client`]
    Client = 6,
}

impl ChunkType {
    /// The type with this number.
    pub const fn from_number(number: u32) -> Option<ChunkType> {
        Some(match number {
            1 => ChunkType::Config,
            2 => ChunkType::BaseMessage,
            3 => ChunkType::ClientMessage,
            4 => ChunkType::Retained,
            5 => ChunkType::Subscription,
            6 => ChunkType::Client,
            _ => return None,
        })
    }

    /// What it holds, in words.
    pub const fn name(self) -> &'static str {
        match self {
            ChunkType::Config => "configuration",
            ChunkType::BaseMessage => "base message",
            ChunkType::ClientMessage => "client message",
            ChunkType::Retained => "retained message",
            ChunkType::Subscription => "subscription",
            ChunkType::Client => "client",
        }
    }
}

/// One chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// About the file; the first chunk.
    Config(Config),
    /// A message that somebody is to get, or that is retained.
    BaseMessage(BaseMessage<'a>),
    /// That a client is to get a message, or has sent it and not released it yet.
    ClientMessage(ClientMessage<'a>),
    /// That a message is retained.
    Retained(Retained),
    /// A subscription of a client.
    Subscription(Subscription<'a>),
    /// A session.
    Client(Client<'a>),
    /// A chunk of a type that nobody knows: its number. Its bytes are skipped.
    Unknown(u32),
}

/// About the file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Config {
    /// The last store id that was given away when the file was written.
    pub last_store_id: u64,
    /// Whether it was written when the broker ended, and not while it ran.
    pub shutdown: bool,
}

/// A session that outlives its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client<'a> {
    /// The client id; not empty.
    pub client_id: &'a str,
    /// The user name it connected with; never empty. Version 6 only, and none where the
    /// file has what cannot be one: Mosquitto 2.0 writes memory of its own there for some clients that have none.
    pub username: Option<&'a str>,
    /// When the session ends, in seconds since 1970; 0: nothing is known, as while the client is connected, or when it never
    /// ends.
    pub session_expiry_time: i64,
    /// How long the session outlives its connection, in seconds; [`NEVER`](crate::NEVER): until it is taken up again. That is
    /// what clients of versions 2 to 4 get, whose files know no interval.
    pub session_expiry_interval: u32,
    /// The last packet identifier that the broker used towards the client; 0: none yet.
    pub last_mid: u16,
    /// The port of the listener that it came to; 0: none is known. Version 6 only.
    pub listener_port: u16,
}

/// A message, stored once for all who are to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseMessage<'a> {
    /// What client messages and retained messages call it.
    pub store_id: u64,
    /// When it expires, in seconds since 1970; 0: never. Since version 5.
    pub expiry_time: i64,
    /// The client id of its publisher; empty: the broker itself.
    pub source_id: &'a str,
    /// The user name of its publisher; never empty. Since version 4.
    pub source_username: Option<&'a str>,
    /// The port of the listener that its publisher came to; 0: none. Since version 4.
    pub source_port: u16,
    /// The packet identifier that its publisher gave it; 0: none, as of QoS 0.
    pub source_mid: u16,
    /// The topic; not empty, and otherwise unchecked.
    pub topic: &'a str,
    /// The QoS that it was published with.
    pub qos: QoS,
    /// Whether it was published as a retained message.
    pub retain: bool,
    /// The payload.
    pub payload: &'a [u8],
    /// The properties that go on to subscribers. The Message Expiry Interval is not among them: see
    /// [`expiry_time`](Self::expiry_time). Since version 5.
    pub properties: Properties<'a>,
}

/// A message on its way to a client, or from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientMessage<'a> {
    /// The client id; not empty.
    pub client_id: &'a str,
    /// Which message.
    pub store_id: u64,
    /// The packet identifier; 0: none yet.
    pub mid: u16,
    /// The QoS between this client and the broker.
    pub qos: QoS,
    /// How far it has come.
    pub state: MessageState,
    /// Whether it goes out with RETAIN set.
    pub retain: bool,
    /// Whether it was sent before.
    pub dup: bool,
    /// From the client or to it.
    pub direction: Direction,
    /// Subscription Identifiers, and nothing else in files of Mosquitto. Since version 5.
    pub properties: Properties<'a>,
}

impl ClientMessage<'_> {
    /// The identifiers of the subscriptions that the message is sent for, in order.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> {
        self.properties.iter().filter_map(|property| match property {
            Property::SubscriptionIdentifier(identifier) => Some(identifier),
            _ => None,
        })
    }
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// From the client.
    In = 0,
    /// To the client.
    Out = 1,
}

impl Direction {
    /// The direction with this number.
    pub const fn from_number(number: u8) -> Option<Direction> {
        match number {
            0 => Some(Direction::In),
            1 => Some(Direction::Out),
            _ => None,
        }
    }
}

/// How far a client message has come; the names say what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are Mosquitto's and say it all")]
pub enum MessageState {
    /// None that Mosquitto gives on purpose.
    Invalid = 0,
    PublishQos0 = 1,
    PublishQos1 = 2,
    WaitForPuback = 3,
    PublishQos2 = 4,
    WaitForPubrec = 5,
    ResendPubrel = 6,
    WaitForPubrel = 7,
    ResendPubcomp = 8,
    WaitForPubcomp = 9,
    SendPubrec = 10,
    /// Not in flight yet: the window is full, or the client is away.
    Queued = 11,
}

impl MessageState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<MessageState> {
        use MessageState as S;
        Some(match number {
            0 => S::Invalid,
            1 => S::PublishQos0,
            2 => S::PublishQos1,
            3 => S::WaitForPuback,
            4 => S::PublishQos2,
            5 => S::WaitForPubrec,
            6 => S::ResendPubrel,
            7 => S::WaitForPubrel,
            8 => S::ResendPubcomp,
            9 => S::WaitForPubcomp,
            10 => S::SendPubrec,
            11 => S::Queued,
            _ => return None,
        })
    }
}

/// That a base message is its topic's retained message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    /// Which message.
    pub store_id: u64,
}

/// A subscription of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The client id; not empty.
    pub client_id: &'a str,
    /// The topic filter as it was in SUBSCRIBE, `$share/GROUP/` included; not empty, and otherwise unchecked.
    pub filter: &'a str,
    /// The highest QoS that the client takes.
    pub qos: QoS,
    /// The bits 2 to 5 of the Subscription Options of MQTT 5 (3.8.3.1). Since version 5.
    pub options: u8,
    /// The Subscription Identifier; 0: none. Since version 5.
    pub identifier: u32,
}

impl Subscription<'_> {
    /// The options that there are.
    pub const OPTIONS: u8 = 0x3c;

    /// Whether the client's own messages are left out.
    pub const fn no_local(&self) -> bool {
        self.options & 0x04 != 0
    }

    /// Whether RETAIN stays as it was published.
    pub const fn retain_as_published(&self) -> bool {
        self.options & 0x08 != 0
    }

    /// When retained messages are sent: 0 at each SUBSCRIBE, 1 at the first, 2 never.
    pub const fn retain_handling(&self) -> u8 {
        self.options >> 4 & 0x03
    }
}
