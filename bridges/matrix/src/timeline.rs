//! What of a room's timeline is still to be delivered: after the cursor, holes filled by paging backwards.
//!
//! The SDK stores its place in `/sync` before anybody has seen the events, and `/sync` leaves out what is too much
//! ("limited"). So the only truth is our own cursor, committed by the keeper together with each event.

use std::collections::HashSet;

use async_trait::async_trait;
use drawbridge_bridge::Position;

/// So many events of one hole are held at once; of a longer one the oldest are left out, rather than the memory.
const LONGEST_HOLE: usize = 50_000;

/// The last event of a room that was delivered. As a [`Position`]: `milliseconds/event id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) event: String,
    /// By the homeserver's word; only used when the event itself is gone from the history.
    pub(crate) time: u64,
}

impl Cursor {
    pub(crate) fn of(event: &impl Placed) -> Option<Self> {
        Some(Self { event: event.id()?.to_owned(), time: event.time() })
    }

    pub(crate) fn read(position: &Position) -> Option<Self> {
        let (time, event) = position.as_str().split_once('/')?;
        Some(Self { event: event.to_owned(), time: time.parse().ok()? })
    }

    pub(crate) fn position(&self) -> Position {
        Position::new(format!("{}/{}", self.time, self.event))
    }
}

/// An event with a place in a timeline.
pub(crate) trait Placed {
    fn id(&self) -> Option<&str>;
    /// Milliseconds since 1970.
    fn time(&self) -> u64;
}

/// Events before a point, newest first.
pub(crate) struct Page<T> {
    pub(crate) events: Vec<T>,
    /// Where the page before this one begins; `None` at the beginning of what can be seen.
    pub(crate) before: Option<String>,
}

/// Reads a room's history backwards.
#[async_trait]
pub(crate) trait Pager<T>: Send + Sync {
    type Error: Send;

    /// The page before `from`, or the newest.
    async fn page(&self, from: Option<&str>) -> Result<Page<T>, Self::Error>;
}

/// The newest piece of a timeline, oldest event first, as a sync brought it.
pub(crate) struct Piece<T> {
    pub(crate) events: Vec<T>,
    /// Whether there may be a hole between the cursor and the first of `events`.
    pub(crate) hole: bool,
    /// Where the history before `events` begins; `None` if only the newest page tells.
    pub(crate) before: Option<String>,
}

