//! From the first question to a stored login.

use std::path::Path;
use std::sync::Arc;

use drawbridge_bridge::{
    ContactId, Error as NetworkError, LoginGrant, LoginId, LoginInput, LoginProcess, LoginRecord, LoginStep, Place,
    UserRef,
};
use jid::BareJid;

use super::place::{self, Provisional};
use super::{AccountError, Accounts};
use crate::keeper::Keeper;
use crate::store::{self, Login, User, logins, users};
use crate::xmpp::roster;

/// One person logging in. Dropped or cancelled before [`Accounts::finish`], it leaves no files behind.
pub struct SigningIn {
    id: LoginId,
    process: Box<dyn LoginProcess>,
    dir: Provisional,
}

impl SigningIn {
    /// One step of the network's own process.
    ///
    /// # Errors
    /// Those of [`LoginProcess::step`].
    pub async fn step(&mut self, input: LoginInput) -> Result<LoginStep, NetworkError> {
        self.process.step(input).await
    }

    /// Gives up.
    pub async fn cancel(self) {
        self.process.cancel().await;
    }
}

impl Accounts {
    /// Begins to log `user` in, by the network's first flow.
    ///
    /// # Errors
    /// [`AccountError::NotAllowed`]; [`AccountError::LoggedInAlready`] while there is a login that works; the
    /// network's; a directory that cannot be made.
    pub async fn login(&self, keeper: &Arc<Keeper>, user: &BareJid) -> Result<SigningIn, AccountError> {
        if !self.allowed(user) {
            return Err(AccountError::NotAllowed);
        }
        if let Some(up) = self.supervised(user).filter(|up| !up.state().is_over()) {
            return Err(AccountError::LoggedInAlready(up.account.clone()));
        }
        let none = || NetworkError::Rejected("this network offers no way to log in".into());
        let flow = keeper.network.login_flows().into_iter().next().ok_or_else(none)?;
        let id = place::new_id().ok_or(AccountError::NoRandomness)?;
        let dir = Provisional::make(&self.data, &id)?;
        let place = place_of(keeper, &id, dir.path()).await?;
        let process = keeper.network.begin_login(&UserRef(user.to_string()), &flow.id, place)?;
        Ok(SigningIn { id, process, dir })
    }

    /// Stores a granted login, registers the user if they were not, and brings the session up.
    ///
    /// # Errors
    /// SQLite's. The login is then ended on the network, so that no device stays behind.
    pub async fn finish(
        &self,
        keeper: &Arc<Keeper>,
        user: &BareJid,
        signing_in: SigningIn,
        grant: LoginGrant,
    ) -> Result<User, AccountError> {
        let SigningIn { id, process, dir } = signing_in;
        drop(process);
        let _turn = self.turns.take(user).await;
        let record = LoginRecord { id, account: grant.account, state: grant.state };
        let stored = match self.store_login(keeper, user, &record).await {
            Ok(stored) => stored,
            Err(error) => {
                sign_out_again(keeper, record, dir.path()).await;
                return Err(error);
            }
        };
        dir.keep();
        self.clear_away(keeper, user, &stored, &record.account).await;
        self.start(keeper, stored.user.clone(), Login { user: stored.user.id, record });
        let (keeper, welcome) = (keeper.clone(), stored.user.clone());
        // Not awaited: the answer to the form or command comes first, subscriptions after it (XEP-0100 4.1.1).
        tokio::spawn(async move { roster::welcome(&keeper, &welcome).await });
        Ok(stored.user)
    }

    async fn store_login(&self, keeper: &Keeper, user: &BareJid, record: &LoginRecord) -> Result<Stored, AccountError> {
        // Somebody may have come first, by another door.
        if let Some(up) = self.supervised(user).filter(|up| !up.state().is_over()) {
            return Err(AccountError::LoggedInAlready(up.account.clone()));
        }
        let (network, user, record) = (keeper.network.descriptor().id, user.clone(), record.clone());
        let stored = keeper.store.call(move |db, sealer| {
            let user = users::add(db, network, &user)?;
            // A damaged row is replaced like one that the network has ended.
            let before = match logins::get(db, sealer, user.id) {
                Ok(before) => before.map(|login| (login.record.id, login.record.account)),
                Err(store::Error::Seal) => None,
                Err(error) => return Err(error),
            };
            logins::replace(db, sealer, &Login { user: user.id, record })?;
            Ok(Stored { user, before })
        });
        Ok(stored.await?)
    }

    /// What an earlier login of the user left: its files; and its conversations, if it was another account's.
    async fn clear_away(&self, keeper: &Arc<Keeper>, user: &BareJid, stored: &Stored, account: &ContactId) {
        let supervised = self.lock().remove(user);
        if let Some(supervised) = supervised {
            supervised.stop().await;
        }
        let Some((old, old_account)) = &stored.before else { return };
        place::remove(&place::of(&self.data, old));
        if old_account != account {
            roster::remove_contacts(keeper, &stored.user).await;
            keeper.crossings.forget(user).await;
            let id = stored.user.id;
            if let Err(error) = keeper.store.call(move |db, _| logins::clear(db, id)).await {
                tracing::error!(%error, "the rows of an earlier account could not be removed");
            }
        }
    }
}

/// The login's place, with its key.
pub(super) async fn place_of(keeper: &Keeper, id: &LoginId, dir: &Path) -> store::Result<Place> {
    let (id, dir) = (id.clone(), dir.to_owned());
    keeper.store.call(move |_, sealer| Ok(Place { dir, key: sealer.login_key(id.as_str())? })).await
}

struct Stored {
    user: User,
    before: Option<(LoginId, ContactId)>,
}

/// A login that was granted but cannot be kept.
async fn sign_out_again(keeper: &Keeper, record: LoginRecord, dir: &Path) {
    let Ok(place) = place_of(keeper, &record.id, dir).await else { return };
    let ended = match keeper.network.open(record, place) {
        Ok(session) => session.logout().await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::warn!(%error, "a login that could not be stored could not be ended on the network either");
    }
}
