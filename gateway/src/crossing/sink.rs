//! From the network: what must survive is stored before the bridge is told to go on.

use std::iter;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use drawbridge_bridge::{
    Closed, Committed, ContactId, ContactInfo, ConvId, ConvInfo, ConvKind, Envelope, Event, Position, RemoteId,
    Security, Sink,
};
use sha2::{Digest, Sha256};

use super::input::Input;
use super::told::Told;
use super::unbridged::Unbridged;
use crate::keeper::{Keeper, Peer};
use crate::store::deliveries::{self, NewDelivery};
use crate::store::{self, User, contacts, positions, unix};
use crate::xmpp::{presence, roster};

/// Where one login delivers to.
pub(super) struct LoginSink {
    keeper: Arc<Keeper>,
    user: User,
    unbridged: Unbridged,
}

impl LoginSink {
    pub(super) fn new(keeper: Arc<Keeper>, user: User) -> Self {
        Self { keeper, user, unbridged: Unbridged::default() }
    }
}

#[async_trait]
impl Sink for LoginSink {
    async fn deliver(&self, envelope: Envelope) -> Result<Committed, Closed> {
        let result = match &envelope.event {
            Event::Message { .. } | Event::Undecryptable | Event::Annotated { .. } => self.message(envelope).await,
            _ => self.other(envelope).await.map(|()| Committed::Fresh),
        };
        result.map_err(|error| {
            // What cannot be stored must not be acknowledged: the bridge stops here and comes back to it.
            tracing::error!(%error, "cannot store an event of the network");
            Closed
        })
    }

    async fn position(&self, conv: &ConvId) -> Option<Position> {
        let (user, conv) = (self.user.id, conv.clone());
        self.keeper.store.call(move |db, _| positions::get(db, user, &conv)).await.ok().flatten()
    }

    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed> {
        let (user, conv) = (self.user.id, conv.clone());
        self.keeper.store.call(move |db, _| positions::set(db, user, &conv, &position)).await.map_err(|_| Closed)
    }
}

impl LoginSink {
    /// Seen, stored for delivery, and the position moved, in one transaction.
    async fn message(&self, envelope: Envelope) -> store::Result<Committed> {
        let (user, jid, keeper) = (self.user.id, self.user.jid.clone(), self.keeper.clone());
        let work = self.keeper.store.call(move |db, sealer| {
            let now = unix(SystemTime::now());
            let (Some(conv), Some(remote)) = (&envelope.conv, &envelope.remote_id) else {
                return Ok((Committed::Fresh, None));
            };
            if let Some(position) = &envelope.position {
                positions::set(db, user, conv, position)?;
            }
            if !positions::see(db, user, conv, remote, envelope.version, now)? {
                return Ok((Committed::Known, None));
            }
            if envelope.echo_of.is_some() {
                return Ok((Committed::Fresh, None));
            }
            let Some(contact) = contacts::of_conversation(db, user, conv)? else { return Ok((Committed::Fresh, None)) };
            let mine = envelope.sender.as_ref().is_some_and(|sender| sender.is_me);
            let unwritten = keeper.crossings.is_unlogged(jid, Peer::Contact(contact.info.id.clone()));
            let clear = contact.encrypted && envelope.security == Security::Plain && !mine;
            let told = Told {
                user,
                contact: &contact.info.id,
                remote,
                version: envelope.version,
                mine,
                clear,
                unwritten,
                now,
            };
            let Some((mut message, first)) = told.message(db, sealer, envelope.event)? else {
                return Ok((Committed::Fresh, None));
            };
            let beside = told.beside(db, &mut message)?;
            // A file's address fills its message: what was said beside it is one of its own.
            for (part, message) in iter::once(message).chain(beside).enumerate() {
                let delivery = NewDelivery {
                    stanza: stanza_id(conv, remote, envelope.version, part),
                    remote: message.is_words().then(|| remote.clone()),
                    first: first.clone(),
                    message,
                    unwritten,
                    mine,
                    time: envelope.time.map(unix),
                };
                deliveries::add(db, sealer, user, &contact.info.id, &delivery, now)?;
            }
            Ok((Committed::Fresh, Some(contact.info.id)))
        });
        let (committed, contact) = work.await?;
        if let Some(contact) = contact {
            self.keeper.crossings.wake_one(&self.keeper, &self.user, Peer::Contact(contact));
        }
        Ok(committed)
    }

    async fn other(&self, envelope: Envelope) -> store::Result<()> {
        let conv = envelope.conv;
        match envelope.event {
            Event::Displayed { up_to } => self.pass(conv, Input::Displayed(up_to)).await?,
            Event::Typing { on } => self.pass(conv, Input::Typing(on)).await?,
            Event::Presence { contact, availability, status } => {
                presence::far_presence(&self.keeper, &self.user, &contact, availability, status).await;
            }
            Event::ConvUpsert(info) => self.conversation(info).await?,
            Event::Invite(info) => self.invited(info).await?,
            Event::ConvGone { reason } => self.gone(conv, &reason).await?,
            Event::ContactUpsert(info) => self.contact(info).await?,
            Event::TrustNotice { contact, text, blocks } => self.trust(contact, text, blocks).await?,
            _ => {}
        }
        Ok(())
    }

