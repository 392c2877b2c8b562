//! All scenarios once more, with a disk: whatever the broker is to keep is written down, and safe at once. It has to do the
//! same as without, and what was written has to come to what it has at the end of each scenario.
#![allow(missing_docs, clippy::pedantic, reason = "the names of the tests say what they show")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../scenarios/access_lists.rs"]
mod access_lists;
#[path = "../scenarios/acknowledgements.rs"]
mod acknowledgements;
#[path = "../scenarios/authentication.rs"]
mod authentication;
#[path = "../scenarios/bad_input.rs"]
mod bad_input;
#[path = "../scenarios/clean_session.rs"]
mod clean_session;
#[path = "../scenarios/client_ids.rs"]
mod client_ids;
#[path = "../scenarios/connect.rs"]
mod connect;
#[path = "../scenarios/connect_fields.rs"]
mod connect_fields;
#[path = "../scenarios/connect_mqtt_3.rs"]
mod connect_mqtt_3;
#[path = "../scenarios/disconnect.rs"]
mod disconnect;
#[path = "../scenarios/dollar_topics.rs"]
mod dollar_topics;
#[path = "../scenarios/drops.rs"]
mod drops;
#[path = "../scenarios/dump.rs"]
mod dump;
#[path = "../scenarios/duplicates.rs"]
mod duplicates;
#[path = "../scenarios/filters.rs"]
mod filters;
#[path = "../scenarios/fixed_header.rs"]
mod fixed_header;
#[path = "../scenarios/forwarding.rs"]
mod forwarding;
#[path = "../scenarios/garbage.rs"]
mod garbage;
#[path = "../scenarios/group_mail.rs"]
mod group_mail;
#[allow(dead_code, reason = "what is asked about the disk by itself is asked by the other test program")]
#[path = "../scenarios/harness/mod.rs"]
mod harness;
#[path = "../scenarios/keep_alive.rs"]
mod keep_alive;
#[path = "../scenarios/limits.rs"]
mod limits;
#[path = "../scenarios/log_lines.rs"]
mod log_lines;
#[path = "../scenarios/long_texts.rs"]
mod long_texts;
#[path = "../scenarios/mail.rs"]
mod mail;
#[path = "../scenarios/malformed_filters.rs"]
mod malformed_filters;
#[path = "../scenarios/memory_limit.rs"]
mod memory_limit;
#[path = "../scenarios/message_expiry.rs"]
mod message_expiry;
#[path = "../scenarios/model.rs"]
mod model;
#[path = "../scenarios/mount_point.rs"]
mod mount_point;
#[path = "../scenarios/other_brokers_bugs/mod.rs"]
mod other_brokers_bugs;
#[path = "../scenarios/own_messages.rs"]
mod own_messages;
#[path = "../scenarios/packet_ids.rs"]
mod packet_ids;
#[path = "../scenarios/packet_size.rs"]
mod packet_size;
#[path = "../scenarios/passwords.rs"]
mod passwords;
#[path = "../scenarios/protocol_error_lines.rs"]
mod protocol_error_lines;
#[path = "../scenarios/publish_subscribe.rs"]
mod publish_subscribe;
#[path = "../scenarios/qos_in.rs"]
mod qos_in;
#[path = "../scenarios/qos_out.rs"]
mod qos_out;
#[path = "../scenarios/queued_qos_0.rs"]
mod queued_qos_0;
#[path = "../scenarios/random.rs"]
mod random;
#[path = "../scenarios/reconfigure.rs"]
mod reconfigure;
#[path = "../scenarios/redelivery.rs"]
mod redelivery;
#[path = "../scenarios/refusals.rs"]
mod refusals;
#[path = "../scenarios/refused_messages.rs"]
mod refused_messages;
#[path = "../scenarios/retained.rs"]
mod retained;
#[path = "../scenarios/retained_flag.rs"]
mod retained_flag;
#[path = "../scenarios/retry.rs"]
mod retry;
#[path = "../scenarios/secured.rs"]
mod secured;
#[path = "../scenarios/send_quota.rs"]
mod send_quota;
#[path = "../scenarios/session_expiry.rs"]
mod session_expiry;
#[path = "../scenarios/session_resume.rs"]
mod session_resume;
#[path = "../scenarios/shared.rs"]
mod shared;
#[path = "../scenarios/shared_delivery.rs"]
mod shared_delivery;
#[path = "../scenarios/shares_of_a_tick.rs"]
mod shares_of_a_tick;
#[path = "../scenarios/short_replies.rs"]
mod short_replies;
#[path = "../scenarios/slow_reader.rs"]
mod slow_reader;
#[path = "../scenarios/statistics.rs"]
mod statistics;
#[path = "../scenarios/subscribe.rs"]
mod subscribe;
#[path = "../scenarios/subscribe_mqtt_3.rs"]
mod subscribe_mqtt_3;
#[path = "../scenarios/subscription_options.rs"]
mod subscription_options;
#[path = "../scenarios/subscription_replaced.rs"]
mod subscription_replaced;
#[path = "../scenarios/takeover.rs"]
mod takeover;
#[path = "../scenarios/text_fields.rs"]
mod text_fields;
#[path = "../scenarios/topic_alias.rs"]
mod topic_alias;
#[path = "../scenarios/will.rs"]
mod will;
#[path = "../scenarios/will_flags.rs"]
mod will_flags;
#[path = "../scenarios/wire_cases.rs"]
mod wire_cases;
