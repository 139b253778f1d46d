//! Retained secrets: what makes one comparison of codes good for all later sessions (XEP-0116 section 5.2).
//!
//! The book is pure; [`SecretFile`] keeps it on disk.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use esession::{Evidence, RetainedSecret, Secret};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

mod away;
mod file;
mod keys;

pub(crate) use away::Away;
pub use file::{SecretFile, SecretFileError};
pub use keys::{KeyRing, KeyStanding};

/// Confirmed secrets kept per peer: one for each of the peer's clients.
const MAX_CONFIRMED: usize = 4;
/// Pending secrets kept per peer. Anybody can make a responder reach "pending", so they have places of their own and never
/// push out a confirmed one.
const MAX_PENDING: usize = 4;
/// Seconds after which an unused secret is forgotten: a year.
const LIFETIME: u64 = 365 * 24 * 3600;

/// All retained secrets of one account, by the bare JID of the peer.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct SecretBook {
    next_id: u64,
    peers: BTreeMap<String, Vec<Entry>>,
    #[serde(default)]
    keys: KeyRing,
    #[serde(default)]
    away: Away,
    /// What the user calls each peer.
    #[serde(default)]
    names: BTreeMap<String, String>,
    /// Peers whose code cannot be searched.
    #[serde(default)]
    committing: BTreeSet<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    id: u64,
    /// Base64.
    value: String,
    verified: bool,
    pending: bool,
    /// The secret this one takes the place of when it is confirmed.
    replaces: Option<u64>,
    /// Seconds since 1970 of the negotiation that made it.
    made: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl SecretBook {
    /// The unexpired secrets of a peer, confirmed ones first, then the newest.
    #[must_use]
    pub fn of(&self, peer: &BareJid, now: u64) -> Vec<RetainedSecret> {
        let mut entries: Vec<&Entry> = self.entries(peer).iter().filter(|entry| !entry.is_expired(now)).collect();
        entries.sort_by_key(|entry| (entry.pending, std::cmp::Reverse(entry.id)));
        entries.into_iter().filter_map(Entry::to_secret).collect()
    }

    /// Stores the secret of a new session as pending and names it. `replaces` is the secret that both ends shared.
    pub fn add_pending(&mut self, peer: &BareJid, secret: &RetainedSecret, replaces: Option<u64>, now: u64) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        let value = BASE64.encode(secret.value().expose());
        let entry = Entry { id, value, verified: secret.is_verified(), pending: true, replaces, made: now };
        let entries = self.peers.entry(peer.to_string()).or_default();
        entries.retain(|entry| !entry.is_expired(now));
        entries.push(entry);
        forget_oldest(entries, true, MAX_PENDING);
        id
    }

    /// The peer has shown that it holds the secret: it takes the place of its predecessor.
    pub fn confirm(&mut self, peer: &BareJid, id: u64) {
        let Some(entries) = self.peers.get_mut(peer.as_str()) else { return };
        let Some(entry) = entries.iter_mut().find(|entry| entry.id == id) else { return };
        entry.pending = false;
        let replaced = entry.replaces.take();
        // what was negotiated on the same predecessor before and never confirmed is dead, too
        entries.retain(|entry| Some(entry.id) != replaced && !(replaced.is_some() && entry.replaces == replaced));
        forget_oldest(entries, false, MAX_CONFIRMED);
    }

    /// The users say that the codes match; returns whether the secret is there.
    pub fn verify(&mut self, peer: &BareJid, id: u64) -> bool {
        let entries = self.peers.get_mut(peer.as_str());
        let Some(entry) = entries.and_then(|entries| entries.iter_mut().find(|entry| entry.id == id)) else {
            return false;
        };
        entry.verified = entry.to_secret().is_some_and(|mut secret| secret.verify(Evidence::Code));
        entry.verified
    }

    /// The account's own key, and those of its peers.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The same, to change them.
    pub fn keys_mut(&mut self) -> &mut KeyRing {
        &mut self.keys
    }

    /// Whether a session with this peer has had a code that cannot be searched (esessions.md, W1).
    #[must_use]
    pub fn commits(&self, peer: &BareJid) -> bool {
        self.committing.contains(peer.as_str())
    }

    /// It has.
    pub fn note_committed(&mut self, peer: &BareJid) {
        self.committing.insert(peer.to_string());
    }

    /// All that have a name, and it.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(peer, name)| (peer.as_str(), name.as_str()))
    }

    /// The user calls this peer so from now on, or by no name. Nobody else has that name: `false` if somebody does.
    pub fn set_name(&mut self, peer: &BareJid, name: Option<&str>) -> bool {
        let lower = name.map(str::to_lowercase);
        let taken =
            |(other, theirs): (&String, &String)| *other != peer.as_str() && Some(theirs.to_lowercase()) == lower;
        if self.names.iter().any(taken) {
            return false;
        }
        match name {
            Some(name) => self.names.insert(peer.to_string(), name.to_owned()),
            None => self.names.remove(peer.as_str()),
        };
        true
    }

    /// What was published for who writes while we are away.
    #[must_use]
    pub fn away(&self) -> &Away {
        &self.away
    }

    /// The same, to change it.
    pub fn away_mut(&mut self) -> &mut Away {
        &mut self.away
    }

    /// The book as JSON, in memory that wipes itself.
    fn to_json(&self) -> Result<Zeroizing<String>, serde_json::Error> {
        serde_json::to_string_pretty(self).map(Zeroizing::new)
    }

    fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn entries(&self, peer: &BareJid) -> &[Entry] {
        self.peers.get(peer.as_str()).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Entry {
    fn is_expired(&self, now: u64) -> bool {
        self.made.saturating_add(LIFETIME) < now
    }

    fn to_secret(&self) -> Option<RetainedSecret> {
        let octets = Zeroizing::new(BASE64.decode(&self.value).ok()?);
        Some(RetainedSecret::new(self.id, Secret::new(&octets), self.verified))
    }
}

impl std::fmt::Debug for SecretBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretBook(..)")
    }
}