    async fn pass(&self, conv: Option<ConvId>, input: Input) -> store::Result<()> {
        let (user, Some(conv)) = (self.user.id, conv) else { return Ok(()) };
        if let Some(contact) = self.keeper.store.call(move |db, _| contacts::of_conversation(db, user, &conv)).await? {
            self.keeper.crossings.mailbox(&self.keeper, &self.user, Peer::Contact(contact.info.id)).offer(input);
        }
        Ok(())
    }

    async fn conversation(&self, info: ConvInfo) -> store::Result<()> {
        let ConvKind::Direct { contact } = info.kind else {
            self.unbridged.note(&self.keeper, &self.user, info);
            return Ok(());
        };
        let (user, whose, conv, encrypted) = (self.user.id, contact.clone(), info.id, info.encrypted);
        let before = self
            .keeper
            .store
            .call(move |db, _| {
                let before = contacts::get(db, user, &whose)?;
                contacts::set_conversation(db, user, &whose, &conv, encrypted, false)?;
                Ok(before)
            })
            .await?;
        if before.as_ref().is_some_and(|before| before.encrypted && !encrypted) {
            let name = before.and_then(|before| before.info.name).unwrap_or_else(|| contact.to_string());
            let text = format!("Notice: the conversation with {name} is not encrypted on the network any more.");
            // Not in the session that has promised otherwise: what it says first is that.
            self.keeper.crossings.say(&self.keeper, &self.user, text).await;
        }
        self.keeper.crossings.far_side_changed(&self.keeper, &self.user, &contact).await;
        self.look_up(contact);
        Ok(())
    }

    async fn invited(&self, info: ConvInfo) -> store::Result<()> {
        let ConvKind::Direct { contact } = info.kind else {
            self.unbridged.note(&self.keeper, &self.user, info);
            return Ok(());
        };
        let (user, whose, conv, encrypted) = (self.user.id, contact.clone(), info.id, info.encrypted);
        let store = &self.keeper.store;
        store.call(move |db, _| contacts::set_conversation(db, user, &whose, &conv, encrypted, true)).await?;
        self.keeper.crossings.far_side_changed(&self.keeper, &self.user, &contact).await;
        roster::invited(&self.keeper, &self.user, &contact).await;
        Ok(())
    }

    async fn gone(&self, conv: Option<ConvId>, reason: &str) -> store::Result<()> {
        let (user, Some(conv)) = (self.user.id, conv) else { return Ok(()) };
        let contact = self
            .keeper
            .store
            .call(move |db, _| {
                let contact = contacts::of_conversation(db, user, &conv)?;
                contacts::clear_conversation(db, user, &conv)?;
                Ok(contact)
            })
            .await?;
        if let Some(contact) = contact {
            self.keeper.crossings.far_side_changed(&self.keeper, &self.user, &contact.info.id).await;
            roster::gone(&self.keeper, &self.user, &contact.info.id, reason).await;
        }
        Ok(())
    }

    async fn contact(&self, info: ContactInfo) -> store::Result<()> {
        let (user, contact) = (self.user.id, info.id.clone());
        if self.keeper.store.call(move |db, _| contacts::set_info(db, user, &info)).await? {
            roster::refresh(&self.keeper, &self.user, &contact).await;
        }
        Ok(())
    }

    async fn trust(&self, contact: Option<ContactId>, text: String, blocks: bool) -> store::Result<()> {
        let Some(contact) = contact else {
            self.keeper.crossings.say(&self.keeper, &self.user, text).await;
            return Ok(());
        };
        if blocks {
            let (user, whose, why) = (self.user.id, contact.clone(), text.clone());
            self.keeper.store.call(move |db, _| contacts::set_blocked(db, user, &whose, Some(&why))).await?;
        }
        self.keeper.crossings.say_about(&self.keeper, &self.user, &contact, text).await;
        Ok(())
    }

    /// Name and picture, without holding the network's events up.
    fn look_up(&self, contact: ContactId) {
        let (keeper, user) = (self.keeper.clone(), self.user.clone());
        tokio::spawn(async move {
            if let Some(session) = keeper.accounts.session(&user.jid)
                && let Ok(info) = session.contact(&contact).await
            {
                let id = user.id;
                if let Err(error) = keeper.store.call(move |db, _| contacts::set_info(db, id, &info)).await {
                    tracing::error!(%error, "cannot store a contact's name");
                }
            }
            roster::refresh(&keeper, &user, &contact).await;
        });
    }
}

/// The same event has the same stanza id at every try, so that clients can drop repeats. It tells nothing of the event.
fn stanza_id(conv: &ConvId, remote: &RemoteId, version: u32, part: usize) -> String {
    let mut hash = Sha256::new();
    let (version, part) = (version.to_be_bytes(), part.to_be_bytes());
    let all: [&[u8]; 4] = [conv.as_str().as_bytes(), remote.as_str().as_bytes(), &version, &part];
    for part in all.iter().take(if part == [0; 8] { 3 } else { 4 }) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_its_stanza_id_and_shares_it_with_none() {
        let id = |conv: &str, remote: &str, version| stanza_id(&ConvId::new(conv), &RemoteId::new(remote), version, 0);
        assert_eq!(id("!a:x", "$1", 0), id("!a:x", "$1", 0));
        assert_ne!(id("!a:x", "$1", 0), id("!a:x", "$1", 1));
        assert_ne!(id("!a:x$", "1", 0), id("!a:x", "$1", 0));
    }
}
