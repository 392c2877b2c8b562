//! What `mosquitto_sub` subscribes to, what it and `mosquitto_rr` print, and when they end.

use super::{CommandOption, GO_ON, SUB, SUB_RR, add_topic, topic_filter};
use crate::arguments::ArgumentError;
use crate::format::Format;
use crate::number::{leading_decimal, leading_integer};
use crate::settings::Settings;
use mosquitto_client::mqtt::packet::RetainHandling;
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::value("-t", "filter", "no topic", |settings, value| add_topic(settings, value, "-t"))
        .long("--topic")
        .of(SUB)
        .help(&["a topic or topic filter to subscribe to; may be given again."]),
    CommandOption::value("-U", "filter", "no unsubscribe topic", |settings, value| {
        settings.subscribe.unsubscribe.push(topic_filter(value, "-U", "unsubscribe")?);
        Ok(())
    })
    .long("--unsubscribe")
    .of(SUB)
    .help(&["a topic or topic filter to unsubscribe from; may be given again."]),
    CommandOption::value("-T", "filter", "no topic filter", |settings, value| {
        settings.subscribe.filter_out.push(topic_filter(value, "-T", "filter")?);
        Ok(())
    })
    .long("--filter-out")
    .of(SUB)
    .help(&["leave out messages whose topic matches; may be given again."]),
    CommandOption::value("-C", "count", "no count", count).of(SUB).help(&["end after so many messages."]),
    CommandOption::value("-W", "seconds", "no timeout", timeout)
        .of(SUB_RR)
        .help(&["end after so long, with exit status 27."]),
    CommandOption::flag("-E", |settings| {
        settings.subscribe.exit_after_subscribing = true;
        GO_ON
    })
    .of(SUB)
    .help(&["end as soon as the server has acknowledged the subscriptions."]),
    CommandOption::flag("-R", |settings| {
        settings.subscribe.no_retained = true;
        settings.retain_handling(RetainHandling::Never);
        GO_ON
    })
    .of(SUB_RR)
    .help(&["leave out retained messages."]),
    CommandOption::flag("--retained-only", |settings| {
        settings.subscribe.retained_only = true;
        GO_ON
    })
    .only_long()
    .of(SUB)
    .help(&["print retained messages only, and end at the first other one."]),
    CommandOption::flag("--remove-retained", |settings| {
        settings.subscribe.remove_retained = true;
        GO_ON
    })
    .only_long()
    .of(SUB)
    .help(&["remove each retained message from the server that is received and not left out by -T."]),
    CommandOption::flag("--retain-as-published", |settings| {
        settings.subscribe.options.retain_as_published = true;
        GO_ON
    })
    .only_long()
    .of(SUB_RR)
    .help(&["with MQTT 5, see the retain flag as it was published."]),
    CommandOption::value("--retain-handling", "when", "no option", retain_handling)
        .only_long()
        .of(SUB_RR)
        .help(&["with MQTT 5, when retained messages are sent: always, new (subscriptions only) or never."]),
    CommandOption::flag("-v", |settings| {
        settings.subscribe.verbose = true;
        GO_ON
    })
    .long("--verbose")
    .of(SUB_RR)
    .help(&["print the topic before each message."]),
    CommandOption::value("--color", "auto|never", "no choice", color).only_long().of(SUB_RR).help(&[
        "with -v, whether the topic is coloured: never, or auto (on a terminal only, and not with",
        "NO_COLOR or TERM=dumb in the environment); auto if not given.",
    ]),
    CommandOption::value("-F", "format", "no format", |settings, value| {
        let format = Format::new(value).map_err(|error| ArgumentError::plain(format!("Error: {error}")))?;
        settings.subscribe.format = Some(format);
        Ok(())
    })
    .of(SUB_RR)
    .help(&[
        "print messages in this form: text with fields such as %t (topic), %p (payload), %q (QoS),",
        "%j (all as JSON) or @H (a part of the time).",
    ]),
    CommandOption::flag("--pretty", |settings| {
        settings.subscribe.pretty = true;
        GO_ON
    })
    .only_long()
    .of(SUB_RR)
    .help(&["with -F, indent JSON."]),
    CommandOption::flag("-w", |settings| {
        settings.subscribe.watch = true;
        GO_ON
    })
    .long("--watch")
    .of(SUB)
    .help(&["clear the screen, and print each topic's messages on a line of its own."]),
    CommandOption::flag("--message-rate", |settings| {
        settings.subscribe.message_rate = true;
        GO_ON
    })
    .only_long()
    .of(SUB)
    .help(&["print once a second how many messages have arrived, and no messages."]),
    CommandOption::value("--random-filter", "percentage", "no chance", random_filter)
        .only_long()
        .of(SUB)
        .help(&["print each message with this chance only, 0.1 to 100."]),
    CommandOption::flag("-N", |settings| {
        settings.subscribe.end_of_line = false;
        GO_ON
    })
    .of(SUB_RR)
    .help(&["do not end messages with a new line."]),
];

fn count(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let number = leading_integer(value);
    let count = u32::try_from(number.min(i64::from(u32::MAX))).ok().and_then(NonZeroU32::new);
    if count.is_none() {
        return Err(ArgumentError::spaced(format!("Error: Invalid message count \"{number}\".")));
    }
    settings.subscribe.count = count;
    Ok(())
}

fn color(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    settings.subscribe.color = match value {
        b"auto" => true,
        b"never" => false,
        _ => {
            let value = String::from_utf8_lossy(value);
            return Err(ArgumentError::spaced(format!("Error: Unknown value '{value}' for --color.")));
        }
    };
    Ok(())
}

fn timeout(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let number = leading_integer(value);
    match u64::try_from(number) {
        Ok(seconds @ 1..) => settings.subscribe.timeout = Some(Duration::from_secs(seconds)),
        _ => return Err(ArgumentError::spaced(format!("Error: Invalid timeout \"{number}\"."))),
    }
    Ok(())
}

fn random_filter(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    let percentage = leading_decimal(value);
    if !(0.1..=100.0).contains(&percentage) {
        return Err(ArgumentError::spaced("Error: --random-filter chance must be between 0.1-100.0"));
    }
    #[allow(clippy::cast_sign_loss, reason = "it is positive, as was just checked")]
    let per_mille = (percentage * 10.0).round() as u32;
    settings.subscribe.chance_per_mille = Some(per_mille);
    Ok(())
}

fn retain_handling(settings: &mut Settings, value: &[u8]) -> Result<(), ArgumentError> {
    settings.retain_handling(match value {
        b"always" => RetainHandling::Always,
        b"new" => RetainHandling::IfNew,
        b"never" => RetainHandling::Never,
        _ => {
            let value = String::from_utf8_lossy(value);
            return Err(ArgumentError::spaced(format!("Error: Unknown value '{value}' for --retain-handling.")));
        }
    });
    Ok(())
}
