//! One account as the far side sees it: what tests play with.

use drawbridge_bridge::{
    Annotation, Attachment, Availability, Caption, ContactId, ConvId, ConvInfo, Event, FileContent, FileInfo, Handle,
    Plaintext, RemoteId, SendError, TxnId,
};

use crate::{
    EchoWorld,
    contacts::Persona,
    talk::{Happening, Standing, Talk},
    world::{Account, World},
};

/// A message that has arrived, once for each time it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// By whom.
    pub contact: ContactId,
    /// What. Of a file: what it is, and its caption.
    pub text: Plaintext,
    /// The file that it is; its octets are in [`FarUser::file`].
    pub file: Option<Box<Attachment>>,
    /// The message that it replies to.
    pub reply_to: Option<RemoteId>,
    /// Under which transaction id.
    pub txn: TxnId,
    /// As which far event.
    pub remote_id: RemoteId,
}

/// Something the user has done to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotated {
    /// In the conversation with whom.
    pub contact: ContactId,
    /// What.
    pub annotation: Annotation,
    /// Under which transaction id.
    pub txn: TxnId,
    /// As which far event.
    pub remote_id: RemoteId,
}

/// An account and everybody around it. What concerns an account or a contact that is not there does nothing.
#[derive(Clone)]
pub struct FarUser {
    world: EchoWorld,
    account: ContactId,
}

impl EchoWorld {
    /// The account `alice@echo`, which somebody is logged in to.
    pub fn user(&self, account: &ContactId) -> FarUser {
        FarUser { world: self.clone(), account: account.clone() }
    }

    /// A person who does only what the test makes them do. Whoever logged in before does not know them.
    pub fn add_contact(&self, contact: &ContactId) {
        self.change(|world| world.contacts.insert(contact.clone(), Persona::Silent));
    }

    /// Everybody who is logged in.
    pub fn accounts(&self) -> Vec<ContactId> {
        self.visit(|world| world.accounts.keys().cloned().collect())
    }
}

impl FarUser {
    /// The contact writes.
    pub fn says(&self, contact: &ContactId, text: &str) -> RemoteId {
        self.push(contact, Happening::by(contact, false, message(text)))
    }

    /// The contact replies to a message.
    pub fn replies(&self, contact: &ContactId, to: &RemoteId, text: &str) -> RemoteId {
        let reply_to = self.at_talk(contact, |talk| talk.reference(to.clone()));
        let reply = Event::Message { text: Plaintext::new(text), reply_to, file: None };
        self.push(contact, Happening::by(contact, false, reply))
    }

    /// The contact shares a file.
    pub fn shares(
        &self,
        contact: &ContactId,
        info: FileInfo,
        caption: Option<Caption>,
        content: FileContent,
    ) -> RemoteId {
        let shared = self.shared(info, caption, content);
        self.push(contact, Happening::by(contact, false, shared))
    }

    /// A file that somebody has shared, if it is one of the newest.
    pub fn file(&self, handle: &Handle) -> Option<FileContent> {
        self.world.visit(|world| world.file(handle).cloned())
    }

    /// The contact does something to a message.
    pub fn annotates(&self, contact: &ContactId, annotation: Annotation) -> RemoteId {
        self.annotate(contact, contact, annotation)
    }

    /// The user does, from another client of theirs.
    pub fn annotates_elsewhere(&self, contact: &ContactId, annotation: Annotation) -> RemoteId {
        self.annotate(contact, &self.account, annotation)
    }

    /// The contact writes something whose key is missing.
    pub fn says_undecryptable(&self, contact: &ContactId) -> RemoteId {
        self.push(contact, Happening::by(contact, false, Event::Undecryptable))
    }

    /// The key for it arrives.
    pub fn decrypts(&self, contact: &ContactId, remote_id: &RemoteId, text: &str) {
        self.decrypted(contact, remote_id, message(text));
    }

    /// The same, and it is a file.
    pub fn decrypts_file(
        &self,
        contact: &ContactId,
        remote_id: &RemoteId,
        info: FileInfo,
        caption: Option<Caption>,
        content: FileContent,
    ) {
        self.decrypted(contact, remote_id, self.shared(info, caption, content));
    }

    /// The user writes to the contact from another client of theirs.
    pub fn writes_elsewhere(&self, contact: &ContactId, text: &str) -> RemoteId {
        self.push(contact, Happening::by(&self.account, true, message(text)))
    }

    /// The contact asks the user to talk.
    pub fn invites(&self, contact: &ContactId) {
        self.world.change(|world| {
            let (epoch, person) = (world.epoch.clone(), world.persona(contact));
            let Some(account) = world.accounts.get_mut(&self.account) else { return };
            let new = || Talk::new(&self.account, person, Standing::Invited, &epoch);
            let talk = account.talks.entry(contact.clone()).or_insert_with(new);
            talk.standing = Standing::Invited;
            let (conv, invite) = (talk.id.clone(), Event::Invite(talk.info()));
            account.live.push_back(Happening { conv: Some(conv), ..Happening::by(contact, false, invite) });
        });
    }

    /// The contact leaves the conversation for good.
    pub fn leaves(&self, contact: &ContactId) {
        self.push(contact, Happening::by(contact, false, Event::ConvGone { reason: "the contact has left".into() }));
        self.at_talk(contact, |talk| talk.standing = Standing::Left);
    }

