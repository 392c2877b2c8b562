//! Scenarios: what a whole broker does for simulated peers, one file a behaviour.
#![allow(missing_docs, clippy::pedantic, reason = "the names of the tests say what they show")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod acknowledgements;
mod bad_input;
mod clean_session;
mod connect;
mod connect_mqtt_3;
mod dollar_topics;
mod filters;
mod fixed_header;
mod garbage;
mod harness;
mod keep_alive;
mod log_lines;
mod mail;
mod message_expiry;
mod model;
mod packet_ids;
mod packet_size;
mod publish_subscribe;
mod qos_in;
mod qos_out;
mod random;
mod redelivery;
mod retained;
mod retained_flag;
mod session_expiry;
mod session_resume;
mod shared;
mod slow_reader;
mod statistics;
mod subscribe;
mod subscribe_mqtt_3;
mod subscription_options;
mod takeover;
mod text_fields;
mod topic_alias;
mod will;
mod will_flags;
