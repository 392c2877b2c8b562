//! Scenarios: what a whole broker does for simulated peers, one file a behaviour.
#![allow(missing_docs, clippy::pedantic, reason = "the names of the tests say what they show")]

mod harness;
mod publish_subscribe;
