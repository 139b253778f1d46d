//! Promises about what is done to messages: replies, corrections, retractions, reactions.

use tokio::time::{Instant, sleep};

use super::{Broken, Harness, Seen, Stage, ensure, unsent};
use crate::{Annotate, Annotation, Envelope, Event, OutMessage, Plaintext, RemoteId, SendError, TxnId};

pub(super) async fn arrive(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let Some(annotate) = stage.session.annotate() else { return stage.stop().await.map(drop) };
    harness.contact_says(&stage.conv, "what do you say?").await;
    stage.texts(1).await;
    let theirs = last(&stage)?;
    let mine = stage.send("nothing", "t1").await.map_err(unsent)?.remote_id;

    let text = Plaintext::new("something");
    let reply = OutMessage { conv: stage.conv.clone(), text: text.clone(), reply_to: Some(theirs.clone()) };
    let reply = stage.session.send(reply, TxnId::new("t2")).await.map_err(unsent)?.remote_id;
    let mut seen = vec![Seen::Reply { to: theirs.clone(), text: "something".to_owned() }];
    let react = |target: &RemoteId, key: &str| Annotation::React { target: target.clone(), key: Plaintext::new(key) };
    for (number, annotation) in [
        Annotation::Edit { target: mine.clone(), text: Plaintext::new("*nothing* yet") },
        Annotation::Edit { target: mine.clone(), text: Plaintext::new("nothing at all") },
        react(&theirs, "\u{1f44d}"),
        react(&theirs, "\u{1f1ea}\u{1f1fa}"),
        Annotation::Retract { target: reply },
    ]
    .into_iter()
    .enumerate()
    {
        twice(&stage, annotate, &annotation, &format!("a{number}")).await?;
        seen.push(Seen::Annotated(annotation));
    }
    let thumb = annotate.annotate(&stage.conv, react(&theirs, "\u{1f44d}"), TxnId::new("a2")).await;
    let retraction = Annotation::Retract { target: thumb.map_err(unsent)?.remote_id };
    twice(&stage, annotate, &retraction, "a5").await?;
    seen.push(Seen::Annotated(retraction));

    let deadline = Instant::now() + harness.patience();
    while harness.contact_sees(&stage.conv).await.len() < seen.len() && Instant::now() < deadline {
        sleep(harness.quiet() / 10).await;
    }
    sleep(harness.quiet()).await;
    let saw = harness.contact_sees(&stage.conv).await;
    let first = saw.iter().zip(&seen).position(|(is, should)| is != should).unwrap_or(saw.len().min(seen.len()));
    ensure(
        saw == seen,
        format!("the contact sees {} things instead of {}, from number {first}", saw.len(), seen.len()),
    )?;
    let stranger = Annotation::Retract { target: RemoteId::new("nothing") };
    let refused = annotate.annotate(&stage.conv, stranger, TxnId::new("a9")).await;
    ensure(
        matches!(refused, Err(SendError::Rejected(_))),
        format!("taking back what is not there is answered with {refused:?}"),
    )?;
    stage.stop().await.map(drop)
}

pub(super) async fn come_in(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    if stage.session.annotate().is_none() {
        return stage.stop().await.map(drop);
    }
    let mine = stage.send("a question", "t1").await.map_err(unsent)?.remote_id;
    harness.contact_replies(&stage.conv, &mine, "an answer").await;
    let events = arrived(&stage, 1).await;
    let answer = match events.first().map(|envelope| (&envelope.event, &envelope.remote_id)) {
        Some((Event::Message { text, reply_to: Some(to), .. }, Some(id))) => {
            ensure(text.expose() == "an answer", "the words of a reply are others")?;
            ensure(to.id == mine, "a reply is to another message")?;
            let quote = to.quote.as_ref().map(|quote| quote.0.expose());
            ensure(quote.is_none_or(|quote| quote == "a question"), "a reply quotes other words")?;
            id.clone()
        }
        other => return Err(Broken(format!("a reply comes as {other:?}"))),
    };
    let edit = Annotation::Edit { target: answer.clone(), text: Plaintext::new("a better answer") };
    let react = Annotation::React { target: mine, key: Plaintext::new("\u{2764}\u{fe0f}") };
    for annotation in [&edit, &react] {
        harness.contact_annotates(&stage.conv, annotation.clone()).await;
    }
    let events = arrived(&stage, 3).await;
    let annotation = |number: usize| match events.get(number).map(|envelope| &envelope.event) {
        Some(Event::Annotated { annotation, .. }) => Some(annotation),
        _ => None,
    };
    ensure(annotation(1) == Some(&edit), "a correction comes as something else")?;
    ensure(annotation(2) == Some(&react), "a reaction comes as something else")?;
    let reaction = events.get(2).and_then(|envelope| envelope.remote_id.clone());
    let reaction = reaction.ok_or_else(|| Broken("a reaction has no far id".into()))?;
    for (number, target) in [reaction, answer].into_iter().enumerate() {
        let retraction = Annotation::Retract { target };
        harness.contact_annotates(&stage.conv, retraction.clone()).await;
        let is_it = match arrived(&stage, number + 4).await.get(number + 3).map(|envelope| &envelope.event) {
            Some(Event::Annotated { annotation, .. }) => *annotation == retraction,
            _ => false,
        };
        ensure(is_it, format!("retraction {number} comes as something else"))?;
    }
    stage.stop().await.map(drop)
}

/// The same transaction again does nothing twice.
async fn twice(stage: &Stage<'_>, annotate: &dyn Annotate, annotation: &Annotation, txn: &str) -> Result<(), Broken> {
    let once = annotate.annotate(&stage.conv, annotation.clone(), TxnId::new(txn)).await.map_err(unsent)?;
    let again = annotate.annotate(&stage.conv, annotation.clone(), TxnId::new(txn)).await.map_err(unsent)?;
    ensure(once == again, "the same annotation got several far ids")
}

/// Waits until the keeper has so many events of the contact.
async fn arrived(stage: &Stage<'_>, count: usize) -> Vec<Envelope> {
    let deadline = Instant::now() + stage.harness.patience();
    while stage.keeper.events(&stage.conv).len() < count && Instant::now() < deadline {
        sleep(stage.harness.quiet() / 10).await;
    }
    stage.keeper.events(&stage.conv)
}

fn last(stage: &Stage<'_>) -> Result<RemoteId, Broken> {
    let last = stage.keeper.messages(&stage.conv).pop().and_then(|envelope| envelope.remote_id);
    last.ok_or_else(|| Broken("the contact's message does not come, or has no far id".into()))
}
