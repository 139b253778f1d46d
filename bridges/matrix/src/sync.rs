//! The loop of a live login: long-poll `/sync`, hand over what came, and bear short faults.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use drawbridge_bridge::{CancellationToken, Closed, Envelope, Event, EventSink, Exit, KeySharing};
use matrix_sdk::Client;
use matrix_sdk::config::SyncSettings;
use matrix_sdk::ruma::OwnedRoomId;
use matrix_sdk::ruma::UInt;
use matrix_sdk::ruma::api::client::filter::{FilterDefinition, LazyLoadOptions};
use matrix_sdk::ruma::api::client::sync::sync_events::v3::Filter;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Fault;
use crate::journal::Journal;
use crate::session::MatrixSession;

/// How long a sync waits for news.
const POLL: Duration = Duration::from_secs(30);
/// How soon a room that could not be read is tried again.
const AGAIN: Duration = Duration::from_secs(3);
/// Events of a room in one sync; more come as a hole.
const TIMELINE: u32 = 100;
/// How long faults are borne before the keeper takes over.
const BORNE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Why the work on an open client ended.
pub(crate) enum Halt {
    /// Asked for by the keeper.
    Stop,
    /// The client must be opened anew.
    Reopen,
    /// The login is over.
    LoggedOut,
    /// The keeper takes no more events.
    Closed,
    /// The homeserver could not do something.
    Fault(Fault),
}

impl From<Closed> for Halt {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl<T: Into<Fault>> From<T> for Halt {
    fn from(fault: T) -> Self {
        match fault.into() {
            Fault::LoggedOut => Self::LoggedOut,
            fault => Self::Fault(fault),
        }
    }
}

/// An open client on its way to the keeper.
pub(crate) struct Line<'a> {
    pub(crate) session: &'a MatrixSession,
    pub(crate) client: &'a Client,
    pub(crate) journal: Journal,
    pub(crate) out: &'a EventSink,
    pub(crate) stop: &'a CancellationToken,
}

impl MatrixSession {
    /// Lives until `stop`, or until the login cannot go on.
    pub(crate) async fn follow(&self, out: &EventSink, stop: &CancellationToken) -> Exit {
        loop {
            // Before the client is taken, so that no change is missed.
            let mut sharing = self.sharing.subscribe();
            let client = match self.client().await {
                Ok(client) => client,
                Err(drawbridge_bridge::Error::LoggedOut) => return Exit::LoggedOut,
                Err(error) => return Exit::Retry { after: None, reason: error.to_string() },
            };
            let journal = Journal::of(&client);
            let line = Line { session: self, client: &client, journal, out, stop };
            let halt = tokio::select! {
                halt = line.poll(&mut sharing) => halt,
                halt = line.watch_keys() => halt,
                halt = line.watch_identities() => halt,
            };
            return match halt {
                Halt::Reopen => continue,
                Halt::Stop | Halt::Closed => Exit::Stopped,
                Halt::LoggedOut => Exit::LoggedOut,
                Halt::Fault(Fault::Transient { reason, after }) => Exit::Retry { after, reason },
                Halt::Fault(_) => Exit::Retry { after: None, reason: "the homeserver cannot be reached".to_owned() },
            };
        }
    }
}

impl Line<'_> {
    /// Syncs for ever. Faults are borne for [`BORNE`]; after each one every room is looked through for holes.
    async fn poll(&self, sharing: &mut watch::Receiver<KeySharing>) -> Halt {
        let mut holes = Holes::Everywhere;
        let mut down: Option<Instant> = None;
        let mut pause = Duration::from_secs(1);
        loop {
            let step = async {
                let settings = self.settings(holes.patience()).await?;
                let response = Box::pin(self.client.sync_once(settings)).await?;
                Ok::<_, Halt>(response)
            };
            let outcome = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Halt::Stop,
                () = self.session.ended.cancelled() => return Halt::LoggedOut,
                _ = sharing.changed() => return Halt::Reopen,
                response = step => response,
            };
            let digested = match outcome {
                Ok(response) => {
                    if let Err(closed) = self.connection(true, None).await {
                        return closed.into();
                    }
                    Box::pin(self.digest(response, &mut holes)).await
                }
                Err(halt) => Err(halt),
            };
            let fault = match digested {
                Ok(()) => {
                    (down, pause) = (None, Duration::from_secs(1));
                    continue;
                }
                Err(Halt::Fault(fault)) => fault,
                Err(halt) => return halt,
            };

            holes = Holes::Everywhere;
            let since = *down.get_or_insert_with(Instant::now);
            let (reason, wish) = match fault {
                Fault::Transient { reason, after } => (reason, after),
                _ => ("the homeserver does not answer as it should".to_owned(), None),
            };
            tracing::info!(login = %self.session.reader.login, reason, "Matrix sync failed");
            if let Err(closed) = self.connection(false, Some(reason.clone())).await {
                return closed.into();
            }
            let wait = wish.unwrap_or(pause);
            if since.elapsed() + wait >= BORNE {
                return Halt::Fault(Fault::Transient { reason, after: wish });
            }
            tokio::select! {
                () = self.stop.cancelled() => return Halt::Stop,
                () = self.session.ended.cancelled() => return Halt::LoggedOut,
                () = tokio::time::sleep(wait) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn settings(&self, wait: Duration) -> Result<SyncSettings, Fault> {
        let mut filter = FilterDefinition::default();
        filter.room.state.lazy_load_options = LazyLoadOptions::Enabled { include_redundant_members: false };
        // Before the first cursors are set, only the newest event of each room matters.
        let limit = if self.journal.has_baseline().await? { TIMELINE } else { 1 };
        filter.room.timeline.limit = Some(UInt::from(limit));
        Ok(SyncSettings::new().timeout(wait).filter(Filter::FilterDefinition(filter)))
    }

    /// Hands an event over; `Closed` ends the line.
    pub(crate) async fn deliver(&self, envelope: Envelope) -> Result<(), Closed> {
        self.out.deliver(envelope).await.map(|_| ())
    }

    /// Tells when the connection comes or goes, once.
    async fn connection(&self, up: bool, reason: Option<String>) -> Result<(), Closed> {
        let before = self.session.up.lock().unwrap_or_else(PoisonError::into_inner).replace(up);
        if before == Some(up) {
            return Ok(());
        }
        self.deliver(self.session.reader.notice(None, Event::Connection { up, reason })).await
    }
}

/// Rooms whose cursor may be behind more than the next sync shows.
pub(crate) enum Holes {
    /// At the start, and after every fault.
    Everywhere,
    /// The rooms that could not be read the last time.
    In(HashSet<OwnedRoomId>),
}

impl Holes {
    /// How long the next sync may wait for news.
    fn patience(&self) -> Duration {
        match self {
            Self::Everywhere => Duration::ZERO,
            Self::In(rooms) if rooms.is_empty() => POLL,
            Self::In(_) => AGAIN,
        }
    }

    pub(crate) fn may_be_in(&self, room: &matrix_sdk::ruma::RoomId) -> bool {
        match self {
            Self::Everywhere => true,
            Self::In(rooms) => rooms.contains(room),
        }
    }
}
