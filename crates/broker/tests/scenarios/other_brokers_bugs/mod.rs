//! Mistakes that have hurt other brokers, each as a behaviour that must not be lost here. `docs/fuzzing.md` lists the
//! classes, with those of them that are tested elsewhere.

mod keep_alives;
mod long_topics;
mod offline_sessions;
mod refused_connects;
mod relayed_text;
mod server_packets;
mod subscription_changes;
mod truncated_packets;
mod unreleased_messages;
mod user_properties;
