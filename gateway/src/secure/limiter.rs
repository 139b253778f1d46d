//! How many negotiations may be half open: each costs an exponentiation, and anybody registered can start one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jid::BareJid;

/// Counts half-open negotiations, per bare JID and in all.
#[derive(Clone)]
pub struct Limiter(Arc<Counts>);

struct Counts {
    each: usize,
    all: usize,
    open: Mutex<HashMap<BareJid, usize>>,
}

/// One half-open negotiation. Dropping it makes room.
pub struct Permit {
    limiter: Limiter,
    who: BareJid,
}

impl Limiter {
    /// At most `each` a bare JID, at most `all` together.
    pub fn new(each: usize, all: usize) -> Self {
        Self(Arc::new(Counts { each, all, open: Mutex::default() }))
    }

    /// Room for one more, if there is any.
    pub fn begin(&self, who: &BareJid) -> Option<Permit> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= self.0.all {
            return None;
        }
        let mine = open.entry(who.clone()).or_default();
        if *mine >= self.0.each {
            return None;
        }
        *mine += 1;
        Some(Permit { limiter: self.clone(), who: who.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.limiter.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = open.get_mut(&self.who) {
            *mine -= 1;
            if *mine == 0 {
                open.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_no_more_and_leaving_makes_room() {
        let limiter = Limiter::new(2, 3);
        let [alice, bob] = ["alice@example.org", "bob@example.org"].map(|jid| BareJid::new(jid).unwrap());
        let first = limiter.begin(&alice).unwrap();
        let _second = limiter.begin(&alice).unwrap();
        assert!(limiter.begin(&alice).is_none(), "two of alice");
        let _third = limiter.begin(&bob).unwrap();
        assert!(limiter.begin(&bob).is_none(), "three in all");
        drop(first);
        assert!(limiter.begin(&bob).is_some());
    }
}
