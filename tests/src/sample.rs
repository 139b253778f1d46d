//! Times of the same thing done many times.

use std::time::Duration;

/// The times, in the order they were taken.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<Duration>);

impl Sample {
    /// Another time.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The middle one; `None` without any.
    pub fn median(&self) -> Option<Duration> {
        self.percentile(50)
    }

    /// The one that so many in a hundred do not exceed; `None` without any.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * percent / 100).or(sorted.last()).copied()
    }
}

#[test]
fn the_median_is_the_middle_and_a_percentile_never_leaves_the_sample() {
    let mut sample = Sample::default();
    assert_eq!(sample.median(), None);
    for millis in [5, 1, 9] {
        sample.push(Duration::from_millis(millis));
    }
    assert_eq!(sample.median(), Some(Duration::from_millis(5)));
    assert_eq!(sample.percentile(100), Some(Duration::from_millis(9)));
}
