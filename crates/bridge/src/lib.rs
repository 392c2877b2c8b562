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
//! 6. On SIGHUP a bridge that is gone is stopped; one that is new is started; one that has changed is stopped and made anew, at
//!    once or when it is next without a connection, by `bridge_reload_type`. Subscriptions of topic lines that are gone stay in a
//!    local session that is kept; what they bring is dropped and counted here until the shard can forget them (below).
//!
//! # What differs for the link
//!
//! - Who it is: a listener that no socket has (`BRIDGE_LISTENER` of the broker's core), for which no password, access list, mount
//!   point, prefix of client ids or longest keep alive holds.
//! - `global_max_clients` counts it, as in Mosquitto; `global_max_connections` does not, since there is no socket.
//! - The keep alive is 0, so that nothing measures the silence of a link.
//! - For a lazy bridge, messages of QoS 0 wait as well, whatever `queue_qos0_messages` says; also for one that has said hello to the
//!   remote broker, as its link is not open yet.
//! - Still missing is a way to forget subscriptions that no topic line has any more: an UNSUBSCRIBE for each filter that the session
//!   has and the lines do not, for which the shard has to tell a session's filters.
//!
//! # What is not promised
//!
//! QoS 2 is exactly once over any number of breaks of either connection, and over a restart of the remote broker that keeps its
//! sessions. It is not over the end of this process, or a bridge that is made anew, with messages under way: the local session
//! gives them again, but the session towards the remote broker has forgotten under which packet identifiers they were sent.
//! So one may arrive twice; and where the remote broker still waits for the PUBREL of such an identifier, it takes the next
//! message that gets this identifier for the old one. A client without its state should connect with Clean Start, which would
//! lose what waits at the remote broker. Storing the pairs of identifiers (the ledger of messages that go out, and the stage of
//! each) beside the local session closes both gaps; until then an owner should wait for [`Bridge::unacknowledged`] to become 0
//! before `stop`, as long as it can.

mod addresses;
mod bridge;
mod ledger;
mod pause;
mod remote;
mod report;
mod topics;

pub use bridge::{Action, Bridge};
pub use remote::{Backlog, Effect, Limits, Passed, Passing, Remote, RemoteEvent};
pub use report::{Counters, Report, State};
pub use topics::Topics;
