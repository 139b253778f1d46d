//! The user's far contacts in their roster: written by XEP-0356 where the server lets us, otherwise by subscription
//! requests, a few at a time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_bridge::ContactId;
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use tokio::time::Instant;

use super::abilities::Abilities;
use super::element::{Build, element, stanza};
use super::{avatar, nodes, ns, presence, shown, subscription};
use crate::keeper::{Keeper, Peer};
use crate::store::{Contact, Subscription, User, contacts};

/// So many subscription requests go out at once; then one each [`PAUSE`]. Each is a window on the user's screen.
const BURST: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// The names of new contacts are known by then.
const NAMES: Duration = Duration::from_secs(30);

/// When the next subscription request may go to whom.
#[derive(Default)]
pub struct Pacing {
    users: Mutex<HashMap<BareJid, Pace>>,
}

#[derive(Default)]
struct Pace {
    /// When the requests granted so far would be over, one each [`PAUSE`].
    busy_until: Option<Instant>,
    /// Waiting for their turn.
    waiting: HashSet<ContactId>,
}

impl Pacing {
    /// When this contact's request may go. `None` if it waits already.
    fn turn(&self, user: &BareJid, contact: &ContactId, now: Instant) -> Option<Instant> {
        let mut users = self.lock();
        let pace = users.entry(user.clone()).or_default();
        if !pace.waiting.insert(contact.clone()) {
            return None;
        }
        let busy_until = pace.busy_until.map_or(now, |until| until.max(now));
        pace.busy_until = Some(busy_until + PAUSE);
        let ahead = PAUSE * (BURST - 1);
        Some(busy_until.checked_sub(ahead).map_or(now, |turn| turn.max(now)))
    }