/// Drops the oldest of one kind until `most` are left.
fn forget_oldest(entries: &mut Vec<Entry>, pending: bool, most: usize) {
    let mut surplus = entries.iter().filter(|entry| entry.pending == pending).count().saturating_sub(most);
    entries.retain(|entry| {
        let goes = surplus > 0 && entry.pending == pending;
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> BareJid {
        BareJid::new("bob@example.org").unwrap()
    }

    fn secret(octet: u8, verified: bool) -> RetainedSecret {
        RetainedSecret::new(0, Secret::new(&[octet; 32]), verified)
    }

    fn ids(book: &SecretBook) -> Vec<u64> {
        book.of(&peer(), 10).iter().map(|secret| secret.id).collect()
    }

    #[test]
    fn a_new_secret_stays_beside_the_old_one_until_it_is_confirmed() {
        let mut book = SecretBook::default();
        let first = book.add_pending(&peer(), &secret(1, false), None, 10);
        book.confirm(&peer(), first);
        let second = book.add_pending(&peer(), &secret(2, false), Some(first), 10);
        assert_eq!(ids(&book), [first, second]);
        book.confirm(&peer(), second);
        assert_eq!(ids(&book), [second]);
    }

    #[test]
    fn strangers_who_start_sessions_push_out_nothing_that_was_confirmed() {
        let mut book = SecretBook::default();
        let real = book.add_pending(&peer(), &secret(1, true), None, 10);
        book.confirm(&peer(), real);
        for octet in 0..100 {
            book.add_pending(&peer(), &secret(octet, false), Some(real), 10);
        }
        assert_eq!(ids(&book).first(), Some(&real));
        assert_eq!(ids(&book).len(), 1 + MAX_PENDING);
        assert!(book.of(&peer(), 10)[0].is_verified());
    }

    #[test]
    fn a_name_is_one_peers() {
        let (mut book, carol) = (SecretBook::default(), BareJid::new("carol@example.org").unwrap());
        assert!(book.set_name(&peer(), Some("Bob")) && book.set_name(&peer(), Some("Bobby")));
        assert!(!book.set_name(&carol, Some("bobby")));
        let mut book = SecretBook::from_json(&book.to_json().unwrap()).unwrap();
        assert_eq!(book.names().collect::<Vec<_>>(), [("bob@example.org", "Bobby")]);
        assert!(book.set_name(&peer(), None) && book.set_name(&carol, Some("Bobby")));
    }

    #[test]
    fn verification_is_kept_and_old_age_is_not() {
        let mut book = SecretBook::default();
        let id = book.add_pending(&peer(), &secret(1, false), None, 10);
        assert!(book.verify(&peer(), id));
        assert!(!book.verify(&peer(), id + 1));
        let copy = SecretBook::from_json(&book.to_json().unwrap()).unwrap();
        assert!(copy.of(&peer(), 10)[0].is_verified());
        assert_eq!(copy.of(&peer(), 10)[0].value().expose(), [1; 32]);
        assert!(copy.of(&peer(), 11 + LIFETIME).is_empty());
        assert_eq!(format!("{copy:?}"), "SecretBook(..)");
    }
}
