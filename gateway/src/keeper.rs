//! What every handler of one network works with.

use std::sync::Arc;

use drawbridge_bridge::{ContactId, Network};
use jid::BareJid;

use crate::accounts::Accounts;
use crate::address::{self, Address};
use crate::component::Outgoing;
use crate::config::{Config, NetworkConfig};
use crate::crossing::Crossings;
use crate::files::{Uploads, Web};
use crate::secure::pairing::Pairings;
use crate::store::Store;
use crate::xmpp::presence::Presences;
use crate::xmpp::privilege::Privileges;
use crate::xmpp::requests::Requests;
use crate::xmpp::roster::Pacing;

/// One configured network with its component link. Shared by everything that serves it.
pub struct Keeper {
    /// The whole configuration.
    pub config: Arc<Config>,
    /// The section of this network.
    pub settings: NetworkConfig,
    /// The component's own JID.
    pub domain: BareJid,
    /// The far shore.
    pub network: Arc<dyn Network>,
    /// The database.
    pub store: Store,
    /// The way to the XMPP server.
    pub out: Outgoing,
    /// Our own iq requests, waiting for answers.
    pub requests: Requests,
    /// Which of the users' resources are online, and what they can do.
    pub presences: Presences,
    /// What the users' servers let us do in their name.
    pub privileges: Privileges,
    /// When the next subscription request may go to whom.
    pub pacing: Pacing,
    /// Who may use it; logins; their live sessions.
    pub accounts: Accounts,
    /// Codes that clients may be given.
    pub pairings: Pairings,
    /// The way into the web, for files.
    pub web: Web,
    /// Where users' servers take files.
    pub uploads: Uploads,
    /// The conversations and their queues.
    pub crossings: Crossings,
}

/// Whom a user talks to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The gateway itself.
    Gateway,
    /// A contact on the network.
    Contact(ContactId),
}

impl Peer {
    /// As the database writes it: the contact's id, or nothing for the gateway.
    pub fn key(&self) -> &str {
        match self {
            Self::Gateway => "",
            Self::Contact(contact) => contact.as_str(),
        }
    }
}

impl Keeper {
    /// The keeper of one network, with nobody known to be online yet.
    pub fn new(
        config: Arc<Config>,
        settings: NetworkConfig,
        network: Arc<dyn Network>,
        store: Store,
        out: Outgoing,
    ) -> Self {
        Self {
            domain: settings.jid.clone(),
            network,
            store,
            out,
            requests: Requests::default(),
            presences: Presences::default(),
            privileges: Privileges::default(),
            pacing: Pacing::default(),
            accounts: Accounts::new(&settings, &config.data_dir),
            pairings: Pairings::default(),
            web: Web::new(&config.files),
            uploads: Uploads::default(),
            crossings: Crossings::new(&config.limits),
            settings,
            config,
        }
    }

    /// The JID under which a peer appears. `None` if the id is not legal or too long for a JID.
    pub fn jid(&self, peer: &Peer) -> Option<BareJid> {
        match peer {
            Peer::Gateway => Some(self.domain.clone()),
            Peer::Contact(contact) => Address::of(&self.network.split(contact)?, self.domain.domain()),
        }
    }

    /// The peer behind a JID of ours. `None` if no legal id has this address.
    pub fn peer(&self, jid: &BareJid) -> Option<Peer> {
        if jid.domain() != self.domain.domain() {
            return None;
        }
        match jid.node() {
            None => Some(Peer::Gateway),
            Some(local) => self.network.join(&address::contact_name(local.as_str())?).map(Peer::Contact),
        }
    }
}
