//! Promises about the life of a session.

use super::{Broken, Harness, Stage, ensure};
use crate::{Exit, SendError};

pub(super) async fn stops(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    for time in ["first", "second"] {
        let exit = stage.stop().await?;
        ensure(exit == Exit::Stopped, format!("asked to stop the {time} time, the run ended as {exit:?}"))?;
        // The same session again, as after a retry.
        stage.start();
    }
    harness.contact_says(&stage.conv, "still there?").await;
    let texts = stage.texts(1).await;
    ensure(texts == ["still there?"], format!("a session that was run again delivers {texts:?}"))?;
    stage.stop().await.map(drop)
}

pub(super) async fn logs_out(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    stage.send("goodbye", "t1").await.map_err(|error| Broken(format!("sending: {error}")))?;
    stage.session.logout().await.map_err(super::broken("logging out"))?;

    let exit = stage.ended().await?;
    ensure(exit == Exit::LoggedOut, format!("after a logout the run ended as {exit:?}"))?;
    let sent = stage.send("too late", "t2").await;
    ensure(matches!(sent, Err(SendError::LoggedOut)), format!("after a logout, sending is answered with {sent:?}"))?;
    let left: Vec<_> = files_below(&stage.place.dir);
    ensure(left.is_empty(), format!("after a logout, files are left: {left:?}"))?;

    // The record may still open; but it is of no use.
    if let Ok(session) = stage.open_again() {
        stage.session = session;
        stage.start();
        let exit = stage.ended().await?;
        ensure(exit == Exit::LoggedOut, format!("a login that was logged out runs again, and ended as {exit:?}"))?;
    }
    Ok(())
}

fn files_below(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