/// Everything after `cursor`, oldest first. Without a cursor: everything that can be seen.
pub(crate) async fn after<T, P>(cursor: Option<&Cursor>, piece: Piece<T>, history: &P) -> Result<Vec<T>, P::Error>
where
    T: Placed + Send,
    P: Pager<T> + ?Sized,
{
    let Piece { mut events, hole, before } = piece;
    let at_cursor = |event: &T| cursor.is_some_and(|cursor| event.id() == Some(cursor.event.as_str()));
    if let Some(place) = events.iter().rposition(at_cursor) {
        return Ok(events.split_off(place + 1));
    }
    if !hole {
        return Ok(events);
    }

    let mut seen: HashSet<String> = events.iter().filter_map(|event| event.id().map(ToOwned::to_owned)).collect();
    let mut older = Vec::new();
    let mut from = before;
    let mut met_cursor = false;
    'pages: while older.len() < LONGEST_HOLE {
        let page = history.page(from.as_deref()).await?;
        for event in page.events {
            if at_cursor(&event) {
                met_cursor = true;
                break 'pages;
            }
            if event.id().is_some_and(|id| seen.insert(id.to_owned())) {
                older.push(event);
            }
        }
        match page.before {
            Some(next) if from.as_ref() != Some(&next) => from = Some(next),
            _ => break,
        }
    }
    if let Some(cursor) = cursor.filter(|_| !met_cursor) {
        // The cursor's event was purged: its time is the next best border, so that old history is not taken for new.
        older.retain(|event: &T| event.time() > cursor.time);
    }
    older.reverse();
    older.append(&mut events);
    Ok(older)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Ev(String, u64);

    impl Placed for Ev {
        fn id(&self) -> Option<&str> {
            Some(&self.0)
        }
        fn time(&self) -> u64 {
            self.1
        }
    }

    fn ev(n: u64) -> Ev {
        Ev(format!("${n}"), n)
    }

    /// Events 1 ..= last, in pages of `size`; tokens are the number of the newest event before the point.
    struct History {
        first: u64,
        last: u64,
        size: u64,
        asked: std::sync::atomic::AtomicUsize,
    }

    impl History {
        fn new(first: u64, last: u64, size: u64) -> Self {
            Self { first, last, size, asked: 0.into() }
        }
    }

    #[async_trait]
    impl Pager<Ev> for History {
        type Error = ();
        async fn page(&self, from: Option<&str>) -> Result<Page<Ev>, ()> {
            self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let newest = from.map_or(self.last, |from| from.parse().unwrap());
            let oldest = newest.saturating_sub(self.size).max(self.first - 1);
            let events = ((oldest + 1)..=newest).rev().map(ev).collect();
            Ok(Page { events, before: (oldest >= self.first).then(|| oldest.to_string()) })
        }
    }

    fn cursor(n: u64) -> Cursor {
        Cursor::of(&ev(n)).unwrap()
    }

    fn piece(events: std::ops::RangeInclusive<u64>, hole: bool) -> Piece<Ev> {
        let before = (events.start() - 1).to_string();
        Piece { events: events.map(ev).collect(), hole, before: Some(before) }
    }

    fn range(events: std::ops::RangeInclusive<u64>) -> Vec<Ev> {
        events.map(ev).collect()
    }

    #[tokio::test]
    async fn five_hundred_missed_events_arrive_once_and_in_order() {
        let history = History::new(1, 520, 100);
        let got = after(Some(&cursor(10)), piece(511..=520, true), &history).await.unwrap();
        assert_eq!(got, range(11..=520));
    }

    #[tokio::test]
    async fn what_follows_without_a_hole_needs_no_paging() {
        let history = History::new(1, 20, 5);
        assert_eq!(after(Some(&cursor(10)), piece(11..=20, false), &history).await.unwrap(), range(11..=20));
        assert_eq!(after(Some(&cursor(15)), piece(11..=20, true), &history).await.unwrap(), range(16..=20));
        assert_eq!(after(Some(&cursor(20)), piece(11..=20, true), &history).await.unwrap(), vec![]);
        assert_eq!(history.asked.into_inner(), 0);
    }

    #[tokio::test]
    async fn a_start_without_news_reads_the_newest_page_only() {
        let history = History::new(1, 300, 50);
        let nothing = Piece { events: vec![], hole: true, before: None };
        assert_eq!(after(Some(&cursor(297)), nothing, &history).await.unwrap(), range(298..=300));
        assert_eq!(history.asked.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_new_room_is_delivered_from_its_visible_beginning() {
        let history = History::new(4, 30, 7);
        assert_eq!(after(None, piece(25..=30, true), &history).await.unwrap(), range(4..=30));
    }

    #[tokio::test]
    async fn a_purged_cursor_does_not_bring_old_history_back() {
        let history = History::new(1, 40, 10);
        let gone = Cursor { event: "$purged".into(), time: 25 };
        assert_eq!(after(Some(&gone), piece(36..=40, true), &history).await.unwrap(), range(26..=40));
    }

    #[tokio::test]
    async fn overlapping_pages_double_nothing_and_a_looping_token_ends() {
        struct Overlap;
        #[async_trait]
        impl Pager<Ev> for Overlap {
            type Error = ();
            async fn page(&self, _: Option<&str>) -> Result<Page<Ev>, ()> {
                Ok(Page { events: (3..=6).rev().map(ev).collect(), before: Some("same".into()) })
            }
        }
        let piece = Piece { events: range(5..=8), hole: true, before: Some("x".into()) };
        assert_eq!(after(None, piece, &Overlap).await.unwrap(), range(3..=8));
    }

    #[test]
    fn a_cursor_survives_as_a_position() {
        let cursor = Cursor { event: "$a/b:c".into(), time: 7 };
        assert_eq!(Cursor::read(&cursor.position()), Some(cursor));
        assert_eq!(Cursor::read(&Position::new("$no-time")), None);
    }
}
