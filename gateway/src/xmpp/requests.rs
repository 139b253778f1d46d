//! Our own iq requests. An answer counts only if it has the id we gave and comes from the JID we asked
//! (RFC 6120, section 8.2.3; CVE-2024-46957 is what happens otherwise).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jid::{BareJid, Jid};
use minidom::Element;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::element::{Build, element, random_id, recipient, sender, stanza};
use super::{error, ns};
use crate::component::Outgoing;
use crate::keeper::Keeper;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many requests of others are served at a time.
const SERVED: usize = 512;

/// The requests that wait for their answers.
pub struct Requests {
    waiting: Mutex<HashMap<String, Waiting>>,
    serving: Arc<Semaphore>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { waiting: Mutex::default(), serving: Arc::new(Semaphore::new(SERVED)) }
    }
}

struct Waiting {
    asked: Jid,
    answer: oneshot::Sender<Element>,
}

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The other side answered with an error.
    #[error("refused: {condition}")]
    Refused {
        /// Name of the defined condition.
        condition: String,
        /// For people.
        text: Option<String>,
    },
    /// No answer in time.
    #[error("no answer")]
    TimedOut,
    /// The request has no `to`, or cannot be sent at the moment.
    #[error("the request could not be sent")]
    NotSent,
}

impl Requests {
    /// Sends an iq `get` or `set` under a random id and waits for its answer, at most 30 seconds.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, out: &Outgoing, iq: Element) -> Result<Element, AskError> {
        let asked = recipient(&iq).ok_or(AskError::NotSent)?;
        let id = random_id();
        let (answer, arrives) = oneshot::channel();
        self.lock().insert(id.clone(), Waiting { asked, answer });
        let _forget = Forget { requests: self, id: &id };
        out.send(iq.with("id", id.as_str())).await.map_err(|_| AskError::NotSent)?;
        match tokio::time::timeout(PATIENCE, arrives).await {
            Ok(Ok(answer)) if answer.attr("type") == Some("result") => Ok(answer),
            Ok(Ok(answer)) => {
                let (condition, text) = error::reason(&answer);
                Err(AskError::Refused { condition, text })
            }
            _ => Err(AskError::TimedOut),
        }
    }

    /// Takes an iq of type `result` or `error`. `false` if nobody waits for it, or if it is not from the JID asked.
    pub fn resolve(&self, answer: &Element) -> bool {
        let (Some(id), Some(from)) = (answer.attr("id"), sender(answer)) else { return false };
        if !matches!(answer.attr("type"), Some("result" | "error")) {
            return false;
        }
        let mut waiting = self.lock();
        if waiting.get(id).is_none_or(|waiting| waiting.asked != from) {
            return false;
        }
        waiting.remove(id).is_some_and(|waiting| waiting.answer.send(answer.clone()).is_ok())
    }

    /// A place for one more request of somebody else. `None` if there is too much to do already.
    pub(crate) fn begin_serving(&self) -> Option<OwnedSemaphorePermit> {
        self.serving.clone().try_acquire_owned().ok()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns once the XMPP server has processed every stanza sent before: it handles our stream in order, so its answer
/// to a ping (XEP-0199) is the proof, and an error is as good as a result.
///
/// # Errors
/// [`AskError::TimedOut`] or [`AskError::NotSent`]: nothing is known about what was sent before.
pub async fn barrier(keeper: &Arc<Keeper>) -> Result<(), AskError> {
    let ping = stanza("iq", &keeper.domain.clone().into(), &home(&keeper.domain).into())
        .with("type", "get")
        .with_child(element("ping", ns::PING));
    match keeper.requests.ask(&keeper.out, ping).await {
        Ok(_) | Err(AskError::Refused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The XMPP server whose component we are, as far as names tell: the parent domain, or our own domain, which leads
/// through the server back to us.
pub fn home(domain: &BareJid) -> BareJid {
    let parent = domain.domain().as_str().split_once('.').map(|(_, parent)| parent);
    parent.and_then(|parent| BareJid::new(parent).ok()).unwrap_or_else(|| domain.clone())
}

/// Forgets a request whose caller has gone, or has its answer.
struct Forget<'a> {
    requests: &'a Requests,
    id: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.requests.lock().remove(self.id);
    }
}
