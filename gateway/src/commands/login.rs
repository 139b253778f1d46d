//! `login`: from nothing to a live login, by the network's own questions.

use async_trait::async_trait;
use drawbridge_bridge::{Error as NetworkError, Field, LoginGrant, LoginStep};

use super::{Answers, Asker, Command, Door, Failure, Form, Output, Question, Steps, Who, sentence};
use crate::accounts::SigningIn;
use crate::networks;

pub(super) const COMMAND: Command = Command {
    node: "login",
    title: "Log in",
    about: "log in to your account, and register with this gateway",
    who: Who::Allowed,
    begin: || Box::new(Login::default()),
};

#[derive(Default)]
struct Login {
    signing_in: Option<SigningIn>,
}

#[async_trait]
impl Steps for Login {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let signing_in = match &mut self.signing_in {
            Some(under_way) => under_way,
            None => {
                let begun = asker.keeper.accounts.login(&asker.keeper, &asker.jid).await?;
                self.signing_in.insert(begun)
            }
        };
        match signing_in.step(answers).await {
            Ok(LoginStep::Form { instructions, fields }) => {
                let questions: Vec<_> = fields.into_iter().map(|field| suggested(asker, field)).collect();
                Ok(Output::Form(with_warning(asker, COMMAND.node, Form::new(instructions, questions))))
            }
            Ok(LoginStep::Show { instructions, text }) => Ok(Output::Show(format!("{instructions}\n{text}"))),
            Ok(LoginStep::Done(grant)) => self.finish(asker, grant).await,
            // The process stands at the same question: the person may wait a little and answer again.
            Err(NetworkError::Transient { reason, .. }) if asker.door != Door::Form => {
                Err(Failure::Again(format!("{} {}", sentence(&reason), "You can try again now, or later.")))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn cancel(&mut self) {
        if let Some(signing_in) = self.signing_in.take() {
            signing_in.cancel().await;
        }
    }
}

impl Login {
    async fn finish(&mut self, asker: &Asker, grant: LoginGrant) -> Result<Output, Failure> {
        let Some(signing_in) = self.signing_in.take() else { return Err(Failure::Broken) };
        let (account, notice) = (grant.account.clone(), grant.notice.clone());
        asker.keeper.accounts.finish(&asker.keeper, &asker.jid, signing_in, grant).await?;
        let mut text =
            format!("You are logged in to {} as {account}. Your contacts will appear soon.", asker.network());
        if let Some(notice) = notice {
            text.push_str(&format!("\n{notice}"));
        }
        Ok(Output::Done(text))
    }
}

/// A question of the network, with what the operator suggests as its answer.
fn suggested(asker: &Asker, mut field: Field) -> Question {
    if let Some(suggestion) = networks::suggested(&asker.keeper.settings, &field.name) {
        field.default = Some(suggestion.to_owned());
    }
    field.into()
}

/// Says who else reads what is answered, where that is so.
pub(super) fn with_warning(asker: &Asker, command: &str, mut form: Form) -> Form {
    if form.asks_secret() && asker.door.is_overheard() {
        form.instructions = format!("{} {}", form.instructions, warning(asker, command)).trim().to_owned();
    }
    form
}

/// What a person must know before they type a secret where their XMPP server can read it.
fn warning(asker: &Asker, command: &str) -> String {
    let host = format!("let whoever runs this host enter it there, with \"drawbridge users {command} {}\"", asker.jid);
    match asker.door {
        Door::Form => format!(
            "Careful: the people who run your XMPP server can read what you enter in this form. To avoid that, write \
             {command} to {} in an encrypted session (ESession), or {host}.",
            asker.keeper.domain
        ),
        _ => format!(
            "Careful: the people who run your XMPP server can read what you write here, because this chat is not \
             encrypted to this host. To avoid that, write cancel, and do it in an encrypted session (ESession) with \
             me, or {host}."
        ),
    }
}
