//! The far side, in memory: accounts, their conversations, and what their sessions have to deliver.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use drawbridge_bridge::{
    Annotation, Attachment, Availability, ContactId, ConvId, Error, Event, FileContent, Handle, Plaintext, RemoteId,
    SendError, TxnId, UserRef,
};
use tokio::{sync::watch, time::Instant};

use crate::{
    Annotated, Received,
    contacts::{BUILT_IN, Persona, SERVER},
    login::Ticket,
    talk::{Happening, KEPT, Standing, Talk},
};

/// A handle on one far side; clones are handles on the same.
#[derive(Clone)]
pub struct EchoWorld(Arc<Shared>);

struct Shared {
    state: Mutex<World>,
    changed: watch::Sender<()>,
}

pub(crate) struct World {
    /// Tells ids and positions of this memory from those of earlier ones.
    pub(crate) epoch: Arc<str>,
    pub(crate) contacts: BTreeMap<ContactId, Persona>,
    pub(crate) accounts: BTreeMap<ContactId, Account>,
    ended: BTreeSet<String>,
    /// The newest files.
    files: VecDeque<(Handle, FileContent)>,
    count: u64,
}

/// So many files are kept.
const FILES: usize = 32;

pub(crate) struct Account {
    ticket: Ticket,
    pub(crate) talks: BTreeMap<ContactId, Talk>,
    /// What is worth telling only at once.
    pub(crate) live: VecDeque<Happening>,
    answers: Vec<Answer>,
    pub(crate) attempted: BTreeSet<TxnId>,
    pub(crate) failures: VecDeque<SendError>,
    pub(crate) down: bool,
    pub(crate) received: VecDeque<Received>,
    pub(crate) annotated: VecDeque<Annotated>,
    /// Which event of a contact repeats which of the user.
    repeated: BTreeMap<RemoteId, RemoteId>,
    pub(crate) typing: BTreeMap<ConvId, bool>,
    pub(crate) displayed: BTreeMap<ConvId, RemoteId>,
    pub(crate) presence: Option<(Availability, Option<String>)>,
}

struct Answer {
    due: Instant,
    contact: ContactId,
    text: Plaintext,
    file: Option<Box<Attachment>>,
    remote_id: RemoteId,
}

impl Default for EchoWorld {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let contact = |(name, persona): (&str, Persona)| (ContactId::new(format!("{name}@{SERVER}")), persona);
        let state = Mutex::new(World {
            epoch: format!("{:x}", since.as_nanos()).into(),
            contacts: BUILT_IN.map(contact).into(),
            accounts: BTreeMap::new(),
            ended: BTreeSet::new(),
            files: VecDeque::new(),
            count: 0,
        });
        Self(Arc::new(Shared { state, changed: watch::Sender::new(()) }))
    }
}

impl EchoWorld {
    /// Changes the world, and wakes the sessions.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let result = self.visit(act);
        self.0.changed.send_replace(());
        result
    }

    /// Reads the world, or takes from it what nobody waits for.
    pub(crate) fn visit<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes at every change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Gives the name to `who`, and a ticket that ends earlier ones of theirs.
    pub(crate) fn sign_in(&self, account: &ContactId, who: &UserRef) -> Result<Ticket, Error> {
        self.change(|world| {
            let ticket = Ticket { owner: who.clone(), token: world.next_id().to_string() };
            if let Some(known) = world.accounts.get_mut(account) {
                if known.ticket.owner != *who {
                    return Err(Error::Rejected("somebody else has this name".into()));
                }
                world.ended.insert(std::mem::replace(&mut known.ticket, ticket.clone()).token);
                return Ok(ticket);
            }
            world.settle(account, ticket.clone());
            Ok(ticket)
        })
    }

    /// Takes up a login again, maybe one from before this memory.
    pub(crate) fn resume(&self, account: &ContactId, ticket: &Ticket) -> Result<(), Error> {
        self.change(|world| match world.accounts.get(account) {
            _ if world.ended.contains(&ticket.token) => Err(Error::LoggedOut),
            Some(known) if known.ticket != *ticket => Err(Error::LoggedOut),
            Some(_) => Ok(()),
            None => {
                world.settle(account, ticket.clone());
                Ok(())
            }
        })
    }
}

impl World {
    /// The account, if `ticket` still opens it.
    pub(crate) fn account(&mut self, id: &ContactId, ticket: &Ticket) -> Option<&mut Account> {
        self.accounts.get_mut(id).filter(|account| account.ticket == *ticket)
    }

