//! What the database promises, told as stories.

use std::path::Path;

use drawbridge_bridge::{ContactId, ConvId, LoginId, LoginRecord, Plaintext, RemoteId, Secret, TxnId};
use jid::BareJid;
use zeroize::Zeroizing;

use super::deliveries::{self, NewDelivery};
use super::inbox::{self, Arrival};
use super::*;
use crate::message::Message;

mod protections;
mod told;
mod unwritten;
mod witness;

fn open(path: &Path) -> Store {
    Store::open(path, sealer(7)).unwrap()
}

fn sealer(octet: u8) -> Sealer {
    Sealer::new(Zeroizing::new([octet; seal::KEY_LEN])).unwrap()
}

struct World {
    _dir: tempfile::TempDir,
    path: PathBuf,
    store: Store,
    alice: UserId,
    bob: ContactId,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let store = open(&path);
        let jid = BareJid::new("alice@example.org").unwrap();
        let alice = store.call(move |db, _| users::add(db, "echo", &jid)).await.unwrap().id;
        Self { _dir: dir, path, store, alice, bob: ContactId::new("bob") }
    }

    async fn arrive(&self, id: Option<&str>, txn: &str) -> Arrival {
        self.arrives(id, crossing(txn, id)).await
    }

    async fn arrives(&self, id: Option<&str>, crossing: NewCrossing) -> Arrival {
        let (alice, bob, id) = (self.alice, self.bob.clone(), id.map(str::to_owned));
        self.store
            .call(move |db, sealer| inbox::arrive(db, sealer, alice, &bob, id.as_deref(), &crossing, 1))
            .await
            .unwrap()
    }

    async fn head(&self) -> Option<Crossing> {
        let (alice, bob) = (self.alice, self.bob.clone());
        self.store.call(move |db, sealer| outbox::head(db, sealer, alice, &bob)).await.unwrap()
    }

    async fn sent(&self, crossing: Crossing, remote: &str) {
        let (alice, bob, remote) = (self.alice, self.bob.clone(), RemoteId::new(remote));
        self.store.call(move |db, _| outbox::sent(db, alice, &bob, &crossing, &remote, 2)).await.unwrap();
    }
}

fn crossing(txn: &str, id: Option<&str>) -> NewCrossing {
    NewCrossing {
        txn: TxnId::new(txn),
        message: Message::says(Plaintext::new("canary")),
        reply: reply(id),
        unwritten: false,
        guarded: false,
    }
}

fn delivery(stanza: &str) -> NewDelivery {
    let message = Message::says(Plaintext::new("canary"));
    NewDelivery {
        stanza: stanza.to_owned(),
        remote: None,
        first: None,
        message,
        unwritten: false,
        mine: false,
        time: None,
    }
}

fn words(crossing: &Crossing) -> Option<&str> {
    crossing.message.as_ref().map(|message| message.text.expose())
}

fn reply(id: Option<&str>) -> ReplyTo {
    ReplyTo {
        to: "alice@example.org/phone".to_owned(),
        id: id.map(str::to_owned),
        stanza: None,
        receipt: true,
        secure: true,
    }
}

#[tokio::test]
async fn a_repeated_message_is_stored_once_and_known_by_its_outcome() {
    let world = World::new().await;
    assert_eq!(world.arrive(Some("m1"), "t1").await, Arrival::Fresh);
    assert_eq!(world.arrive(Some("m1"), "t2").await, Arrival::Waiting);
    let head = world.head().await.unwrap();
    assert_eq!((head.txn.as_str(), words(&head)), ("t1", Some("canary")));
    world.sent(head, "$1").await;
    assert!(world.head().await.is_none());
    assert_eq!(world.arrive(Some("m1"), "t3").await, Arrival::Sent);
    assert!(world.head().await.is_none());
}

