//! The answer that `mosquitto_rr` waits for.

use super::{CommandOption, GO_ON, RR, topic_name};

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::value("-e", "response-topic", "no response topic", |settings, value| {
        settings.request.response_topic = Some(topic_name(value, "-e", "response")?);
        Ok(())
    })
    .of(RR)
    .help(&["the topic of the answer, to which to subscribe before the request is published."]),
    CommandOption::flag("--latency", |settings| {
        settings.request.latency = true;
        settings.connection.nodelay = true;
        GO_ON
    })
    .only_long()
    .of(RR)
    .help(&["print in the end how long the answer took; as --nodelay besides."]),
];
