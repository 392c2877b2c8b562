//! An MQTT client, of version 3.1, 3.1.1 or 5.0, in two halves.
//!
//! **Without I/O.** [`Session`] is the protocol: bytes and the time go in, bytes and events come out. [`Reconnection`] says when a
//! lost connection is to be made again, [`Subscriptions`] what then has to be subscribed to again. They know no socket, clock,
//! thread or random source, so that they can run in a tool, in a broker's event loop as a bridge, or in a test under invented
//! time.
//!
//! **Blocking.** [`Client`] is a client over them: one connection, on the thread that calls it, and a [`Waker`] with which other
//! threads interrupt its waiting. There is no other thread, unless [`Client::spawn`] asks for one and returns a [`Handle`] to it.
//!
//! # The way of a connection
//!
//! 1. [`Options`] say what CONNECT says: version, client id, keep alive, user name, will, session expiry; and the bounds of what
//!    waits to be sent.
//! 2. [`Client::set_layers`] puts a SOCKS5 proxy, TLS (also with a certificate of the client's own) or a WebSocket between socket
//!    and MQTT, in any combination: see [`transport::ClientLayers`].
//! 3. [`Client::set_reconnect`] has a lost connection made again; without it, it stays lost.
//! 4. [`Client::connect`] begins, and [`Client::next`] does the work: it tells [`Event::Connected`], then messages and answers, and
//!    at the end [`Event::Disconnected`]. [`Client::events`] is the same as an iterator. [`Client::connect_service`] asks name
//!    servers for the server first.
//! 5. [`Client::publish`] returns a packet identifier. [`Event::Published`] tells what became of the message, and
//!    [`Client::wait`] waits for it.
//! 6. [`Client::disconnect`] ends it once everything is sent.
//!
//! # What is sent again
//!
//! Messages of QoS 1 and 2 that are not through are kept, within bounds, and sent again with the next connection, in their order.
//! If the server still has the session, they go on where they were: QoS 2 arrives exactly once. If it has not, they are new to
//! it. Messages of QoS 0 are never kept. All of that is in memory: what is not through when the program ends is lost.
//!
//! # Examples
//!
//! In `examples`: `subscribe`, `publish`, `round_trip`, `request` (a question and its answer in MQTT 5), `tls`, `websocket` and
//! `background`. In short:
//!
//! ```no_run
//! use mosquitto_client::mqtt::{ProtocolVersion, QoS};
//! use mosquitto_client::{BackOff, Client, Delivery, Options, Publication};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::new(Options::new(ProtocolVersion::V5, "example"))?;
//! client.set_reconnect(Some(BackOff::default()));
//! client.connect("localhost", 1883)?;
//! let packet_id = client.publish(Publication::new("greeting", b"hello", QoS::AtLeastOnce))?;
//! if let Delivery::Done { reason, .. } = client.wait(packet_id, None)? {
//!     println!("{}", reason.text());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Invariant: nothing in [`session`](Session), `reconnect` or `subscriptions` names a socket, a clock, a thread or a random
//! source.

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
pub use blocking::{Client, Delivery, Events, Next, Service, Waker};
pub use error::RequestError;
pub use event::{End, Event, Message};
pub use moment::Moment;
pub use options::{Options, WillMessage};
pub use reconnect::{BackOff, Reconnection};
pub use session::{Publication, Session};
pub use subscriptions::Subscriptions;

pub use mosquitto_dns as dns;
pub use mosquitto_mqtt as mqtt;
pub use mosquitto_transport as transport;
