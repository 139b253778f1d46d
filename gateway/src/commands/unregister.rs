//! `unregister`: ends everything. For clients without a button for it.

use async_trait::async_trait;

use super::form::{confirmation, confirmed};
use super::logout::words;
use super::{Answers, Asker, Command, Failure, Output, Steps, Who};

pub(super) const COMMAND: Command = Command {
    node: "unregister",
    title: "Unregister",
    about: "log out and remove yourself and all contacts of this gateway",
    who: Who::Registered,
    begin: || Box::new(Unregister { asked: false }),
};

struct Unregister {
    asked: bool,
}

#[async_trait]
impl Steps for Unregister {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        if !std::mem::replace(&mut self.asked, true) {
            let text = format!(
                "This signs this gateway out of your {} account, removes its contacts from your contact list, and \
                 deletes everything it keeps about you.",
                asker.network()
            );
            return Ok(Output::Form(confirmation(text)));
        }
        if !confirmed(&answers) {
            return Ok(Output::Done("Nothing was changed.".into()));
        }
        let ended = asker.keeper.accounts.unregister(&asker.keeper, &asker.jid).await?;
        Ok(Output::Done(format!("{} You are not registered any more.", words(asker, &ended))))
    }
}
