//! `status`: how the user's login stands, and what is set.

use std::time::Duration;

use async_trait::async_trait;
use drawbridge_bridge::{KeySharing, OwnTrust, Session};
use tokio::time::timeout;

use super::{Answers, Asker, Command, Failure, Output, Steps, Who, devices};
use crate::accounts::AccountError;
use crate::store::{Policy, Protection, User, contacts, omemo, openpgp, protections};

pub(super) const COMMAND: Command = Command {
    node: "status",
    title: "Status",
    about: "show how your login stands and what is set",
    who: Who::Allowed,
    begin: || Box::new(Status),
};

/// How long the network may take to say how the device stands.
const PATIENCE: Duration = Duration::from_secs(10);

struct Status;

#[async_trait]
impl Steps for Status {
    async fn step(&mut self, asker: &Asker, _: Answers) -> Result<Output, Failure> {
        let (keeper, network) = (&asker.keeper, asker.network());
        let Some(user) = keeper.accounts.user(keeper, &asker.jid).await.map_err(AccountError::Store)? else {
            return Ok(Output::Done(format!("You are not registered. Write login to connect your {network} account.")));
        };
        let mut lines = Vec::new();
        match keeper.accounts.account(&user.jid).zip(keeper.accounts.state(&user.jid)) {
            Some((account, state)) => {
                lines.push(format!("{network} account: {account} ({state})"));
                lines.extend(state.is_over().then(|| "Write login to log in again.".to_owned()));
            }
            None => lines.push(format!("You are not logged in to {network}. Write login to log in.")),
        }
        if let Some(session) = keeper.accounts.session(&user.jid) {
            lines.extend(device(session.as_ref()).await);
        }
        lines.extend(settings(&user));
        lines.extend(protected(asker, &user).await?);
        lines.extend(blocked(asker, &user).await?);
        Ok(Output::Done(lines.join("\n")))
    }
}

/// How the gateway's own device stands on the network.
async fn device(session: &dyn Session) -> Option<String> {
    let status = timeout(PATIENCE, session.trust()?.status()).await.ok()?.ok()?;
    let stands = match status.own {
        OwnTrust::Verified => "confirmed by your account",
        OwnTrust::Unverified => {
            "not confirmed by your account, so others may not send it readable messages: write recover"
        }
        OwnTrust::NoIdentity => "your account has no identity that could confirm it",
    };
    let key = status.fingerprint.map(|key| format!(", key {key}")).unwrap_or_default();
    Some(format!("This gateway's device: {}{key} ({stands})", status.device))
}

/// What the user has set, in words.
pub(super) fn settings(user: &User) -> [String; 2] {
    [
        format!("Encryption to your client: {} ({})", user.policy.as_str(), encryption(user.policy)),
        format!("Message keys go to: {} ({})", sharing_word(user.sharing), sharing(user.sharing)),
    ]
}

pub(super) fn encryption(policy: Policy) -> &'static str {
    match policy {
        Policy::Require => "never without",
        Policy::Prefer => "from the first time your client encrypts a chat, never without",
        Policy::Off => "as your client does it, also without",
    }
}

pub(super) fn sharing(sharing: KeySharing) -> &'static str {
    match sharing {
        KeySharing::CrossSigned => "only devices that their owner has confirmed",
        KeySharing::All => "every device, also unconfirmed ones",
    }
}

pub(super) fn sharing_word(sharing: KeySharing) -> &'static str {
    match sharing {
        KeySharing::CrossSigned => "cross-signed",
        KeySharing::All => "all",
    }
}

/// How many chats are encrypted towards the user's clients, how, and by whose devices.
async fn protected(asker: &Asker, user: &User) -> Result<Vec<String>, Failure> {
    let id = user.id;
    let read = asker.keeper.store.call(move |db, _| {
        let by = |protection| protections::count(db, id, protection);
        let chats = [by(Protection::ESession)?, by(Protection::Omemo)?, by(Protection::OpenPgp)?];
        Ok((chats, omemo::known(db, id)?, openpgp::known(db, id)?))
    });
    let ([sessions, omemo, openpgp], devices, keys) = read.await.map_err(AccountError::Store)?;
    Ok(vec![
        format!("Chats encrypted towards you: {omemo} by OMEMO, {openpgp} by OpenPGP, {sessions} in sessions"),
        devices::counted(&devices, &keys),
    ])
}

async fn blocked(asker: &Asker, user: &User) -> Result<Vec<String>, Failure> {
    let id = user.id;
    let all = asker.keeper.store.call(move |db, _| contacts::all(db, id)).await.map_err(AccountError::Store)?;
    let blocked = all.into_iter().filter_map(|contact| Some((contact.info.id, contact.blocked?)));
    Ok(blocked.map(|(who, why)| format!("Nothing is sent to {who}: {why} To allow it, write policy.")).collect())
}
