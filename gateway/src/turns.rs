//! One thing at a time for each user, whoever else is at work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jid::BareJid;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Whose turn it is, for each user by themself.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<BareJid, Arc<AsyncMutex<()>>>>);

impl Turns {
    /// The user's turn, when the one before is over: it lasts as long as this is held.
    pub async fn take(&self, user: &BareJid) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(user.clone()).or_default().clone()
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_user_waits_for_their_own_turn_and_for_nobody_elses() {
        let (turns, [alice, bob]) = (Turns::default(), ["alice@a", "bob@a"].map(|jid| BareJid::new(jid).unwrap()));
        let soon = Duration::from_secs(1);
        let hers = turns.take(&alice).await;
        assert!(timeout(soon, turns.take(&alice)).await.is_err());
        assert!(timeout(soon, turns.take(&bob)).await.is_ok());
        drop(hers);
        assert!(timeout(soon, turns.take(&alice)).await.is_ok());
    }
}
