//! Words of the gateway itself: notices and answers to commands. They are not durable; what matters is in `status`.

use jid::FullJid;

use super::conversation::Conversation;
use super::keyed::Keys;
use crate::store::Protection;
use crate::to_xmpp;
use crate::xmpp::element::random_id;

impl Conversation {
    /// A notice, to every client as it is written to: in its session, by the account's keys, or else in clear to the account.
    /// Whether it went out.
    pub(super) async fn say(&mut self, text: &str) -> bool {
        self.say_by(text, Keys::default()).await
    }

    /// The same, also by these keys of the account.
    pub(super) async fn say_by(&mut self, text: &str, also: Keys) -> bool {
        let (id, content) = (random_id(), to_xmpp::words(text));
        let used = self.protections().await;
        let mut keys = Keys::used(&used);
        keys.omemo |= also.omemo;
        let mut sealed = false;
        for resource in self.in_sessions(&used, keys) {
            sealed |= matches!(self.post_sealed(&resource, &id, &content).await, Some(Ok(())));
        }
        sealed |= self.post_keyed(keys, &id, &content, &content).await == Some(true);
        // Notices hold no message content, so they may go in clear where nothing better is there.
        sealed || self.post_clear(&self.them().clone().into(), &id, content).await.is_ok()
    }

    /// The answer to a command, the way it came. One that came encrypted is never answered in clear.
    pub(super) async fn answer(&mut self, to: &FullJid, protection: Option<Protection>, lines: Vec<String>) {
        for line in lines {
            let content = to_xmpp::words(&line);
            let keys = match protection {
                Some(Protection::Omemo) => Keys::OMEMO,
                Some(Protection::OpenPgp) => Keys::OPENPGP,
                Some(Protection::ESession) => {
                    self.post_owed(to, content).await;
                    continue;
                }
                None => {
                    let _ = self.post_clear(&to.clone().into(), &random_id(), content).await;
                    continue;
                }
            };
            if self.post_keyed(keys, &random_id(), &content, &content).await != Some(true) {
                tracing::debug!("there is nobody to answer a command to");
            }
        }
    }
}
