//! What the broker says over HTTP: how it does (`protocol http_api`), and files (`http_dir`).
//!
//! All of it is done by one thread with an event loop of its own, so that no reader, however slow, and no file costs a client
//! of MQTT anything. The thread has the sockets of its own listeners; from the workers it gets those connections to
//! WebSocket listeners that ask for a file.
//!
//! - `desk`: what others hand to the thread.
//! - `sites`: what its listeners serve and to whom, as the configuration says.
//! - `server`: the event loop, `connections` and `doors` of which it is made, and `visit`, one connection.
//! - `request`, `answer`: HTTP. Of it, only as much as is needed: every answer ends its connection, as in Mosquitto.
//! - `access`, `api`, `files`: who may ask, and what is answered.
//!
//! Invariant: the thread waits for its own events only. Files are the exception: they are read as they are sent, a slice
//! each time.

mod access;
mod answer;
mod api;
mod connections;
mod desk;
mod directories;
mod doors;
mod files;
mod request;
mod server;
mod sites;
mod visit;

pub(crate) use access::Login;
pub(crate) use api::Counters;
pub(crate) use desk::{Desk, Visitor};
pub(crate) use directories::Directories;
pub(crate) use server::start;
pub(crate) use sites::Sites;
