//! What the echo network can do beyond messages.

use async_trait::async_trait;
use drawbridge_bridge::{
    Annotate, Annotation, Attachment, Availability, ContactId, ContactInfo, ConvId, ConvInfo, Direct, Directory, Error,
    Event, FileContent, Handle, Media, OutFile, RemoteId, SendError, Sent, Session, Signals, TxnId,
};

use crate::{
    Annotated, Received, contacts, far_user,
    session::{EchoSession, New},
    talk::{Happening, Standing, Talk},
    world::Account,
};

#[async_trait]
impl Direct for EchoSession {
    async fn open(&self, contact: &ContactId) -> Result<ConvInfo, Error> {
        self.contact(contact).await?;
        let (epoch, person) = self.world.visit(|world| (world.epoch.clone(), world.persona(contact)));
        self.change(|account| {
            let new = || Talk::new(&self.account, person, Standing::Joined, &epoch);
            let talk = account.talks.entry(contact.clone()).or_insert_with(new);
            talk.standing = Standing::Joined;
            Ok(talk.info())
        })
    }

    async fn accept(&self, conv: &ConvId) -> Result<ConvInfo, Error> {
        self.change(|account| {
            let info = restand(account, conv, Standing::Invited, Standing::Joined)?;
            let joined = Happening::new(Event::ConvUpsert(info.clone()));
            account.live.push_back(Happening { conv: Some(conv.clone()), ..joined });
            Ok(info)
        })
    }

    async fn decline(&self, conv: &ConvId) -> Result<(), Error> {
        self.change(|account| restand(account, conv, Standing::Invited, Standing::Left).map(drop))
    }

    async fn leave(&self, conv: &ConvId) -> Result<(), Error> {
        self.change(|account| restand(account, conv, Standing::Joined, Standing::Left).map(drop))
    }
}

#[async_trait]
impl Directory for EchoSession {
    async fn resolve(&self, contact: &ContactId) -> Result<ContactInfo, Error> {
        self.contact(contact).await
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<ContactInfo>, Error> {
        let matching = |id: &&ContactId| id.as_str().contains(text);
        Ok(self.world.visit(|world| world.contacts.keys().filter(matching).take(limit).map(contacts::info).collect()))
    }

    async fn conversations(&self) -> Result<Vec<ConvInfo>, Error> {
        self.change(|account| {
            let joined = account.talks.values().filter(|talk| talk.standing == Standing::Joined);
            Ok(joined.map(Talk::info).collect())
        })
    }
}

#[async_trait]
impl Signals for EchoSession {
    async fn typing(&self, conv: &ConvId, on: bool) -> Result<(), Error> {
        self.conversation(conv).await?;
        self.change(|account| {
            account.typing.insert(conv.clone(), on);
            Ok(())
        })
    }

    async fn displayed(&self, conv: &ConvId, remote_id: &RemoteId) -> Result<(), Error> {
        self.conversation(conv).await?;
        self.change(|account| {
            account.displayed.insert(conv.clone(), remote_id.clone());
            Ok(())
        })
    }

    async fn presence(&self, availability: Availability, status: Option<&str>) -> Result<(), Error> {
        self.change(|account| {
            account.presence = Some((availability, status.map(str::to_owned)));
            Ok(())
        })
    }
}

#[async_trait]
impl Annotate for EchoSession {
    async fn annotate(&self, conv: &ConvId, annotation: Annotation, txn: TxnId) -> Result<Sent, SendError> {
        let (target, mine) = match &annotation {
            Annotation::Edit { target, .. } | Annotation::Retract { target } => (target.clone(), true),
            Annotation::React { target, .. } => (target.clone(), false),
        };
        let me = &self.account;
        self.world.change(|world| {
            let may = |talk: &Talk| match talk.has(&target, mine) {
                true => Ok(()),
                false => Err(SendError::Rejected("there is no such message of yours".into())),
            };
            let take = |account: &mut Account, contact, New { id, answer }| {
                let done = Annotated { contact, annotation, txn: txn.clone(), remote_id: id };
                account.annotate(me, done, answer);
            };
            self.take(world, conv, &txn, may, take)
        })
    }

    fn encrypts_reactions(&self) -> bool {
        true
    }
}

#[async_trait]
impl Media for EchoSession {
    async fn fetch(&self, handle: &Handle, max: usize) -> Result<FileContent, Error> {
        let content = self.world.visit(|world| world.file(handle).cloned()).ok_or(Error::NotFound)?;
        match content.expose().len() <= max {
            true => Ok(content),
            false => Err(Error::Rejected("the file is too long".into())),
        }
    }

    async fn share(&self, file: OutFile, txn: TxnId) -> Result<Sent, SendError> {
        let OutFile { conv, info, content, caption } = file;
        let me = &self.account;
        self.world.change(|world| {
            let file = Attachment { info, caption, handle: world.keep(content) };
            let take = |account: &mut Account, contact, New { id, answer }| {
                let text = far_user::described(&file);
                let file = Some(Box::new(file));
                let received = Received { contact, text, file, reply_to: None, txn: txn.clone(), remote_id: id };
                account.accept(me, received, answer);
            };
            self.take(world, &conv, &txn, |_| Ok(()), take)
        })
    }
}

fn restand(account: &mut Account, conv: &ConvId, from: Standing, to: Standing) -> Result<ConvInfo, Error> {
    let talk = account.talk(conv).filter(|talk| talk.standing == from).ok_or(Error::NotFound)?;
    talk.standing = to;
    Ok(talk.info())
}
