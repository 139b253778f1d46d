//! Who may use a network, who has logged in to it, and their live login sessions.
//!
//! - [`signing_in`]: from the first question to a stored login.
//! - [`signing_out`]: the way back, down to the last row and file.
//! - [`supervision`]: one task per login that keeps its session running.
//! - [`state`]: how a login stands, for people.

mod place;
mod signing_in;
mod signing_out;
mod state;
mod supervision;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_bridge::{ContactId, Error as NetworkError, KeySharing, Session};
use futures::future::join_all;
use jid::BareJid;
use tokio::sync::Semaphore;

use crate::commands::Desk;
use crate::config::{NetworkConfig, People};
use crate::keeper::Keeper;
use crate::store::{self, Login, User, logins, users};
use crate::turns::Turns;

pub use place::sweep;
pub use signing_in::SigningIn;
pub use signing_out::SignedOut;
pub use state::LoginState;
use supervision::Supervised;

/// How many logins are brought up at the same time.
const OPENINGS: usize = 4;

/// Who may use one network, and the logins that are up.
pub struct Accounts {
    /// The commands that users have under way.
    pub desk: Desk,
    allow: People,
    data: PathBuf,
    up: Mutex<HashMap<BareJid, Arc<Supervised>>>,
    openings: Arc<Semaphore>,
    /// Logins of one user are stored and ended one after the other, whatever door they come through.
    turns: Turns,
}

/// Why something could not be done with an account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The operator does not let this person in.
    #[error("you may not use this gateway")]
    NotAllowed,
    /// There is a login already.
    #[error("you are logged in already, as {0}; log out first")]
    LoggedInAlready(ContactId),
    /// The person never registered.
    #[error("you are not registered with this gateway")]
    NotRegistered,
    /// The network refused, or did not answer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The login's directory could not be made.
    #[error("the login's directory: {0}")]
    Directory(#[from] std::io::Error),
    /// No random numbers: the host is broken.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

impl Accounts {
    /// For one network, with the daemon's data directory.
    pub fn new(settings: &NetworkConfig, data: &Path) -> Self {
        Self {
            desk: Desk::default(),
            allow: settings.allow.clone(),
            data: data.to_owned(),
            up: Mutex::default(),
            openings: Arc::new(Semaphore::new(OPENINGS)),
            turns: Turns::default(),
        }
    }

    /// Whether the operator lets this person in.
    pub fn allowed(&self, who: &BareJid) -> bool {
        self.allow.contains(who)
    }

    /// The person as a registered user, if they are one.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn user(&self, keeper: &Keeper, who: &BareJid) -> store::Result<Option<User>> {
        let (network, who) = (keeper.network.descriptor().id, who.clone());
        keeper.store.call(move |db, _| users::get(db, network, &who)).await
    }

    /// The user's live login session. `None` while there is no connection under way.
    pub fn session(&self, user: &BareJid) -> Option<Arc<dyn Session>> {
        self.supervised(user)?.live()
    }

    /// How the user's login stands. `None` if there is none.
    pub fn state(&self, user: &BareJid) -> Option<LoginState> {
        Some(self.supervised(user)?.state())
    }

    /// The user's own id on the network. `None` if there is no login.
    pub fn account(&self, user: &BareJid) -> Option<ContactId> {
        Some(self.supervised(user)?.account.clone())
    }

    /// Brings up every stored login, a few at a time. Returns as soon as they are on their way.
    pub async fn start_all(&self, keeper: &Arc<Keeper>) {
        let network = keeper.network.descriptor().id;
        let stored = keeper.store.call(move |db, sealer| {
            let with_login = |user: User| match logins::get(db, sealer, user.id) {
                Ok(login) => login.map(|login| (user, login)),
                // One damaged row must not keep the others down.
                Err(error) => {
                    tracing::error!(%error, user = user.id.0, "a stored login cannot be opened");
                    None
                }
            };
            Ok(users::all(db, network)?.into_iter().filter_map(with_login).collect::<Vec<_>>())
        });
        match stored.await {
            Ok(stored) => {
                tracing::info!(network, logins = stored.len(), "bringing up the logins");
                for (user, login) in stored {
                    self.start(keeper, user, login);
                }
            }
            Err(error) => tracing::error!(network, %error, "the stored logins cannot be read"),
        }
    }

    /// Ends every session; who has not settled within ten seconds is dropped.
    pub async fn stop_all(&self) {
        let all: Vec<_> = self.lock().drain().map(|(_, supervised)| supervised).collect();
        join_all(all.iter().map(|supervised| supervised.stop())).await;
    }

    /// Hands the user's choice of devices to their live session; at each start it is handed over anyway.
    pub async fn share_keys_with(&self, user: &BareJid, sharing: KeySharing) {
        if let Some(supervised) = self.supervised(user) {
            supervised.share_keys_with(sharing).await;
        }
    }

    /// Supervises a stored login from now on.
    fn start(&self, keeper: &Arc<Keeper>, user: User, login: Login) {
        let jid = user.jid.clone();
        let started = Supervised::start(keeper, user, login.record, self.openings.clone());
        if let Some(before) = self.lock().insert(jid, started) {
            before.stop_soon();
        }
    }

    fn supervised(&self, user: &BareJid) -> Option<Arc<Supervised>> {
        self.lock().get(user).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BareJid, Arc<Supervised>>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
