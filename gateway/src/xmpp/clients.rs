//! The clients of one user that are online, by what their presence says.

use std::collections::{BTreeMap, HashSet};

use drawbridge_bridge::Availability;
use jid::{FullJid, Jid};
use minidom::Element;

use super::abilities::{Abilities, Caps};
use super::ns;
use super::told_nodes::ToldNodes;
use crate::keeper::Peer;

/// So many of one user are kept in mind.
const MOST: usize = 64;

/// A client of a user that is online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its address.
    pub full: FullJid,
    /// As the client has set it; messages for the bare JID do not go to negative ones.
    pub priority: i8,
    /// How its user wants to be seen.
    pub show: Show,
    /// Whether it speaks ESessions (XEP-0116).
    pub esession: bool,
    /// Whether it sends receipts (XEP-0184).
    pub receipts: bool,
    /// Whether it shows reactions (XEP-0444).
    pub reactions: bool,
    /// Whether the features are known already.
    pub known: bool,
}

/// RFC 6121, section 4.7.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Show {
    /// `xa`
    ExtendedAway,
    /// `away`
    Away,
    /// `dnd`
    Busy,
    /// No `<show/>`.
    Available,
    /// `chat`
    Chatty,
}

/// All of one user.
#[derive(Default)]
pub(super) struct Clients(BTreeMap<FullJid, Client>);

struct Client {
    priority: i8,
    show: Show,
    status: Option<String>,
    /// What it says in its sessions.
    said: Option<String>,
    caps: Option<Caps>,
    abilities: Option<Abilities>,
    /// To whom it has shown itself; it is gone when it has left them all. (Taking one contact out of the roster sends
    /// `unavailable` to that contact alone, RFC 6121, section 3.3.3.)
    shown_to: HashSet<Peer>,
    /// Seen on the present stream.
    fresh: bool,
    told: ToldNodes,
}

/// What a presence brought.
pub(super) struct Update {
    /// The user had no client online before.
    pub(super) first: bool,
    /// The client had not shown itself to this peer before.
    pub(super) new_to_peer: bool,
    /// Something that matters is different.
    pub(super) changed: bool,
    /// Its features have to be asked for.
    pub(super) ask: bool,
    /// They are known already, and it has just come: what it wants to be told of is due.
    pub(super) due: Option<Abilities>,
}

impl Clients {
    /// A client has shown itself to `peer`. `known` tells what is known about caps already.
    pub(super) fn take(
        &mut self,
        full: &FullJid,
        peer: &Peer,
        presence: &Element,
        known: impl Fn(Option<&Caps>) -> Option<Abilities>,
    ) -> Update {
        let nothing = Update { first: false, new_to_peer: false, changed: false, ask: false, due: None };
        let first = self.0.is_empty();
        let new = !self.0.contains_key(full);
        if new && self.0.len() >= MOST {
            return nothing;
        }
        let (priority, show, status) = (priority(presence), show(presence), status(presence));
        let caps = Caps::of(presence);
        let client = self.0.entry(full.clone()).or_insert_with(|| Client {
            priority,
            show,
            status: None,
            said: None,
            caps: None,
            abilities: None,
            shown_to: HashSet::new(),
            fresh: true,
            told: ToldNodes::default(),
        });
        let changed = new || (client.priority, client.show, &client.status) != (priority, show, &status);
        let other_caps = client.caps != caps;
        // What it was asked before may have been lost with the link, or the answer.
        let to_learn = new || other_caps || !client.fresh;
        (client.priority, client.show, client.status, client.fresh) = (priority, show, status, true);
        let new_to_peer = client.shown_to.insert(peer.clone());
        if to_learn {
            client.abilities = known(caps.as_ref());
            client.caps = caps;
        }
        let ask = to_learn && client.abilities.is_none();
        let due = client.abilities.filter(|abilities| to_learn && abilities.watch());
        Update { first, new_to_peer, changed: changed || other_caps, ask, due }
    }

