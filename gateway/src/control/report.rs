//! What the daemon tells its operator. States only, no contents.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::accounts::LoginState;
use crate::keeper::Keeper;
use crate::store::{self, contacts, users};

/// How the daemon is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Of the program that runs.
    pub version: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// All configured networks.
    pub networks: Vec<NetworkReport>,
}

/// How one network is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// Its kind.
    pub network: String,
    /// The component.
    pub jid: String,
    /// Whether the link to the XMPP server is up.
    pub link: bool,
    /// Registered users.
    pub users: usize,
    /// Those with a login that is up.
    pub online: usize,
    /// Those with a login that is on its way, or waits to be tried again.
    pub waiting: usize,
    /// Those who must log in again.
    pub over: usize,
}

/// How one user is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReport {
    /// On which network.
    pub network: String,
    /// Who.
    pub jid: String,
    /// Their own id there, if they are logged in.
    pub account: Option<String>,
    /// How the login stands, if there is one.
    pub state: Option<LoginState>,
    /// How many contacts they have.
    pub contacts: usize,
}

/// All users of all networks.
pub(super) async fn users(keepers: &[Arc<Keeper>]) -> store::Result<Vec<UserReport>> {
    let mut reports = Vec::new();
    for keeper in keepers {
        let network = keeper.network.descriptor().id;
        let counted = keeper.store.call(move |db, _| {
            let all = users::all(db, network)?.into_iter();
            all.map(|user| Ok((user.jid, contacts::all(db, user.id)?.len()))).collect::<store::Result<Vec<_>>>()
        });
        reports.extend(counted.await?.into_iter().map(|(jid, contacts)| UserReport {
            network: network.to_owned(),
            account: keeper.accounts.account(&jid).map(|account| account.to_string()),
            state: keeper.accounts.state(&jid),
            jid: jid.to_string(),
            contacts,
        }));
    }
    Ok(reports)
}

/// One network.
pub(super) async fn network(keeper: &Keeper) -> store::Result<NetworkReport> {
    let network = keeper.network.descriptor().id;
    let users = keeper.store.call(move |db, _| users::all(db, network)).await?;
    let states: Vec<_> = users.iter().filter_map(|user| keeper.accounts.state(&user.jid)).collect();
    let online = states.iter().filter(|state| **state == LoginState::Online).count();
    let over = states.iter().filter(|state| state.is_over()).count();
    Ok(NetworkReport {
        network: network.to_owned(),
        jid: keeper.domain.to_string(),
        link: keeper.out.is_up(),
        users: users.len(),
        online,
        waiting: states.len() - online - over,
        over,
    })
}
