//! Scenarios: what a whole broker does for simulated peers, one file a behaviour.
#![allow(missing_docs, clippy::pedantic, reason = "the names of the tests say what they show")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod bad_input;
mod connect;
mod harness;
mod keep_alive;
mod message_expiry;
mod publish_subscribe;
mod retained;
mod session_expiry;
mod session_resume;
mod shared;
mod subscribe;
mod subscription_options;
mod takeover;
mod topic_alias;
mod will;
