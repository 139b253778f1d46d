//! The account of the times.

use std::time::Duration;

use crate::{
    story::{Story, duration},
    talk::Talk,
};

/// How long each part took.
pub(crate) struct Times<'a> {
    pub(crate) up: Duration,
    pub(crate) registration: Duration,
    pub(crate) negotiation: Duration,
    pub(crate) talk: &'a Talk,
    pub(crate) whole: Duration,
}

/// One line with all of them.
pub(crate) fn times(story: &Story, before: &str, times: &Times<'_>) {
    let median = |time: Option<Duration>| time.map_or_else(|| "none".into(), duration);
    let mut parts = vec![
        format!("servers up {}", duration(times.up)),
        format!("registration {}", duration(times.registration)),
        format!("negotiation {}", duration(times.negotiation)),
        format!("alice → bob {} (median)", median(times.talk.outward.times.median())),
        format!("bob → alice {} (median)", median(times.talk.inward.times.median())),
        format!("total {}", duration(times.whole)),
    ];
    if !before.is_empty() {
        parts.insert(0, before.to_owned());
    }
    for row in parts.chunks(3) {
        story.plain(&row.join(" · "));
    }
}
