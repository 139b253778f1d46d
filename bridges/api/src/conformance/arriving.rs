//! Promises about events from the far side.

use super::{Broken, Harness, Stage, ensure, keeper::text};

pub(super) async fn order(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let said = say(&stage, "live", 20).await;
    let texts = stage.texts(said.len()).await;
    ensure(texts == said, format!("the contact said {said:?}, and {texts:?} came"))?;
    for envelope in stage.keeper.messages(&stage.conv) {
        ensure(envelope.login == stage.record.id, "an event of another login came")?;
        ensure(envelope.remote_id.is_some(), "a message came without far id")?;
        ensure(
            envelope.sender.is_some_and(|sender| sender.id == harness.contact()),
            "a message came by another sender",
        )?;
        ensure(envelope.echo_of.is_none(), "a contact's message came as an echo")?;
    }
    let placed = stage.keeper.messages(&stage.conv).iter().any(|envelope| envelope.position.is_some());
    ensure(placed, "no message came with a position to resume from")?;
    stage.stop().await.map(drop)
}

pub(super) async fn nothing_lost(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let mut said = say(&stage, "before", 3).await;
    stage.texts(said.len()).await;
    stage.keeper.close_after(4);
    said.extend(say(&stage, "while closing", 10).await);
    stage.ended().await?;
    said.extend(say(&stage, "away", 5).await);
    stage.reopen().await?;
    said.extend(say(&stage, "back", 3).await);

    let texts = stage.texts(said.len()).await;
    ensure(texts == said, format!("the contact said {said:?}, and over a restart {texts:?} came"))?;
    stage.stop().await.map(drop)
}

pub(super) async fn same_again(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let said = say(&stage, "once", 5).await;
    stage.texts(said.len()).await;
    stage.stop().await?;
    stage.keeper.forget_positions();
    stage.reopen().await?;
    let more = say(&stage, "more", 1).await;

    let texts = stage.texts(said.len() + more.len()).await;
    let all: Vec<_> = said.into_iter().chain(more).collect();
    ensure(texts == all, format!("the contact said {all:?}, and with doubles known by id {texts:?} came"))?;
    let messages = stage.keeper.messages(&stage.conv);
    for again in &messages {
        let same = |first: &&crate::Envelope| first.remote_id == again.remote_id && first.version == again.version;
        let first = messages.iter().find(same).and_then(|first| text(&first.event));
        ensure(first == text(&again.event), "an event came again with another content")?;
    }
    stage.stop().await.map(drop)
}

async fn say(stage: &Stage<'_>, what: &str, count: usize) -> Vec<String> {
    let texts: Vec<_> = (1..=count).map(|number| format!("{what} {number}")).collect();
    for text in &texts {
        stage.harness.contact_says(&stage.conv, text).await;
    }
    texts
}
