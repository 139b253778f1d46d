//! `keys`: the public keys that the user's clients have shown, and ours.
//!
//! As with [`super::verify`], fingerprints are shown, and keys trusted, on the host's terminal only.

use async_trait::async_trait;
use esession::{PublicKey, SigningKey};

use super::{Answers, Asker, Choice, Command, Door, Failure, Form, Kind, Output, Question, Steps, Who};
use crate::accounts::AccountError;
use crate::keeper::Peer;
use crate::secure::own_key;
use crate::store::keys::{self, ClientKey};

pub(super) const COMMAND: Command = Command {
    node: "keys",
    title: "Public keys",
    about: "show how many of your clients have public keys, and how to verify them by those",
    who: Who::Registered,
    begin: || Box::new(Keys::Begin),
};

enum Keys {
    Begin,
    /// What is to be done?
    What,
    /// With which key, to trust or to forget it?
    Which {
        forget: bool,
    },
}

const LIST: &str = "list";
const TRUST: &str = "trust";
const FORGET: &str = "forget";

#[async_trait]
impl Steps for Keys {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let user = asker.user().await?.id;
        let known = asker.keeper.store.call(move |db, _| keys::all(db, user)).await.map_err(AccountError::Store)?;
        match self {
            Self::Begin if asker.door != Door::Host => Ok(Output::Done(told(asker, &known))),
            Self::Begin => {
                let choices = [
                    Choice::new(LIST, "show them"),
                    Choice::new(TRUST, "one is the user's own: its sessions are verified"),
                    Choice::new(FORGET, "one is not the user's, or no more"),
                ];
                *self = Self::What;
                let what = Question::new("what", "What about the keys", Kind::OneOf(choices.into())).or(LIST);
                Ok(Output::Form(Form::new("", [what])))
            }
            Self::What => {
                let own = own_key::of(&asker.keeper, user, &Peer::Gateway).await;
                let text = shown(asker, &known, own.as_ref().map(SigningKey::public));
                let what = answers.text("what").unwrap_or(LIST);
                if what == LIST {
                    return Ok(Output::Done(text));
                }
                *self = Self::Which { forget: what == FORGET };
                Ok(Output::Form(Form::new(text, [Question::new("key", "Its whole fingerprint", Kind::Text)])))
            }
            Self::Which { forget } => {
                let forget = *forget;
                let print = answers.text("key").unwrap_or_default();
                let meant = |known: &&ClientKey| parsed(known).is_some_and(|key| key.is_meant_by(print));
                let Some(found) = known.iter().find(meant) else {
                    let text = "No client has shown a key with this fingerprint. Give the whole of it.";
                    return Err(Failure::Again(text.into()));
                };
                let key = found.key.clone();
                let change = asker.keeper.store.call(move |db, _| match forget {
                    true => keys::forget(db, user, &key),
                    false => keys::verify(db, user, &key),
                });
                change.await.map_err(AccountError::Store)?;
                let done = if forget { "Forgotten" } else { "Trusted, from its next session on" };
                Ok(Output::Done(format!("{done}: the key of the client {}.", found.client)))
            }
        }
    }
}

/// For the user's own client: no fingerprint, since who reads along could change it.
fn told(asker: &Asker, known: &[ClientKey]) -> String {
    let verified = known.iter().filter(|key| key.verified).count();
    format!(
        "Your clients have shown {} public keys, {verified} of them verified. To see and verify them, run \
         \"drawbridge users keys {}\" on the host itself. It cannot be done here: whoever could sit between us could also \
         change what I write.",
        known.len(),
        asker.jid
    )
}

/// For the host's terminal.
fn shown(asker: &Asker, known: &[ClientKey], own: Option<&PublicKey>) -> String {
    let mut lines = Vec::new();
    if let Some(own) = own {
        lines.push(format!("{} itself signs with", asker.keeper.domain));
        lines.push(format!("  {}", own.fingerprint_text()));
        lines.push("and each contact with a key of its own.".to_owned());
    }
    if known.is_empty() {
        lines.push(format!("No client of {} has shown a public key so far.", asker.jid));
    }
    for key in known {
        let standing = if key.verified { "verified" } else { "not verified" };
        lines.push(format!("Client {} ({standing}):", key.client));
        lines.extend(parsed(key).map(|key| format!("  {}", key.fingerprint_text())));
    }
    lines.join("\n")
}

fn parsed(known: &ClientKey) -> Option<PublicKey> {
    known.key.parse().ok()
}
