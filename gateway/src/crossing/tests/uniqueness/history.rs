//! A contact's device, with devices of the user's in both dialects, and a machine that stops whenever it likes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ::omemo::ratchet::{Error, KeyExchange, Session};
use ::omemo::{DeviceId, Dialect, Encrypted, bundle};
use rand_core::Rng;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::super::phone::{Phone, rng};
use super::super::{ALICE, SILENT};
use super::dice::Dice;
use super::oracle::{Used, key_of};
use crate::secure::omemo::{Opened, Refusal, Us};
use crate::store::{self, Sealer, Store, users};
use crate::xmpp::tests::world::alice;

/// What would go wrong if the program were another one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    None,
    /// It sends before it has stored.
    SendsFirst,
    /// It does not store what a message has changed.
    OpensOnly,
}

pub(super) struct History {
    pub(super) dice: Dice,
    pub(super) bug: Bug,
    pub(super) used: Used,
    pub(super) phones: Vec<Phone>,
    dir: TempDir,
    store: Option<Store>,
    us: Us,
    /// Underway to each phone.
    down: Vec<Vec<Encrypted>>,
    /// Keys that each phone has opened something with.
    opened: HashSet<(DeviceId, super::oracle::Key)>,
    /// Underway to the gateway, from which phone, with the words.
    up: Vec<(Encrypted, usize, String)>,
    said: usize,
    pub(super) heard: HashSet<String>,
    pub(super) refused: usize,
}

