//! Why a request was not taken.

use mosquitto_mqtt::{FilterError, QoS, TopicError};
use std::fmt;

/// Why [`Session`](crate::Session) did not take a request. Nothing has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// There is no connection that the server has accepted.
    NotConnected,
    /// A queue is full: drain the output, or wait for acknowledgements, and try again.
    Full,
    /// A topic, filter or property is not text as MQTT has it: control characters, or more than 65,535 bytes.
    NotText,
    /// The topic, or the response topic, is no topic name.
    Topic(TopicError),
    /// A filter is no topic filter.
    Filter(FilterError),
    /// There is no filter.
    NoFilter,
    /// The packet is larger than MQTT can express, or than the server takes.
    TooLarge {
        /// The most bytes of a packet.
        limit: usize,
    },
    /// The server does not take messages of this QoS.
    QoSNotSupported {
        /// The highest that it takes.
        maximum: QoS,
    },
    /// The server keeps no retained messages.
    RetainNotSupported,
    /// The topic alias is 0, or one that the server does not take.
    TopicAlias {
        /// The largest that it takes; 0 if it takes none.
        maximum: u16,
    },
    /// The message has a subscription identifier, which only a server may add.
    SubscriptionIdentifier,
    /// The server has no subscriptions with wildcards.
    WildcardsNotSupported,
    /// The server has no shared subscriptions.
    SharedNotSupported,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::NotConnected => f.write_str("the client is not connected"),
            RequestError::Full => f.write_str("the queue is full"),
            RequestError::NotText => f.write_str("a topic or property is not valid UTF-8 text"),
            RequestError::Topic(error) => error.fmt(f),
            RequestError::Filter(error) => error.fmt(f),
            RequestError::NoFilter => f.write_str("no topic filter is given"),
            RequestError::TooLarge { limit } => write!(f, "the packet would be larger than {limit} bytes"),
            RequestError::QoSNotSupported { maximum } => {
                write!(f, "the server takes messages up to QoS {} only", maximum.bits())
            }
            RequestError::RetainNotSupported => f.write_str("the server keeps no retained messages"),
            RequestError::TopicAlias { maximum: 0 } => f.write_str("the server takes no topic aliases"),
            RequestError::TopicAlias { maximum } => write!(f, "the server takes topic aliases of 1 to {maximum} only"),
            RequestError::SubscriptionIdentifier => {
                f.write_str("a client cannot publish with a subscription identifier")
            }
            RequestError::WildcardsNotSupported => f.write_str("the server has no subscriptions with wildcards"),
            RequestError::SharedNotSupported => f.write_str("the server has no shared subscriptions"),
        }
    }
}

impl std::error::Error for RequestError {}
