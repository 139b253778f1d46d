//! One conversation of a user, as the far side keeps it: its standing, and what happened in it.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use drawbridge_bridge::{
    Annotation, ContactId, ConvId, ConvInfo, ConvKind, Envelope, Event, LoginId, Position, Quote, Reference, RemoteId,
    Security, Sender, TxnId,
};

use crate::contacts::Persona;

/// What is older is forgotten; a keeper that was away for longer misses it.
pub(crate) const KEPT: usize = 10_000;

/// How the user stands to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Invited,
    Joined,
    Left,
}

/// Something that happened, before it is known by which login it is seen.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) conv: Option<ConvId>,
    pub(crate) sender: Option<Sender>,
    pub(crate) remote_id: Option<RemoteId>,
    pub(crate) version: u32,
    pub(crate) position: Option<Position>,
    pub(crate) echo_of: Option<TxnId>,
    pub(crate) security: Security,
    pub(crate) time: SystemTime,
    pub(crate) event: Event,
}

impl Happening {
    /// Without conversation, sender and id: the network says it.
    pub(crate) fn new(event: Event) -> Self {
        Self {
            conv: None,
            sender: None,
            remote_id: None,
            version: 0,
            position: None,
            echo_of: None,
            security: Security::Plain,
            time: SystemTime::now(),
            event,
        }
    }

    /// Somebody did it.
    pub(crate) fn by(id: &ContactId, is_me: bool, event: Event) -> Self {
        Self { sender: Some(Sender { id: id.clone(), is_me }), ..Self::new(event) }
    }

    /// In a conversation, under an id: durable.
    pub(crate) fn with_id(self, remote_id: RemoteId) -> Self {
        Self { remote_id: Some(remote_id), ..self }
    }

    pub(crate) fn seen_by(self, login: &LoginId) -> Envelope {
        Envelope {
            login: login.clone(),
            conv: self.conv,
            sender: self.sender,
            remote_id: self.remote_id,
            version: self.version,
            time: Some(self.time),
            position: self.position,
            echo_of: self.echo_of,
            security: self.security,
            event: self.event,
        }
    }
}

/// A direct conversation.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) id: ConvId,
    pub(crate) contact: ContactId,
    pub(crate) persona: Persona,
    pub(crate) standing: Standing,
    pub(crate) encrypted: bool,
    /// Tells the positions of this memory from those of earlier ones.
    epoch: Arc<str>,
    /// The number of the first kept happening.
    first: usize,
    kept: VecDeque<Happening>,
}

impl Talk {
    /// The id is made of both names, so that it outlives the process.
    pub(crate) fn new(
        account: &ContactId,
        (contact, persona): (&ContactId, Persona),
        standing: Standing,
        epoch: &Arc<str>,
    ) -> Self {
        Self {
            id: ConvId::new(format!("{account}/{contact}")),
            contact: contact.clone(),
            persona,
            standing,
            encrypted: false,
            epoch: epoch.clone(),
            first: 0,
            kept: VecDeque::new(),
        }
    }

    pub(crate) fn info(&self) -> ConvInfo {
        ConvInfo {
            id: self.id.clone(),
            kind: ConvKind::Direct { contact: self.contact.clone() },
            name: None,
            encrypted: self.encrypted,
        }
    }

    /// A message to point at, with its words as far as they are kept.
    pub(crate) fn reference(&self, id: RemoteId) -> Reference {
        let quote = self.kept.iter().find(|happening| happening.remote_id.as_ref() == Some(&id));
        let quote = quote.and_then(|happening| match &happening.event {
            Event::Message { text, .. } => Some(Quote(text.clone())),
            _ => None,
        });
        Reference { id, quote }
    }

    /// Somebody does something to a message.
    pub(crate) fn annotated(&self, who: &ContactId, is_me: bool, annotation: Annotation) -> Happening {
        let quote = match &annotation {
            Annotation::React { target, .. } => self.reference(target.clone()).quote,
            _ => None,
        };
        Happening::by(who, is_me, Event::Annotated { annotation, quote })
    }

    /// Whether the event is there; for `mine`, whether the user did it.
    pub(crate) fn has(&self, id: &RemoteId, mine: bool) -> bool {
        let is_it = |happening: &&Happening| happening.remote_id.as_ref() == Some(id);
        self.kept.iter().find(is_it).and_then(|it| it.sender.as_ref()).is_some_and(|sender| sender.is_me || !mine)
    }

    /// Adds what happened.
    pub(crate) fn push(&mut self, happening: Happening) {
        let number = self.first + self.kept.len() + 1;
        let security = if self.encrypted { Security::Encrypted { verified: true } } else { Security::Plain };
        self.kept.push_back(Happening {
            conv: Some(self.id.clone()),
            position: Some(Position::new(format!("{}.{number}", self.epoch))),
            security,
            ..happening
        });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
            self.first += 1;
        }
    }

    /// What happened after the first `seen` happenings, and how many are seen then.
    pub(crate) fn after(&self, seen: usize) -> Option<(usize, Happening)> {
        let number = seen.max(self.first);
        self.kept.get(number - self.first).map(|happening| (number + 1, happening.clone()))
    }

    /// How many happenings a position lies behind; none if it is of an earlier memory.
    pub(crate) fn seen(&self, position: Option<&Position>) -> usize {
        position
            .and_then(|position| position.as_str().rsplit_once('.'))
            .filter(|(epoch, _)| *epoch == &*self.epoch)
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(0)
    }
}
