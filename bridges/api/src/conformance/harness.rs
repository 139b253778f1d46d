//! What a bridge gives to the suite.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Broken, broken};
use crate::{Annotation, ContactId, ConvId, LoginInput, Network, Place, RemoteId, Session, UserRef};

/// What a contact sees of what the user does to messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A reply.
    Reply {
        /// To which message.
        to: RemoteId,
        /// Its words, without those that it replies to.
        text: String,
    },
    /// Something else.
    Annotated(Annotation),
}

/// A file, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Its name.
    pub name: String,
    /// As `image/png`.
    pub media_type: String,
    /// Of pictures, in pixels.
    pub dimensions: Option<(u32, u32)>,
    /// All of it.
    pub octets: Vec<u8>,
    /// The words beside it.
    pub caption: Option<String>,
}

/// A far side with one contact who does what the suite asks.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The network, as a new process would make it. All of one harness lead to the same far side.
    fn network(&self) -> Arc<dyn Network>;

    /// Somebody new.
    fn user(&self) -> UserRef;

    /// Files for a new login.
    fn place(&self) -> Place;

    /// What logs the last [`Harness::user`] in, by the first flow.
    fn right_input(&self) -> LoginInput;

    /// What does not; at least one.
    fn wrong_inputs(&self) -> Vec<LoginInput>;

    /// Legal ids, odd ones among them.
    fn legal_ids(&self) -> Vec<ContactId>;

    /// What is no id.
    fn illegal_ids(&self) -> Vec<ContactId>;

    /// What people may type for a contact, and whom they mean.
    fn typed(&self) -> Vec<(String, Option<ContactId>)>;

    /// The contact who does what the suite asks.
    fn contact(&self) -> ContactId;

    /// A legal id that nobody has.
    fn nobody(&self) -> ContactId;

    /// A conversation of this login with [`Harness::contact`].
    async fn conversation(&self, session: &dyn Session) -> Result<ConvId, Broken> {
        let direct = session.direct().ok_or_else(|| Broken("no direct conversations: override this".into()))?;
        direct.open(&self.contact()).await.map(|info| info.id).map_err(broken("opening a conversation"))
    }

    /// The contact writes.
    async fn contact_says(&self, conv: &ConvId, text: &str);

    /// The contact replies to a message. Asked only if annotations are advertised, as are the two below.
    async fn contact_replies(&self, conv: &ConvId, to: &RemoteId, text: &str);

    /// The contact does something to a message.
    async fn contact_annotates(&self, conv: &ConvId, annotation: Annotation);

    /// What the user has done to messages and to which message of whom they have replied, as the contact sees it, in
    /// this order, doubles too.
    async fn contact_sees(&self, conv: &ConvId) -> Vec<Seen>;

    /// The contact shares a file. Asked only if files are advertised, as is the one below.
    async fn contact_shares(&self, conv: &ConvId, file: &Shared);

    /// The files that the user has shared, as the contact has them, in this order, doubles too.
    async fn contact_has(&self, conv: &ConvId) -> Vec<Shared>;

    /// Everything from the user that has arrived at the contact, in this order, doubles too.
    async fn contact_heard(&self, conv: &ConvId) -> Vec<String>;

    /// Whether the contact sees the user typing. Asked only if signals are advertised.
    async fn contact_sees_typing(&self, conv: &ConvId) -> bool;

    /// The last event that the contact knows the user has read. Asked only if signals are advertised.
    async fn contact_sees_read(&self, conv: &ConvId) -> Option<RemoteId>;

    /// How long the far side may take for anything.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// How long after its last sign of life nothing more is expected.
    fn quiet(&self) -> Duration {
        Duration::from_millis(200)
    }
}
