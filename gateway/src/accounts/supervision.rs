//! One task per login: keeps its session running, and tells the user when it cannot.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use drawbridge_bridge::session::Closed;
use drawbridge_bridge::{
    CancellationToken, Committed, ContactId, ConvId, Envelope, Error as NetworkError, Event, EventSink, Exit,
    KeySharing, LoginRecord, Position, Session, Sink,
};
use futures::FutureExt;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::state::LoginState;
use super::{place, signing_in::place_of};
use crate::keeper::Keeper;
use crate::store::User;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// A connection that lasted this long was a good one: the next pause is short again.
const STEADY: Duration = Duration::from_secs(60);

/// A login on its way up does not hold the others back for longer than this.
const OPENING: Duration = Duration::from_secs(10);

/// How long a session may take to settle before it is dropped.
const SETTLING: Duration = Duration::from_secs(10);

/// A login with the task that keeps it up.
pub(super) struct Supervised {
    /// The user's own id on the network.
    pub(super) account: ContactId,
    state: watch::Sender<LoginState>,
    /// With whether it runs.
    session: Mutex<Option<(Arc<dyn Session>, bool)>>,
    sharing: Mutex<KeySharing>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Supervised {
    /// Starts the task.
    pub(super) fn start(keeper: &Arc<Keeper>, user: User, record: LoginRecord, openings: Arc<Semaphore>) -> Arc<Self> {
        let this = Arc::new(Self {
            account: record.account.clone(),
            state: watch::Sender::new(LoginState::Connecting),
            session: Mutex::default(),
            sharing: Mutex::new(user.sharing),
            stop: CancellationToken::new(),
            task: Mutex::default(),
        });
        let task = Task { supervised: this.clone(), keeper: keeper.clone(), user, openings };
        *lock(&this.task) = Some(tokio::spawn(task.run(record)));
        this
    }

    /// How it stands.
    pub(super) fn state(&self) -> LoginState {
        self.state.borrow().clone()
    }

    /// The session while it runs.
    pub(super) fn live(&self) -> Option<Arc<dyn Session>> {
        lock(&self.session).as_ref().filter(|(_, runs)| *runs).map(|(session, _)| session.clone())
    }

    /// The session, whether it runs or not.
    pub(super) fn opened(&self) -> Option<Arc<dyn Session>> {
        lock(&self.session).as_ref().map(|(session, _)| session.clone())
    }

    /// Which devices get keys, from now on and at every start.
    pub(super) async fn share_keys_with(&self, sharing: KeySharing) {
        *lock(&self.sharing) = sharing;
        if let Some(session) = self.opened()
            && let Some(trust) = session.trust()
        {
            trust.set_sharing(sharing).await;
        }
    }

    /// Asks the task to end.
    pub(super) fn stop_soon(&self) {
        self.stop.cancel();
    }

    /// Ends the task; by force if it does not settle in time.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let task = lock(&self.task).take();
        if let Some(mut task) = task
            && timeout(SETTLING, &mut task).await.is_err()
        {
            tracing::warn!("a login session did not settle in time");
            task.abort();
        }
    }

    /// Says how it stands. `true` if that is news.
    fn becomes(&self, state: LoginState) -> bool {
        self.state.send_if_modified(|now| {
            let news = *now != state;
            *now = state;
            news
        })
    }

    fn publish(&self, session: &Arc<dyn Session>, runs: bool) {
        *lock(&self.session) = Some((session.clone(), runs));
    }
}

struct Task {
    supervised: Arc<Supervised>,
    keeper: Arc<Keeper>,
    user: User,
    openings: Arc<Semaphore>,
}

