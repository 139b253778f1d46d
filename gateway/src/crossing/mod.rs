//! The crossing: one conversation of one user, its ordered queues in both directions, its encrypted sessions.

use drawbridge_bridge::EventSink;
use jid::{BareJid, FullJid};
use minidom::Element;
use std::sync::Arc;

use crate::keeper::{Keeper, Peer};
use crate::store::User;

/// All conversations of one network that are awake.
#[derive(Default)]
pub struct Crossings {}

/// An encrypted session with one of the user's clients, for comparing codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCode {
    /// With whom the user's client has it.
    pub peer: Peer,
    /// The client.
    pub resource: FullJid,
    /// The five characters of sas28x5 (XEP-0116).
    pub short: String,
    /// The long code, which cannot be searched for.
    pub long: String,
    /// Whether the chain of retained secrets was verified by comparing.
    pub verified: bool,
}

impl Crossings {
    /// A message (or another stanza with encrypted content) from a user to a peer. Returns once it is queued.
    pub async fn stanza(&self, keeper: &Arc<Keeper>, user: &User, peer: Peer, stanza: Element) {
        let _ = (keeper, user, peer, stanza);
    }

    /// Where the user's login session delivers to.
    pub fn sink(&self, keeper: &Arc<Keeper>, user: &User) -> EventSink {
        let _ = (keeper, user);
        loop {}
    }

    /// Words of the gateway itself to the user, under the protection of their conversation with the gateway JID.
    pub async fn say(&self, keeper: &Arc<Keeper>, user: &User, text: String) {
        let _ = (keeper, user, text);
    }

    /// A resource of the user came, went, or its abilities became known.
    pub async fn resources_changed(&self, keeper: &Arc<Keeper>, user: &BareJid) {
        let _ = (keeper, user);
    }

    /// The live session of the user's login came up or went: wakes what waits for it.
    pub async fn login_changed(&self, keeper: &Arc<Keeper>, user: &BareJid) {
        let _ = (keeper, user);
    }

    /// Ends the user's encrypted sessions and forgets their conversations (logout, unregister).
    pub async fn forget(&self, user: &BareJid) {
        let _ = user;
    }

    /// The user's live encrypted sessions with their codes.
    pub async fn codes(&self, user: &BareJid) -> Vec<SessionCode> {
        let _ = user;
        Vec::new()
    }

    /// The person compared codes on a channel that the XMPP server does not control: marks the chain of the session
    /// whose long or short code is `code` as verified. `None` if no session has this code.
    pub async fn verify(&self, user: &BareJid, code: &str) -> Option<SessionCode> {
        let _ = (user, code);
        None
    }

    /// Settles what is in flight, ends every encrypted session properly.
    pub async fn stop(&self) {}
}
