//! From a login back to nothing.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_bridge::{Error as NetworkError, LoginRecord, Session};
use jid::BareJid;
use tokio::time::timeout;

use super::{AccountError, Accounts, place, signing_in::place_of};
use crate::keeper::Keeper;
use crate::store::{self, User, logins, users};
use crate::xmpp::roster;

/// How long the network may take to end a login.
const FAREWELL: Duration = Duration::from_secs(30);

/// How a login ended. Our side has forgotten it in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedOut {
    /// The network has ended it too.
    Everywhere,
    /// The network could not be told, for this reason: the device may still be listed there.
    HereOnly(String),
    /// There was none.
    NoLogin,
}

impl Accounts {
    /// Ends the user's login on the network and forgets all it had here; the user stays registered.
    ///
    /// # Errors
    /// [`AccountError::NotRegistered`], or SQLite's.
    pub async fn logout(&self, keeper: &Arc<Keeper>, who: &BareJid) -> Result<SignedOut, AccountError> {
        let _turn = self.turns.take(who).await;
        let user = self.user(keeper, who).await?.ok_or(AccountError::NotRegistered)?;
        // They come back with the next login; until then nobody answers under these addresses.
        roster::remove_contacts(keeper, &user).await;
        self.end_login(keeper, &user).await
    }

    /// Ends the user's login and forgets the user: every subscription, every row, every file.
    ///
    /// # Errors
    /// [`AccountError::NotRegistered`], or SQLite's.
    pub async fn unregister(&self, keeper: &Arc<Keeper>, who: &BareJid) -> Result<SignedOut, AccountError> {
        let _turn = self.turns.take(who).await;
        let user = self.user(keeper, who).await?.ok_or(AccountError::NotRegistered)?;
        // First, while the contacts are known (XEP-0100 4.3).
        roster::remove_all(keeper, &user).await;
        let ended = self.end_login(keeper, &user).await?;
        keeper.store.call(move |db, _| users::remove(db, user.id)).await?;
        keeper.store.checkpoint().await?;
        Ok(ended)
    }

    async fn end_login(&self, keeper: &Arc<Keeper>, user: &User) -> Result<SignedOut, AccountError> {
        let supervised = self.lock().remove(&user.jid);
        let mut session = None;
        if let Some(supervised) = supervised {
            supervised.stop().await;
            session = supervised.opened();
        }
        let id = user.id;
        let record = match keeper.store.call(move |db, sealer| logins::get(db, sealer, id)).await {
            Ok(login) => login.map(|login| login.record),
            // Sealed with another key: nothing to sign out with. The directory goes at the next start.
            Err(store::Error::Seal) => None,
            Err(error) => return Err(error.into()),
        };
        let ended = match &record {
            Some(record) => farewell(keeper, session, record).await,
            None => SignedOut::NoLogin,
        };
        keeper.crossings.forget(&user.jid).await;
        keeper.store.call(move |db, _| logins::remove(db, id)).await?;
        keeper.store.checkpoint().await?;
        if let Some(record) = record {
            place::remove(&place::of(&keeper.accounts.data, &record.id));
        }
        keeper.crossings.login_changed(keeper, &user.jid).await;
        Ok(ended)
    }
}

async fn farewell(keeper: &Keeper, opened: Option<Arc<dyn Session>>, record: &LoginRecord) -> SignedOut {
    let session = match opened {
        Some(session) => Ok(session),
        None => open(keeper, record).await,
    };
    let ended = match session {
        Ok(session) => timeout(FAREWELL, session.logout()).await,
        Err(error) => Ok(Err(error)),
    };
    match ended {
        Ok(Ok(()) | Err(NetworkError::LoggedOut)) => SignedOut::Everywhere,
        Ok(Err(error)) => SignedOut::HereOnly(error.to_string()),
        Err(_) => SignedOut::HereOnly("the network does not answer".into()),
    }
}

async fn open(keeper: &Keeper, record: &LoginRecord) -> Result<Arc<dyn Session>, NetworkError> {
    let dir = place::of(&keeper.accounts.data, &record.id);
    let place = place_of(keeper, &record.id, &dir)
        .await
        .map_err(|error| NetworkError::Transient { reason: error.to_string(), after: None })?;
    keeper.network.open(record.clone(), place)
}
