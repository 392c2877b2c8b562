//! What each option of `mosquitto.conf(5)` does, seen from outside: over sockets, in the log, in files. One module a
//! theme; options with much behind them have modules beside this one.
//!
//! `registry::EFFECTS` tells for each option which tests see its effect; an option without one is a failure.

mod access;
mod client_ids;
mod delivery;
mod limits;
mod listeners;
mod logging;
mod overload;
mod queues;
#[cfg(target_os = "linux")] // It names tests that are there on Linux only.
mod registry;
mod sessions;
mod whole;

use crate::harness::{Client, Got, Message, Scratch, mosquitto};
use mosquitto_mqtt::Packet;

/// Expects that a broker with this line below a `listener` does not start, and says why.
fn refused(line: &str, why: &str) {
    let scratch = Scratch::new();
    let file = scratch.file("mosquitto.conf", &format!("listener 1883 127.0.0.1\n{line}\n"));
    let refused = mosquitto(["-c".as_ref(), file.as_os_str()]);
    assert_eq!(refused.code, Some(3), "{line}: {refused:?}");
    assert!(refused.stderr.iter().any(|said| said.contains(why)), "{line}: {refused:?}");
}

/// The messages that have come, none of which is acknowledged by this. With a broker of one worker, these are all that were
/// published before.
fn arrived(user: &mut Client) -> Vec<Message> {
    user.send(&Packet::PingReq);
    let mut messages = Vec::new();
    loop {
        match user.next() {
            Got::Message(message) => messages.push(message),
            Got::PingResp => return messages,
            other => panic!("{other:?} instead of a message"),
        }
    }
}
