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
        .help("Where the log goes; may be given several times. none: forget those given above.")
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
    .help("What is logged; may be given several times. none: forget those given above.")
    .store(Store::ByHand(by_hand::log_type))
    .shows(Effect::AtOnce, |c| c.log.types.written()),
    Declaration::int("log_facility", Refuses(0), Refuses(7))
        .default("daemon")
        .reload(Yes)
        .help("Log to syslog as local0 to local7.")
        .store(Store::SmallInt(|c, n| c.log.facility = Some(n.to_le_bytes()[0])))
        .shows(Effect::AtOnce, |c| c.log.facility.written()),
    Declaration::bool("log_timestamp")
        .default("true")
        .reload(Yes)
        .help("Begin log lines with the time.")
        .store(Store::Bool(|c, on| c.log.timestamp = on))
        .shows(Effect::AtOnce, |c| c.log.timestamp.written()),
    Declaration::text("log_timestamp_format", Repeat::Refused)
        .reload(Yes)
        .since("1.6")
        .help("The time's format, as strftime knows it; unset: seconds since 1970.")
        .store(Store::Text(|c| &mut c.log.timestamp_format))
        .shows(Effect::AtOnce, |c| c.log.timestamp_format.written()),
];