impl History {
    /// Nobody knows anybody yet.
    pub(super) async fn begin(seed: u64, devices: u32, bug: Bug) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let user = store.call(|db, _| users::add(db, "echo", &alice())).await.unwrap().id;
        let us = Us { user, peer: "silent@echo".to_owned(), account: SILENT.to_owned() };
        let phones: Vec<_> = (1..=devices)
            .map(|id| Phone::new(if id % 2 == 0 { Dialect::Axolotl } else { Dialect::Omemo2 }, id))
            .collect();
        let down = phones.iter().map(|_| Vec::new()).collect();
        let (used, opened, up, heard) = (Used::default(), HashSet::new(), Vec::new(), HashSet::new());
        let (dice, store) = (Dice(seed), Some(store));
        Self { dice, bug, used, phones, dir, store, us, down, opened, up, said: 0, heard, refused: 0 }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.dice.next_u32() as usize % bound
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>, &Sealer, &Us) -> store::Result<T> + Send + 'static,
    ) -> store::Result<T> {
        let us = self.us.clone();
        self.store.as_ref().unwrap().call(move |db, sealer| work(db, sealer, &us)).await
    }

    /// Seals the words for all devices. If the machine stops `early`, nothing of it is stored.
    pub(super) async fn seal(&mut self, early: bool) -> Vec<Encrypted> {
        let done = Arc::new(Mutex::new(Vec::new()));
        let sealed = done.clone();
        let stored = self.call(move |db, sealer, us| {
            *sealed.lock().unwrap() = us.seal(db, sealer, ALICE, [b"always the same words"; 2])?;
            if early { Err(store::Error::Stopping) } else { Ok(()) }
        });
        assert_eq!(stored.await.is_err(), early);
        std::mem::take(&mut *done.lock().unwrap())
    }

    pub(super) async fn says(&mut self, early: bool) {
        let sealed = self.seal(early).await;
        if !early || self.bug == Bug::SendsFirst {
            sealed.iter().for_each(|message| self.sends(message));
        }
    }

    fn sends(&mut self, message: &Encrypted) {
        self.used.leaves(message);
        for (phone, down) in self.phones.iter().zip(&mut self.down) {
            let is_for = phone.dialect == message.dialect && message.key_for(ALICE, phone.id).is_some();
            down.extend(is_for.then(|| message.clone()));
        }
    }

    /// A phone gets one of the last messages, which may come again.
    pub(super) fn phone_hears(&mut self, at: usize, again: bool) {
        let Some(which) = self.down[at].len().checked_sub(1) else { return };
        let which = which - self.below(which.min(3) + 1);
        let message = if again { self.down[at][which].clone() } else { self.down[at].remove(which) };
        let phone = &mut self.phones[at];
        let sealed = &message.key_for(ALICE, phone.id).unwrap().sealed;
        let opened = if sealed.is_key_exchange {
            let exchange = KeyExchange::read(phone.dialect, &sealed.octets).unwrap();
            let find = |exchange: &KeyExchange| phone.prekeys.find(exchange);
            let begun = phone.sessions.open_exchange(phone.dialect, &phone.identity, &exchange, find, &mut rng());
            begun.map(|begun| begun.used.into_iter().for_each(|used| phone.prekeys.used(used)))
        } else {
            phone.sessions.open(&sealed.octets, &mut rng()).map(drop)
        };
        let key = (phone.id, key_of(phone.dialect, sealed));
        match opened {
            Ok(()) => assert!(self.opened.insert(key), "a phone has read two texts under one key"),
            Err(error) => {
                assert!(error != Error::DecryptFailed || !self.opened.contains(&key), "as if it were another's");
                self.refused += 1;
            }
        }
    }

    pub(super) fn phone_says(&mut self, at: usize) {
        if self.phones[at].sessions.session().is_some_and(|it| self.phones[at].peer.is_some() || it.is_answered()) {
            self.said += 1;
            let words = format!("words {}", self.said);
            let sealed = self.phones[at].seal_text(Some(&words));
            self.up.push((Encrypted::read(&sealed).unwrap(), at, words));
        }
    }

    /// One of the last messages gets to the gateway, which may stop before it has stored what came of it: then it comes again.
    pub(super) async fn hears(&mut self, early: bool, again: bool) -> Option<Refusal> {
        let which = self.up.len().checked_sub(1)?;
        let which = which - self.below(which.min(3) + 1);
        let (message, at, words) = self.up[which].clone();
        if !early && !again {
            self.up.remove(which);
        }
        let opened = self.call(move |db, sealer, us| us.open(db, sealer, &message)).await.unwrap();
        let Opened { text, advance, .. } = match opened {
            Ok(opened) => opened,
            Err(refusal) => {
                if matches!(refusal, Refusal::Broken(_)) {
                    self.begins(at).await;
                }
                return Some(refusal);
            }
        };
        assert_eq!(text.unwrap().as_slice(), words.as_bytes());
        if early {
            return None;
        }
        if self.bug != Bug::OpensOnly {
            self.call(move |db, sealer, _| advance.store(db, sealer)).await.unwrap();
        }
        assert!(self.heard.insert(words), "words are heard twice");
        None
    }

    /// A phone begins a session, by a bundle that may never have left.
    pub(super) async fn phone_begins(&mut self, at: usize, early: bool) {
        let dialect = self.phones[at].dialect;
        let got = self.call(move |db, sealer, us| {
            let published = us.bundle(db, sealer, dialect)?;
            if early { Err(store::Error::Stopping) } else { Ok((us.own(db, sealer)?.device, published)) }
        });
        let Ok((own, published)) = got.await else { return };
        let published = bundle::read(dialect, &published).unwrap();
        published.prekeys.iter().for_each(|prekey| self.used.hands_out(prekey.key.0));
        let (phone, prekey) = (&mut self.phones[at], published.prekeys[0].id);
        let session = Session::initiate(dialect, &phone.identity, &published, prekey, &mut rng()).unwrap();
        phone.sessions.begin(session);
        phone.peer = Some(own);
    }

    /// The contact's device begins one, and says so.
    pub(super) async fn begins(&mut self, at: usize) {
        let phone = &mut self.phones[at];
        let place = (phone.dialect, phone.id);
        let published = phone.prekeys.hand_out(phone.dialect, &phone.identity, &mut rng());
        let begun = self.call(move |db, sealer, us| {
            us.begin(db, sealer, place, &published)?;
            us.seal_empty(db, sealer, ALICE, place)
        });
        let sealed = begun.await.unwrap().unwrap();
        self.phones[at].peer = Some(sealed.sender);
        self.sends(&sealed);
    }

    pub(super) fn restart(&mut self) {
        drop(self.store.take());
        self.store = Some(open(&self.dir));
    }

    /// A backup of the database. The chains that are sent in then may repeat themselves.
    pub(super) async fn back_up(&mut self) {
        for message in self.seal(true).await {
            let chains = message.keys.iter().map(|key| key_of(message.dialect, &key.sealed).0);
            self.used.put_back.extend(chains);
        }
        drop(self.store.take());
        std::fs::copy(self.database(), self.dir.path().join("backup")).unwrap();
        self.restart();
    }

    /// It is put back, and the messages since are known no more.
    pub(super) fn put_back(&mut self) {
        drop(self.store.take());
        std::fs::copy(self.dir.path().join("backup"), self.database()).unwrap();
        self.restart();
    }

    /// The whole machine is taken back to that day, with the times of all files.
    pub(super) fn take_back(&mut self) {
        drop(self.store.take());
        let open = || rusqlite::Connection::open(self.database()).unwrap();
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?));
        let witness = open().query_row("SELECT turn, inode, changed FROM witness", [], read).unwrap();
        std::fs::copy(self.dir.path().join("backup"), self.database()).unwrap();
        open().execute("UPDATE witness SET turn = ?1, inode = ?2, changed = ?3", witness).unwrap();
        self.restart();
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("db")
    }

    pub(super) fn lose_what_is_underway(&mut self) {
        self.up.clear();
        self.down.iter_mut().for_each(Vec::clear);
    }
}

fn open(dir: &TempDir) -> Store {
    Store::open(&dir.path().join("db"), Sealer::new(Zeroizing::new([7; 32])).unwrap()).unwrap()
}
