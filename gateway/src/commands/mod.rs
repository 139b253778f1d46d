//! What people can ask of the gateway.
//!
//! Each command is declared once, in [`COMMANDS`], and is one state machine ([`Steps`]). Three thin drivers serve it:
//! ad-hoc forms ([`crate::xmpp::adhoc`], and [`crate::xmpp::register`] for the login), chat ([`chat`]) and the
//! terminal of the host ([`crate::control`]).
//!
//! - [`form`]: what a command asks, and what the person answers.
//! - [`running`]: a command under way. [`desk`]: all of them, one a person, with their time limits.
//! - [`dialogue`]: a form as questions one after the other, for chat and terminal.

use async_trait::async_trait;
use jid::BareJid;
use std::sync::Arc;

use crate::accounts::AccountError;
use crate::keeper::Keeper;
use crate::store::User;
use drawbridge_bridge::Error as NetworkError;

mod chat;
mod contacts;
mod desk;
pub mod devices;
mod dialogue;
mod form;
mod help;
mod keys;
mod login;
mod logout;
pub mod pair;
mod policy;
mod qr;
mod recover;
mod running;
mod status;
mod unregister;
mod verify;

#[cfg(test)]
mod tests;

pub use chat::chat;
pub use desk::{Desk, Door, Stepped};
pub use dialogue::Dialogue;
pub use drawbridge_bridge::LoginInput as Answers;
pub use form::{Choice, Form, Kind, MAX_ANSWER, Question};
pub use running::Running;

/// One command, as it is offered.
pub struct Command {
    /// Its name: in chat, on the command line, and as ad-hoc node.
    pub node: &'static str,
    /// Its name in menus.
    pub title: &'static str,
    /// One line for `help`.
    pub about: &'static str,
    /// Who may.
    pub who: Who,
    begin: fn() -> Box<dyn Steps>,
}

/// Who may use a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody whom the operator lets in.
    Allowed,
    /// Those who registered, also when the operator does not let them in any more.
    Registered,
}

/// All commands, in the order of menus.
pub static COMMANDS: [Command; 12] = [
    login::COMMAND,
    logout::COMMAND,
    status::COMMAND,
    contacts::COMMAND,
    verify::COMMAND,
    pair::COMMAND,
    keys::COMMAND,
    devices::COMMAND,
    recover::COMMAND,
    policy::COMMAND,
    unregister::COMMAND,
    help::COMMAND,
];

/// The command of this name.
pub fn find(node: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.node == node)
}

/// The commands that `who` may use now.
///
/// # Errors
/// SQLite's.
pub async fn offered(keeper: &Keeper, who: &BareJid) -> crate::store::Result<Vec<&'static Command>> {
    let allowed = keeper.accounts.allowed(who);
    let registered = keeper.accounts.user(keeper, who).await?.is_some();
    let may = |command: &&Command| match command.who {
        Who::Allowed => allowed,
        Who::Registered => registered,
    };
    Ok(COMMANDS.iter().filter(may).collect())
}

/// Who runs a command, and from where.
#[derive(Clone)]
pub struct Asker {
    /// The network it is about.
    pub keeper: Arc<Keeper>,
    /// For whom.
    pub jid: BareJid,
    /// Where they are asked.
    pub door: Door,
}

impl Asker {
    /// The asker as a registered user.
    ///
    /// # Errors
    /// [`Failure::Refused`] if they are not registered.
    pub async fn user(&self) -> Result<User, Failure> {
        let user = self.keeper.accounts.user(&self.keeper, &self.jid).await.map_err(AccountError::Store)?;
        user.ok_or_else(|| AccountError::NotRegistered.into())
    }

    /// What the network is called.
    pub fn network(&self) -> &'static str {
        self.keeper.network.descriptor().name
    }
}

/// A command as a state machine.
#[async_trait]
pub trait Steps: Send {
    /// One step. The first has empty answers; later ones fit the form that the step before gave.
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure>;

    /// The person gave up, or took too long.
    async fn cancel(&mut self) {}
}

/// What comes of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask this, then step with the answers.
    Form(Form),
    /// Show this, then step with empty answers.
    Show(String),
    /// Over; tell this.
    Done(String),
}

/// Why a step did not work, in words for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was entered does not do. The same question stands.
    #[error("{0}")]
    Again(String),
    /// The network does not answer. Over.
    #[error("{0}")]
    Later(String),
    /// Not for this person. Over.
    #[error("{0}")]
    NotAllowed(String),
    /// Not as things stand. Over.
    #[error("{0}")]
    Refused(String),
    /// Our own fault; the log has more. Over.
    #[error("Something went wrong here. Whoever runs this gateway finds the reason in its log.")]
    Broken,
}

impl Failure {
    /// Whether the same question stands.
    pub fn can_try_again(&self) -> bool {
        matches!(self, Self::Again(_))
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            NetworkError::Transient { .. } => Self::Later(format!("{text} Try again later.")),
            NetworkError::BadInput(_) | NetworkError::Rejected(_) => Self::Again(text),
            NetworkError::LoggedOut | NetworkError::NotFound => Self::Refused(text),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotAllowed => Self::NotAllowed(
                "You may not use this gateway: whoever runs it allows only certain people or servers. Ask them to add \
                 you."
                    .into(),
            ),
            AccountError::LoggedInAlready(_) => Self::Refused(sentence(&error.to_string())),
            AccountError::NotRegistered => {
                Self::Refused("You are not registered with this gateway. Write login to begin.".into())
            }
            AccountError::Network(error) => error.into(),
            AccountError::Store(_) | AccountError::Directory(_) | AccountError::NoRandomness => {
                tracing::error!(%error, "a command failed");
                Self::Broken
            }
        }
    }
}

/// An error's words as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}