    /// A contact, known or made up for a test.
    pub(crate) fn persona<'a>(&self, contact: &'a ContactId) -> (&'a ContactId, Persona) {
        (contact, self.contacts.get(contact).copied().unwrap_or(Persona::Silent))
    }

    /// Ends the account; its ticket never opens it again.
    pub(crate) fn end(&mut self, id: &ContactId) {
        if let Some(account) = self.accounts.remove(id) {
            self.ended.insert(account.ticket.token);
        }
    }

    /// An id that nothing else has, also not in another memory.
    pub(crate) fn next_id(&mut self) -> RemoteId {
        self.count += 1;
        RemoteId::new(format!("{}-{}", self.epoch, self.count))
    }

    /// Keeps a file.
    pub(crate) fn keep(&mut self, content: FileContent) -> Handle {
        let handle = Handle(Plaintext::new(self.next_id().to_string()));
        self.files.push_back((handle.clone(), content));
        if self.files.len() > FILES {
            self.files.pop_front();
        }
        handle
    }

    /// A file that is kept.
    pub(crate) fn file(&self, handle: &Handle) -> Option<&FileContent> {
        self.files.iter().find(|(kept, _)| kept == handle).map(|(_, content)| content)
    }

    /// A new account knows everybody.
    fn settle(&mut self, id: &ContactId, ticket: Ticket) {
        let talks = self.contacts.iter().map(|(contact, persona)| {
            (contact.clone(), Talk::new(id, (contact, *persona), Standing::Joined, &self.epoch))
        });
        let account = Account {
            ticket,
            talks: talks.collect(),
            live: VecDeque::new(),
            answers: Vec::new(),
            attempted: BTreeSet::new(),
            failures: VecDeque::new(),
            down: false,
            received: VecDeque::new(),
            annotated: VecDeque::new(),
            repeated: BTreeMap::new(),
            typing: BTreeMap::new(),
            displayed: BTreeMap::new(),
            presence: None,
        };
        self.accounts.insert(id.clone(), account);
    }
}

impl Account {
    /// The conversation, if the user knows of it.
    pub(crate) fn talk(&mut self, conv: &ConvId) -> Option<&mut Talk> {
        self.talks.values_mut().find(|talk| talk.id == *conv)
    }

    /// Whether the contact takes this message now.
    pub(crate) fn admit(&mut self, persona: Persona, txn: &TxnId) -> Result<(), SendError> {
        if self.down {
            return Err(SendError::Transient { reason: "the far side is down".into(), after: None });
        }
        persona.admits(self.attempted.insert(txn.clone()))?;
        self.attempted.remove(txn);
        Ok(())
    }

    /// The message is in the conversation; the contact reads it, and answers in their own time under `answer_id`.
    pub(crate) fn accept(&mut self, me: &ContactId, message: Received, answer_id: RemoteId) {
        let Some(talk) = self.talks.get_mut(&message.contact) else { return };
        let (contact, text, remote_id) = (message.contact.clone(), message.text.clone(), message.remote_id.clone());
        let reply_to = message.reply_to.clone().map(|id| talk.reference(id));
        let file = message.file.clone();
        let said = Event::Message { text: text.clone(), reply_to, file: file.clone() };
        let own = Happening::by(me, true, said).with_id(remote_id.clone());
        talk.push(Happening { echo_of: Some(message.txn.clone()), ..own });
        self.received.push_back(message);
        if self.received.len() > KEPT {
            self.received.pop_front();
        }
        if let Some(wait) = talk.persona.answers_after() {
            talk.push(Happening::by(&contact, false, Event::Displayed { up_to: remote_id.clone() }));
            self.types(&contact, true);
            self.repeated.insert(remote_id, answer_id.clone());
            self.answers.push(Answer { due: Instant::now() + wait, contact, text, file, remote_id: answer_id });
        }
    }

    /// It is done; a contact who repeats messages does the same to what they repeated, under `answer_id`.
    pub(crate) fn annotate(&mut self, me: &ContactId, done: Annotated, answer_id: RemoteId) {
        let Some(talk) = self.talks.get_mut(&done.contact) else { return };
        let own = talk.annotated(me, true, done.annotation.clone()).with_id(done.remote_id.clone());
        talk.push(Happening { echo_of: Some(done.txn.clone()), ..own });
        let repeated = |target: &RemoteId| self.repeated.get(target).cloned();
        let same = talk.persona.answers_after().and_then(|_| match done.annotation.clone() {
            Annotation::Edit { target, text } => Some(Annotation::Edit { target: repeated(&target)?, text }),
            Annotation::Retract { target } => Some(Annotation::Retract { target: repeated(&target)? }),
            react @ Annotation::React { .. } => Some(react),
        });
        if let Some(same) = same {
            let theirs = talk.annotated(&done.contact, false, same).with_id(answer_id.clone());
            talk.push(theirs);
            self.repeated.insert(done.remote_id.clone(), answer_id);
        }
        self.annotated.push_back(done);
        if self.annotated.len() > KEPT {
            self.annotated.pop_front();
        }
    }

    /// Puts the answers that are due into their conversations; says when the next one is.
    pub(crate) fn answer(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.answers).into_iter().partition(|answer| answer.due <= now);
        self.answers = later;
        for Answer { contact, text, file, remote_id, .. } in due {
            self.types(&contact, false);
            if let Some(talk) = self.talks.get_mut(&contact) {
                let said = Event::Message { text, reply_to: None, file };
                talk.push(Happening::by(&contact, false, said).with_id(remote_id));
            }
        }
        self.answers.iter().map(|answer| answer.due).min()
    }

    fn types(&mut self, contact: &ContactId, on: bool) {
        let conv = self.talks.get(contact).map(|talk| talk.id.clone());
        self.live.push_back(Happening { conv, ..Happening::by(contact, false, Event::Typing { on }) });
    }
}
