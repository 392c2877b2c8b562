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
mod dollar_topics;
mod garbage;
mod harness;
mod keep_alive;
mod log_lines;
mod mail;
mod message_expiry;
mod model;
mod packet_size;
mod publish_subscribe;
mod qos_in;
mod qos_out;
mod random;
mod retained;
mod session_expiry;
mod session_resume;
mod shared;
mod slow_reader;
mod statistics;
mod subscribe;
mod subscription_options;
mod takeover;
mod topic_alias;
mod will;
mod wire_cases;
