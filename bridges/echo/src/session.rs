//! A live login: what happens on the far side goes to the keeper, what the user writes goes to the far side.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use drawbridge_bridge::{
    Annotate, Availability, CancellationToken, Caps, Closed, ContactId, ContactInfo, ConvId, ConvInfo, Direct,
    Directory, Error, Event, EventSink, Exit, LoginId, LoginRecord, Media, OutMessage, Place, RemoteId, SendError,
    Sent, Session, Signals, TxnId,
};
use tokio::time::{Instant, sleep_until};

use crate::{
    EchoWorld, Received, contacts,
    login::Ticket,
    sent::SentLog,
    talk::{Happening, Standing, Talk},
    world::{Account, World},
};

const MAX_TEXT: usize = 16 * 1024;

pub(crate) struct EchoSession {
    pub(crate) world: EchoWorld,
    pub(crate) account: ContactId,
    pub(crate) ticket: Ticket,
    login: LoginId,
    sent: Mutex<SentLog>,
}

/// How much of each conversation the keeper has.
type Cursors = BTreeMap<ConvId, usize>;

/// The ids of something new, and of what a contact does about it.
pub(crate) struct New {
    pub(crate) id: RemoteId,
    pub(crate) answer: RemoteId,
}

enum Next {
    Deliver(Box<Happening>),
    Wait(Option<Instant>),
    End(Exit),
}

impl EchoSession {
    pub(crate) fn open(world: EchoWorld, login: LoginRecord, place: &Place) -> Result<Self, Error> {
        let ticket: Ticket = serde_json::from_slice(login.state.expose()).map_err(|_| Error::LoggedOut)?;
        world.resume(&login.account, &ticket)?;
        let sent = SentLog::open(&place.dir)
            .map_err(|error| Error::Transient { reason: format!("the login's files: {error}"), after: None })?;
        Ok(Self { world, account: login.account, ticket, login: login.id, sent: Mutex::new(sent) })
    }

    /// Tells the keeper of conversations it has not heard of in this run, and finds its place in them.
    async fn introduce(&self, cursors: &mut Cursors, out: &EventSink) -> Result<(), Closed> {
        let news = self.world.visit(|world| {
            let talks =
                world.account(&self.account, &self.ticket).into_iter().flat_map(|account| account.talks.values());
            let unknown = talks.filter(|talk| !cursors.contains_key(&talk.id));
            unknown.map(|talk| (talk.info(), introductions(talk))).collect::<Vec<_>>()
        });
        for (info, introductions) in news {
            let position = out.position(&info.id).await;
            let seen = self.talk(&info.id, |talk| talk.seen(position.as_ref())).unwrap_or(0);
            cursors.insert(info.id, seen);
            for happening in introductions {
                out.deliver(happening.seen_by(&self.login)).await?;
            }
        }
        Ok(())
    }

    fn next(&self, cursors: &mut Cursors) -> Next {
        self.world.visit(|world| {
            let Some(account) = world.account(&self.account, &self.ticket) else { return Next::End(Exit::LoggedOut) };
            if account.down {
                return Next::End(Exit::Retry { after: None, reason: "the far side is down".into() });
            }
            let next_answer = account.answer();
            if let Some(happening) = account.live.pop_front() {
                return Next::Deliver(Box::new(happening));
            }
            for talk in account.talks.values() {
                let Some(cursor) = cursors.get_mut(&talk.id) else { continue };
                if let Some((seen, happening)) = talk.after(*cursor) {
                    *cursor = seen;
                    return Next::Deliver(Box::new(happening));
                }
            }
            Next::Wait(next_answer)
        })
    }

