//! `logout`: ends the login; the registration stays.

use async_trait::async_trait;

use super::form::{confirmation, confirmed};
use super::{Answers, Asker, Command, Failure, Output, Steps, Who};
use crate::accounts::SignedOut;

pub(super) const COMMAND: Command = Command {
    node: "logout",
    title: "Log out",
    about: "end your login and delete what it keeps here",
    who: Who::Registered,
    begin: || Box::new(Logout { asked: false }),
};

struct Logout {
    asked: bool,
}

#[async_trait]
impl Steps for Logout {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        if !std::mem::replace(&mut self.asked, true) {
            let text = format!(
                "This signs this gateway out of your {} account and deletes its keys and waiting messages here. \
                 Without your recovery key, messages that only this gateway could read are lost to it.",
                asker.network()
            );
            return Ok(Output::Form(confirmation(text)));
        }
        if !confirmed(&answers) {
            return Ok(Output::Done("Nothing was changed.".into()));
        }
        let ended = asker.keeper.accounts.logout(&asker.keeper, &asker.jid).await?;
        Ok(Output::Done(words(asker, &ended)))
    }
}

/// How it ended, in words.
pub(super) fn words(asker: &Asker, ended: &SignedOut) -> String {
    match ended {
        SignedOut::Everywhere => "You are logged out.".into(),
        SignedOut::NoLogin => "There was no login; nothing is left of it here now.".into(),
        SignedOut::HereOnly(reason) => format!(
            "You are logged out here, but {} could not be told ({reason}). Remove the device called Drawbridge there \
             yourself.",
            asker.network()
        ),
    }
}
