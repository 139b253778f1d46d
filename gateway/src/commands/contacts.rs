//! `contacts`: whom the user can reach, and under which address.

use async_trait::async_trait;

use super::{Answers, Asker, Command, Failure, Output, Steps, Who};
use crate::accounts::AccountError;
use crate::keeper::Peer;
use crate::store::{Contact, contacts};

pub(super) const COMMAND: Command = Command {
    node: "contacts",
    title: "Contacts",
    about: "list your contacts and their addresses here",
    who: Who::Registered,
    begin: || Box::new(List),
};

/// More would not fit a message that people read.
const MOST: usize = 200;

struct List;

#[async_trait]
impl Steps for List {
    async fn step(&mut self, asker: &Asker, _: Answers) -> Result<Output, Failure> {
        let user = asker.user().await?;
        let all =
            asker.keeper.store.call(move |db, _| contacts::all(db, user.id)).await.map_err(AccountError::Store)?;
        if all.is_empty() {
            return Ok(Output::Done("You have no contacts here yet.".into()));
        }
        let mut lines: Vec<_> = all.iter().take(MOST).map(|contact| line(asker, contact)).collect();
        if all.len() > MOST {
            lines.push(format!("and {} more", all.len() - MOST));
        }
        Ok(Output::Done(lines.join("\n")))
    }
}

fn line(asker: &Asker, contact: &Contact) -> String {
    let id = &contact.info.id;
    let jid = asker.keeper.jid(&Peer::Contact(id.clone()));
    let address = jid.map_or_else(|| "no address here".into(), |jid| jid.to_string());
    let name = contact.info.name.as_deref().map(|name| format!("{name}, ")).unwrap_or_default();
    let standing = match contact {
        Contact { blocked: Some(_), .. } => " (stopped: see status)",
        Contact { invite: true, .. } => " (wants to talk to you)",
        Contact { conv: Some(_), encrypted: false, .. } => " (not encrypted there)",
        _ => "",
    };
    format!("{name}{id}: {address}{standing}")
}
