//! Logging in, and what that leaves behind.

use std::time::Duration;

use drawbridge_bridge::*;
use matrix_sdk::ruma::UserId;
use tokio::time::timeout;

use super::homeserver;
use super::people::{self, Alice, Person, try_login};
use super::synapse::password;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_says_why() {
    let synapse = homeserver().await;
    let dir = tempfile::tempdir().unwrap();
    let at = |url: String, name: &'static str, word: &'static str| {
        let place = people::place(&dir);
        async move { try_login(place, &url, name, word).await.unwrap_err() }
    };
    let error = at(synapse.url(), "alice", "wrong").await;
    assert_eq!(error.to_string(), "The homeserver does not accept this user name and password.");
    let error = at("http://127.0.0.1:1".into(), "alice", "x").await;
    assert!(
        matches!(&error, Error::Transient { reason, .. } if reason == "the homeserver cannot be reached"),
        "{error:?}"
    );
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", web.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = web.accept().await {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        }
    });
    let error = at(url, "alice", "x").await;
    assert!(
        matches!(&error, Error::Rejected(text) if text == "There is no Matrix homeserver at this address."),
        "{error:?}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files were left behind");

    // The same place takes the right password afterwards.
    try_login(people::place(&dir), &synapse.url(), "@alice:test.local", &password("alice")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_given_up_leaves_no_device() {
    let synapse = homeserver().await;
    let bystander = Person::sign_in(&synapse.url(), "alice", true).await;
    let mut finished = 0;
    for millis in [5, 50, 150, 300, 600] {
        let dir = tempfile::tempdir().unwrap();
        let url = synapse.url();
        let login = try_login(people::place(&dir), &url, "alice", "secret of alice");
        finished += usize::from(timeout(Duration::from_millis(millis), login).await.is_ok());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(finished < 5, "nothing was given up");
    let mut ours = usize::MAX;
    for _ in 0..20 {
        let devices = bystander.client.devices().await.unwrap().devices;
        ours = devices.iter().filter(|device| device.display_name.as_deref() == Some("Drawbridge")).count();
        if ours == finished {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{ours} devices are left of {finished} logins");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_after_the_login_arrives_and_what_was_said_before_does_not() {
    let synapse = homeserver().await;
    let bob = Person::sign_in(&synapse.url(), "bob", true).await;
    let phone = Person::sign_in(&synapse.url(), "alice", false).await;
    let hers = phone.client.create_dm(&UserId::parse("@bob:test.local").unwrap()).await.unwrap();
    let room = bob.joins(&ConvId::new(hers.room_id().as_str())).await;
    for text in ["before", "and before that"] {
        bob.says(&room, text).await;
    }

    let alice = Alice::log_in(&synapse.url(), "alice").await;
    let device = alice.open().trust().unwrap().status().await.unwrap().device;
    bob.knows_device(&UserId::parse("@alice:test.local").unwrap(), &device).await;
    for text in ["before anybody listens", "and another"] {
        bob.says(&room, text).await;
    }
    let running = alice.run();
    alice.ledger.await_text("and another").await;
    bob.says(&room, "now").await;
    alice.ledger.await_text("now").await;
    assert_eq!(alice.ledger.texts(), ["before anybody listens", "and another", "now"]);
    running.stop().await;
}
