//! The program, at a good broker and at bad ones.

#[path = "../../../client/tests/broker/mod.rs"]
mod broker;

mod arguments;
mod bad_broker;
mod bad_brokers;
mod runs;
mod scenarios;
