//! What the user is told of a client that has begun a session.

use jid::FullJid;

use super::conversation::Conversation;
use crate::secure::endpoints::News;
use crate::to_xmpp;
use crate::xmpp::element::random_id;

impl Conversation {
    pub(super) async fn tell_news(&mut self, of: &FullJid, news: News) {
        match news {
            News::Lost { was_verified } => self.warn_lost(of, was_verified).await,
            News::Newcomer => self.introduce(of).await,
            News::OtherKey => self.warn_other_key(of).await,
        }
    }

    async fn warn_lost(&mut self, resource: &FullJid, was_verified: bool) {
        let what = if was_verified { "was verified" } else { "was not verified" };
        let text = format!(
            "Warning: your client does not know the secret of its earlier encrypted sessions with this contact any more \
             (that chain {what}). If you did not reinstall it, somebody may be in between: compare codes with \
             `drawbridge verify` on the host."
        );
        let _ = self.post_sealed(resource, &random_id(), &to_xmpp::words(&text)).await;
    }

    async fn warn_other_key(&mut self, resource: &FullJid) {
        let text = "Warning: your client shows another public key than before. If you did not reinstall it, somebody may be \
                    in between: compare codes with `drawbridge verify` on the host.";
        let _ = self.post_sealed(resource, &random_id(), &to_xmpp::words(text)).await;
    }

    /// A client whose name (the resource) has no secret here, while others of the user have. Nothing is lost then; but
    /// the name is the server's word, so somebody in between could have chosen a new one: all clients are told, those
    /// too that this somebody is not in between of.
    async fn introduce(&mut self, newcomer: &FullJid) {
        let text = format!(
            "Notice: a client of yours, \"{}\", has begun its first encrypted session with this contact. If you have no \
             such new client, somebody may be in between: compare codes with `drawbridge verify` on the host.",
            newcomer.resource()
        );
        self.say(&text).await;
    }
}
