//! Logging in, as a state machine that a form, an ad-hoc command, a chat and a terminal drive alike.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{ContactId, Error, Secret};

/// One person logging in. Dropping it without [`LoginStep::Done`] leaves no device behind where that can be helped.
#[async_trait]
pub trait LoginProcess: Send {
    /// One step. The first call has an empty input and usually answers with a form.
    ///
    /// # Errors
    /// [`Error::BadInput`] and [`Error::Rejected`] leave the process at the same step, to be tried again.
    async fn step(&mut self, input: LoginInput) -> Result<LoginStep, Error>;

    /// Gives up; cleans what was begun.
    async fn cancel(self: Box<Self>);
}

/// What the person entered: values by [`Field::name`].
#[derive(Debug, Clone, Default)]
pub struct LoginInput {
    /// All are treated as secrets, since some are.
    pub values: BTreeMap<String, Secret>,
}

impl LoginInput {
    /// One value as text, trimmed; `None` if absent, empty or not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Secret::expose_text).map(str::trim).filter(|text| !text.is_empty())
    }
}

/// What comes next.
#[derive(Debug, Clone)]
pub enum LoginStep {
    /// Ask these.
    Form {
        /// Words above the fields.
        instructions: String,
        /// In this order.
        fields: Vec<Field>,
    },
    /// Show this (a link, a code), then call [`LoginProcess::step`] with an empty input to wait.
    Show {
        /// Words above it.
        instructions: String,
        /// The link or code itself.
        text: String,
    },
    /// Logged in.
    Done(LoginGrant),
}

/// One thing to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Key in [`LoginInput::values`], also the `var` of the form field.
    pub name: String,
    /// For people.
    pub label: String,
    /// How to ask.
    pub kind: FieldKind,
    /// Offered unless something else is entered.
    pub default: Option<String>,
    /// Whether it may stay empty.
    pub required: bool,
}

/// How to ask for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// In view.
    Text,
    /// Hidden while typed.
    Password,
}

/// A login, granted. The keeper seals `state` at rest and hands it back to [`crate::Network::open`].
#[derive(Debug, Clone)]
pub struct LoginGrant {
    /// The user's own id on the network.
    pub account: ContactId,
    /// Whatever the bridge needs to resume.
    pub state: Secret,
    /// Words for the user after the login (what else to do, such as recovery), if any.
    pub notice: Option<String>,
}
