//! Who of the users is there, on which clients; and what they see of the gateway and their contacts (RFC 6121,
//! section 4).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_bridge::{Availability, ContactId};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;

use super::abilities::{self, Abilities};
use super::clients::Clients;
pub use super::clients::{Resource, Show};
use super::element::{Build, stanza};
use super::subscription::{self, Half};
use super::{requests, roster, shown};
use crate::keeper::{Keeper, Peer};
use crate::store::{User, contacts, users};

/// After a probe is known to have reached the server, its answers may still take this long.
const PROBE_ANSWERS: Duration = Duration::from_secs(5);

/// Which of the users' clients are online, and what they can do.
#[derive(Default)]
pub struct Presences {
    users: Mutex<HashMap<BareJid, Seen>>,
    known: abilities::Known,
    /// Subscriptions that are being worked on: a second request of the same kind is the same request.
    pub(super) under_way: Mutex<HashSet<(BareJid, ContactId)>>,
}

/// What we know about one user.
#[derive(Default)]
struct Seen {
    clients: Clients,
    /// What the network last said about contacts.
    far: HashMap<ContactId, (Availability, Option<String>)>,
    /// The user's own presence, as the network was told.
    told: Option<(Availability, Option<String>)>,
    /// Whether we asked, in this run, to see the user's presence as the gateway.
    asked: bool,
    /// The half of a removal from the roster that came first.
    half: HashMap<ContactId, (Half, Instant)>,
}

impl Presences {
    /// The user's clients that are online, the most available first.
    pub fn online(&self, user: &BareJid) -> Vec<Resource> {
        self.lock().get(user).map(|seen| seen.clients.online()).unwrap_or_default()
    }

    /// The clients that want to be told of some of the contacts' nodes (XEP-0163), with what they can do.
    pub(super) fn watchers(&self, user: &BareJid) -> Vec<(FullJid, Abilities)> {
        self.lock().get(user).map(|seen| seen.clients.watchers()).unwrap_or_default()
    }

    /// Notes what a client is about to be told of a contact's node. `false` if it knows it, or is not there.
    pub(super) fn is_news(&self, client: &FullJid, event: &Element) -> bool {
        self.lock().get_mut(&client.to_bare()).is_some_and(|seen| seen.clients.is_news(client, event))
    }

    /// What the network last said about a contact's presence.
    pub(crate) fn far(&self, user: &BareJid, contact: &ContactId) -> Option<(Availability, Option<String>)> {
        self.lock().get(user)?.far.get(contact).cloned()
    }

    /// `true` the first time in this run: the gateway should ask to see this user's presence.
    pub(super) fn ask_first(&self, user: &BareJid) -> bool {
        !std::mem::replace(&mut self.lock().entry(user.clone()).or_default().asked, true)
    }

    /// Notes one half of a removal from the roster; `true` if the other half came just before.
    pub(super) fn removal(&self, user: &BareJid, contact: &ContactId, half: Half, within: Duration) -> bool {
        let mut users = self.lock();
        let halves = &mut users.entry(user.clone()).or_default().half;
        halves.retain(|_, (_, since)| since.elapsed() < within);
        let whole = halves.get(contact).is_some_and(|(other, _)| *other != half);
        if whole {
            halves.remove(contact);
        } else {
            halves.insert(contact.clone(), (half, Instant::now()));
        }
        whole
    }

