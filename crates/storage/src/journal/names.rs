//! The names of the files beside `mosquitto.db`.

use super::layout::NUMBER_MAX;

/// Those that belong to one database.
#[derive(Debug, Clone)]
pub(super) struct Names {
    database: String,
}

impl Names {
    /// `database` is the name of its file, without a path.
    pub(super) fn new(database: &str) -> Self {
        Self { database: database.to_owned() }
    }

    /// The database itself.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Its next version while it is written.
    pub(super) fn new_database(&self) -> String {
        format!("{}.new", self.database)
    }

    pub(super) fn segment(&self, number: u64) -> String {
        format!("{}.journal.{number:08}", self.database)
    }

    /// A segment that has no number yet.
    pub(super) fn spare(&self) -> String {
        format!("{}.journal.spare", self.database)
    }

    /// The number of a segment with this name, if it is one.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.database)?.strip_prefix(".journal.")?;
        let number: u64 = digits.parse().ok()?;
        (number <= NUMBER_MAX && self.segment(number) == name).then_some(number)
    }

    /// The name under which a segment is set aside.
    pub(super) fn aside(&self, number: u64, why: &str, wall_clock_s: i64) -> String {
        format!("{}.{why}-{}", self.segment(number), Date(wall_clock_s))
    }
}

/// Seconds since 1970 as `20261128T224500Z`.
struct Date(i64);

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        // Howard Hinnant's days_from_civil, the other way: years that begin in March, in eras of 400 years.
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segments_are_read_as_they_are_written() {
        let names = Names::new("mosquitto.db");
        assert_eq!(names.segment(3), "mosquitto.db.journal.00000003");
        for number in [0, 1, 99_999_999, 100_000_000, NUMBER_MAX] {
            assert_eq!(names.number(&names.segment(number)), Some(number));
        }
        for other in [
            "mosquitto.db",
            "mosquitto.db.journal.",
            "mosquitto.db.journal.1",
            "mosquitto.db.journal.+0000001",
            "mosquitto.db.journal.0100000000",
            "mosquitto.db.journal.00000001.stale-20261128T224500Z",
            "mosquitto.db.journal.18446744073709551615",
            "mosquitto.db.journal.99999999999999999999",
            "mosquitto.db.journal.spare",
            "other.db.journal.00000001",
        ] {
            assert_eq!(names.number(other), None, "{other}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_795_905_900, "20261128T224500Z"),
            (4_102_444_800, "21000101T000000Z"),
            (-1, "19691231T235959Z"),
        ] {
            assert_eq!(Date(seconds).to_string(), text);
        }
    }
}
