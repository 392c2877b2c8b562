//! Scenarios: what a whole broker does for simulated peers, one file a behaviour.
#![allow(missing_docs, clippy::pedantic, reason = "the names of the tests say what they show")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod access_lists;
mod acknowledgements;
mod authentication;
mod bad_input;
mod clean_session;
mod client_ids;
mod connect;
mod connect_fields;
mod connect_mqtt_3;
mod disconnect;
mod dollar_topics;
mod drops;
mod dump;
mod duplicates;
mod filters;
mod fixed_header;
mod forwarding;
mod garbage;
mod group_mail;
mod harness;
mod keep_alive;
mod kept_before_answers;
mod kept_crash;
mod kept_deliveries;
mod kept_retained;
mod kept_sessions;
mod limits;
mod log_lines;
mod long_texts;
mod mail;
mod malformed_filters;
mod memory_limit;
mod message_expiry;
mod model;
mod mount_point;
mod other_brokers_bugs;
mod own_messages;
mod packet_ids;
mod packet_size;
mod passwords;
mod protocol_error_lines;
mod publish_subscribe;
mod qos_in;
mod qos_out;
mod queued_qos_0;
mod random;
mod reconfigure;
mod redelivery;
mod refusals;
mod refused_messages;
mod restored;
mod retained;
mod retained_flag;
mod retry;
mod secured;
mod send_quota;
mod session_expiry;
mod session_resume;
mod shared;
mod shared_delivery;
mod shares_of_a_tick;
mod short_replies;
mod slow_reader;
mod statistics;
mod storage_full;
mod subscribe;
mod subscribe_mqtt_3;
mod subscription_options;
mod subscription_replaced;
mod takeover;
mod text_fields;
mod topic_alias;
mod will;
mod will_flags;
mod wire_cases;
