//! What is kept over a restart, and for how long.

use super::Bound::{Clamps, None as Unbounded};
use super::Reload::Yes;
use super::{Argument, Declaration, Repeat, Store};
use crate::by_hand;
use crate::changes::Effect;
use crate::written::Written;

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::bool("persistence")
        .aliases(&["retained_persistence"])
        .default("false")
        .reload(Yes)
        .help("Keep sessions and retained messages on disk.")
        .store(Store::Only("false")),
    Declaration::text("persistence_file", Repeat::Refused)
        .default("mosquitto.db")
        .reload(Yes)
        .help("The name of the file."),
    Declaration::text("persistence_location", Repeat::Refused)
        .reload(Yes)
        .help("The directory of the file; unset: the one in which the broker was started."),
    Declaration::int("autosave_interval", Clamps(0), Unbounded)
        .default("1800")
        .unit("seconds, or changes with autosave_on_changes")
        .reload(Yes)
        .help("How often the file is written; 0: only at the end."),
    Declaration::bool("autosave_on_changes")
        .default("false")
        .reload(Yes)
        .since("1.0")
        .help("Count changes instead of seconds for autosave_interval."),
    Declaration::new("persistent_client_expiration", Argument::Duration)
        .default("never")
        .reload(Yes)
        .help("Drop the session of a client that stayed away this long.")
        .store(Store::ByHand(by_hand::persistent_client_expiration))
        .shows(Effect::AtOnce, |c| c.global.persistent_client_expiration.written()),
];
