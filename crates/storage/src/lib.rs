//! The format of `mosquitto.db`, the file in which Mosquitto keeps sessions and messages while it does not run; and, in
//! [`journal`], what changes meanwhile.
//!
//! [`Reader`] reads the versions 2 to 6 from anything that can be read, one chunk at a time;
//! [`Writer`] writes version 6, byte by byte what Mosquitto 2.0 and 2.1 write. Both hold one chunk in memory. Neither
//! opens a file, looks at a clock, or knows a session: what the values mean together is for the broker to say.
//!
//! # Layout
//!
//! Integers of 16 and 32 bits are big-endian. Those of 64 bits are in the order of the machine that wrote the file; here they
//! are little-endian always, so files of big-endian machines are not understood. Padding, which the compiler of the original
//! puts there to keep integers of 64 bits aligned, is written as zeros and not looked at.
//!
//! | part of the file | bytes |
//! |---|---|
//! | magic | `00 B5 00`, `mosquitto db` |
//! | checksum | 4; always 0, nobody looks at it |
//! | version | u32 |
//! | chunks | to the end of the file |
//!
//! A chunk is type (u32), length of what follows (u32), fixed part, and texts without a length of their own:
//!
//! | type | fixed part of versions 5 and 6 | then |
//! |---|---|---|
//! | 1 [`Config`] | u64 last store id; u8 shutdown; u8 size of a store id, 8; 6 bytes of padding | |
//! | 2 [`BaseMessage`] | u64 store id; i64 expiry time; u32 payload length; u16 source mid; u16 source id length; u16 source username length; u16 topic length; u16 source port; u8 QoS; u8 retain | source id, username, topic, payload; properties, if any |
//! | 3 [`ClientMessage`] | u64 store id; u16 mid; u16 client id length; u8 QoS; u8 state; u8 retain × 16 + dup; u8 direction | client id; properties, if any |
//! | 4 [`Retained`] | u64 store id | |
//! | 5 [`Subscription`] | u32 identifier; u16 client id length; u16 filter length; u8 QoS; u8 options; 2 bytes of padding | client id, filter |
//! | 6 [`Client`] | i64 session expiry time; u32 session expiry interval; u16 last mid; u16 client id length; version 6 only: u16 port; u16 username length; 4 bytes of padding | client id; username |
//!
//! Properties are a section as in a packet of MQTT 5, its length first. Versions 2 to 4 have a type of 16 bits, no padding,
//! and texts with a length of 16 bits in front; some of their lengths of chunks are wrong, so chunks end there where their
//! last field does:
//!
//! | type | versions 2 to 4 |
//! |---|---|
//! | 1 | u8 shutdown; u8 size of a store id; u64 last store id |
//! | 2 | u64 store id; source id; version 4 only: username, u16 port; u16 source mid; u16 without meaning; topic; u8 QoS; u8 retain; u32 payload length; payload |
//! | 3 | client id; u64 store id; u16 mid; u8 QoS; u8 retain; u8 direction; u8 state; u8 dup |
//! | 4 | u64 store id |
//! | 5 | client id; filter; u8 QoS |
//! | 6 | client id; u16 last mid; versions 3 and 4: i64 time of disconnecting |
//!
//! Mosquitto writes, in this order: its configuration; all base messages; each client with its messages; subscriptions;
//! retained messages. So whatever is referred to stands before what refers to it.

mod current;
mod error;
mod fields;
pub mod journal;
mod old;
mod reader;
pub mod snapshot;
mod value;
mod writer;

pub use error::{Error, ErrorKind};
pub use reader::{Entry, Lost, Reader};
pub use value::{
    BaseMessage, Chunk, ChunkType, Client, ClientMessage, Config, Direction, MessageState, Retained, Subscription,
};
pub use writer::{WriteError, Writer};

/// What every file begins with.
pub const MAGIC: &[u8; 15] = b"\x00\xB5\x00mosquitto db";

/// The version that is written.
pub const CURRENT_VERSION: u32 = 6;

/// The oldest version that is read.
pub const OLDEST_VERSION: u32 = 2;

/// A session expiry interval that never ends.
pub const NEVER: u32 = u32::MAX;

/// The size of a store id in bytes, which files state.
pub const ID_BYTES: u8 = 8;
