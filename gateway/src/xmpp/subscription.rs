//! Presence subscriptions between users and our JIDs (RFC 6121, section 3). Subscribing to a contact opens the
//! conversation with them; an invitation of theirs is a request to subscribe; taking them out of the roster leaves it.
//!
//! Never ping-pong: every `subscribe` is answered with `subscribed`, and we ask back at most once, ever (Converse
//! acknowledges a `subscribed` by another `subscribe`).

use std::sync::Arc;
use std::time::Duration;

use drawbridge_bridge::{ContactId, ContactInfo, ConvInfo, Direct, Error};
use jid::{BareJid, Jid};
use minidom::Element;

use super::element::{Build, stanza};
use super::{presence, shown};
use crate::keeper::{Keeper, Peer};
use crate::store::{self, Contact, Subscription, User, contacts};

/// A server sends the two halves of a removal from the roster together (RFC 6121, section 2.5.2).
const REMOVAL: Duration = Duration::from_secs(10);

/// What a removal from the roster consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The user does not want to see the contact any more.
    Unsubscribe,
    /// The contact may not see the user any more.
    Unsubscribed,
}

/// `subscribe`, `subscribed`, `unsubscribe` or `unsubscribed` from somebody who may use the gateway. Other kinds are
/// passed over.
pub async fn handle(keeper: &Arc<Keeper>, from: &BareJid, user: Option<&User>, peer: Peer, kind: &str) {
    let (contact, user) = match (peer, user) {
        (Peer::Gateway, user) => return gateway(keeper, from, user, kind).await,
        (Peer::Contact(contact), Some(user)) => (contact, user),
        (Peer::Contact(_), None) => return, // refused by the route where an answer is due
    };
    let result = match kind {
        "subscribe" => {
            open(keeper, user, contact);
            Ok(())
        }
        "subscribed" => granted(keeper, user, contact).await,
        "unsubscribe" => withdrawn(keeper, user, &contact, Half::Unsubscribe).await,
        "unsubscribed" => withdrawn(keeper, user, &contact, Half::Unsubscribed).await,
        _ => Ok(()),
    };
    if let Err(error) = result {
        tracing::error!(%error, "a subscription cannot be stored");
    }
}

/// One of our presence stanzas without content.
pub fn notice(keeper: &Keeper, peer: &Peer, user: &BareJid, kind: &str) -> Option<Element> {
    Some(stanza("presence", &Jid::from(keeper.jid(peer)?), &Jid::from(user.clone())).with("type", kind))
}

pub(super) async fn send(keeper: &Keeper, peer: &Peer, user: &BareJid, kind: &str) {
    if let Some(notice) = notice(keeper, peer, user, kind) {
        let _ = keeper.out.send(notice).await;
    }
}

/// The gateway is seen by whoever may use it, and asks once to see them: their client's features come that way.
async fn gateway(keeper: &Arc<Keeper>, from: &BareJid, user: Option<&User>, kind: &str) {
    let gateway = Peer::Gateway;
    match kind {
        "subscribe" => {
            send(keeper, &gateway, from, "subscribed").await;
            presence::show_peer(keeper, from, user, &gateway).await;
            if keeper.presences.ask_first(from) {
                send(keeper, &gateway, from, "subscribe").await;
            }
        }
        "subscribed" => presence::probe(keeper, from, &gateway).await,
        "unsubscribe" => {
            send(keeper, &gateway, from, "unsubscribed").await;
            if let Some(farewell) = shown::left(keeper, from, &gateway, "") {
                let _ = keeper.out.send(farewell).await;
            }
        }
        _ => {}
    }
}

