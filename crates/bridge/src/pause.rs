//! How long a bridge waits before it connects again.

use mosquitto_config::RestartTimeout;

/// The pauses, one after the other. They depend on nothing but the option and a seed.
#[derive(Debug, Clone)]
pub(crate) struct Pauses {
    timeout: RestartTimeout,
    previous_ms: u64,
    random: u64,
}

impl Pauses {
    pub(crate) fn new(timeout: RestartTimeout, seed: u64) -> Self {
        let mut pauses = Self { timeout, previous_ms: 0, random: seed };
        pauses.reset();
        pauses
    }

    /// The next one, in milliseconds: always the same, or at random between the shortest and three times the one before
    /// ("decorrelated jitter"), so that the bridges of a broker that was restarted do not all come back at once.
    pub(crate) fn next_ms(&mut self) -> u64 {
        match self.timeout {
            RestartTimeout::Constant { seconds } => u64::from(seconds) * 1000,
            RestartTimeout::Jitter { base_s, cap_s, .. } => {
                let (base, cap) = (u64::from(base_s) * 1000, u64::from(cap_s) * 1000);
                let span = (self.previous_ms * 3).saturating_sub(base).max(1);
                self.previous_ms = cap.min(base + self.random() % span);
                self.previous_ms
            }
        }
    }

    /// A connection is over that held for so many milliseconds. Returns whether the pauses are short again for it.
    pub(crate) fn held_for(&mut self, ms: u64) -> bool {
        match self.timeout {
            RestartTimeout::Jitter { stable_s, .. } if ms >= u64::from(stable_s) * 1000 => {
                self.reset();
                true
            }
            _ => false,
        }
    }

    fn reset(&mut self) {
        if let RestartTimeout::Jitter { base_s, .. } = self.timeout {
            self.previous_ms = u64::from(base_s) * 1000;
        }
    }

    /// The next number of a sequence that looks random (SplitMix64).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_pause_stays() {
        let mut pauses = Pauses::new(RestartTimeout::Constant { seconds: 7 }, 1);
        for _ in 0..10 {
            assert_eq!(pauses.next_ms(), 7000);
        }
        assert!(!pauses.held_for(u64::MAX));
    }

    #[test]
    fn others_grow_at_random_up_to_the_cap_and_begin_anew_after_a_stable_connection() {
        for seed in 0..200 {
            let mut pauses = Pauses::new(RestartTimeout::Jitter { base_s: 2, cap_s: 60, stable_s: 100 }, seed);
            let mut previous = 2000;
            let mut longest = 0;
            for _ in 0..100 {
                let pause = pauses.next_ms();
                assert!((2000..=60_000).contains(&pause) && pause <= previous * 3, "{previous} {pause}");
                previous = pause;
                longest = longest.max(pause);
            }
            assert!(longest > 30_000, "{longest}");
            assert!(!pauses.held_for(99_999));
            assert!(pauses.held_for(100_000));
            assert!(pauses.next_ms() < 6000);
        }
    }

    #[test]
    fn two_bridges_do_not_come_back_together() {
        let timeout = RestartTimeout::default();
        let [mut one, mut other] = [1, 2].map(|seed| Pauses::new(timeout, seed));
        assert!((0..10).any(|_| one.next_ms() != other.next_ms()));
    }
}
