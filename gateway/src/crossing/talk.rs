//! Words of the gateway itself: notices and answers to commands. They are not durable; what matters is in `status`.

use jid::FullJid;

use super::conversation::Conversation;
use crate::store::Protection;
use crate::to_xmpp;
use crate::xmpp::element::random_id;

impl Conversation {
    /// A notice, to every client with a session, by OMEMO where that is what protects the conversation, or in clear to the
    /// account. Whether it went out.
    pub(super) async fn say(&mut self, text: &str) -> bool {
        let (id, content) = (random_id(), to_xmpp::words(text));
        let mut sealed = false;
        for resource in self.endpoints.ready() {
            sealed |= matches!(self.post_sealed(&resource, &id, &content).await, Some(Ok(())));
        }
        let said = match self.protection().await.filter(|_| !sealed) {
            Some(Protection::Omemo) => self.post_omemo(&id, &content, &content).await,
            Some(Protection::OpenPgp) => self.post_openpgp(&id, &[], &content).await,
            _ => None,
        };
        if said == Some(true) {
            return true;
        }
        // Notices hold no message content, so they may go in clear where nothing better is there.
        sealed || self.post_clear(&self.them().clone().into(), &id, content).await.is_ok()
    }

    /// The answer to a command, the way it came. One that came encrypted is never answered in clear.
    pub(super) async fn answer(&mut self, to: &FullJid, protection: Option<Protection>, lines: Vec<String>) {
        for line in lines {
            let content = to_xmpp::words(&line);
            match protection {
                Some(Protection::ESession) => self.post_owed(to, content).await,
                Some(Protection::Omemo) => {
                    if self.post_omemo(&random_id(), &content, &content).await != Some(true) {
                        tracing::debug!("there is no device to answer a command to");
                    }
                }
                Some(Protection::OpenPgp) => drop(self.post_openpgp(&random_id(), &[], &content).await),
                None => drop(self.post_clear(&to.clone().into(), &random_id(), content).await),
            }
        }
    }
}