    fn done(&self, user: &BareJid, contact: &ContactId) {
        if let Some(pace) = self.lock().get_mut(user) {
            pace.waiting.remove(contact);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BareJid, Pace>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After registration: the gateway gets into the roster by the server's leave, or asks to (XEP-0100, section 4.1), and
/// shows itself.
pub async fn welcome(keeper: &Arc<Keeper>, user: &User) {
    keeper.presences.ask_first(&user.jid);
    let name = keeper.settings.name.clone().unwrap_or_else(|| keeper.network.descriptor().name.to_owned());
    let gateway = Peer::Gateway;
    if keeper.privileges.allows_roster(&user.jid) && settle(keeper, user, &name).await {
        presence::probe(keeper, &user.jid, &gateway).await;
    } else if let Some(request) = subscription::notice(keeper, &gateway, &user.jid, "subscribe") {
        let request = request.with_child(element("nick", ns::NICK).with_text(&name));
        let _ = keeper.out.send(request).await;
    }
    presence::show_peer(keeper, &user.jid, Some(user), &gateway).await;
}

/// The contact's row has changed: brings a new contact into the roster, shows a known one anew.
pub async fn refresh(keeper: &Arc<Keeper>, user: &User, contact: &ContactId) {
    let Some(row) = row(keeper, user, contact).await else { return };
    if row.subscription.subscribed {
        show(keeper, user, &row).await;
    } else if row.conv.is_some() && !row.subscription.asked {
        bring(keeper, user, &row).await;
    }
}

/// A contact invites the user to talk: they ask to be in the roster, and who lets them accepts. Whoever showed
/// themself to this contact before cannot be asked again (RFC 6121, section 3.1.3), and has accepted by that.
pub async fn invited(keeper: &Arc<Keeper>, user: &User, contact: &ContactId) {
    match row(keeper, user, contact).await {
        Some(row) if row.subscription.granted => subscription::accept(keeper, user, contact.clone()),
        Some(row) => request_in_turn(keeper, user, &row),
        None => {}
    }
}

/// The conversation is over, and why.
pub async fn gone(keeper: &Arc<Keeper>, user: &User, contact: &ContactId, reason: &str) {
    let Some(row) = row(keeper, user, contact).await else { return };
    let peer = Peer::Contact(contact.clone());
    if row.subscription.subscribed
        && let Some(farewell) = shown::left(keeper, &user.jid, &peer, reason)
    {
        let _ = keeper.out.send(farewell).await;
    }
    if row.subscription.asked && !row.subscription.granted {
        // Nobody has answered the request: take it back.
        subscription::send(keeper, &peer, &user.jid, "unsubscribe").await;
        if let Err(error) =
            subscription::set(keeper, user, contact, Subscription { asked: false, ..row.subscription }).await
        {
            tracing::error!(%error, "a subscription cannot be stored");
        }
    }
}

/// The user leaves: the gateway and all contacts go out of their roster (XEP-0100, section 4.3).
pub async fn remove_all(keeper: &Arc<Keeper>, user: &User) {
    remove_contacts(keeper, user).await;
    take_out(keeper, user, &Peer::Gateway).await;
    keeper.presences.forget(&user.jid);
}

/// The user changes to another account: all contacts go out of their roster, the gateway stays.
pub async fn remove_contacts(keeper: &Arc<Keeper>, user: &User) {
    for contact in all(keeper, user).await {
        let Subscription { subscribed, asked, granted } = contact.subscription;
        if subscribed || asked || granted {
            take_out(keeper, user, &Peer::Contact(contact.info.id)).await;
        }
    }
    keeper.pacing.lock().remove(&user.jid);
}

/// Goes on with contacts that an earlier run did not bring into the roster. New ones come by [`refresh`], with their
/// names, which a roster item gets only once: hence the wait.
pub(super) fn resume(keeper: &Arc<Keeper>, user: &User) {
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        tokio::time::sleep(NAMES).await;
        for contact in all(&keeper, &user).await {
            let known = contact.subscription.subscribed || contact.subscription.asked;
            if contact.conv.is_some() && !known {
                bring(&keeper, &user, &contact).await;
            }
        }
    });
}

/// Tells one client of the nodes of all contacts that it watches (XEP-0163, section 4.3.2): it has just come. Some ask for nothing
/// that they can expect to be told (slixmpp-omemo), and may have lost everything since they were last here.
pub(super) async fn show_nodes(keeper: &Arc<Keeper>, client: &FullJid, abilities: Abilities) {
    let Ok(Some(user)) = keeper.accounts.user(keeper, &client.to_bare()).await else { return };
    for contact in all(keeper, &user).await.iter().filter(|contact| contact.subscription.subscribed) {
        show_nodes_of(keeper, &user, contact, client, abilities).await;
    }
}

async fn show_nodes_of(keeper: &Arc<Keeper>, user: &User, contact: &Contact, client: &FullJid, abilities: Abilities) {
    let picture = abilities.avatars.then(|| avatar::event(keeper, contact, client)).flatten();
    let devices = nodes::events(keeper, user, &contact.info.id, client, abilities.devices).await;
    for event in picture.into_iter().chain(devices) {
        if keeper.presences.is_news(client, &event) {
            let _ = keeper.out.send(event).await;
        }
    }
}

/// By the server's leave, or by asking the user.
async fn bring(keeper: &Arc<Keeper>, user: &User, contact: &Contact) {
    if contact.invite || !keeper.privileges.allows_roster(&user.jid) {
        request_in_turn(keeper, user, contact);
        return;
    }
    let (keeper, user, contact) = (keeper.clone(), user.clone(), contact.clone());
    tokio::spawn(async move {
        if !write_item(&keeper, &user, &Peer::Contact(contact.info.id.clone()), contact.info.name.as_deref()).await {
            request_in_turn(&keeper, &user, &contact);
            return;
        }
        let both = Subscription { subscribed: true, asked: true, granted: true };
        if let Err(error) = subscription::set(&keeper, &user, &contact.info.id, both).await {
            tracing::error!(%error, "a subscription cannot be stored");
            return;
        }
        show(&keeper, &user, &Contact { subscription: both, ..contact.clone() }).await;
        presence::probe(&keeper, &user.jid, &Peer::Contact(contact.info.id)).await;
    });
}

/// Puts the gateway into the user's roster, unless they have done so: how they call it is theirs. `false` if they have
/// to be asked.
async fn settle(keeper: &Arc<Keeper>, user: &User, name: &str) -> bool {
    let iq = stanza("iq", &Jid::from(keeper.domain.clone()), &Jid::from(user.jid.clone()))
        .with("type", "get")
        .with_child(element("query", ns::ROSTER));
    let Ok(roster) = keeper.requests.ask(&keeper.out, iq).await else { return false };
    let items = roster.get_child("query", ns::ROSTER).into_iter().flat_map(Element::children);
    match items.into_iter().find(|item| item.attr("jid") == Some(keeper.domain.as_str())) {
        Some(item) => matches!(item.attr("subscription"), Some("both" | "from")),
        None => write_item(keeper, user, &Peer::Gateway, Some(name)).await,
    }
}

/// Writes the item into the user's roster (XEP-0356, section 4.2: the same in all its versions).
async fn write_item(keeper: &Arc<Keeper>, user: &User, peer: &Peer, name: Option<&str>) -> bool {
    let Some(jid) = keeper.jid(peer) else { return false };
    let item =
        element("item", ns::ROSTER).with("jid", jid.as_str()).with("subscription", "both").with_some("name", name);
    let iq = stanza("iq", &Jid::from(keeper.domain.clone()), &Jid::from(user.jid.clone()))
        .with("type", "set")
        .with_child(element("query", ns::ROSTER).with_child(item));
    keeper.requests.ask(&keeper.out, iq).await.is_ok()
}

fn request_in_turn(keeper: &Arc<Keeper>, user: &User, contact: &Contact) {
    let id = contact.info.id.clone();
    let Some(turn) = keeper.pacing.turn(&user.jid, &id, Instant::now()) else { return };
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        tokio::time::sleep_until(turn).await;
        request(&keeper, &user, &id).await;
        keeper.pacing.done(&user.jid, &id);
    });
}

