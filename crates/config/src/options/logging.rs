//! What is logged, and where.

use super::Bound::Refuses;
use super::Reload::Yes;
use super::{Declaration, Repeat, Store};
use crate::by_hand;
use crate::changes::Effect;
use crate::written::Written;

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::words("log_dest", "stdout, stderr, syslog, topic, none, or file and a path")
        .default("stderr")
        .reload(Yes)
        .value("stderr | stdout | syslog | topic | none | file path")
        .help("Where the log goes; may be given several times. none: forget those given above.")
        .manual(
            "The first one given takes the place of the default, the others add to it, and `none` takes away what was \
             given above.\n\n\
             - `file` appends to a file, in a directory that must be there. There can be one. It is created so that \
             only the broker's user can read it, and it may be no symbolic link. While it cannot be opened, errors \
             go to standard error, and the broker runs all the same.\n\
             - `syslog` takes lines to the log of the system, as `mosquitto`; `log_facility` says as which kind of \
             program.\n\
             - `topic` publishes lines: to `$SYS/broker/log/E` what is an error, and likewise `W` (warning), `N` \
             (notice), `I` (information), `M/subscribe` and `M/unsubscribe`. Debugging lines are not published.",
        )
        .store(Store::ByHand(by_hand::log_dest))
        .shows(Effect::AtOnce, |c| c.log.destinations.written()),
    Declaration::choice(
        "log_type",
        &[
            "debug",
            "error",
            "warning",
            "notice",
            "information",
            "subscribe",
            "unsubscribe",
            "websockets",
            "internal",
            "none",
            "all",
        ],
    )
    .default("error, warning, notice and information")
    .reload(Yes)
    .value("type")
    .examples(&["error", "warning", "notice", "information"])
    .help("What is logged; may be given several times. none: forget those given above.")
    .manual(
        "The first one given takes the place of the default, the others add to it, and `none` takes away what was \
         given above. `all` is everything. `subscribe` and `unsubscribe` tell which client subscribes to what. \
         `websockets` and `internal` are for what this broker has no lines about. `-v` and `-q` on the command line override it.",
    )
    .store(Store::ByHand(by_hand::log_type))
    .shows(Effect::AtOnce, |c| c.log.types.written()),
    Declaration::int("log_facility", Refuses(0), Refuses(7))
        .default("daemon")
        .reload(Yes)
        .value("0 to 7")
        .examples(&["5"])
        .help("Log to syslog as local0 to local7.")
        .store(Store::SmallInt(|c, n| c.log.facility = Some(n.to_le_bytes()[0])))
        .shows(Effect::AtOnce, |c| c.log.facility.written()),
    Declaration::bool("log_timestamp")
        .default("true")
        .reload(Yes)
        .help("Begin log lines with the time.")
        .manual("A line begins with the time, a colon and a space.")
        .store(Store::Bool(|c, on| c.log.timestamp = on))
        .shows(Effect::AtOnce, |c| c.log.timestamp.written()),
    Declaration::text("log_timestamp_format", Repeat::Refused)
        .reload(Yes)
        .since("1.6")
        .value("format")
        .examples(&["%Y-%m-%dT%H:%M:%S"])
        .help("The time's format, as strftime knows it; unset: seconds since 1970.")
        .manual(
            "The time is local. A line then begins with what the format gives, a colon and a space; spaces belong to \
             the format.",
        )
        .store(Store::Text(|c| &mut c.log.timestamp_format))
        .shows(Effect::AtOnce, |c| c.log.timestamp_format.written()),
];