    /// Forgets a user (unregistered).
    pub fn forget(&self, user: &BareJid) {
        self.lock().remove(user);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BareJid, Seen>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A presence stanza from somebody who may use the gateway, to a peer of ours. `user` if they are registered.
pub async fn handle(keeper: &Arc<Keeper>, from: &Jid, user: Option<&User>, peer: Peer, presence: &Element) {
    let bare = from.to_bare();
    match presence.attr("type") {
        None => available(keeper, from, peer, presence).await,
        Some("unavailable") => gone(keeper, from, Some(&peer)).await,
        Some("error") if from.is_full() => gone(keeper, from, None).await,
        Some("error") => {}
        Some("probe") => show_peer(keeper, &bare, user, &peer).await,
        Some(kind) => subscription::handle(keeper, &bare, user, peer, kind).await,
    }
}

/// After every connection to the XMPP server: asks for the users' presence, and forgets clients that have gone
/// meanwhile. Returns at once.
pub async fn start(keeper: &Arc<Keeper>) {
    for seen in keeper.presences.lock().values_mut() {
        seen.clients.doubt();
    }
    let keeper = keeper.clone();
    tokio::spawn(async move {
        probe_all(&keeper).await;
        if requests::barrier(&keeper).await.is_err() {
            return; // the link is gone again, and there will be another start
        }
        tokio::time::sleep(PROBE_ANSWERS).await;
        forget_stale(&keeper).await;
    });
}

/// As the gateway, and as one contact for whoever does not show themself to the gateway.
async fn probe_all(keeper: &Arc<Keeper>) {
    let network = keeper.network.descriptor().id;
    let found = keeper.store.call(move |db, _| {
        let mut probes = Vec::new();
        for user in users::all(db, network)? {
            let contact = contacts::all(db, user.id)?.into_iter().find(|contact| contact.subscription.granted);
            probes.push((user.jid, contact.map(|contact| contact.info.id)));
        }
        Ok(probes)
    });
    let probes = found.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the users cannot be read");
        Vec::new()
    });
    for (user, contact) in probes {
        for peer in std::iter::once(Peer::Gateway).chain(contact.map(Peer::Contact)) {
            probe(keeper, &user, &peer).await;
        }
    }
}

/// Asks the user's server for their presence, as the peer sees it.
pub(super) async fn probe(keeper: &Arc<Keeper>, user: &BareJid, peer: &Peer) {
    if let Some(jid) = keeper.jid(peer) {
        let probe = stanza("presence", &jid.into(), &user.clone().into()).with("type", "probe");
        let _ = keeper.out.send(probe).await;
    }
}

/// The user's login came up or went: their contacts with it. The gateway itself stays, and says how the login stands.
pub async fn login_changed(keeper: &Arc<Keeper>, user: &BareJid) {
    if let Some(seen) = keeper.presences.lock().get_mut(user) {
        seen.told = None;
        if keeper.accounts.session(user).is_none() {
            seen.far.clear();
        }
    }
    let online = !keeper.presences.online(user).is_empty();
    if let Ok(Some(user)) = keeper.accounts.user(keeper, user).await
        && online
    {
        show_all(keeper, &user).await;
        tell_network(keeper, &user.jid);
    }
}

/// What a client says of its user in a session.
pub(crate) fn says(keeper: &Arc<Keeper>, from: &FullJid, status: Option<String>) {
    let user = from.to_bare();
    let heard = keeper.presences.lock().get_mut(&user).is_some_and(|seen| seen.clients.says(from, status));
    if heard {
        tell_network(keeper, &user);
    }
}

/// The network says how reachable a contact is.
pub async fn far_presence(
    keeper: &Arc<Keeper>,
    user: &User,
    contact: &ContactId,
    availability: Availability,
    status: Option<String>,
) {
    let now = (availability, status);
    let before = {
        let mut users = keeper.presences.lock();
        users.entry(user.jid.clone()).or_default().far.insert(contact.clone(), now.clone())
    };
    if before != Some(now) && !keeper.presences.online(&user.jid).is_empty() {
        show_peer(keeper, &user.jid, Some(user), &Peer::Contact(contact.clone())).await;
    }
}

/// Shows one peer to the user, as it stands. Contacts are shown only to whoever subscribed to them.
pub(super) async fn show_peer(keeper: &Arc<Keeper>, who: &BareJid, user: Option<&User>, peer: &Peer) {
    let presence = match (peer, user) {
        (Peer::Gateway, user) => shown::gateway(keeper, who, user.is_some()),
        (Peer::Contact(_), None) => return,
        (Peer::Contact(contact), Some(user)) => {
            let (id, contact) = (user.id, contact.clone());
            let row = keeper.store.call(move |db, _| contacts::get(db, id, &contact)).await;
            match row {
                Ok(Some(contact)) if contact.subscription.subscribed => shown::contact(keeper, user, &contact),
                _ => return,
            }
        }
    };
    if let Some(presence) = presence {
        let _ = keeper.out.send(presence).await;
    }
    keeper.crossings.shown(who, peer);
}