/// Opens the conversation, or accepts the contact's invitation to one, in a task of its own: networks are slow.
fn open(keeper: &Arc<Keeper>, user: &User, contact: ContactId) {
    let key = (user.jid.clone(), contact.clone());
    if !under_way(keeper).insert(key.clone()) {
        return; // the answer that is on its way answers this one too
    }
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        let peer = Peer::Contact(contact.clone());
        match talk(&keeper, &user, &contact).await {
            Ok(contact) => welcome(&keeper, &user, contact).await,
            Err(reason) => {
                send(&keeper, &peer, &user.jid, "unsubscribed").await;
                keeper.crossings.say(&keeper, &user, format!("{contact} could not be added: {reason}")).await;
            }
        }
        under_way(&keeper).remove(&key);
    });
}

/// The conversation with a contact: the one there is, the one they invite to, or a new one.
async fn talk(keeper: &Arc<Keeper>, user: &User, contact: &ContactId) -> Result<Contact, String> {
    let row = row(keeper, user, contact).await.map_err(|error| error.to_string())?;
    if let Some(row) = &row
        && row.conv.is_some()
        && !row.invite
    {
        return Ok(row.clone());
    }
    let session = keeper.accounts.session(&user.jid).ok_or("you are not logged in at the moment")?;
    let direct = session.direct().ok_or("this network has no direct conversations")?;
    let conv = begin(direct, contact, row.as_ref()).await.map_err(|error| in_words(&error))?;
    let info = session.contact(contact).await.ok();
    keep(keeper, user, contact, conv, info).await.map_err(|error| error.to_string())
}

async fn begin(direct: &dyn Direct, contact: &ContactId, row: Option<&Contact>) -> Result<ConvInfo, Error> {
    if let Some(invitation) = row.filter(|row| row.invite).and_then(|row| row.conv.as_ref()) {
        match direct.accept(invitation).await {
            Err(Error::NotFound) => {} // withdrawn meanwhile
            settled => return settled,
        }
    }
    direct.open(contact).await
}

async fn keep(
    keeper: &Arc<Keeper>,
    user: &User,
    contact: &ContactId,
    conv: ConvInfo,
    info: Option<ContactInfo>,
) -> store::Result<Contact> {
    let (id, contact) = (user.id, contact.clone());
    let work = keeper.store.call(move |db, _| {
        contacts::set_conversation(db, id, &contact, &conv.id, conv.encrypted, false)?;
        if let Some(info) = info.filter(|info| info.id == contact) {
            contacts::set_info(db, id, &info)?;
        }
        contacts::ensure(db, id, &contact)
    });
    let kept = work.await?;
    keeper.crossings.far_side_changed(keeper, user, &kept.info.id).await;
    Ok(kept)
}

/// The user sees the contact from now on, and is asked once to be seen.
async fn welcome(keeper: &Arc<Keeper>, user: &User, contact: Contact) {
    let peer = Peer::Contact(contact.info.id.clone());
    let before = contact.subscription;
    let now = Subscription { subscribed: true, asked: true, ..before };
    if let Err(error) = set(keeper, user, &contact.info.id, now).await {
        tracing::error!(%error, "a subscription cannot be stored");
        return;
    }
    send(keeper, &peer, &user.jid, "subscribed").await;
    if let Some(presence) = shown::contact(keeper, user, &contact) {
        let _ = keeper.out.send(presence).await;
    }
    if !before.asked && !before.granted {
        send(keeper, &peer, &user.jid, "subscribe").await;
    }
}

/// The user shows themself to the contact; an invitation is accepted by that.
async fn granted(keeper: &Arc<Keeper>, user: &User, contact: ContactId) -> store::Result<()> {
    let Some(row) = row(keeper, user, &contact).await? else { return Ok(()) };
    if !row.subscription.granted {
        set(keeper, user, &contact, Subscription { granted: true, ..row.subscription }).await?;
    }
    if row.invite {
        accept(keeper, user, contact);
    }
    Ok(())
}

/// Accepts an invitation without showing anything: the user asks to see the contact themself, if they want to.
pub(super) fn accept(keeper: &Arc<Keeper>, user: &User, contact: ContactId) {
    let key = (user.jid.clone(), contact.clone());
    if !under_way(keeper).insert(key.clone()) {
        return;
    }
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        if let Err(reason) = talk(&keeper, &user, &contact).await {
            let text = format!("the invitation of {contact} could not be accepted: {reason}");
            keeper.crossings.say(&keeper, &user, text).await;
        }
        under_way(&keeper).remove(&key);
    });
}

