//! A login on its stage: opened, run, stopped and opened again.

use std::sync::Arc;

use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{Broken, Harness, Keeper, broken, ensure};
use crate::{
    CancellationToken, ConvId, Error, Exit, LoginGrant, LoginId, LoginInput, LoginRecord, LoginStep, OutMessage, Place,
    Plaintext, SendError, Sent, Session, TxnId,
};

/// One login with its keeper and its conversation with the harness's contact.
pub struct Stage<'a> {
    pub(super) harness: &'a dyn Harness,
    pub(super) record: LoginRecord,
    pub(super) place: Place,
    pub(super) keeper: Arc<Keeper>,
    pub(super) session: Arc<dyn Session>,
    pub(super) conv: ConvId,
    running: Option<(CancellationToken, JoinHandle<Exit>)>,
}

impl<'a> Stage<'a> {
    /// Logs in and runs the session.
    ///
    /// # Errors
    /// What failed.
    pub async fn set(harness: &'a dyn Harness) -> Result<Self, Broken> {
        let (grant, place) = log_in(harness).await?;
        let record = LoginRecord { id: LoginId::new("login-1"), account: grant.account, state: grant.state };
        let session = harness.network().open(record.clone(), place.clone()).map_err(broken("opening the login"))?;
        let keeper = Arc::new(Keeper::default());
        let conv = ConvId::new("");
        let mut stage = Self { harness, record, place, keeper, session, conv, running: None };
        stage.start();
        stage.conv = harness.conversation(&*stage.session).await?;
        Ok(stage)
    }

    /// Runs the session.
    pub(super) fn start(&mut self) {
        let stop = CancellationToken::new();
        let run = self.session.clone().run(self.keeper.clone(), stop.clone());
        self.running = Some((stop, tokio::spawn(run)));
    }

    /// Stops the session, and says how it ended.
    pub(super) async fn stop(&mut self) -> Result<Exit, Broken> {
        if let Some((stop, _)) = &self.running {
            stop.cancel();
        }
        self.ended().await
    }

    /// Waits for the session to end by itself.
    pub(super) async fn ended(&mut self) -> Result<Exit, Broken> {
        let (_, run) = self.running.take().ok_or_else(|| Broken("the session is not running".into()))?;
        let abort = run.abort_handle();
        match timeout(self.harness.patience(), run).await {
            Ok(exit) => exit.map_err(|error| Broken(format!("the session's run failed: {error}"))),
            Err(_) => {
                abort.abort();
                Err(Broken("the session's run does not end".into()))
            }
        }
    }

    /// Opens the login again as a new process would, and runs it.
    pub(super) async fn reopen(&mut self) -> Result<(), Broken> {
        if self.running.is_some() {
            self.stop().await?;
        }
        self.keeper.reopen();
        self.session = self.open_again().map_err(broken("opening the login again"))?;
        self.start();
        Ok(())
    }

    pub(super) fn open_again(&self) -> Result<Arc<dyn Session>, Error> {
        self.harness.network().open(self.record.clone(), self.place.clone())
    }

    pub(super) async fn send(&self, text: &str, txn: &str) -> Result<Sent, SendError> {
        let message = OutMessage { conv: self.conv.clone(), text: Plaintext::new(text), reply_to: None };
        self.session.send(message, TxnId::new(txn)).await
    }

    /// Waits until the keeper has `count` messages of the contact, then whether more come.
    pub(super) async fn texts(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + self.harness.patience();
        let mut changes = self.keeper.changes();
        while self.keeper.texts(&self.conv).len() < count {
            changes.mark_unchanged();
            if self.keeper.texts(&self.conv).len() >= count {
                break;
            }
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                break;
            }
        }
        sleep(self.harness.quiet()).await;
        self.keeper.texts(&self.conv)
    }

    /// Waits until the contact has heard `count` messages, then whether more come.
    pub(super) async fn heard(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + self.harness.patience();
        while self.harness.contact_heard(&self.conv).await.len() < count && Instant::now() < deadline {
            sleep(self.harness.quiet() / 10).await;
        }
        sleep(self.harness.quiet()).await;
        self.harness.contact_heard(&self.conv).await
    }
}

/// Logs somebody new in.
pub(super) async fn log_in(harness: &dyn Harness) -> Result<(LoginGrant, Place), Broken> {
    let (user, place, network) = (harness.user(), harness.place(), harness.network());
    let flow = network.login_flows().into_iter().next().ok_or_else(|| Broken("there is no way to log in".into()))?;
    let mut process = network.begin_login(&user, &flow.id, place.clone()).map_err(broken("beginning to log in"))?;
    let first = process.step(LoginInput::default()).await.map_err(broken("asking for the form"))?;
    ensure(!matches!(first, LoginStep::Done(_)), "an empty input logs in")?;
    match process.step(harness.right_input()).await.map_err(broken("logging in"))? {
        LoginStep::Done(grant) => Ok((grant, place)),
        other => Err(Broken(format!("the right input does not log in, but asks: {other:?}"))),
    }
}
