//! The time at the beginning of a log line.

use jiff::Zoned;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use mosquitto_config::Log as Options;
use std::time::{SystemTime, UNIX_EPOCH};

/// How lines begin.
#[derive(Debug)]
pub(super) struct Timestamp {
    style: Style,
    /// The second that `text` is for.
    second: Option<u64>,
    text: String,
}

#[derive(Debug)]
enum Style {
    /// `log_timestamp false`
    None,
    /// Seconds since 1970.
    Unix,
    /// `log_timestamp_format`, in local time.
    Format(String, TimeZone),
}

impl Timestamp {
    pub(super) fn new(options: &Options) -> Self {
        let style = match &options.timestamp_format {
            _ if !options.timestamp => Style::None,
            None => Style::Unix,
            Some(format) => Style::Format(format.clone(), TimeZone::system()),
        };
        Self { style, second: None, text: String::new() }
    }

    /// What stands before the text of a line of this time. Made once a second.
    pub(super) fn at(&mut self, time: SystemTime) -> &str {
        let second = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.second != Some(second) {
            self.second = Some(second);
            self.text = self.render(second);
        }
        &self.text
    }

    fn render(&self, second: u64) -> String {
        match &self.style {
            Style::None => String::new(),
            Style::Unix => format!("{second}: "),
            Style::Format(format, zone) => {
                // A format that the calendar does not know must not cost the line: the plain time stands in for it.
                let text = i64::try_from(second)
                    .ok()
                    .and_then(|second| jiff::Timestamp::from_second(second).ok())
                    .and_then(|time| strtime::format(format, &Zoned::new(time, zone.clone())).ok());
                text.map_or_else(|| format!("{second}: "), |text| format!("{text}: "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn rendered(options: &Options, second: u64) -> String {
        Timestamp::new(options).at(UNIX_EPOCH + Duration::from_millis(second * 1000 + 999)).to_owned()
    }

    #[test]
    fn seconds_since_1970_are_the_default_and_a_format_is_local_time() {
        let mut options = Options::default();
        assert_eq!(rendered(&options, 1_700_000_000), "1700000000: ");
        options.timestamp_format = Some("%Y-%m-%dT%H:%M:%S".to_owned());
        let local = jiff::Timestamp::from_second(1_700_000_000).unwrap().to_zoned(TimeZone::system());
        assert_eq!(rendered(&options, 1_700_000_000), format!("{}: ", local.strftime("%FT%T")));
        options.timestamp = false;
        assert_eq!(rendered(&options, 1_700_000_000), "");
    }

    #[test]
    fn a_format_that_cannot_be_rendered_falls_back_to_the_plain_time() {
        let options = Options { timestamp_format: Some("%!".to_owned()), ..Options::default() };
        assert_eq!(rendered(&options, 5), "5: ");
    }
}
