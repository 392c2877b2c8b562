//! An MQTT client in two halves.
//!
//! [`Session`] is the protocol without I/O: bytes and the time go in, bytes and events come out. It knows no socket and
//! no clock, so that it can run in a tool, in a broker's event loop as a bridge, or in a test under invented time.
//! [`Client`] is a blocking client over it: one connection, one thread, and a [`Waker`] with which other threads
//! interrupt its waiting.
//!
//! Invariant: nothing in [`session`](Session) names a socket, a clock, a thread or a random source.

mod background;
mod blocking;
mod error;
mod event;
mod moment;
mod options;
mod reconnect;
mod session;
mod subscriptions;

pub use background::{Handle, Outcome, OwnedPublication, Token};
pub use blocking::{Client, Delivery, Events, Next, Waker};
pub use error::RequestError;
pub use event::{End, Event, Message};
pub use moment::Moment;
pub use options::{Options, WillMessage};
pub use reconnect::{BackOff, Reconnection};
pub use session::{Publication, Session};
pub use subscriptions::Subscriptions;

pub use mosquitto_mqtt as mqtt;
pub use mosquitto_transport as transport;
