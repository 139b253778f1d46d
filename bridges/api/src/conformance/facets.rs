//! Promises about what exists, and about facets: to advertise is to implement.

use tokio::time::{Instant, sleep};

use super::{Broken, Harness, Stage, broken, ensure};
use crate::{ConvId, ConvKind, Error};

pub(super) async fn not_found(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let (session, nobody, nowhere) = (&stage.session, harness.nobody(), ConvId::new("nowhere"));
    let not_found = |what: &str, result: Option<Error>| {
        ensure(matches!(result, Some(Error::NotFound)), format!("{what} is answered with {result:?}"))
    };
    not_found("an unknown contact", session.contact(&nobody).await.err())?;
    not_found("an unknown conversation", session.conversation(&nowhere).await.err())?;
    if let Some(direct) = session.direct() {
        not_found("talking to nobody", direct.open(&nobody).await.err())?;
        not_found("accepting no invitation", direct.accept(&nowhere).await.err())?;
        not_found("leaving no conversation", direct.leave(&nowhere).await.err())?;
    }
    if let Some(directory) = session.directory() {
        not_found("resolving nobody", directory.resolve(&nobody).await.err())?;
    }
    stage.stop().await.map(drop)
}

pub(super) async fn direct(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let info = stage.session.conversation(&stage.conv).await.map_err(broken("asking for the conversation"))?;
    ensure(info.id == stage.conv, "a conversation has another id")?;
    if let Some(direct) = stage.session.direct() {
        let again = direct.open(&harness.contact()).await.map_err(broken("opening a conversation again"))?;
        ensure(again.id == stage.conv, "opening a conversation twice makes two")?;
        ensure(
            again.kind == ConvKind::Direct { contact: harness.contact() },
            "a direct conversation is not with its contact",
        )?;
        let caps = stage.session.caps(Some(&stage.conv));
        ensure(caps.encrypted == again.encrypted, "abilities and conversation differ on encryption")?;
    }
    stage.stop().await.map(drop)
}

pub(super) async fn directory(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    if let Some(directory) = stage.session.directory() {
        let contact = harness.contact();
        let found = directory.resolve(&contact).await.map_err(broken("resolving the contact"))?;
        ensure(found.id == contact, "the contact resolves to somebody else")?;
        let matches = directory.search(contact.as_str(), 5).await.map_err(broken("searching"))?;
        ensure(matches.iter().any(|info| info.id == contact), "a search for the contact's id does not find them")?;
        let none = directory.search(contact.as_str(), 0).await.map_err(broken("searching"))?;
        ensure(none.is_empty(), "a search for at most nobody finds somebody")?;
        let all = directory.conversations().await.map_err(broken("listing conversations"))?;
        ensure(all.iter().any(|info| info.id == stage.conv), "the conversation is not listed")?;
    }
    stage.stop().await.map(drop)
}

pub(super) async fn signals(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    if let Some(signals) = stage.session.signals() {
        for on in [true, false] {
            signals.typing(&stage.conv, on).await.map_err(broken("typing"))?;
            let deadline = Instant::now() + harness.patience();
            while harness.contact_sees_typing(&stage.conv).await != on {
                ensure(Instant::now() < deadline, format!("the contact does not see typing = {on}"))?;
                sleep(harness.quiet() / 10).await;
            }
        }
        harness.contact_says(&stage.conv, "read this").await;
        stage.texts(1).await;
        let last = stage.keeper.messages(&stage.conv).pop().and_then(|envelope| envelope.remote_id);
        let last = last.ok_or_else(|| Broken("the contact's message does not come, or has no far id".into()))?;
        signals.displayed(&stage.conv, &last).await.map_err(broken("displaying"))?;
        let deadline = Instant::now() + harness.patience();
        while harness.contact_sees_read(&stage.conv).await.as_ref() != Some(&last) {
            ensure(Instant::now() < deadline, "the contact does not see that the user has read their message")?;
            sleep(harness.quiet() / 10).await;
        }
    }
    stage.stop().await.map(drop)
}
