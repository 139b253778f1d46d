//! Commands as a conversation with the gateway's own JID.

use std::sync::{Arc, PoisonError};

use drawbridge_bridge::{Plaintext, Secret};
use jid::FullJid;

use super::desk::Open;
use super::{Answers, Asker, Command, Dialogue, Door, Failure, Form, Kind, Output, Stepped, find};
use crate::accounts::AccountError;
use crate::keeper::Keeper;

/// Answers what a person wrote to the gateway: messages to send back, in order, on the same way.
///
/// `secure` tells whether their XMPP server could not read it. To be called one at a time for each person.
pub async fn chat(keeper: &Arc<Keeper>, from: &FullJid, secure: bool, text: &Plaintext) -> Vec<String> {
    let asker = Asker { keeper: keeper.clone(), jid: from.to_bare(), door: Door::Chat { secure } };
    let desk = &keeper.accounts.desk;
    match desk.current(&asker) {
        Some(open) if is_cancel(text) => {
            desk.cancel(&asker, open.id()).await;
            vec!["Given up. Nothing was changed.".into()]
        }
        Some(open) => answer(&asker, &open, text.expose()).await,
        None => request(&asker, text.expose()).await,
    }
}

fn is_cancel(text: &Plaintext) -> bool {
    text.expose().trim().eq_ignore_ascii_case("cancel")
}

/// A new command: its name, and if the person knows them, answers as `name=value`.
async fn request(asker: &Asker, text: &str) -> Vec<String> {
    let mut words = text.split_whitespace();
    let node = words.next().unwrap_or_default().trim_start_matches(['/', '!']).to_lowercase();
    let Some(command) = find(&node) else {
        // Not repeated: it may be a password that came too late. Refused people learn only that.
        return vec![match asker.keeper.accounts.allowed(&asker.jid) {
            true if node == "cancel" => "There is nothing to give up.".into(),
            true => "I do not know this command. Write help to see what I can do.".into(),
            false => Failure::from(AccountError::NotAllowed).to_string(),
        }];
    };
    begin(asker, command, words).await
}

async fn begin(asker: &Asker, command: &'static Command, words: impl Iterator<Item = &str>) -> Vec<String> {
    let desk = &asker.keeper.accounts.desk;
    let mut stepped = desk.begin(asker, command).await;
    let mut said = tell(&stepped);
    let Some(form) = stepped.form.take().filter(|_| stepped.open) else { return said };
    let dialogue = Dialogue::new(form.clone(), &known(&form, words));
    if dialogue.question().is_some() {
        said.extend(ask(asker, &stepped.id, dialogue));
        return said;
    }
    // Everything was known already.
    match desk.go_on(asker, &stepped.id, dialogue.into_answers()).await {
        Some(stepped) => go_on(asker, stepped, &Answers::default()),
        None => said,
    }
}

/// What the person gave with the command. A secret is never taken from there: the warning comes first.
fn known<'a>(form: &Form, words: impl Iterator<Item = &'a str>) -> Answers {
    let in_view = |name: &str| form.questions.iter().any(|q| q.name == name && q.kind != Kind::Hidden);
    let given = words.filter_map(|word| word.split_once('=')).filter(|(name, _)| in_view(name));
    Answers { values: given.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect() }
}

/// The answer to the question that waits.
async fn answer(asker: &Asker, open: &Arc<Open>, text: &str) -> Vec<String> {
    let complete = {
        let mut dialogue = open.dialogue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asking) = dialogue.as_mut() {
            if let Err(wrong) = asking.answer(text) {
                return vec![wrong];
            }
            if let Some(next) = asking.question() {
                return vec![next.prompt()];
            }
        }
        // If nothing was asked, something was shown; whatever is written means to go on.
        dialogue.take().map(Dialogue::into_answers).unwrap_or_default()
    };
    match asker.keeper.accounts.desk.go_on(asker, open.id(), complete.clone()).await {
        Some(stepped) => go_on(asker, stepped, &complete),
        None => vec!["That took too long. Please begin again.".into()],
    }
}

/// What came of a step, and the first question of the form that waits now.
fn go_on(asker: &Asker, mut stepped: Stepped, answered: &Answers) -> Vec<String> {
    let mut said = tell(&stepped);
    if let Some(form) = stepped.form.take().filter(|_| stepped.open) {
        said.extend(ask(asker, &stepped.id, Dialogue::again(form, answered)));
    }
    said
}

fn ask(asker: &Asker, id: &str, dialogue: Dialogue) -> Option<String> {
    let prompt = dialogue.question()?.prompt();
    let open = asker.keeper.accounts.desk.current(asker).filter(|open| open.id() == id)?;
    *open.dialogue.lock().unwrap_or_else(PoisonError::into_inner) = Some(dialogue);
    Some(prompt)
}

/// What came of a step, in words.
fn tell(stepped: &Stepped) -> Vec<String> {
    match &stepped.result {
        Ok(Output::Done(text)) => vec![text.clone()],
        Ok(Output::Show(text)) => vec![text.clone(), "Write ok when you have done that, or cancel.".into()],
        Ok(Output::Form(form)) if form.instructions.is_empty() => Vec::new(),
        Ok(Output::Form(form)) => vec![form.instructions.clone()],
        Err(failure) => vec![failure.to_string()],
    }
}