/// Shows the gateway and all contacts that the user subscribed to.
async fn show_all(keeper: &Arc<Keeper>, user: &User) {
    if let Some(presence) = shown::gateway(keeper, &user.jid, true) {
        let _ = keeper.out.send(presence).await;
    }
    let id = user.id;
    let all = keeper.store.call(move |db, _| contacts::all(db, id)).await.unwrap_or_default();
    for contact in all.iter().filter(|contact| contact.subscription.subscribed) {
        if let Some(presence) = shown::contact(keeper, user, contact) {
            let _ = keeper.out.send(presence).await;
        }
        keeper.crossings.shown(&user.jid, &Peer::Contact(contact.info.id.clone()));
    }
}

async fn available(keeper: &Arc<Keeper>, from: &Jid, peer: Peer, presence: &Element) {
    let Ok(full) = from.clone().try_into_full() else { return };
    let bare = from.to_bare();
    let update = {
        let known = &keeper.presences.known;
        let mut users = keeper.presences.lock();
        users.entry(bare.clone()).or_default().clients.take(&full, &peer, presence, |caps| known.get(caps))
    };
    if update.ask {
        learn(keeper, &full, &peer);
    }
    if let Some(abilities) = update.due {
        let (keeper, client) = (keeper.clone(), full.clone());
        tokio::spawn(async move { roster::show_nodes(&keeper, &client, abilities).await });
    }
    if update.changed {
        keeper.crossings.resources_changed(keeper, &bare).await;
        tell_network(keeper, &bare);
    }
    let (keeper, first) = (keeper.clone(), update.first);
    let new_to_gateway = update.new_to_peer && peer == Peer::Gateway;
    if first || new_to_gateway {
        tokio::spawn(async move {
            let user = keeper.accounts.user(&keeper, &bare).await.ok().flatten();
            match user {
                Some(user) if first => {
                    show_all(&keeper, &user).await;
                    roster::resume(&keeper, &user);
                }
                user => show_peer(&keeper, &bare, user.as_ref(), &Peer::Gateway).await,
            }
        });
    }
}

async fn gone(keeper: &Arc<Keeper>, from: &Jid, peer: Option<&Peer>) {
    let bare = from.to_bare();
    let changed = keeper.presences.lock().get_mut(&bare).is_some_and(|seen| seen.clients.leave(from, peer));
    if changed {
        keeper.crossings.resources_changed(keeper, &bare).await;
        tell_network(keeper, &bare);
    }
}

async fn forget_stale(keeper: &Arc<Keeper>) {
    let mut changed = Vec::new();
    for (user, seen) in keeper.presences.lock().iter_mut() {
        if seen.clients.forget_doubtful() {
            changed.push(user.clone());
        }
    }
    for user in changed {
        keeper.crossings.resources_changed(keeper, &user).await;
        tell_network(keeper, &user);
    }
}

/// Asks the client what it can do, and keeps the answer if the client is still the same then. A client that does not
/// answer can do nothing.
fn learn(keeper: &Arc<Keeper>, full: &FullJid, peer: &Peer) {
    let Some(asker) = keeper.jid(peer).and_then(|jid| jid.with_resource_str(super::RESOURCE).ok()) else { return };
    let (keeper, full) = (keeper.clone(), full.clone());
    tokio::spawn(async move {
        let bare = full.to_bare();
        let caps = keeper.presences.lock().get(&bare).and_then(|seen| seen.clients.caps(&full));
        let answer = abilities::ask(&keeper, &keeper.presences.known, &asker.into(), &full, caps.as_ref()).await;
        let abilities = answer.unwrap_or_default();
        let kept = keeper
            .presences
            .lock()
            .get_mut(&bare)
            .is_some_and(|seen| seen.clients.learn(&full, caps.as_ref(), abilities));
        if kept {
            keeper.crossings.resources_changed(&keeper, &bare).await;
            if abilities.watch() {
                roster::show_nodes(&keeper, &full, abilities).await;
            }
        }
    });
}

/// The user's own presence goes to the network, when it has changed.
fn tell_network(keeper: &Arc<Keeper>, user: &BareJid) {
    let Some(session) = keeper.accounts.session(user) else { return };
    let now = {
        let mut users = keeper.presences.lock();
        let Some(seen) = users.get_mut(user) else { return };
        let now = seen.clients.own();
        if seen.told.as_ref() == Some(&now) {
            return;
        }
        seen.told.insert(now).clone()
    };
    tokio::spawn(async move {
        if let Some(signals) = session.signals() {
            let _ = signals.presence(now.0, now.1.as_deref()).await;
        }
    });
}