/// Asks the user, unless that has become needless meanwhile. Stored first: a user is asked once at most.
async fn request(keeper: &Arc<Keeper>, user: &User, contact: &ContactId) {
    let (id, key) = (user.id, contact.clone());
    let due = keeper.store.call(move |db, _| {
        let Some(row) = contacts::get(db, id, &key)? else { return Ok(None) };
        let due = row.conv.is_some() && !row.subscription.asked && (row.invite || !row.subscription.subscribed);
        if due {
            contacts::set_subscription(db, id, &key, Subscription { asked: true, ..row.subscription })?;
        }
        Ok(due.then_some(row))
    });
    let row = match due.await {
        Ok(Some(row)) => row,
        Ok(None) => return,
        Err(error) => return tracing::error!(%error, "a subscription cannot be stored"),
    };
    let peer = Peer::Contact(contact.clone());
    if let Some(request) = subscription::notice(keeper, &peer, &user.jid, "subscribe") {
        let _ = keeper.out.send(shown::with_looks(request, &row)).await;
    }
}

async fn show(keeper: &Arc<Keeper>, user: &User, contact: &Contact) {
    if let Some(presence) = shown::contact(keeper, user, contact) {
        let _ = keeper.out.send(presence).await;
    }
    for (client, abilities) in keeper.presences.watchers(&user.jid) {
        show_nodes_of(keeper, user, contact, &client, abilities).await;
    }
}

async fn take_out(keeper: &Arc<Keeper>, user: &User, peer: &Peer) {
    for kind in ["unsubscribe", "unsubscribed"] {
        subscription::send(keeper, peer, &user.jid, kind).await;
    }
    if let Some(farewell) = shown::left(keeper, &user.jid, peer, "") {
        let _ = keeper.out.send(farewell).await;
    }
    if keeper.privileges.allows_roster(&user.jid)
        && let Some(jid) = keeper.jid(peer)
    {
        let _ = keeper.out.send(removal(keeper, &user.jid, &jid)).await;
    }
}

/// Nobody waits for the answer: by then the user may be unknown.
fn removal(keeper: &Keeper, user: &BareJid, contact: &BareJid) -> Element {
    let item = element("item", ns::ROSTER).with("jid", contact.as_str()).with("subscription", "remove");
    stanza("iq", &Jid::from(keeper.domain.clone()), &Jid::from(user.clone()))
        .with("type", "set")
        .with("id", super::element::random_id())
        .with_child(element("query", ns::ROSTER).with_child(item))
}

async fn all(keeper: &Keeper, user: &User) -> Vec<Contact> {
    let id = user.id;
    keeper.store.call(move |db, _| contacts::all(db, id)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "contacts cannot be read");
        Vec::new()
    })
}

async fn row(keeper: &Keeper, user: &User, contact: &ContactId) -> Option<Contact> {
    let (id, contact) = (user.id, contact.clone());
    keeper.store.call(move |db, _| contacts::get(db, id, &contact)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a contact cannot be read");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_requests_at_once_then_one_a_second() {
        let pacing = Pacing::default();
        let user = BareJid::new("alice@example.org").unwrap();
        let now = Instant::now() + Duration::from_secs(100);
        let turn = |n: u32| pacing.turn(&user, &ContactId::new(n.to_string()), now).unwrap() - now;
        let turns: Vec<_> = (0..8).map(turn).map(|turn| turn.as_secs()).collect();
        assert_eq!(turns, [0, 0, 0, 0, 0, 1, 2, 3]);
        assert_eq!(pacing.turn(&user, &ContactId::new("3"), now), None, "it waits already");
    }
}