    /// Something fleeting: typing, presence, a notice about trust. Lost if nobody listens.
    pub fn happens(&self, contact: &ContactId, event: Event) {
        let conv = match &event {
            Event::Presence { .. } => None,
            _ => self.at_talk(contact, |talk| talk.id.clone()),
        };
        self.at_account(|account| account.live.push_back(Happening { conv, ..Happening::by(contact, false, event) }));
    }

    /// The conversation becomes end-to-end encrypted, or is not any more.
    pub fn set_encrypted(&self, contact: &ContactId, encrypted: bool) {
        let changed = self.at_talk(contact, |talk| {
            talk.encrypted = encrypted;
            talk.info()
        });
        if let Some(info) = changed {
            self.happens(contact, Event::ConvUpsert(info));
        }
    }

    /// The next send fails like this. `Uncertain` means that the message arrives and its acknowledgement is lost.
    pub fn fail_next_send(&self, failure: SendError) {
        self.at_account(|account| account.failures.push_back(failure));
    }

    /// While down, sessions end with `Exit::Retry` and sends are transient failures.
    pub fn set_down(&self, down: bool) {
        self.at_account(|account| account.down = down);
    }

    /// The network ends the login.
    pub fn log_out(&self) {
        self.world.change(|world| world.end(&self.account));
    }

    /// Everything that arrived, in this order; doubles too.
    pub fn received(&self) -> Vec<Received> {
        self.at_account(|account| account.received.iter().cloned().collect()).unwrap_or_default()
    }

    /// Everything that the user has done to messages, in this order; doubles too.
    pub fn annotated(&self) -> Vec<Annotated> {
        self.at_account(|account| account.annotated.iter().cloned().collect()).unwrap_or_default()
    }

    /// How often a message arrived under this transaction id.
    pub fn arrivals(&self, txn: &TxnId) -> usize {
        self.received().iter().filter(|received| received.txn == *txn).count()
    }

    /// The conversation with a contact, if there is one.
    pub fn conversation(&self, contact: &ContactId) -> Option<ConvInfo> {
        self.at_talk(contact, |talk| talk.info())
    }

    /// Whether the user types, as the contact sees it.
    pub fn is_typing(&self, conv: &ConvId) -> bool {
        self.at_account(|account| account.typing.get(conv).copied()).flatten().unwrap_or(false)
    }

    /// What the user has read, as the contact sees it.
    pub fn has_read(&self, conv: &ConvId) -> Option<RemoteId> {
        self.at_account(|account| account.displayed.get(conv).cloned()).flatten()
    }

    /// The user's presence, as contacts see it.
    pub fn presence(&self) -> Option<Availability> {
        self.at_account(|account| account.presence.as_ref().map(|(availability, _)| *availability)).flatten()
    }

    /// What the user says of themself there.
    pub fn status(&self) -> Option<String> {
        self.at_account(|account| account.presence.as_ref().and_then(|(_, status)| status.clone())).flatten()
    }

    fn shared(&self, info: FileInfo, caption: Option<Caption>, content: FileContent) -> Event {
        let handle = self.world.change(|world| world.keep(content));
        let file = Attachment { info, caption, handle };
        Event::Message { text: described(&file), reply_to: None, file: Some(Box::new(file)) }
    }

    fn decrypted(&self, contact: &ContactId, remote_id: &RemoteId, event: Event) {
        let late = Happening { version: 1, ..Happening::by(contact, false, event) };
        self.at_talk(contact, |talk| talk.push(late.with_id(remote_id.clone())));
    }

    fn annotate(&self, contact: &ContactId, who: &ContactId, annotation: Annotation) -> RemoteId {
        let is_me = who == &self.account;
        let quoteless = Event::Annotated { annotation: annotation.clone(), quote: None };
        let happening = self.at_talk(contact, |talk| talk.annotated(who, is_me, annotation));
        self.push(contact, happening.unwrap_or_else(|| Happening::by(who, is_me, quoteless)))
    }

    fn push(&self, contact: &ContactId, happening: Happening) -> RemoteId {
        let remote_id = self.world.visit(World::next_id);
        let happening = happening.with_id(remote_id.clone());
        self.at_talk(contact, |talk| talk.push(happening));
        remote_id
    }

    fn at_talk<T>(&self, contact: &ContactId, act: impl FnOnce(&mut Talk) -> T) -> Option<T> {
        self.at_account(|account| account.talks.get_mut(contact).map(act)).flatten()
    }

    fn at_account<T>(&self, act: impl FnOnce(&mut Account) -> T) -> Option<T> {
        self.world.change(|world| world.accounts.get_mut(&self.account).map(act))
    }
}

fn message(text: &str) -> Event {
    Event::Message { text: Plaintext::new(text), reply_to: None, file: None }
}

/// A file in words.
pub(crate) fn described(file: &Attachment) -> Plaintext {
    let name = file.info.name.expose();
    Plaintext::new(match &file.caption {
        Some(Caption(caption)) => format!("shared a file: {name}\n{}", caption.expose()),
        None => format!("shared a file: {name}"),
    })
}
