//! How what protects a conversation goes on with a message: stored with what the message brings, so that neither is without
//! the other.

use openpgp_xmpp::MessageId;
use rusqlite::Transaction;

use super::conversation::Conversation;
use crate::secure::omemo::{Advance, Us};
use crate::secure::openpgp;
use crate::store::{self, Protection, Sealer};

pub(super) enum Step {
    /// A session has moved on.
    Omemo(Advance),
    /// A message does not come again.
    OpenPgp(Us, MessageId),
}

impl Step {
    pub(super) fn protection(&self) -> Protection {
        match self {
            Self::Omemo(_) => Protection::Omemo,
            Self::OpenPgp(..) => Protection::OpenPgp,
        }
    }

    pub(super) fn store(&self, db: &Transaction<'_>, sealer: &Sealer) -> store::Result<()> {
        match self {
            Self::Omemo(advance) => advance.store(db, sealer),
            Self::OpenPgp(us, id) => openpgp::note(us, db, id),
        }
    }
}

impl Conversation {
    /// It goes on, with nothing else to be stored.
    pub(super) async fn take(&self, step: Step) {
        if let Err(error) = self.keeper.store.call(move |db, sealer| step.store(db, sealer)).await {
            tracing::error!(%error, "cannot store how an encrypted conversation goes on");
        }
    }
}
