//! From the store to the network: the head of the conversation's queue, and nothing behind it before that is settled.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use drawbridge_bridge::{ContactId, ConvId, Error, SendError, Sent, Session, TxnId};
use tokio::sync::{Mutex, Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::input::{Input, Mailbox};
use crate::keeper::Keeper;
use crate::store::outbox::{self, Crossing};
use crate::store::{self, User, contacts, unix, witness};
use crate::xmpp::error::Condition;

/// What the task works with.
pub(super) struct Sender {
    pub(super) keeper: Arc<Keeper>,
    pub(super) user: User,
    pub(super) contact: ContactId,
    pub(super) mailbox: Mailbox,
    pub(super) work: Arc<Notify>,
    pub(super) stop: CancellationToken,
    /// Held while it works, so that the conversation does not end under it.
    pub(super) busy: Arc<Mutex<()>>,
    /// The file that is being sent, and since when.
    pub(super) trying: std::sync::Mutex<Option<(TxnId, Instant)>>,
}

/// A homeserver remembers a transaction id for hours; a message older than this is not tried again (security.md, F11).
const EXPIRY: Duration = Duration::from_secs(20 * 3600);
/// The first pause after a failure, doubled up to the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// A network that asks for more patience than this is asked again all the same: the message would expire unseen.
const PATIENCE: Duration = Duration::from_secs(3600);

const LATE: &str = "the message could not be delivered in time";
const UNENCRYPTED: &str = "the conversation is not encrypted on the network any more, and this was said in a session that \
                           promised that it is: nothing was sent";

/// How one attempt went.
pub(super) enum Attempt {
    Sent(drawbridge_bridge::RemoteId),
    /// Not before this pause, which the network asks for; with none, as soon as something changes.
    Later(Option<Duration>),
    Never(Condition, String),
    /// The network never got it, and its words went with an earlier process.
    Lost,
}

/// Works until stopped. A message in flight is settled first.
pub(super) async fn run(sender: Sender) {
    let mut pause = PAUSE.0;
    loop {
        let busy = sender.busy.lock().await;
        if sender.stop.is_cancelled() {
            return;
        }
        let step = sender.step().await;
        drop(busy);
        match step {
            Ok(Step::Idle) => sender.wait().await,
            Ok(Step::Settled) => pause = PAUSE.0,
            Ok(Step::Later(after)) => {
                sender.rest(after, pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
            Err(error) => {
                tracing::error!(%error, "cannot work on the outbox");
                sender.rest(None, PAUSE.1).await;
            }
        }
    }
}

/// How one turn went.
enum Step {
    /// There is nothing to send.
    Idle,
    /// One message is sent, or will never be.
    Settled,
    /// The head stays where it is.
    Later(Option<Duration>),
}

impl Sender {
    async fn step(&self) -> store::Result<Step> {
        let Some(crossing) = self.head().await? else { return Ok(Step::Idle) };
        match self.attempt(&crossing).await? {
            Attempt::Sent(remote) => self.sent(crossing, remote).await?,
            Attempt::Never(condition, text) => self.failed(crossing, condition, text).await?,
            Attempt::Later(after) => return Ok(Step::Later(after)),
            Attempt::Lost => return self.lost(crossing).await,
        }
        Ok(Step::Settled)
    }

    async fn head(&self) -> store::Result<Option<Crossing>> {
        let (user, contact) = (self.user.id, self.contact.clone());
        self.keeper.store.call(move |db, sealer| outbox::head(db, sealer, user, &contact)).await
    }

    /// Whether it may have gone out without this database knowing, which was put back from a copy since.
    async fn may_have_gone(&self, crossing: &Crossing) -> store::Result<bool> {
        Ok(self.keeper.store.call(|db, _| witness::since(db)).await? > crossing.at)
    }

    async fn attempt(&self, crossing: &Crossing) -> store::Result<Attempt> {
        let age = unix(SystemTime::now()).saturating_sub(crossing.at);
        let expired = u64::try_from(age).is_ok_and(|age| age > EXPIRY.as_secs());
        let Some(session) = self.keeper.accounts.session(&self.user.jid) else {
            let over = self.keeper.accounts.state(&self.user.jid).is_none_or(|state| state.is_over());
            return Ok(match expired && over {
                true => Attempt::Never(Condition::GivenUp, LATE.to_owned()),
                false => Attempt::Later(None),
            });
        };
        let (conv, encrypted) = match self.conversation(session.as_ref()).await? {
            Ok(conv) => conv,
            Err(attempt) => return Ok(attempt),
        };
        let Some(message) = crossing.message.clone().filter(|_| !expired) else {
            // It may have gone out all the same.
            return Ok(match attempted(session.sent(&conv, &crossing.txn).await) {
                Attempt::Lost if expired => Attempt::Never(Condition::GivenUp, LATE.to_owned()),
                attempt => attempt,
            });
        };
        if self.may_have_gone(crossing).await?
            && let sent @ Attempt::Sent(_) = attempted(session.sent(&conv, &crossing.txn).await)
        {
            return Ok(sent);
        }
        if crossing.guarded && !encrypted {
            return Ok(Attempt::Never(Condition::Forbidden, UNENCRYPTED.to_owned()));
        }
        self.hand_over(session.as_ref(), &conv, encrypted, crossing, message).await
    }

    /// The direct conversation with the contact, and whether it is encrypted. It is opened for somebody written to for the
    /// first time, never again for one that is over.
    async fn conversation(&self, session: &dyn Session) -> store::Result<Result<(ConvId, bool), Attempt>> {
        let (user, contact) = (self.user.id, self.contact.clone());
        let known = self.keeper.store.call(move |db, _| contacts::get(db, user, &contact)).await?;
        if let Some(contact) = known {
            return Ok(match contact.conv {
                Some(conv) if !contact.invite => Ok((conv, contact.encrypted)),
                Some(_) => Err(Attempt::Never(
                    Condition::Forbidden,
                    "accept the contact's request first, by adding them to your contacts".to_owned(),
                )),
                None if contact.subscription.asked || contact.subscription.subscribed => Err(Attempt::Never(
                    Condition::Gone,
                    "the conversation is over: add the contact again to start a new one".to_owned(),
                )),
                None => self.begin(session).await?,
            });
        }
        self.begin(session).await
    }

    async fn begin(&self, session: &dyn Session) -> store::Result<Result<(ConvId, bool), Attempt>> {
        let Some(direct) = session.direct() else {
            let text = "this network has no direct conversations";
            return Ok(Err(Attempt::Never(Condition::FeatureNotImplemented, text.to_owned())));
        };
        let info = match direct.open(&self.contact).await {
            Ok(info) => info,
            Err(Error::NotFound) => {
                let text = "there is no such person on the network";
                return Ok(Err(Attempt::Never(Condition::ItemNotFound, text.to_owned())));
            }
            Err(Error::Rejected(text) | Error::BadInput(text)) => {
                return Ok(Err(Attempt::Never(Condition::NotAllowed, text)));
            }
            Err(Error::Transient { after, .. }) => return Ok(Err(Attempt::Later(after))),
            Err(Error::LoggedOut) => return Ok(Err(Attempt::Later(None))),
        };
        let (user, contact) = (self.user.id, self.contact.clone());
        let (conv, encrypted) = (info.id.clone(), info.encrypted);
        self.keeper
            .store
            .call(move |db, _| contacts::set_conversation(db, user, &contact, &conv, encrypted, false))
            .await?;
        self.mailbox.put(Input::FarSide).await;
        Ok(Ok((info.id, encrypted)))
    }

    async fn sent(&self, crossing: Crossing, remote: drawbridge_bridge::RemoteId) -> store::Result<()> {
        let (user, contact, now) = (self.user.id, self.contact.clone(), unix(SystemTime::now()));
        let reply = crossing.reply.clone();
        self.keeper.store.call(move |db, _| outbox::sent(db, user, &contact, &crossing, &remote, now)).await?;
        self.mailbox.put(Input::Sent(reply)).await;
        Ok(())
    }

    async fn failed(&self, crossing: Crossing, condition: Condition, text: String) -> store::Result<()> {
        let (user, contact, reply) = (self.user.id, self.contact.clone(), crossing.reply.clone());
        self.keeper.store.call(move |db, _| outbox::failed(db, user, &contact, &crossing)).await?;
        self.mailbox.put(Input::Failed(reply, condition, text)).await;
        Ok(())
    }

    /// Whoever wrote it is told, and all behind it. While nobody can be, the rows are the only thing that remembers.
    async fn lost(&self, crossing: Crossing) -> store::Result<Step> {
        let (user, contact) = (self.user.id, self.contact.clone());
        let lost =
            self.keeper.store.call(move |db, sealer| outbox::lost(db, sealer, user, &contact, &crossing)).await?;
        let all = lost.len();
        let (answer, answered) = oneshot::channel();
        self.mailbox.put(Input::Lost(lost, answer)).await;
        let told = answered.await.unwrap_or_default();
        let step = if told.len() == all { Step::Settled } else { Step::Later(None) };
        let contact = self.contact.clone();
        self.keeper.store.call(move |db, sealer| outbox::forget(db, sealer, user, &contact, &told)).await?;
        Ok(step)
    }

    /// Waits for work or for the end.
    async fn wait(&self) {
        tokio::select! {
            () = self.work.notified() => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Waits as long as the network asks for; else for the pause or a change. Or for the end.
    async fn rest(&self, asked: Option<Duration>, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(asked.map_or(pause, |asked| asked.clamp(PAUSE.0, PATIENCE))) => {}
            () = self.work.notified(), if asked.is_none() => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// What the network says of a send; of nothing, when the words were lost before it.
pub(super) fn attempted(answer: Result<Option<Sent>, SendError>) -> Attempt {
    match answer {
        Ok(Some(sent)) => Attempt::Sent(sent.remote_id),
        Ok(None) => Attempt::Lost,
        Err(SendError::Transient { after, .. }) => Attempt::Later(after),
        Err(SendError::Uncertain | SendError::LoggedOut) => Attempt::Later(None),
        Err(error) => Attempt::Never(condition(&error), error.to_string()),
    }
}

fn condition(error: &SendError) -> Condition {
    match error {
        SendError::Transient { .. } | SendError::Uncertain | SendError::Expired => Condition::GivenUp,
        SendError::Rejected(_) => Condition::NotAllowed,
        SendError::NotTrusted(_) => Condition::Forbidden,
        SendError::TooBig => Condition::PolicyViolation,
        SendError::LoggedOut => Condition::NotAuthorized,
    }
}
