//! All commands under way: one a person, each with a time limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_bridge::CancellationToken;
use jid::BareJid;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::{Instant, sleep_until};

use super::{Answers, Asker, Command, Dialogue, Failure, Form, Output, Running};
use crate::xmpp::element::random_id;

/// A command that nobody goes on with ends after this.
pub(super) const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// More people than this cannot be in the middle of a command.
const MOST: usize = 1000;

/// Where a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A form that passes through their XMPP server in clear.
    Form,
    /// A chat with the gateway; `secure` if it is end-to-end encrypted to this host.
    Chat {
        /// Whether the XMPP server cannot read it.
        secure: bool,
    },
    /// The host's own terminal.
    Host,
}

impl Door {
    /// Whether the user's XMPP server reads what is answered here.
    pub fn is_overheard(self) -> bool {
        matches!(self, Self::Form | Self::Chat { secure: false })
    }

    fn is_same_kind(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Form, Self::Form) | (Self::Chat { .. }, Self::Chat { .. }) | (Self::Host, Self::Host)
        )
    }
}

/// What came of a step.
#[derive(Debug)]
pub struct Stepped {
    /// Names the command for the next step.
    pub id: String,
    /// What came of it.
    pub result: Result<Output, Failure>,
    /// The form that waits for answers, also after [`Failure::Again`].
    pub form: Option<Form>,
    /// Whether there is a next step.
    pub open: bool,
}

/// The commands under way.
#[derive(Default)]
pub struct Desk {
    open: Mutex<HashMap<BareJid, Arc<Open>>>,
}

/// One command under way.
pub(super) struct Open {
    id: String,
    door: Door,
    running: AsyncMutex<Running>,
    /// In a chat: which question is next.
    pub(super) dialogue: Mutex<Option<Dialogue>>,
    touched: watch::Sender<Instant>,
    /// Stops the step in flight, and the clock.
    over: CancellationToken,
}

impl Desk {
    /// Begins a command; one that the person had under way is given up.
    pub async fn begin(&self, asker: &Asker, command: &'static Command) -> Stepped {
        self.give_up(&asker.jid).await;
        let open = Arc::new(Open {
            id: random_id(),
            door: asker.door,
            running: AsyncMutex::new(Running::new(command)),
            dialogue: Mutex::default(),
            touched: watch::Sender::new(Instant::now()),
            over: CancellationToken::new(),
        });
        {
            let mut all = self.lock();
            if all.len() >= MOST {
                let result = Err(Failure::Later("Too many people are here at once. Try again later.".into()));
                return Stepped { id: open.id.clone(), result, form: None, open: false };
            }
            all.insert(asker.jid.clone(), open.clone());
        }
        tokio::spawn(expire(asker.clone(), open.clone()));
        self.step(asker, &open, Answers::default()).await
    }

    /// The next step of the command `id`. `None` if this person has no such command under way at this door.
    pub async fn go_on(&self, asker: &Asker, id: &str, answers: Answers) -> Option<Stepped> {
        let open = self.current(asker).filter(|open| open.id == id)?;
        Some(self.step(asker, &open, answers).await)
    }

    /// Gives the command `id` up. `false` if this person has no such command under way at this door.
    pub async fn cancel(&self, asker: &Asker, id: &str) -> bool {
        let known = self.current(asker).is_some_and(|open| open.id == id);
        if known {
            self.give_up(&asker.jid).await;
        }
        known
    }

    /// What the asker has under way at this door.
    pub(super) fn current(&self, asker: &Asker) -> Option<Arc<Open>> {
        self.lock().get(&asker.jid).filter(|open| open.door.is_same_kind(asker.door)).cloned()
    }

    async fn give_up(&self, who: &BareJid) {
        let open = self.lock().remove(who);
        if let Some(open) = open {
            open.give_up().await;
        }
    }

    async fn step(&self, asker: &Asker, open: &Arc<Open>, answers: Answers) -> Stepped {
        open.touched.send_replace(Instant::now());
        let mut running = tokio::select! {
            running = open.running.lock() => running,
            () = open.over.cancelled() => return open.given_up(),
        };
        let result = tokio::select! {
            result = running.step(asker, answers) => result,
            () = open.over.cancelled() => return open.given_up(),
        };
        open.touched.send_replace(Instant::now());
        if running.is_over() {
            self.forget(&asker.jid, open);
        }
        Stepped { id: open.id.clone(), result, form: running.form().cloned(), open: !running.is_over() }
    }

    fn forget(&self, who: &BareJid, open: &Arc<Open>) {
        let mut all = self.lock();
        if all.get(who).is_some_and(|current| Arc::ptr_eq(current, open)) {
            all.remove(who);
        }
        open.over.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BareJid, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Names the command.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    async fn give_up(&self) {
        self.over.cancel();
        self.running.lock().await.cancel().await;
    }

    fn given_up(&self) -> Stepped {
        let result = Err(Failure::Refused("Given up.".into()));
        Stepped { id: self.id.clone(), result, form: None, open: false }
    }
}

/// Ends a command that nobody goes on with.
async fn expire(asker: Asker, open: Arc<Open>) {
    loop {
        let until = *open.touched.borrow() + PATIENCE;
        tokio::select! {
            () = sleep_until(until) => {}
            () = open.over.cancelled() => return,
        }
        if *open.touched.borrow() + PATIENCE <= Instant::now() {
            asker.keeper.accounts.desk.forget(&asker.jid, &open);
            return open.give_up().await;
        }
    }
}
