//! What an event of the network is to the user's client: a message, and what it is to an earlier one.

use std::collections::HashSet;

use drawbridge_bridge::{Annotation, Attachment, Caption, ContactId, Event, Plaintext, Quote, Reference, RemoteId};
use rusqlite::Transaction;

use crate::message::{File, Kind, Message, REACTIONS, Relation, shortened};
use crate::store::reactions::{self, NewReaction};
use crate::store::{Result, Sealer, UserId, links};

/// One event of a conversation with a contact.
pub(super) struct Told<'a> {
    pub(super) user: UserId,
    pub(super) contact: &'a ContactId,
    pub(super) remote: &'a RemoteId,
    pub(super) version: u32,
    /// The user did it, in another client.
    pub(super) mine: bool,
    /// It came in clear, though the conversation is encrypted.
    pub(super) clear: bool,
    /// Its words must not be written to the disk.
    pub(super) unwritten: bool,
    pub(super) now: i64,
}

/// The message, and of a correction the far event of the message in its first form.
type Shown = Option<(Message, Option<RemoteId>)>;

const UNDECRYPTABLE: &str = "[A message that cannot be decrypted yet. It will follow when its key arrives.]";
const IN_CLEAR: &str = "[not encrypted on the way to you] ";

impl Told<'_> {
    /// What there is to be shown. Nothing of what its sender had no right to do, or what was known before.
    pub(super) fn message(&self, db: &Transaction<'_>, sealer: &Sealer, event: Event) -> Result<Shown> {
        match event {
            Event::Message { text, reply_to, file } => self.said(db, text, reply_to, file),
            Event::Annotated { annotation, quote } => match annotation {
                Annotation::Edit { target, text } => self.corrected(db, target, text),
                Annotation::Retract { target } => self.retracted(db, sealer, &target),
                Annotation::React { target, key } => self.reacted(db, sealer, &target, key, quote.as_ref()),
            },
            _ => Ok(Some((Message::says(Plaintext::new(UNDECRYPTABLE)), None))),
        }
    }

    fn said(
        &self,
        db: &Transaction<'_>,
        text: Plaintext,
        reply_to: Option<Reference>,
        file: Option<Box<Attachment>>,
    ) -> Result<Shown> {
        if let Some(file) = file.filter(|_| !self.mine) {
            // Decrypted late it is no correction: clients show an address in the place of words as an address.
            return Ok(Some((Message { file: Some(File::Far(*file)), ..Message::says(text) }, None)));
        }
        let mut message = Message::says(self.marked(text));
        if self.version > 0
            && let Some((stanza, _)) = self.known(db, self.remote)?
        {
            // Decrypted at last: it stands in the place of the words that said that it is not.
            message.relation = Some(Relation { kind: Kind::Correction, stanza, own: self.mine });
            return Ok(Some((message, Some(self.remote.clone()))));
        }
        if let Some(Reference { id, quote }) = reply_to {
            let known = self.known(db, &id)?;
            message.quote = quote.as_ref().and_then(shortened);
            message.relation = known.map(|(stanza, own)| Relation { kind: Kind::Reply, stanza, own });
        }
        Ok(Some((message, None)))
    }

    /// What belongs beside a file, which says no more than what it is then; and beside the retraction of what was more than one
    /// message here.
    pub(super) fn beside(&self, db: &Transaction<'_>, message: &mut Message) -> Result<Vec<Message>> {
        if let Some(Relation { kind: Kind::Retraction, stanza, own }) = &message.relation {
            let (kind, own) = (Kind::Retraction, *own);
            let parts = links::other_parts(db, self.user, self.contact, stanza)?.into_iter();
            let relation = |stanza| Some(Relation { kind, stanza, own });
            return Ok(parts.map(|stanza| Message { relation: relation(stanza), ..message.clone() }).collect());
        }
        let Some(File::Far(Attachment { caption, .. })) = &message.file else { return Ok(Vec::new()) };
        let caption = caption.as_ref().map(|Caption(caption)| caption.expose());
        let about = message.text.expose();
        let about = caption.and_then(|caption| about.strip_suffix(caption)).map_or(about, str::trim_end).to_owned();
        let said = match (caption, self.clear) {
            (None, false) => Vec::new(),
            (caption, _) => vec![Message::says(self.marked(Plaintext::new(caption.unwrap_or_default())))],
        };
        message.text = Plaintext::new(about);
        Ok(said)
    }

    /// Only who wrote a message can correct it. One that is not known is shown by itself.
    fn corrected(&self, db: &Transaction<'_>, target: RemoteId, text: Plaintext) -> Result<Shown> {
        let mut message = Message::says(self.marked(text));
        match self.known(db, &target)? {
            Some((_, own)) if own != self.mine => return Ok(None),
            Some((stanza, own)) => {
                // Words in the place of a file are those that were said beside it.
                let stanza = links::other_parts(db, self.user, self.contact, &stanza)?.pop().unwrap_or(stanza);
                message.relation = Some(Relation { kind: Kind::Correction, stanza, own });
            }
            None => message.text = Plaintext::new(format!("* {}", message.text.expose())),
        }
        Ok(Some((message, Some(target))))
    }

    /// Only who wrote a message, or reacted, can take that back.
    fn retracted(&self, db: &Transaction<'_>, sealer: &Sealer, target: &RemoteId) -> Result<Shown> {
        if let Some(message) = reactions::remove(db, self.user, self.contact, target, self.mine)? {
            return self.reactions(db, sealer, &message, None);
        }
        let Some((stanza, own)) = self.known(db, target)? else { return Ok(None) };
        if own != self.mine || !links::retract(db, self.user, self.contact, target)? {
            return Ok(None);
        }
        let relation = Some(Relation { kind: Kind::Retraction, stanza, own });
        Ok(Some((Message { relation, ..Message::says(Plaintext::new("")) }, None)))
    }

    fn reacted(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        target: &RemoteId,
        sign: Plaintext,
        quote: Option<&Quote>,
    ) -> Result<Shown> {
        let (most, longest) = REACTIONS;
        let there = || reactions::of(db, sealer, self.user, self.contact, target, self.mine);
        if sign.expose().len() > longest || sign.expose().contains('\n') || there()?.len() >= most {
            return Ok(None);
        }
        let (remote, mine, unwritten) = (self.remote.clone(), self.mine, self.unwritten);
        let reaction = NewReaction { target: target.clone(), remote, mine, sign, unwritten };
        if !reactions::add(db, sealer, self.user, self.contact, &reaction, self.now)? {
            return Ok(None);
        }
        self.reactions(db, sealer, target, quote)
    }

    /// All that somebody reacts with to a message (XEP-0444, section 3.2).
    fn reactions(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        target: &RemoteId,
        quote: Option<&Quote>,
    ) -> Result<Shown> {
        let all = reactions::of(db, sealer, self.user, self.contact, target, self.mine)?;
        let mut signs: Vec<_> = all.iter().filter_map(|it| it.sign.as_ref().map(Plaintext::expose)).collect();
        let mut known = HashSet::new();
        signs.retain(|sign| known.insert(*sign));
        let relation = |(stanza, own)| Relation { kind: Kind::Reactions, stanza, own };
        let message = Message {
            text: Plaintext::new(signs.join("\n")),
            quote: quote.and_then(shortened),
            relation: self.known(db, target)?.map(relation),
            file: None,
        };
        Ok(match message.relation {
            Some(_) => Some((message, None)),
            None if self.mine => None,
            None => {
                let relation = Some(relation((String::new(), false)));
                Some((Message::says(Message { relation, ..message }.in_words(false)), None))
            }
        })
    }

    fn known(&self, db: &Transaction<'_>, remote: &RemoteId) -> Result<Option<(String, bool)>> {
        links::first_stanza(db, self.user, self.contact, remote)
    }

    fn marked(&self, text: Plaintext) -> Plaintext {
        if self.clear { Plaintext::new(format!("{IN_CLEAR}{}", text.expose())) } else { text }
    }
}