#[tokio::test]
async fn messages_without_an_id_are_each_their_own() {
    let world = World::new().await;
    assert_eq!(world.arrive(None, "t1").await, Arrival::Fresh);
    assert_eq!(world.arrive(None, "t2").await, Arrival::Fresh);
}

#[tokio::test]
async fn what_waits_is_there_after_a_restart_in_order() {
    let world = World::new().await;
    for n in 1..=3 {
        world.arrive(Some(&format!("m{n}")), &format!("t{n}")).await;
    }
    let world = World { store: open(&world.path), ..world };
    for n in 1..=3 {
        let head = world.head().await.unwrap();
        assert_eq!(head.txn.as_str(), format!("t{n}"));
        world.sent(head, &format!("${n}")).await;
    }
}

#[tokio::test]
async fn a_message_that_failed_for_good_may_be_tried_again_under_the_same_id() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    let (alice, bob, head) = (world.alice, world.bob.clone(), world.head().await.unwrap());
    world.store.call(move |db, _| outbox::failed(db, alice, &bob, &head)).await.unwrap();
    assert_eq!(world.arrive(Some("m1"), "t2").await, Arrival::Fresh);
    assert_eq!(world.head().await.unwrap().txn.as_str(), "t1", "what was under way all the same is not doubled");
}

/// Clients may count their messages from one again and again.
#[tokio::test]
async fn after_a_time_an_id_may_be_that_of_another_message() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    let (alice, bob, head) = (world.alice, world.bob.clone(), world.head().await.unwrap());
    world.store.call(move |db, _| outbox::failed(db, alice, &bob, &head)).await.unwrap();
    world.store.call(|db, _| inbox::prune(db, i64::MAX)).await.unwrap();
    assert_eq!(world.arrive(Some("m1"), "t2").await, Arrival::Fresh);
    assert_eq!(world.head().await.unwrap().txn.as_str(), "t2");
}

#[tokio::test]
async fn a_failed_transaction_leaves_nothing() {
    let world = World::new().await;
    let (alice, bob) = (world.alice, world.bob.clone());
    let crossing = crossing("t1", Some("m1"));
    let failed: Result<()> = world
        .store
        .call(move |db, sealer| {
            inbox::arrive(db, sealer, alice, &bob, Some("m1"), &crossing, 1)?;
            Err(Error::Seal)
        })
        .await;
    assert!(matches!(failed, Err(Error::Seal)));
    assert_eq!(world.arrive(Some("m1"), "t1").await, Arrival::Fresh);
}

#[tokio::test]
async fn a_delivery_waits_until_its_receipt_and_a_read_mark_finds_the_users_last_message() {
    let world = World::new().await;
    world.arrive(Some("mine"), "t1").await;
    let head = world.head().await.unwrap();
    world.sent(head, "$mine").await;
    let (alice, bob) = (world.alice, world.bob.clone());
    let found = world
        .store
        .call(move |db, sealer| {
            let new = NewDelivery { remote: Some(RemoteId::new("$theirs")), ..delivery("d1") };
            deliveries::add(db, sealer, alice, &bob, &new, 1)?;
            deliveries::add(db, sealer, alice, &bob, &new, 1)?;
            assert_eq!(deliveries::waiting(db, sealer, alice, &bob, 0, 9)?.len(), 1, "stored once");
            assert!(deliveries::done(db, alice, &bob, "d1")?);
            assert!(!deliveries::done(db, alice, &bob, "d1")?);
            assert_eq!(links::remote_of(db, alice, &bob, "d1")?, Some(RemoteId::new("$theirs")));
            let mark = |remote: &str| links::mine_up_to(db, alice, &bob, &RemoteId::new(remote));
            Ok((mark("$mine")?, mark("$theirs")?, mark("$unknown")?))
        })
        .await
        .unwrap();
    assert_eq!(found, (Some("mine".to_owned()), Some("mine".to_owned()), None));
}

