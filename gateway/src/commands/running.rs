//! A command under way.

use super::{Answers, Asker, Command, Door, Failure, Form, Output, Steps, Who};
use crate::accounts::AccountError;

/// One command under way: checks who asks and what is answered, so that the commands need not.
pub struct Running {
    command: &'static Command,
    steps: Box<dyn Steps>,
    form: Option<Form>,
    over: bool,
}

impl Running {
    /// Begins; nothing happens before the first step.
    pub fn new(command: &'static Command) -> Self {
        Self { command, steps: (command.begin)(), form: None, over: false }
    }

    /// Which command.
    pub fn command(&self) -> &'static Command {
        self.command
    }

    /// The form that waits for answers.
    pub fn form(&self) -> Option<&Form> {
        self.form.as_ref()
    }

    /// Whether there is no next step.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// One step; the first with empty answers.
    ///
    /// # Errors
    /// [`Failure::Again`] leaves the same form standing; every other ends the command.
    pub async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let result = self.try_step(asker, answers).await;
        match &result {
            Ok(Output::Form(form)) => self.form = Some(form.clone()),
            Ok(Output::Show(_)) => self.form = None,
            Ok(Output::Done(_)) => (self.form, self.over) = (None, true),
            // At the first step there is no question that could stand.
            Err(Failure::Again(_)) if self.form.is_some() => {}
            Err(_) => self.cancel().await,
        }
        result
    }

    /// Gives up.
    pub async fn cancel(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.steps.cancel().await;
        }
    }

    async fn try_step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        // At every step: the operator may have changed their mind, the user may have unregistered by another door.
        match self.command.who {
            Who::Allowed if !asker.keeper.accounts.allowed(&asker.jid) => return Err(not_allowed(asker)),
            Who::Allowed => {}
            Who::Registered => drop(asker.user().await?),
        }
        let accepted = match &self.form {
            Some(form) => form.accept(answers)?,
            None => Answers::default(),
        };
        self.steps.step(asker, accepted).await
    }
}

fn not_allowed(asker: &Asker) -> Failure {
    match asker.door {
        Door::Host => Failure::NotAllowed(format!(
            "{} may not use this network. Add them to its allow list in the configuration, and restart drawbridge.",
            asker.jid
        )),
        Door::Form | Door::Chat { .. } => AccountError::NotAllowed.into(),
    }
}