    /// What a client says of its user in a session. `false` if it is not there.
    pub(super) fn says(&mut self, full: &FullJid, status: Option<String>) -> bool {
        self.0.get_mut(full).map(|client| client.said = status).is_some()
    }

    /// A client has left `peer`, or everybody. A bare address means all clients.
    pub(super) fn leave(&mut self, from: &Jid, peer: Option<&Peer>) -> bool {
        let before = self.0.len();
        self.0.retain(|full, client| {
            if from.is_full() && full.as_str() != from.as_str() {
                return true;
            }
            match peer {
                Some(peer) => client.shown_to.remove(peer),
                None => return false,
            };
            !client.shown_to.is_empty()
        });
        self.0.len() != before
    }

    pub(super) fn online(&self) -> Vec<Resource> {
        let resource = |(full, client): (&FullJid, &Client)| Resource {
            full: full.clone(),
            priority: client.priority,
            show: client.show,
            esession: client.abilities.is_some_and(|a| a.esession),
            receipts: client.abilities.is_some_and(|a| a.receipts),
            reactions: client.abilities.is_some_and(|a| a.reactions),
            known: client.abilities.is_some(),
        };
        let mut online: Vec<_> = self.0.iter().map(resource).collect();
        online.sort_by_key(|resource| std::cmp::Reverse((resource.priority, resource.show)));
        online
    }

    /// The link was down: whoever does not show themself again has gone.
    pub(super) fn doubt(&mut self) {
        for client in self.0.values_mut() {
            client.fresh = false;
            client.shown_to.clear();
            // Of what it was told nobody knows what has reached it.
            client.told = ToldNodes::default();
        }
    }

    /// `true` if somebody has gone.
    pub(super) fn forget_doubtful(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|_, client| client.fresh);
        self.0.len() != before
    }

    /// The caps that a client shows.
    pub(super) fn caps(&self, full: &FullJid) -> Option<Caps> {
        self.0.get(full)?.caps.clone()
    }

    /// Keeps what a client with these caps said it can do. `false` if it has changed meanwhile.
    pub(super) fn learn(&mut self, full: &FullJid, caps: Option<&Caps>, abilities: Abilities) -> bool {
        let client = self.0.get_mut(full).filter(|client| client.caps.as_ref() == caps && client.abilities.is_none());
        client.map(|client| client.abilities = Some(abilities)).is_some()
    }

    /// Those that want to be told of some of the contacts' nodes (XEP-0163), with what they can do.
    pub(super) fn watchers(&self) -> Vec<(FullJid, Abilities)> {
        let abilities = self.0.iter().filter_map(|(full, client)| Some((full.clone(), client.abilities?)));
        abilities.filter(|(_, abilities)| abilities.watch()).collect()
    }

    /// Notes what a client is about to be told of a contact's node. `false` if it knows it, or is not there.
    pub(super) fn is_news(&mut self, full: &FullJid, event: &Element) -> bool {
        self.0.get_mut(full).is_some_and(|client| client.told.is_news(event))
    }

    /// The user as the network should see them: as on the client where they are the most reachable.
    pub(super) fn own(&self) -> (Availability, Option<String>) {
        match self.0.values().max_by_key(|client| (client.show, client.priority)) {
            None => (Availability::Offline, None),
            Some(client) => {
                let availability = if client.show <= Show::Away { Availability::Away } else { Availability::Online };
                (availability, client.said.clone().or_else(|| client.status.clone()))
            }
        }
    }
}

fn priority(presence: &Element) -> i8 {
    presence.get_child("priority", ns::CLIENT).and_then(|p| p.text().trim().parse().ok()).unwrap_or(0)
}

fn show(presence: &Element) -> Show {
    match presence.get_child("show", ns::CLIENT).map(Element::text).as_deref().map(str::trim) {
        Some("chat") => Show::Chatty,
        Some("away") => Show::Away,
        Some("dnd") => Show::Busy,
        Some("xa") => Show::ExtendedAway,
        _ => Show::Available,
    }
}

fn status(presence: &Element) -> Option<String> {
    presence.get_child("status", ns::CLIENT).map(Element::text).filter(|text| !text.is_empty())
}
