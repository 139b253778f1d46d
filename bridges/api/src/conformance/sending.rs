//! Promises about messages of the user.

use super::{Broken, Harness, Stage, ensure, unsent};
use crate::{SendError, TxnId};

pub(super) async fn arrives(harness: &dyn Harness) -> Result<(), Broken> {
    let texts = [
        "plain",
        "snowman \u{2603}, family \u{1f469}\u{200d}\u{1f467}",
        "<b>&amp;</b> *not* _markup_",
        "two\nlines",
        "last",
    ];
    let mut stage = Stage::set(harness).await?;
    let mut ids = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        ids.push(stage.send(text, &format!("t{number}")).await.map_err(unsent)?.remote_id);
    }
    let heard = stage.heard(texts.len()).await;
    ensure(heard == texts, format!("the contact heard {heard:?} instead of {texts:?}"))?;
    ids.sort();
    ids.dedup();
    ensure(ids.len() == texts.len(), "different messages got the same far id")?;
    stage.stop().await.map(drop)
}

pub(super) async fn once(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let (first, at_once) = tokio::join!(stage.send("hello", "t1"), stage.send("hello", "t1"));
    let again = stage.send("hello", "t1").await.map_err(unsent)?;
    ensure(first.map_err(unsent)? == again && at_once.map_err(unsent)? == again, "one message got several far ids")?;
    stage.send("hello", "t2").await.map_err(unsent)?;
    let heard = stage.heard(2).await;
    ensure(heard == ["hello", "hello"], format!("two messages, one of them sent three times, arrived as {heard:?}"))?;
    stage.stop().await.map(drop)
}

pub(super) async fn once_over_restart(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let before = stage.send("hello", "t1").await.map_err(unsent)?;
    stage.reopen().await?;
    let after = stage.send("hello", "t1").await.map_err(unsent)?;
    ensure(before == after, "the same message has another far id after a restart")?;
    let heard = stage.heard(1).await;
    ensure(heard == ["hello"], format!("a message sent again after a restart arrived as {heard:?}"))?;
    stage.stop().await.map(drop)
}

pub(super) async fn known_without_the_message(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let sent = stage.send("hello", "t1").await.map_err(unsent)?;
    for when in ["at once", "after a restart"] {
        let known = stage.session.sent(&stage.conv, &TxnId::new("t1")).await.map_err(unsent)?;
        ensure(known.as_ref() == Some(&sent), format!("of a message that was sent is known {when}: {known:?}"))?;
        let unknown = stage.session.sent(&stage.conv, &TxnId::new("t2")).await.map_err(unsent)?;
        ensure(unknown.is_none(), format!("of a message that never was is known {when}: {unknown:?}"))?;
        stage.reopen().await?;
    }
    let heard = stage.heard(1).await;
    ensure(heard == ["hello"], format!("after asking, the contact has heard {heard:?}"))?;
    stage.stop().await.map(drop)
}

pub(super) async fn size_limit(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let longest = "x".repeat(stage.session.caps(Some(&stage.conv)).max_text);
    let too_long = stage.send(&format!("{longest}x"), "t1").await;
    ensure(
        matches!(too_long, Err(SendError::TooBig)),
        format!("a text that is too long is answered with {too_long:?}"),
    )?;
    stage.send(&longest, "t2").await.map_err(unsent)?;
    let heard: Vec<_> = stage.heard(1).await.iter().map(String::len).collect();
    ensure(heard == [longest.len()], format!("of a longest text, and one longer, arrived texts of {heard:?} octets"))?;
    stage.stop().await.map(drop)
}
