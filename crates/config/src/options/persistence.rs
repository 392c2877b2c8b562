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
        .manual(
            "With `true`, the sessions of clients that want theirs to be kept, what waits for them or is under way, their \
             subscriptions, and retained messages are there again after the broker was started again. They are read \
             from, and from time to time written to, one file in Mosquitto's format. What has changed since then stands \
             in a journal beside it, files of the same name with `.journal` and a number behind it, so that nothing is \
             lost where the broker does not come to its end: see `persistence_sync`. With `false`, all of that is lost \
             whenever the broker ends.\n\n\
             A file or journal that is damaged does not keep the broker from starting. It is set aside under a name with \
             the date, what can be read of it is used, and the log says what could not. A second broker on the same \
             file is refused. When there is no space left on the disk, messages of QoS 1 and 2 that would have to be \
             kept are refused until there is some again.\n\n\
             A change takes effect when the broker is started again.",
        )
        .store(Store::Bool(|c, on| c.global.persistence.on = on))
        .shows(Effect::Restart, |c| c.global.persistence.on.written()),
    Declaration::text("persistence_file", Repeat::Refused)
        .default("mosquitto.db")
        .reload(Yes)
        .value("name")
        .help("The name of the file.")
        .manual("A change takes effect when the broker is started again.")
        .store(Store::Text(|c| &mut c.global.persistence.file))
        .shows(Effect::Restart, |c| c.global.persistence.file.written()),
    Declaration::text("persistence_location", Repeat::Refused)
        .reload(Yes)
        .value("directory")
        .examples(&["/var/lib/mosquitto/"])
        .help("The directory of the file; unset: the one in which the broker was started.")
        .manual(
            "The broker's user needs the right to make files there. A change takes effect when the broker is started \
             again.",
        )
        .store(Store::Path(|c| &mut c.global.persistence.location))
        .shows(Effect::Restart, |c| c.global.persistence.location.written()),
    Declaration::words("persistence_sync", "always, none, or interval and a number of milliseconds from 1 to 3600000")
        .default("always")
        .since("none: this broker's own")
        .value("always | interval milliseconds | none")
        .examples(&["interval 1000", "none"])
        .help("When a change is safe on the disk.")
        .manual(
            "`always`: before it is acknowledged. What a client was told to be published, subscribed or released is there \
             again after the program, the system or the power failed at any moment. `interval`: at the latest after so \
             many milliseconds; it is acknowledged as soon as the system has it. Nothing is lost when the program is \
             killed; when the system fails or the power does, up to that many milliseconds are. `none`: when the system \
             thinks fit. Nothing is lost when the program is killed; when the system fails, what it had not written yet \
             is, often half a minute. Clients with a clean session and messages of QoS 0 never wait.\n\n\
             A change takes effect when the broker is started again.",
        )
        .store(Store::ByHand(by_hand::persistence_sync))
        .shows(Effect::Restart, |c| c.global.persistence.sync.written()),
    Declaration::int("autosave_interval", Clamps(0), Unbounded)
        .default("1800")
        .unit("seconds, or changes with autosave_on_changes")
        .reload(Yes)
        .help("How often the file is written; 0: only at the end.")
        .manual(
            "The file is also written when the broker ends, on SIGUSR1, and when the journal has become much larger than \
             the file. How often has no bearing on what is lost when the broker does not come to its end: that is for \
             `persistence_sync` to say. Writing it often makes the journal shorter, and so the next start faster.",
        )
        .store(Store::Int(|c, n| c.global.persistence.autosave_interval = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.persistence.autosave_interval.written()),
    Declaration::bool("autosave_on_changes")
        .default("false")
        .reload(Yes)
        .since("1.0")
        .help("Count changes instead of seconds for autosave_interval.")
        .manual(
            "Changes are messages that were retained or queued, acknowledgements of clients, subscriptions that were \
             made or ended, and clients that connect to a session that is kept.",
        )
        .store(Store::Bool(|c, on| c.global.persistence.autosave_on_changes = on))
        .shows(Effect::AtOnce, |c| c.global.persistence.autosave_on_changes.written()),
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
