//! What `mosquitto_pub` and `mosquitto_rr` publish.

use super::{CommandOption, GO_ON, PUB, PUB_RR, add_topic};
use crate::arguments::{ArgumentError, Command};
use crate::number::{leading_decimal, leading_integer};
use crate::payload::PAYLOAD_BYTES_MAX;
use crate::settings::{Settings, Source};
use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::value("-t", "topic", "no topic", |settings, value| add_topic(settings, value, "-t"))
        .long("--topic")
        .of(PUB_RR)
        .help(&["the topic to publish to."]),
    CommandOption::value("-m", "message", "no message", |settings, value| {
        check_source(settings)?;
        if value.len() > PAYLOAD_BYTES_MAX {
            let text = format!("Error: Message length must be less than {PAYLOAD_BYTES_MAX} bytes.");
            return Err(ArgumentError::spaced(text));
        }
        source(settings, Source::Argument(value.to_vec()))
    })
    .long("--message")
    .of(PUB_RR)
    .help(&["publish this."]),
    CommandOption::value("-f", "file", "no file", |settings, value| {
        source(settings, Source::File(PathBuf::from(OsStr::from_bytes(value))))
    })
    .long("--file")
    .of(PUB_RR)
    .help(&["publish what is in a file."]),
    CommandOption::flag("-l", |settings| flag(settings, Source::StdinLines))
        .long("--stdin-line")
        .of(PUB)
        .help(&["publish each line of standard input as a message, until it ends."]),
    CommandOption::flag("-s", |settings| flag(settings, Source::Stdin))
        .long("--stdin-file")
        .of(PUB_RR)
        .help(&["publish all of standard input as one message."]),
    CommandOption::flag("-n", |settings| flag(settings, Source::Null))
        .long("--null-message")
        .of(PUB_RR)
        .help(&["publish an empty message."]),
    CommandOption::flag("-r", |settings| {
        settings.publish.retain = true;
        GO_ON
    })
    .long("--retain")
    .of(PUB)
    .help(&["have the server keep the message for later subscribers."]),
    CommandOption::value("--repeat", "count", "no count", |settings, value| {
        let count = u32::try_from(leading_integer(value).min(i64::from(u32::MAX))).ok();
        settings.publish.repeat = count
            .and_then(NonZeroU32::new)
            .ok_or_else(|| ArgumentError::spaced("Error: --repeat argument must be >0."))?;
        Ok(())
    })
    .only_long()
    .of(PUB)
    .help(&["publish the message so many times (not with -l)."]),
    CommandOption::value("--repeat-delay", "seconds", "no time", |settings, value| {
        settings.publish.repeat_delay = Duration::try_from_secs_f64(leading_decimal(value))
            .map_err(|_| ArgumentError::spaced("Error: --repeat-delay argument must be >=0.0."))?;
        Ok(())
    })
    .only_long()
    .of(PUB)
    .help(&["with --repeat, wait so long between two messages; 0 if not given."]),
];

fn check_source(settings: &Settings) -> Result<(), ArgumentError> {
    match settings.publish.source {
        None => Ok(()),
        Some(_) => Err(ArgumentError::spaced("Error: Only one type of message can be sent at once.")),
    }
}

fn source(settings: &mut Settings, source: Source) -> Result<(), ArgumentError> {
    check_source(settings)?;
    settings.publish.source = Some(source);
    Ok(())
}

fn flag(settings: &mut Settings, from: Source) -> Result<ControlFlow<Command>, ArgumentError> {
    source(settings, from)?;
    GO_ON
}
