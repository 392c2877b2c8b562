//! The MQTT broker without I/O.
//!
//! Sessions, subscriptions, retained messages, queues, wills and expiry live here, and nothing else does: no socket,
//! thread, file, clock or random source. Events and the time go into a [`Shard`], effects come out of it: bytes for a
//! connection, connections to close or to hand over, mail for other shards, lines to log. So the broker is tested
//! packet by packet, and can be run for millions of steps under a simulated clock.
//!
//! A broker is one [`Shared`] and as many [`Shard`]s as there are cores to use. Read the contract at [`Shard`] first.

mod access;
mod ack;
mod alias;
mod authenticate;
mod change;
mod changes;
mod client_id;
mod connect;
mod connection;
mod control;
mod drops;
mod dump;
mod edges;
mod end;
mod gate;
mod group;
mod hand_over;
mod home;
mod id;
mod incoming;
mod level;
mod lock;
#[cfg(feature = "lock-times")]
pub mod lock_times;
mod log;
mod mail;
mod memory;
mod message;
mod mount_point;
mod name;
mod output;
mod own;
mod post;
mod protocol_error;
mod publish;
mod publish_out;
mod received;
mod reconfigure;
mod restore;
mod retained;
mod retained_expiry;
mod retained_streams;
mod retained_tree;
mod retry;
mod route;
mod secured;
mod session;
mod settings;
mod shard;
mod shared;
mod slots;
mod statistics;
mod storage;
mod stored;
mod subscribe;
mod subscriber;
mod subscription_tree;
mod time;
mod timers;
mod topic_cache;
mod will;
mod window;

pub use access::AccessLists;
pub use authenticate::{PasswordAnswer, PasswordCheck};
pub use change::{Change, KeptMessage, Publisher, SessionKey, Target};
pub use dump::{LeftBehind, SessionReport, SubscriptionCopy};
pub use hand_over::{HeldMessage, KeptFilter, KeptSubscriber, RetainedPart, SessionHead, SessionPart, Slice};
pub use id::{ConnectionId, ShardId};
pub use log::{LogLevel, LogLine, LogMask};
pub use mail::Mail;
pub use own::Publication;
pub use received::{Received, Then};
pub use restore::{KeptDelivery, KeptSession, Restore, Restored, STAND_IN, Skipped, Stage};
pub use secured::{CertificateUsername, Secured};
pub use settings::{BRIDGE_LISTENER, ListenerSettings, Persistence, Settings, Versions};
pub use shard::Shard;
pub use shared::Shared;
pub use statistics::{DropCounts, DropReason, Statistics};
pub use stored::Stored;
pub use time::Moment;
