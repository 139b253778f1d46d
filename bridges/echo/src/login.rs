//! Logging in: one form, one field.

use async_trait::async_trait;
use drawbridge_bridge::{
    ContactId, Error, Field, FieldKind, LoginGrant, LoginInput, LoginProcess, LoginStep, Secret, UserRef,
};
use serde::{Deserialize, Serialize};

use crate::{EchoWorld, contacts};

const USERNAME: &str = "username";

/// What a login needs to be resumed: the content of [`LoginGrant::state`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) owner: UserRef,
    /// Tells this login from earlier ones of the same name.
    pub(crate) token: String,
}

/// Awaits a name.
pub(crate) struct NameLogin {
    world: EchoWorld,
    who: UserRef,
}

impl NameLogin {
    pub(crate) fn new(world: EchoWorld, who: UserRef) -> Self {
        Self { world, who }
    }
}

#[async_trait]
impl LoginProcess for NameLogin {
    async fn step(&mut self, input: LoginInput) -> Result<LoginStep, Error> {
        if input.values.is_empty() {
            return Ok(form());
        }
        let name = input.text(USERNAME).ok_or_else(|| Error::BadInput("username: choose a name".into()))?;
        let account = account_id(name)?;
        let ticket = self.world.sign_in(&account, &self.who)?;
        let state = serde_json::to_vec(&ticket).map_err(|error| Error::Rejected(error.to_string()))?;
        let notice = Some("Write to echo@echo, and it repeats what you say.".into());
        Ok(LoginStep::Done(LoginGrant { account, state: Secret::new(state), notice }))
    }

    async fn cancel(self: Box<Self>) {}
}

fn form() -> LoginStep {
    LoginStep::Form {
        instructions: "Choose any name; there is no password.".into(),
        fields: vec![Field {
            name: USERNAME.into(),
            label: "Name".into(),
            kind: FieldKind::Text,
            default: None,
            required: true,
        }],
    }
}

/// A slash would make conversation ids ambiguous, an at sign would name another server.
fn account_id(name: &str) -> Result<ContactId, Error> {
    contacts::parse(name)
        .filter(|_| !name.contains(['@', '/']))
        .ok_or_else(|| Error::BadInput("username: use no spaces, no @ and no /".into()))
}
