//! `recover`: confirms the gateway's device with the account's recovery key.

use async_trait::async_trait;
use drawbridge_bridge::{Error as NetworkError, OwnTrust};

use super::login::with_warning;
use super::{Answers, Asker, Command, Failure, Form, Kind, Output, Question, Steps, Who};

pub(super) const COMMAND: Command = Command {
    node: "recover",
    title: "Enter the recovery key",
    about: "confirm this gateway's device with your account's recovery key",
    who: Who::Registered,
    begin: || Box::new(Recover { asked: false }),
};

struct Recover {
    asked: bool,
}

#[async_trait]
impl Steps for Recover {
    async fn step(&mut self, asker: &Asker, mut answers: Answers) -> Result<Output, Failure> {
        let user = asker.user().await?;
        let not_up = || Failure::Refused(format!("There is no connection to {} now. Write status.", asker.network()));
        let session = asker.keeper.accounts.session(&user.jid).ok_or_else(not_up)?;
        let Some(trust) = session.trust() else {
            return Err(Failure::Refused(format!("{} has no recovery keys.", asker.network())));
        };
        if !std::mem::replace(&mut self.asked, true) {
            let question = Question::new("key", "Recovery key or passphrase", Kind::Hidden);
            let text = "With it this gateway's device is confirmed by your account, so that others send it readable \
                        messages. Nothing is reset.";
            return Ok(Output::Form(with_warning(asker, COMMAND.node, Form::new(text, [question]))));
        }
        let key = answers.values.remove("key").unwrap_or_default();
        match trust.recover(&key).await {
            Ok(status) => Ok(Output::Done(match status.own {
                OwnTrust::Verified => "Done: this gateway's device is confirmed by your account.".into(),
                OwnTrust::Unverified | OwnTrust::NoIdentity => {
                    "The key fits, but this gateway's device is not confirmed yet. Write status in a minute.".into()
                }
            })),
            Err(NetworkError::NotFound) => Err(Failure::Refused(
                "Your account has nothing stored that a recovery key would open. Set up recovery in another client \
                 first."
                    .into(),
            )),
            Err(error) => Err(error.into()),
        }
    }
}
