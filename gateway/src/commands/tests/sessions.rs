//! What lasts: supervision, restarts, time limits.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use drawbridge_bridge::ContactId;

use super::world::{World, bare};
use crate::accounts::{LoginState, sweep};

const ALICE: &str = "alice@example.org";

#[tokio::test]
async fn a_network_that_is_down_is_waited_for_and_comes_back() {
    let world = World::new();
    world.logged_in(ALICE).await;
    assert!(world.keeper.accounts.session(&bare(ALICE)).is_some());
    let far = world.far.user(&ContactId::new("alice@echo"));
    far.set_down(true);
    world.comes_to(ALICE, LoginState::Waiting("the far side is down".into())).await;
    assert!(world.keeper.accounts.session(&bare(ALICE)).is_none(), "nothing is sent meanwhile");
    far.set_down(false);
    world.comes_to(ALICE, LoginState::Online).await;
    assert!(world.keeper.accounts.session(&bare(ALICE)).is_some());
}

#[tokio::test]
async fn logins_come_up_again_after_a_restart() {
    let world = World::new();
    world.logged_in(ALICE).await;
    world.keeper.accounts.stop_all().await;
    assert_eq!(world.state(ALICE), None);
    world.keeper.accounts.start_all(&world.keeper).await;
    world.comes_to(ALICE, LoginState::Online).await;
}

#[tokio::test]
async fn a_logins_files_are_private_and_unfinished_ones_are_swept_away() {
    let world = World::new();
    world.logged_in(ALICE).await;
    let logins = world.dir.path().join("logins");
    let login = std::fs::read_dir(&logins).unwrap().next().unwrap().unwrap();
    assert_eq!(login.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(login.file_name().to_str().unwrap().len(), 32);

    std::fs::create_dir(logins.join("crashed")).unwrap();
    sweep(&world.keeper.store, world.dir.path()).await.unwrap();
    assert!(login.path().is_dir() && !logins.join("crashed").exists());
}

#[tokio::test]
async fn a_command_that_nobody_goes_on_with_ends_by_itself() {
    let world = World::new();
    world.tells(ALICE, "login").await;
    assert_eq!(world.directories(), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(9 * 60)).await;
    tokio::time::resume();
    assert_eq!(world.tells(ALICE, "alice").await, "Password:", "it was still there");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11 * 60)).await;
    tokio::time::resume();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.directories(), 0);
    assert!(world.tells(ALICE, "sesame").await.contains("I do not know this command"));
}