/// One direction ends. Both at once are a removal from the roster: the conversation is left.
async fn withdrawn(keeper: &Arc<Keeper>, user: &User, contact: &ContactId, half: Half) -> store::Result<()> {
    let Some(row) = row(keeper, user, contact).await? else { return Ok(()) };
    let before = row.subscription;
    let now = match half {
        Half::Unsubscribe => Subscription { subscribed: false, ..before },
        Half::Unsubscribed => Subscription { granted: false, ..before },
    };
    if now != before {
        set(keeper, user, contact, now).await?;
    }
    let peer = Peer::Contact(contact.clone());
    if half == Half::Unsubscribe && before.subscribed {
        if let Some(farewell) = shown::left(keeper, &user.jid, &peer, "") {
            let _ = keeper.out.send(farewell).await;
        }
        send(keeper, &peer, &user.jid, "unsubscribed").await;
    }
    if half == Half::Unsubscribed && row.invite {
        decline(keeper, user, row);
    } else if keeper.presences.removal(&user.jid, contact, half, REMOVAL) {
        leave(keeper, user, row);
    }
    Ok(())
}

fn decline(keeper: &Arc<Keeper>, user: &User, contact: Contact) {
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        let ended = end(&keeper, &user, &contact, true).await;
        if let Err(reason) = ended {
            let text = format!("the invitation of {} could not be declined: {reason}", contact.info.id);
            keeper.crossings.say(&keeper, &user, text).await;
        }
    });
}

fn leave(keeper: &Arc<Keeper>, user: &User, contact: Contact) {
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        let ended = end(&keeper, &user, &contact, false).await;
        if let Err(reason) = ended {
            let text = format!("the conversation with {} could not be left: {reason}", contact.info.id);
            keeper.crossings.say(&keeper, &user, text).await;
        }
    });
}

async fn end(keeper: &Arc<Keeper>, user: &User, contact: &Contact, invitation: bool) -> Result<(), String> {
    let Some(conv) = contact.conv.clone() else { return Ok(()) };
    let session = keeper.accounts.session(&user.jid).ok_or("you are not logged in at the moment")?;
    let direct = session.direct().ok_or("this network has no direct conversations")?;
    let ended = if invitation { direct.decline(&conv).await } else { direct.leave(&conv).await };
    match ended {
        Ok(()) | Err(Error::NotFound) => {}
        Err(error) => return Err(in_words(&error)),
    }
    // From now on they are a stranger again: a later invitation may ask once more.
    let (id, whose) = (user.id, contact.info.id.clone());
    let work = keeper.store.call(move |db, _| {
        contacts::clear_conversation(db, id, &conv)?;
        contacts::set_subscription(db, id, &whose, Subscription::default())
    });
    work.await.map_err(|error| error.to_string())?;
    keeper.crossings.far_side_changed(keeper, user, &contact.info.id).await;
    Ok(())
}

pub(super) fn in_words(error: &Error) -> String {
    match error {
        Error::NotFound => "there is no such person".to_owned(),
        other => other.to_string(),
    }
}

async fn row(keeper: &Keeper, user: &User, contact: &ContactId) -> store::Result<Option<Contact>> {
    let (id, contact) = (user.id, contact.clone());
    keeper.store.call(move |db, _| contacts::get(db, id, &contact)).await
}

pub(super) async fn set(keeper: &Keeper, user: &User, contact: &ContactId, to: Subscription) -> store::Result<()> {
    let (id, contact) = (user.id, contact.clone());
    keeper.store.call(move |db, _| contacts::set_subscription(db, id, &contact, to)).await
}

fn under_way(keeper: &Keeper) -> std::sync::MutexGuard<'_, std::collections::HashSet<(BareJid, ContactId)>> {
    keeper.presences.under_way.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