#[tokio::test]
async fn clear_text_and_secrets_are_not_in_the_file_nor_in_its_log() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    let (alice, bob) = (world.alice, world.bob.clone());
    world
        .store
        .call(move |db, sealer| {
            let record = LoginRecord {
                id: LoginId::new("l1"),
                account: bob.clone(),
                state: Secret::new("canary-token".as_bytes().to_vec()),
            };
            logins::add(db, sealer, &Login { user: alice, record })?;
            let secret = NewRetained {
                secret: Secret::new(*b"canary-retained"),
                pending: true,
                verified: false,
                client: String::new(),
                commits: false,
            };
            retained::add(db, sealer, alice, "", &secret, 1)?;
            deliveries::add(db, sealer, alice, &bob, &delivery("d1"), 1)
        })
        .await
        .unwrap();
    for suffix in ["", "-wal"] {
        let octets = std::fs::read(format!("{}{suffix}", world.path.display())).unwrap();
        assert!(!octets.is_empty());
        assert!(!octets.windows(6).any(|w| w == b"canary"), "clear text in the database{suffix}");
    }
    let login = world.store.call(move |db, sealer| logins::get(db, sealer, alice)).await.unwrap().unwrap();
    assert_eq!(login.record.state.expose(), b"canary-token");
}

#[tokio::test]
async fn pending_secrets_never_push_out_a_confirmed_one() {
    let world = World::new().await;
    let alice = world.alice;
    let left = world
        .store
        .call(move |db, sealer| {
            let secret = |octet: u8| NewRetained {
                secret: Secret::new([octet; 32]),
                pending: true,
                verified: true,
                client: String::new(),
                commits: false,
            };
            let first = retained::add(db, sealer, alice, "bob", &secret(0), 1)?;
            retained::confirm(db, first, None)?;
            for octet in 1..=20 {
                retained::add(db, sealer, alice, "bob", &secret(octet), 1)?;
                retained::prune(db, alice, "bob", 4)?;
            }
            retained::all(db, sealer, alice, "bob")
        })
        .await
        .unwrap();
    assert_eq!(left.len(), 5);
    assert_eq!(left.iter().filter(|secret| !secret.pending).count(), 1);
}

/// Else a server that negotiates in the user's name, again and again, would make them forget what they have verified.
#[tokio::test]
async fn confirmed_secrets_never_push_out_a_verified_one() {
    let world = World::new().await;
    let alice = world.alice;
    let left = world.store.call(move |db, sealer| {
        for octet in 0..=20 {
            let (secret, verified) = (Secret::new([octet; 32]), octet == 0);
            let new = NewRetained { secret, pending: true, verified, client: String::new(), commits: false };
            let id = retained::add(db, sealer, alice, "bob", &new, 1)?;
            retained::confirm(db, id, None)?;
            retained::prune(db, alice, "bob", 4)?;
        }
        assert!(trust::any_verified(db, alice)?);
        retained::all(db, sealer, alice, "bob")
    });
    let left: Vec<_> = left.await.unwrap().iter().map(|secret| secret.verified).collect();
    assert_eq!(left, [false, false, false, false, true]);
}

#[tokio::test]
async fn a_client_that_lost_its_secrets_is_told_from_one_that_never_had_any() {
    let world = World::new().await;
    let alice = world.alice;
    let work = world.store.call(move |db, sealer| {
        let secret = |client: &str, verified| NewRetained {
            secret: Secret::new([1; 32]),
            pending: true,
            verified,
            client: client.to_owned(),
            commits: false,
        };
        let row = retained::add(db, sealer, alice, "bob", &secret("desk", true), 1)?;
        assert_eq!(retained::held_by(db, alice, "bob", "desk")?, None, "the client has not shown that it has it");
        retained::confirm(db, row, None)?;
        assert_eq!(retained::held_by(db, alice, "bob", "desk")?, Some(true));
        assert_eq!(retained::held_by(db, alice, "bob", "phone")?, None);
        assert_eq!(retained::held_by(db, alice, "carol", "desk")?, None);
        db.execute("UPDATE retained SET client = NULL, verified = 0", [])?;
        assert_eq!(
            retained::held_by(db, alice, "bob", "phone")?,
            Some(false),
            "of an older row nobody knows whose it is"
        );
        Ok(())
    });
    work.await.unwrap();
}

