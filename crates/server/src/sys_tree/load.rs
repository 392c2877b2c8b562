//! Moving averages, as an operating system has them of its load.

/// The periods, by name and length in seconds.
const PERIODS: [(&str, f64); 3] = [("1min", 60.0), ("5min", 300.0), ("15min", 900.0)];

/// What changes by less is not published.
const STEP: f64 = 0.01;

/// The averages of one counter: events a minute, the recent ones counting more than those long ago.
#[derive(Debug, Default)]
pub(super) struct Load {
    counter: u64,
    averages: [f64; PERIODS.len()],
    known: bool,
}

impl Load {
    /// Goes on by `elapsed_s` seconds (0: not at all), in which the counter has come to `counter`. Returns the averages
    /// that are worth publishing: all of them the first time, then those that have changed enough.
    pub(super) fn update(&mut self, counter: u64, elapsed_s: f64) -> Vec<(&'static str, f64)> {
        let first = !std::mem::replace(&mut self.known, true);
        let grown = counter.saturating_sub(std::mem::replace(&mut self.counter, counter));
        #[allow(clippy::cast_precision_loss, reason = "nobody counts 2^53 events between two updates")]
        let per_minute = if elapsed_s > 0.0 { grown as f64 * 60.0 / elapsed_s } else { 0.0 };
        let mut news = Vec::new();
        for ((name, period_s), average) in PERIODS.into_iter().zip(&mut self.averages) {
            let old = *average;
            if elapsed_s > 0.0 {
                *average = per_minute + (-elapsed_s / period_s).exp() * (old - per_minute);
            }
            if first || (*average - old).abs() >= STEP {
                news.push((name, *average));
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_approached_the_faster_the_shorter_the_period() {
        let mut load = Load::default();
        load.update(0, 0.0);
        for n in 1..=180 {
            load.update(n * 100, 10.0);
        }
        // 600 a minute for half an hour: all but e^-30, e^-6 and e^-2 of it.
        let expected = [600.0, 600.0 * (1.0 - (-6f64).exp()), 600.0 * (1.0 - (-2f64).exp())];
        for (average, expected) in load.averages.into_iter().zip(expected) {
            assert!((average - expected).abs() < 0.001, "{average} {expected}");
        }
    }

    #[test]
    fn it_does_not_matter_in_how_many_steps_the_same_rate_came() {
        let (mut fine, mut coarse) = (Load::default(), Load::default());
        fine.update(0, 0.0);
        coarse.update(0, 0.0);
        (1..=60).for_each(|n| _ = fine.update(n * 7, 1.0));
        (1..=6).for_each(|n| _ = coarse.update(n * 70, 10.0));
        for (fine, coarse) in fine.averages.into_iter().zip(coarse.averages) {
            assert!((fine - coarse).abs() < 1e-9, "{fine} {coarse}");
        }
    }

    #[test]
    fn all_are_published_once_and_then_what_changes_by_a_hundredth() {
        let mut load = Load::default();
        assert_eq!(load.update(0, 0.0), [("1min", 0.0), ("5min", 0.0), ("15min", 0.0)]);
        assert_eq!(load.update(0, 10.0), []);
        let names = |news: Vec<(&'static str, f64)>| news.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(load.update(1, 600.0)), ["1min", "5min", "15min"]);
        // From a tenth of an event a minute, in ten seconds of which only the shortest period sees much.
        assert_eq!(names(load.update(1, 10.0)), ["1min"]);
    }
}
