//! The broker's state as `mosquitto.db`, and back.
//!
//! [`SnapshotWriter`] writes what the broker hands over, bit by bit, as it comes; [`load`] gives what stands in a file to a
//! [`Restore`](mosquitto_broker::Restore). What a file says in terms of wall clock, the broker says in moments; the caller
//! says what lies between the two.
//!
//! # What our files have that Mosquitto's do not
//!
//! - Base messages stand where they are first needed, so nothing has to be kept until it is known who needs it. Mosquitto
//!   2.0 and 2.1 read a file chunk by chunk, and find what came before.
//! - Shared subscriptions: like others, with `$share/GROUP/` in front. Mosquitto leaves them out when it writes, and takes
//!   them when it reads.
//! - What a client has for good while its PUBCOMP is awaited is not in memory any more. Mosquitto wants a base message all
//!   the same, so there is one without a payload, whose store id is that of the real one with the
//!   [first bit](mosquitto_broker::STAND_IN) set.
//! - Messages that have no number in the broker (QoS 0, for clients that are away) get store ids from the last one
//!   that the file names on, downwards, and are written for each who gets them.
//!
//! What Mosquitto's files have and ours do not: the packet identifier that a message's publisher gave it, and who that was,
//! where nobody asks (`check_retain_source`).

mod load;
mod numbers;
mod write;

pub use load::load;
pub use write::SnapshotWriter;