impl Task {
    async fn run(self, record: LoginRecord) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.becomes(LoginState::Connecting).await;
            let began = Instant::now();
            let exit = match self.open(&record).await {
                Ok(session) => self.run_once(&session).await,
                Err(exit) => exit,
            };
            if self.supervised.stop.is_cancelled() {
                return;
            }
            match exit {
                Exit::Stopped => return,
                Exit::LoggedOut => return self.logged_out().await,
                Exit::Fatal(reason) => return self.failed(reason).await,
                Exit::Retry { after, reason } => {
                    if began.elapsed() >= STEADY {
                        pause = FIRST_PAUSE;
                    }
                    self.becomes(LoginState::Waiting(reason)).await;
                    let wish = after.unwrap_or_default().min(LONGEST_PAUSE);
                    tokio::select! {
                        () = sleep(jittered(pause).max(wish)) => {}
                        () = self.supervised.stop.cancelled() => return,
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// The session: the one there was, or a new one.
    async fn open(&self, record: &LoginRecord) -> Result<Arc<dyn Session>, Exit> {
        if let Some(session) = self.supervised.opened() {
            return Ok(session);
        }
        let dir = place::of(&self.keeper.accounts.data, &record.id);
        let again = |reason: String| Exit::Retry { after: None, reason };
        let place = place_of(&self.keeper, &record.id, &dir).await.map_err(|error| again(error.to_string()))?;
        self.keeper.network.open(record.clone(), place).map_err(|error| match error {
            NetworkError::LoggedOut => Exit::LoggedOut,
            NetworkError::Transient { after, reason } => Exit::Retry { after, reason },
            other => Exit::Fatal(other.to_string()),
        })
    }

    async fn run_once(&self, session: &Arc<dyn Session>) -> Exit {
        let sharing = *lock(&self.supervised.sharing);
        if let Some(trust) = session.trust() {
            trust.set_sharing(sharing).await;
        }
        self.wait_for_turn().await;
        self.supervised.publish(session, true);
        self.keeper.crossings.login_changed(&self.keeper, &self.user.jid).await;
        let observed: EventSink = Arc::new(Observed {
            inner: self.keeper.crossings.sink(&self.keeper, &self.user),
            supervised: self.supervised.clone(),
            keeper: self.keeper.clone(),
            user: self.user.clone(),
        });
        // A fault in one bridge session must not end the supervision, let alone the others.
        let run = AssertUnwindSafe(session.clone().run(observed, self.supervised.stop.clone())).catch_unwind();
        let exit = run.await.unwrap_or_else(|_| Exit::Retry { after: None, reason: "a fault in the bridge".into() });
        self.supervised.publish(session, false);
        self.keeper.crossings.login_changed(&self.keeper, &self.user.jid).await;
        exit
    }

    /// Waits for a turn; the turn is over once the login stands or falls, or takes too long.
    async fn wait_for_turn(&self) {
        let turn = tokio::select! {
            turn = self.openings.clone().acquire_owned() => turn,
            () = self.supervised.stop.cancelled() => return,
        };
        let mut state = self.supervised.state.subscribe();
        tokio::spawn(async move {
            let _turn = turn;
            let _ = timeout(OPENING, state.wait_for(|now| *now != LoginState::Connecting)).await;
        });
    }

    async fn logged_out(&self) {
        self.becomes(LoginState::LoggedOut).await;
        let network = self.keeper.network.descriptor().name;
        let text = format!(
            "{network} has ended your login, so nothing crosses any more. Write login to me to log in again; what \
             waits to be sent stays here until then."
        );
        self.keeper.crossings.say(&self.keeper, &self.user, text).await;
    }

    async fn failed(&self, reason: String) {
        tracing::warn!(user = self.user.id.0, %reason, "a login has stopped for good");
        let text = format!(
            "Your {} login has stopped: {reason}. Write login to me to set it up anew.",
            self.keeper.network.descriptor().name
        );
        self.becomes(LoginState::Failed(reason)).await;
        self.keeper.crossings.say(&self.keeper, &self.user, text).await;
    }

    async fn becomes(&self, state: LoginState) {
        if self.supervised.becomes(state) {
            self.keeper.crossings.login_changed(&self.keeper, &self.user.jid).await;
        }
    }
}

/// The user's sink, read along for how the login stands.
struct Observed {
    inner: EventSink,
    supervised: Arc<Supervised>,
    keeper: Arc<Keeper>,
    user: User,
}

#[async_trait]
impl Sink for Observed {
    async fn deliver(&self, envelope: Envelope) -> Result<Committed, Closed> {
        let state = match &envelope.event {
            Event::Connection { up: false, reason } => {
                LoginState::Waiting(reason.clone().unwrap_or_else(|| "the network does not answer".into()))
            }
            // Whatever comes in has come over a connection.
            _ => LoginState::Online,
        };
        let committed = self.inner.deliver(envelope).await?;
        if self.supervised.becomes(state) {
            self.keeper.crossings.login_changed(&self.keeper, &self.user.jid).await;
        }
        Ok(committed)
    }

    async fn position(&self, conv: &ConvId) -> Option<Position> {
        self.inner.position(conv).await
    }

    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed> {
        self.inner.set_position(conv, position).await
    }
}

/// Half to all of `pause`, so that logins that fell together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let mut octets = [0u8; 2];
    // Without random numbers the pause is whole, which is safe too.
    let share = getrandom::fill(&mut octets).map_or(1.0, |()| f64::from(u16::from_le_bytes(octets)) / 65535.0);
    pause.mul_f64(0.5 + share / 2.0)
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
