//! `policy`: what the user wants of encryption, and which stopped contacts may be written to again.

use async_trait::async_trait;
use drawbridge_bridge::{ContactId, Error as NetworkError, KeySharing};

use super::status::{encryption, settings, sharing, sharing_word};
use super::{Answers, Asker, Choice, Command, Failure, Form, Kind, Output, Question, Steps, Who};
use crate::accounts::AccountError;
use crate::store::{Policy, User, contacts, users};

pub(super) const COMMAND: Command = Command {
    node: "policy",
    title: "Encryption settings",
    about: "choose when messages must be encrypted, and allow a stopped contact again",
    who: Who::Registered,
    begin: || Box::new(Change { asked: false }),
};

/// The answer that allows no contact.
const NOBODY: &str = "nobody";

struct Change {
    asked: bool,
}

#[async_trait]
impl Steps for Change {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let user = asker.user().await?;
        if !std::mem::replace(&mut self.asked, true) {
            return Ok(Output::Form(form(&user, &stopped(asker, &user).await?)));
        }
        let mut lines = Vec::new();
        if let Some(who) = answers.text("allow").filter(|who| *who != NOBODY) {
            lines.push(allow(asker, &user, &ContactId::new(who)).await?);
        }
        let user = apply(asker, user, &answers).await?;
        lines.extend(settings(&user));
        Ok(Output::Done(lines.join("\n")))
    }
}

fn form(user: &User, stopped: &[(ContactId, String)]) -> Form {
    let policies = [Policy::Require, Policy::Prefer, Policy::Off];
    let policies = policies.map(|policy| Choice::new(policy.as_str(), encryption(policy)));
    let devices = [KeySharing::CrossSigned, KeySharing::All];
    let devices = devices.map(|devices| Choice::new(sharing_word(devices), sharing(devices)));
    let mut questions = vec![
        Question::new("encryption", "Encryption to your client", Kind::OneOf(policies.into())).or(user.policy.as_str()),
        Question::new("devices", "Devices that get message keys", Kind::OneOf(devices.into()))
            .or(sharing_word(user.sharing)),
    ];
    if !stopped.is_empty() {
        let mut people = vec![Choice::new(NOBODY, "allow none of them")];
        people.extend(stopped.iter().map(|(who, why)| Choice::new(who.as_str(), why)));
        questions.push(Question::new("allow", "Stopped contact to allow again", Kind::OneOf(people)).or(NOBODY));
    }
    Form::new("What must be encrypted?", questions)
}

async fn stopped(asker: &Asker, user: &User) -> Result<Vec<(ContactId, String)>, Failure> {
    let id = user.id;
    let all = asker.keeper.store.call(move |db, _| contacts::all(db, id)).await.map_err(AccountError::Store)?;
    Ok(all.into_iter().filter_map(|contact| Some((contact.info.id, contact.blocked?))).collect())
}

async fn apply(asker: &Asker, mut user: User, answers: &Answers) -> Result<User, Failure> {
    if let Some(policy) = answers.text("encryption").and_then(|word| word.parse().ok()) {
        user.policy = policy;
    }
    match answers.text("devices") {
        Some("all") => user.sharing = KeySharing::All,
        Some("cross-signed") => user.sharing = KeySharing::CrossSigned,
        _ => {}
    }
    let (id, policy, sharing) = (user.id, user.policy, user.sharing);
    let stored = asker.keeper.store.call(move |db, _| {
        users::set_policy(db, id, policy)?;
        users::set_sharing(db, id, sharing)
    });
    stored.await.map_err(AccountError::Store)?;
    asker.keeper.accounts.share_keys_with(&user.jid, sharing).await;
    Ok(user)
}

/// The user accepts what stopped a contact (a changed identity).
async fn allow(asker: &Asker, user: &User, who: &ContactId) -> Result<String, Failure> {
    let not_up = || Failure::Refused(format!("There is no connection to {} now. Write status.", asker.network()));
    let session = asker.keeper.accounts.session(&user.jid).ok_or_else(not_up)?;
    if let Some(trust) = session.trust() {
        match trust.accept_identity(who).await {
            // It may have been settled in another client meanwhile.
            Ok(()) | Err(NetworkError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (id, contact) = (user.id, who.clone());
    let stored = asker.keeper.store.call(move |db, _| contacts::set_blocked(db, id, &contact, None));
    stored.await.map_err(AccountError::Store)?;
    // What waited for this goes on.
    asker.keeper.crossings.login_changed(&asker.keeper, &user.jid).await;
    Ok(format!("You can write to {who} again."))
}
