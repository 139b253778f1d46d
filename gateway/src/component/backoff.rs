//! How long to wait before the next attempt.

use std::time::Duration;

/// Doubles from `first` to `most`, each time shortened by chance to between half and all of it, so that many
/// components do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The next wait.
    pub(super) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.most);
        let chance = getrandom::u32().unwrap_or(u32::MAX);
        whole.mul_f64(0.5 + 0.5 * f64::from(chance) / f64::from(u32::MAX))
    }

    /// Begins anew: the connection was a good one.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_are_not_all_the_same() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let waits: Vec<Duration> = (0..20).map(|_| backoff.wait()).collect();
        for (nth, wait) in waits.iter().enumerate() {
            let whole = Duration::from_millis(500 << nth.min(6)).min(Duration::from_secs(30));
            assert!(*wait >= whole / 2 && *wait <= whole, "{nth}: {wait:?}");
        }
        assert!(waits.windows(2).skip(10).any(|pair| pair[0] != pair[1]));
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(500));
    }
}