#[tokio::test]
async fn a_conversation_belongs_to_one_contact_at_a_time() {
    let world = World::new().await;
    let (alice, bob, carol) = (world.alice, world.bob.clone(), ContactId::new("carol"));
    world
        .store
        .call(move |db, _| {
            let conv = ConvId::new("!a");
            contacts::set_conversation(db, alice, &bob, &conv, true, false)?;
            contacts::set_conversation(db, alice, &carol, &conv, true, false)?;
            assert_eq!(contacts::get(db, alice, &bob)?.unwrap().conv, None);
            assert_eq!(contacts::of_conversation(db, alice, &conv)?.unwrap().info.id, carol);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_removed_user_leaves_no_row_behind() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    let alice = world.alice;
    let left: i64 = world
        .store
        .call(move |db, _| {
            users::remove(db, alice)?;
            let tables = ["users", "logins", "contacts", "inbox", "outbox", "deliveries", "links", "retained"];
            let mut rows = 0;
            for table in tables {
                rows += db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))?;
            }
            Ok(rows)
        })
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_file_of_a_newer_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let _ = open(&path);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&path, sealer(7)), Err(Error::Newer { found: 99, known: 10 })));
}

#[test]
fn a_database_opens_with_the_key_it_was_made_with_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(open(&path));
    prove_key(&path, &sealer(7)).unwrap();
    assert!(matches!(prove_key(&path, &sealer(8)), Err(Error::OtherKey)));
    assert!(matches!(Store::open(&path, sealer(8)), Err(Error::OtherKey)));
    drop(open(&path));
}

#[tokio::test]
async fn a_database_of_the_first_version_is_tied_to_the_key_of_its_logins() {
    let world = World::new().await;
    let alice = world.alice;
    let record =
        LoginRecord { id: LoginId::new("l1"), account: ContactId::new("a"), state: Secret::new(*b"any octets") };
    let login = Login { user: alice, record };
    world.store.call(move |db, sealer| logins::add(db, sealer, &login)).await.unwrap();
    let before = |path: &Path| {
        let db = Connection::open(path).unwrap();
        let newer = "DROP TABLE proof; ALTER TABLE retained DROP COLUMN client; ALTER TABLE inbox DROP COLUMN txn; \
                     DROP TABLE signing_keys; DROP TABLE client_keys; DROP TABLE replays; DROP TABLE published; \
                     ALTER TABLE deliveries DROP COLUMN left_for_later; ALTER TABLE retained DROP COLUMN commits; \
                     DROP TABLE omemo_identities; DROP TABLE omemo_prekeys; \
                     DROP TABLE omemo_lists; DROP TABLE omemo_devices; DROP TABLE omemo_sessions; \
                     ALTER TABLE links DROP COLUMN first; ALTER TABLE links DROP COLUMN gone; DROP TABLE reactions; \
                     DROP TABLE openpgp_keys; DROP TABLE openpgp_certificates; DROP TABLE openpgp_seen; \
                     DROP TABLE protections; DROP TABLE omemo_prekeys_taken; DROP TABLE omemo_trust_messages; \
                     DROP TABLE witness";
        db.execute_batch(&format!("{newer}; PRAGMA user_version = 1")).unwrap();
    };
    before(&world.path);
    assert!(matches!(prove_key(&world.path, &sealer(8)), Err(Error::OtherKey)));
    assert!(matches!(Store::open(&world.path, sealer(8)), Err(Error::OtherKey)));
    before(&world.path);
    prove_key(&world.path, &sealer(7)).unwrap();
    drop(open(&world.path));
    assert!(matches!(Store::open(&world.path, sealer(8)), Err(Error::OtherKey)));
}
