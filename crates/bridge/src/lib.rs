//! Bridges without I/O: a session at a remote broker beside one at this broker, and what passes between them.
//!
//! Nothing here knows a socket, thread, file, clock or random source. A bridge is made of its row of options
//! ([`mosquitto_config::Bridge`]) and a seed; events and the time go into it, actions and bytes come out.
//!
//! - [`Bridge`] is all of it, and its contract is what an owner has to know.
//! - [`Remote`] is the remote half alone: which address is next and when, what CONNECT says, what is said after CONNACK, what a
//!   refusal teaches, when a lazy bridge connects, and the messages of a [`Session`](mosquitto_client::Session) that outlives
//!   its connections.
//! - [`Topics`] says what a topic is called on the other side.
//! - [`Report`] is what operators are told.
//!
//! # The link
//!
//! The local half is an ordinary client session as well. Its connection, the *link*, is made of memory: what
//! [`Bridge::link_output`] has goes into the shard's `received`, and what the shard's `output` has goes into
//! [`Bridge::link_received`]. So all that a broker promises its clients holds for bridges without another line of code: the
//! queue's limits, expiry, persistence, order, and what is retained. The link speaks MQTT 5, whatever is spoken to the remote
//! broker, so that properties, No Local and Retain As Published are there.
//!
//! The link is open only while there is a remote broker, and for a moment at the beginning, when the broker has to get to know
//! the session and its subscriptions. While the remote broker is away, the bridge is to this broker a client that is away.
//! That is how Mosquitto treats it: `max_queued_messages`, `max_queued_bytes` and `queue_qos0_messages` say what waits.
//!
//! # How a worker drives it
//!
//! 1. The bridge lives on the worker of the shard that is home to [`Bridge::local_clientid`], so that its link is never handed
//!    over.
//! 2. [`Action::OpenRemote`]: the name is looked up on a thread for that; then a stream is opened without blocking, with
//!    `Stream::set_client_layers` and `Stream::open` of `transport` for TLS, bound to `bridge_bind_address` and with the options
//!    of TCP set. What comes of it is [`Bridge::remote_opened`] or [`Bridge::remote_open_failed`]. [`Action::ProbeRemote`]
//!    likewise, without anything but TCP.
//! 3. [`Action::OpenLink`]: `Shard::open` with a listener of its own (below), then [`Bridge::link_opened`]. In each tick, between
//!    `begin` and `end`, the link's output goes into `Shard::received`; what that does not take (`Then::Busy`, `Then::Full`) is
//!    presented again in the next tick. After `end`, the shard's output for the link goes into [`Bridge::link_received`], and
//!    `Shard::sent` is told how much was taken, also where that was nothing: so the shard knows a slow client.
//!    [`Action::CloseLink`] is `Shard::closed` and `release`; a link among `Shard::closing` is released and told with
//!    [`Bridge::link_closed`].
//! 4. [`Bridge::next_deadline`] counts among the deadlines of the loop. Every call is followed by draining the actions.
//! 5. `Shard::backlog` gives [`Bridge::set_backlog`], once a second
//!    for lazy bridges that rest and for those whose [`Report`] is published.
//! 6. [`Action::PassOver`] is `Shard::pass_over_packet_id`.
//! 7. What `Shard::left_behind` tells of the local session is given to [`Bridge::remember`] before a bridge is started.
//! 8. On SIGHUP a bridge that is gone is stopped, and its local session ended with `Shard::end_session_of`; one that is new is
//!    started; one that has changed is stopped and made anew, at once or when it is next without a connection, by
//!    `bridge_reload_type`.
//!
//! # What differs for the link
//!
//! - Who it is: a listener that no socket has (`BRIDGE_LISTENER` of the broker's core), for which no password, access list, mount
//!   point, prefix of client ids or longest keep alive holds.
//! - `global_max_clients` counts it, as in Mosquitto; `global_max_connections` does not, since there is no socket.
//! - The keep alive is 0, so that nothing measures the silence of a link.
//! - For a lazy bridge, messages of QoS 0 wait as well, whatever `queue_qos0_messages` says; also for one that has said hello to the
//!   remote broker, as its link is not open yet.
//! - There is no Receive Maximum for what comes over it: how many messages of QoS 2 are not released is up to the remote broker.
//!   The bridge bounds those that this broker has not acknowledged.
//!
//! # QoS 2
//!
//! Both steps of an exchange go through the bridge, under one packet identifier:
//!
//! ```text
//! this broker              bridge              remote broker
//!      ── PUBLISH 7 ──▶            ── PUBLISH 7 ──▶
//!      ◀── PUBREC 7 ──            ◀── PUBREC 7 ──      it has it
//!      ── PUBREL 7 ───▶            ── PUBREL 7 ───▶      once this broker has written down that it has it
//!      ◀── PUBCOMP 7 ─            ◀── PUBCOMP 7 ─
//! ```
//!
//! and likewise the other way round. So a bridge has nothing to write down itself. What this broker has kept of its own session says
//! what is to be sent again, and whether PUBLISH or PUBREL; as Mosquitto, whose bridge has only one session, it sends that under the
//! same identifier, which the remote broker knows. A file of Mosquitto's with a bridge's session is continued in the same way.
//! What ends in one step at the taker (a QoS that was lowered, a message that is not passed on) ends so at this broker as well, by a
//! PUBREC that refuses it, so that no PUBREL is left.
//!
//! Where the taker's session does not outlive the connection (`cleansession`, `local_cleansession`, MQTT 5 without
//! `bridge_session_expiry_interval`), what it has received but not been released would be lost with it. There the exchange with the
//! giver begins its second step only when that with the taker is over, as nothing is exactly once there anyway.
//!
//! # What is not promised
//!
//! QoS 2 is exactly once as long as both brokers keep their sessions, whatever happens to the bridge and its connections. It is not
//! where a session is lost, nor where the addresses of a bridge lead to brokers that do not share their sessions: what one of them
//! has received is released, or sent again, at the other.

mod addresses;
mod bridge;
mod ledger;
mod pause;
mod remote;
mod report;
mod topics;

pub use bridge::{Action, Bridge, Kept};
pub use remote::{Backlog, Effect, Limits, Passed, Passing, Remote, RemoteEvent};
pub use report::{Counters, Report, State};
pub use topics::Topics;
