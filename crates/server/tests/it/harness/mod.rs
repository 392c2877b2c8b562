//! A broker in its own process, and what talks to it.

mod broker;
mod client;
mod connecting;
#[cfg(target_os = "linux")]
mod inside;
mod lines;
mod ports;
mod process;
mod scratch;
mod sentinels;
mod terminal;
mod websocket;

pub(crate) use broker::{Broker, Setup};
pub(crate) use client::{Client, Got, Message, retry};
pub(crate) use connecting::{Connecting, client};
pub(crate) use lines::Lines;
pub(crate) use ports::free_port;
pub(crate) use process::{Finished, Program, is_root, mosquitto, mosquitto_by, mosquitto_with, report_skipped};
pub(crate) use rustix::process::Signal;
pub(crate) use rustix_libc_wrappers::process::SignalExt;
pub(crate) use scratch::Scratch;
pub(crate) use sentinels::Sentinels;
pub(crate) use terminal::Terminal;
pub(crate) use websocket::{ANSWER, REQUEST, frame, in_websocket, next_frame, open_websocket};

use std::time::Duration;

/// How long a test waits for what has to happen before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something that announces itself by nothing else is so.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < until, "not in time: {what}");
        std::thread::yield_now();
    }
}
