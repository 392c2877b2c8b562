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
        .manual("With `false`, all sessions and retained messages are lost when the broker ends.")
        .store(Store::Only("false")),
    Declaration::text("persistence_file", Repeat::Refused)
        .default("mosquitto.db")
        .reload(Yes)
        .value("name")
        .help("The name of the file."),
    Declaration::text("persistence_location", Repeat::Refused)
        .reload(Yes)
        .value("directory")
        .examples(&["/var/lib/mosquitto/"])
        .help("The directory of the file; unset: the one in which the broker was started."),
    Declaration::int("autosave_interval", Clamps(0), Unbounded)
        .default("1800")
        .unit("seconds, or changes with autosave_on_changes")
        .reload(Yes)
        .help("How often the file is written; 0: only at the end.")
        .manual("The file is also written when the broker ends, and on SIGUSR1."),
    Declaration::bool("autosave_on_changes")
        .default("false")
        .reload(Yes)
        .since("1.0")
        .help("Count changes instead of seconds for autosave_interval.")
        .manual("Changes are messages that were retained or queued, and subscriptions that were made or ended."),
    Declaration::new("persistent_client_expiration", Argument::Duration)
        .default("never")
        .reload(Yes)
        .value("time")
        .examples(&["14d"])
        .help("Drop the session of a client that stayed away this long.")
        .manual(
            "`14d` is fourteen days. The letters mean seconds, hours, days, weeks, months of thirty days, and years \
             of 365 days; `m` does not mean minutes. Clients of MQTT 5 say themselves how long their session is to be \
             kept; the shorter of both counts. Without the option a session of MQTT 3 is kept until its client asks \
             for a clean one.",
        )
        .store(Store::ByHand(by_hand::persistent_client_expiration))
        .shows(Effect::AtOnce, |c| c.global.persistent_client_expiration.written()),
];