    /// Delivers until something ends it. An event that was handed over is waited for: only then is its place settled.
    async fn deliver_all(&self, out: &EventSink, stop: &CancellationToken) -> Result<Exit, Closed> {
        let mut changes = self.world.changes();
        let mut cursors = Cursors::new();
        self.world.visit(|world| {
            if let Some(account) = world.account(&self.account, &self.ticket) {
                account.live = [Happening::new(Event::Connection { up: true, reason: None })].into();
            }
        });
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            self.introduce(&mut cursors, out).await?;
            match self.next(&mut cursors) {
                Next::Deliver(happening) => {
                    out.deliver(happening.seen_by(&self.login)).await?;
                }
                Next::End(exit) => return Ok(exit),
                Next::Wait(until) => tokio::select! {
                    () = stop.cancelled() => {}
                    _ = changes.changed() => {}
                    () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
                },
            }
        }
        Ok(Exit::Stopped)
    }

    /// Reads one conversation that the user takes part in or is invited to.
    pub(crate) fn talk<T>(&self, conv: &ConvId, act: impl FnOnce(&mut Talk) -> T) -> Option<T> {
        self.world.visit(|world| Some(act(world.account(&self.account, &self.ticket)?.talk(conv)?)))
    }

    /// Changes the account.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut Account) -> Result<T, Error>) -> Result<T, Error> {
        self.world.change(|world| act(world.account(&self.account, &self.ticket).ok_or(Error::LoggedOut)?))
    }

    /// Takes something new of the user, if `may` finds no fault with it, or says that it was taken before.
    pub(crate) fn take(
        &self,
        world: &mut World,
        conv: &ConvId,
        txn: &TxnId,
        may: impl FnOnce(&Talk) -> Result<(), SendError>,
        take: impl FnOnce(&mut Account, ContactId, New),
    ) -> Result<Sent, SendError> {
        let (remote_id, answer_id) = (world.next_id(), world.next_id());
        let account = world.account(&self.account, &self.ticket).ok_or(SendError::LoggedOut)?;
        let planned = account.failures.pop_front();
        if let Some(failure) = planned.clone().filter(|failure| !matches!(failure, SendError::Uncertain)) {
            return Err(failure);
        }
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sent.get(txn) {
            return Ok(Sent { remote_id: known.clone() });
        }
        let talk = account.talk(conv).filter(|talk| talk.standing == Standing::Joined);
        let (contact, persona) = talk
            .ok_or_else(|| SendError::Rejected("you have no part in this conversation".into()))
            .and_then(|talk| may(talk).map(|()| (talk.contact.clone(), talk.persona)))?;
        account.admit(persona, txn)?;
        sent.record(txn.clone(), remote_id.clone())
            .map_err(|error| SendError::Transient { reason: format!("the login's files: {error}"), after: None })?;
        take(account, contact, New { id: remote_id.clone(), answer: answer_id });
        planned.map_or(Ok(Sent { remote_id }), Err)
    }
}

#[async_trait]
impl Session for EchoSession {
    async fn run(self: Arc<Self>, out: EventSink, stop: CancellationToken) -> Exit {
        self.deliver_all(&out, &stop).await.unwrap_or(Exit::Stopped)
    }

    fn caps(&self, conv: Option<&ConvId>) -> Caps {
        let encrypted = conv.and_then(|conv| self.talk(conv, |talk| talk.encrypted)).unwrap_or(false);
        Caps { max_text: MAX_TEXT, encrypted }
    }

    async fn send(&self, message: OutMessage, txn: TxnId) -> Result<Sent, SendError> {
        if message.text.expose().len() > MAX_TEXT {
            return Err(SendError::TooBig);
        }
        let OutMessage { conv, text, reply_to } = message;
        let me = &self.account;
        self.world.change(|world| {
            let take = |account: &mut Account, contact, New { id, answer }| {
                let received = Received { contact, text, file: None, reply_to, txn: txn.clone(), remote_id: id };
                account.accept(me, received, answer);
            };
            self.take(world, &conv, &txn, |_| Ok(()), take)
        })
    }

    async fn sent(&self, _conv: &ConvId, txn: &TxnId) -> Result<Option<Sent>, SendError> {
        self.world.visit(|world| world.account(&self.account, &self.ticket).map(drop)).ok_or(SendError::LoggedOut)?;
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(sent.get(txn).map(|remote_id| Sent { remote_id: remote_id.clone() }))
    }

    async fn conversation(&self, conv: &ConvId) -> Result<ConvInfo, Error> {
        let info = self.talk(conv, |talk| (talk.standing != Standing::Left).then(|| talk.info()));
        info.flatten().ok_or(Error::NotFound)
    }

    async fn contact(&self, contact: &ContactId) -> Result<ContactInfo, Error> {
        self.world
            .visit(|world| world.contacts.contains_key(contact))
            .then(|| contacts::info(contact))
            .ok_or(Error::NotFound)
    }

    async fn logout(&self) -> Result<(), Error> {
        self.world.change(|world| {
            if world.account(&self.account, &self.ticket).is_some() {
                world.end(&self.account);
            }
        });
        let wiped = self.sent.lock().unwrap_or_else(PoisonError::into_inner).wipe();
        wiped.map_err(|error| Error::Transient { reason: format!("the login's files: {error}"), after: None })
    }

    fn direct(&self) -> Option<&dyn Direct> {
        Some(self)
    }

    fn annotate(&self) -> Option<&dyn Annotate> {
        Some(self)
    }

    fn media(&self) -> Option<&dyn Media> {
        Some(self)
    }

    fn directory(&self) -> Option<&dyn Directory> {
        Some(self)
    }

    fn signals(&self) -> Option<&dyn Signals> {
        Some(self)
    }
}

/// What a keeper that just connected must know of a conversation.
fn introductions(talk: &Talk) -> Vec<Happening> {
    let in_talk = |event| Happening { conv: Some(talk.id.clone()), ..Happening::by(&talk.contact, false, event) };
    match talk.standing {
        Standing::Left => vec![],
        Standing::Invited => vec![in_talk(Event::Invite(talk.info()))],
        Standing::Joined => {
            let contact = talk.contact.clone();
            let presence = Event::Presence { contact, availability: Availability::Online, status: None };
            vec![in_talk(Event::ConvUpsert(talk.info())), Happening::by(&talk.contact, false, presence)]
        }
    }
}
