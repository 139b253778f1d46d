//! To the network: words, and what is done to messages that are there already.

use std::time::SystemTime;

use drawbridge_bridge::{Annotate, Annotation, ConvId, OutMessage, Plaintext, RemoteId, SendError, Session, TxnId};

use super::input::Input;
use super::sender::{Attempt, Sender, attempted};
use crate::message::{File, Kind, Message, Relation};
use crate::store::links::{self, Target};
use crate::store::outbox::Crossing;
use crate::store::reactions::{self, NewReaction};
use crate::store::users::{self, Once};
use crate::store::{self, unix};
use crate::xmpp::error::Condition;

const UNKNOWN: &str = "the message that this is about is not known here (any more)";
const NOT_YOURS: &str = "only who wrote a message can change it";
const UNCHANGEABLE: &str = "on this network messages cannot be changed or reacted to once they are sent";
const IN_CLEAR: &str = "reactions are not encrypted on the network, and the session in which you gave this one promised \
                        encryption: nothing was sent";
const IN_CLEAR_NOTICE: &str = "Notice: reactions are not encrypted on the network, also where messages are. Which ones you give \
                               to which message can be read on the servers there.";

impl Sender {
    /// One attempt with one message.
    pub(super) async fn hand_over(
        &self,
        session: &dyn Session,
        conv: &ConvId,
        encrypted: bool,
        crossing: &Crossing,
        message: Message,
    ) -> store::Result<Attempt> {
        let whole = message.quoting().0;
        if whole.expose().len() > session.caps(Some(conv)).max_text {
            return Ok(Attempt::Never(Condition::PolicyViolation, SendError::TooBig.to_string()));
        }
        let send = |text, reply_to| async move {
            let sent = session.send(OutMessage { conv: conv.clone(), text, reply_to }, crossing.txn.clone()).await;
            Ok(attempted(sent.map(Some)))
        };
        if let Some(File::Near(shared)) = message.file {
            return self.share(session, conv, crossing, (*shared, message.text)).await;
        }
        let Some(Relation { kind, stanza, .. }) = message.relation.clone() else { return send(whole, None).await };
        let (target, annotate) = (self.target(stanza).await?, session.annotate());
        let (kind, target, annotate) = match (kind, target, annotate) {
            (Kind::Reply, Some(target), Some(_)) => return send(message.text, Some(target.remote)).await,
            // Then the quote says what it is about.
            (Kind::Reply, ..) => return send(whole, None).await,
            (_, _, None) => return never(Condition::FeatureNotImplemented, UNCHANGEABLE),
            (_, None, _) => return never(Condition::ItemNotFound, UNKNOWN),
            (Kind::Correction | Kind::Retraction, Some(target), _) if !target.mine => {
                return never(Condition::Forbidden, NOT_YOURS);
            }
            (kind, Some(target), Some(annotate)) => (kind, target, annotate),
        };
        let annotation = match kind {
            Kind::Reactions => {
                let reacting = Reacting { annotate, conv, encrypted, crossing, target: target.remote };
                return self.react(reacting, &message).await;
            }
            Kind::Retraction => Annotation::Retract { target: target.remote },
            Kind::Correction | Kind::Reply => Annotation::Edit { target: target.remote, text: message.text },
        };
        let sent = annotate.annotate(conv, annotation, crossing.txn.clone()).await;
        Ok(attempted(sent.map(Some)))
    }

    async fn target(&self, stanza: String) -> store::Result<Option<Target>> {
        let (user, contact) = (self.user.id, self.contact.clone());
        let target = self.keeper.store.call(move |db, _| links::target(db, user, &contact, &stanza)).await?;
        Ok(target)
    }

    /// What the user reacts with from now on: what is new goes out, what is not in it any more is taken back. Each has a
    /// transaction of its own, the same at every attempt.
    async fn react(&self, reacting: Reacting<'_>, message: &Message) -> store::Result<Attempt> {
        let Reacting { annotate, conv, encrypted, crossing, target } = reacting;
        if crossing.guarded && !annotate.encrypts_reactions() {
            return never(Condition::Forbidden, IN_CLEAR);
        }
        let before = self.reactions(&target).await?;
        let stays = |sign: &Plaintext| message.signs().any(|wanted| wanted == sign.expose());
        let mut last = target.clone();
        for (number, sign) in message.signs().enumerate() {
            if before.iter().any(|there| there.sign.as_ref().is_some_and(|there| there.expose() == sign)) {
                continue;
            }
            let (txn, sign) = (TxnId::new(format!("{}.{number}", crossing.txn)), Plaintext::new(sign));
            let react = Annotation::React { target: target.clone(), key: sign.clone() };
            match attempted(annotate.annotate(conv, react, txn).await.map(Some)) {
                Attempt::Sent(remote) => {
                    self.reacted(&target, &remote, sign, crossing.guarded).await?;
                    last = remote;
                }
                otherwise => return Ok(otherwise),
            }
            if encrypted && !annotate.encrypts_reactions() {
                self.tell_of_clear().await?;
            }
        }
        for gone in before.into_iter().filter(|there| !there.sign.as_ref().is_some_and(stays)) {
            let txn = TxnId::new(format!("{}.-{}", crossing.txn, gone.seq));
            let retract = Annotation::Retract { target: gone.remote.clone() };
            match attempted(annotate.annotate(conv, retract, txn).await.map(Some)) {
                // It may have been taken back in another client.
                Attempt::Sent(_) | Attempt::Never(..) => self.unreacted(gone.remote).await?,
                otherwise => return Ok(otherwise),
            }
        }
        Ok(Attempt::Sent(last))
    }

    async fn reactions(&self, target: &RemoteId) -> store::Result<Vec<reactions::Reaction>> {
        let (user, contact, target) = (self.user.id, self.contact.clone(), target.clone());
        self.keeper.store.call(move |db, sealer| reactions::of(db, sealer, user, &contact, &target, true)).await
    }

    async fn reacted(
        &self,
        target: &RemoteId,
        remote: &RemoteId,
        sign: Plaintext,
        unwritten: bool,
    ) -> store::Result<()> {
        let (user, contact, now) = (self.user.id, self.contact.clone(), unix(SystemTime::now()));
        let reaction = NewReaction { target: target.clone(), remote: remote.clone(), mine: true, sign, unwritten };
        self.keeper.store.call(move |db, sealer| reactions::add(db, sealer, user, &contact, &reaction, now)).await?;
        Ok(())
    }

    async fn unreacted(&self, remote: RemoteId) -> store::Result<()> {
        let (user, contact) = (self.user.id, self.contact.clone());
        self.keeper.store.call(move |db, _| reactions::remove(db, user, &contact, &remote, true)).await?;
        Ok(())
    }

    async fn tell_of_clear(&self) -> store::Result<()> {
        let user = self.user.id;
        if self.keeper.store.call(move |db, _| users::tell_once(db, user, Once::ReactionsInClear)).await? {
            self.mailbox.put(Input::Say(IN_CLEAR_NOTICE.to_owned())).await;
        }
        Ok(())
    }
}

/// What reactions need on their way.
struct Reacting<'a> {
    annotate: &'a dyn Annotate,
    conv: &'a ConvId,
    encrypted: bool,
    crossing: &'a Crossing,
    target: RemoteId,
}

fn never(condition: Condition, why: &str) -> store::Result<Attempt> {
    Ok(Attempt::Never(condition, why.to_owned()))
}
