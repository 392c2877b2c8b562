//! The program, at a good broker and at bad ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers fail the test that they serve"
)]

#[path = "../../../client/tests/broker/mod.rs"]
mod broker;

mod arguments;
mod bad_broker;
mod bad_brokers;
mod overload;
mod runs;
mod scenarios;
