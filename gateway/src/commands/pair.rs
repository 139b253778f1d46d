//! `pair`: a code for the user's client, in the place of comparing one. Only this host's terminal may show it.

use async_trait::async_trait;
use jid::BareJid;

use super::{Answers, Asker, Choice, Command, Door, Failure, Form, Kind, Output, Question, Steps, Who};
use crate::secure::pairing::Way;

pub(super) const COMMAND: Command = Command {
    node: "pair",
    title: "Pair a client",
    about: "how to verify a client by a code that it is given, with nothing to compare",
    who: Who::Registered,
    begin: || Box::new(Pair::Begin),
};

/// The question how the client takes the code, and its answers.
pub const WAY: &str = "way";
/// See [`Way::Code`].
pub const CODE: &str = "code";
/// See [`Way::Password`].
pub const PASSWORD: &str = "password";
/// The question whom a password is for.
pub const WITH: &str = "with";

enum Pair {
    Begin,
    /// How does the client take it?
    Way,
    /// With whom?
    With,
}

#[async_trait]
impl Steps for Pair {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let (gateway, user) = (&asker.keeper.domain, &asker.jid);
        if asker.door != Door::Host {
            return Ok(Output::Done(format!(
                "Run \"drawbridge users pair {user}\" on the host itself, and give the code that it shows to your client, for \
                 {gateway} (in esession-chat with /pair). It cannot be shown here: whoever could sit between us would see it."
            )));
        }
        asker.user().await?;
        match self {
            Self::Begin => {
                *self = Self::Way;
                let choices =
                    [Choice::new(CODE, "as a pairing code"), Choice::new(PASSWORD, "as the password of one session")];
                let way = Question::new(WAY, "How the client takes it", Kind::OneOf(choices.into())).or(CODE);
                Ok(Output::Form(Form::new("", [way])))
            }
            Self::Way if answers.text(WAY) == Some(PASSWORD) => {
                *self = Self::With;
                let with = Question::new(WITH, "JID of the contact", Kind::Text).or(gateway.as_str());
                Ok(Output::Form(Form::new("", [with])))
            }
            Self::Way => {
                let code = asker.keeper.pairings.make(user, Way::Code);
                Ok(Output::Done(format!(
                    "Type this into the client, for {gateway} (in esession-chat: /pair {}). It is good for one hour and one \
                     client; the session that it makes vouches for all contacts.\n{}",
                    *code, *code
                )))
            }
            Self::With => {
                let with = answers.text(WITH).and_then(|jid| BareJid::new(jid).ok());
                let Some(with) = with.filter(|with| with.domain() == gateway.domain()) else {
                    return Err(Failure::Again(format!(
                        "This is nobody here: give {gateway} or the JID of a contact."
                    )));
                };
                let password = asker.keeper.pairings.make(user, Way::Password(with.clone()));
                Ok(Output::Done(format!(
                    "Type this into the client as the password of its next session with {with}, and take it out again when \
                     that stands. It is good for one hour and one session; until it is used no other client of {user} can \
                     begin a session with {with}.\n{}",
                    *password
                )))
            }
        }
    }
}
