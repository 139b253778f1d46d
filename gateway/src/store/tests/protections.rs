//! How conversations are protected, and by whom.

use super::super::protections;
use super::*;

/// As they were kept when one protection was known of a conversation, and no client.
#[tokio::test]
async fn how_conversations_were_protected_outlives_the_change_to_version_9() {
    let world = World::new().await;
    let before = "DROP TABLE protections; DROP TABLE omemo_prekeys_taken; DROP TABLE omemo_trust_messages;
                  DROP TABLE witness; ALTER TABLE omemo_devices DROP COLUMN told;
                  ALTER TABLE openpgp_certificates DROP COLUMN told;
                  ALTER TABLE contacts ADD COLUMN omemo INTEGER NOT NULL DEFAULT 0;
                  INSERT INTO contacts (user, contact, protected, omemo)
                      VALUES (1, 'a', 1, 0), (1, 'b', 1, 1), (1, 'c', 1, 2), (1, 'd', 0, 0);
                  INSERT INTO omemo_devices (user, device, identity) VALUES (1, 7, zeroblob(32));
                  PRAGMA user_version = 8";
    Connection::open(&world.path).unwrap().execute_batch(before).unwrap();
    let store = open(&world.path);
    let alice = world.alice;
    let read = store.call(move |db, _| {
        let of = |contact| protections::of(db, alice, contact);
        let all = [of("a")?, of("b")?, of("c")?, of("d")?];
        // A client that speaks takes the place of the one that nobody knows.
        contacts::protect(db, alice, &ContactId::new("b"), "phone", Protection::OpenPgp)?;
        Ok((all, protections::of(db, alice, "b")?, introductions::any(db, alice)?))
    });
    let ([a, b, c, d], now, is_untold) = read.await.unwrap();
    assert!(a.has(Protection::ESession) && b.has(Protection::Omemo) && c.has(Protection::OpenPgp) && d.is_empty());
    assert!(!now.has(Protection::Omemo) && now.of("phone") == Some(Protection::OpenPgp));
    assert!(!is_untold, "of devices that were there before everybody has been told");
}

#[tokio::test]
async fn the_last_client_of_each_protection_is_remembered_whoever_comes_and_goes() {
    let world = World::new().await;
    let alice = world.alice;
    let used = world.store.call(move |db, _| {
        protections::note(db, alice, "bob", "laptop", Protection::OpenPgp)?;
        for number in 0..20 {
            protections::note(db, alice, "bob", &format!("browser{number}"), Protection::Omemo)?;
        }
        protections::of(db, alice, "bob")
    });
    let used = used.await.unwrap();
    assert_eq!(used.of("laptop"), Some(Protection::OpenPgp));
    assert_eq!((used.of("browser0"), used.of("browser19")), (None, Some(Protection::Omemo)));
}
