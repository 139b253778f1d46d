//! Written to the gateway.

use std::time::Duration;

use super::world::{PASSWORD, World, bare};
use crate::accounts::LoginState;
use crate::store::Policy;

const ALICE: &str = "alice@example.org";

#[tokio::test]
async fn a_login_is_asked_for_step_by_step_and_registers() {
    let world = World::new();
    assert_eq!(world.tells(ALICE, "login").await, "Your far account.\nName:");
    assert_eq!(world.tells(ALICE, "alice").await, "Password:");
    let said = world.tells(ALICE, PASSWORD).await;
    assert!(said.starts_with("You are logged in to Echo as alice@echo."), "{said}");
    assert!(said.contains("Write to echo@echo"), "the network's own notice: {said}");
    world.comes_to(ALICE, LoginState::Online).await;
    assert!(world.tells(ALICE, "status").await.contains("alice@echo (online)"));
    assert_eq!(world.directories(), 1);
}

#[tokio::test]
async fn before_a_secret_is_asked_in_clear_the_user_is_warned_and_told_the_other_ways() {
    let world = World::new();
    let said = world.says(ALICE, "login").await;
    for words in ["people who run your XMPP server can read", "ESession", "drawbridge users login alice@example.org"] {
        assert!(said.contains(words), "{words} is missing: {said}");
    }
    assert!(!world.tells(ALICE, "cancel").await.is_empty());
    assert!(!world.tells(ALICE, "login").await.contains("Careful"), "inside an ESession nobody else reads it");
}

#[tokio::test]
async fn a_wrong_password_can_be_corrected_without_typing_the_rest_again() {
    let world = World::new();
    world.tells(ALICE, "login").await;
    world.tells(ALICE, "alice").await;
    assert_eq!(world.tells(ALICE, "open").await, "The password is wrong.\nName (or - for alice):");
    world.tells(ALICE, "-").await;
    assert!(world.tells(ALICE, PASSWORD).await.contains("logged in to Echo as alice@echo"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_and_can_be_tried_again() {
    let world = World::new();
    world.tells(ALICE, "login").await;
    world.tells(ALICE, "down").await;
    let said = world.tells(ALICE, PASSWORD).await;
    assert!(said.starts_with("The far server does not answer."), "{said}");
    assert!(said.ends_with("Name (or - for down):"), "{said}");
}

#[tokio::test]
async fn something_to_look_at_waits_for_the_person() {
    let world = World::new();
    world.tells(ALICE, "login").await;
    world.tells(ALICE, "linked").await;
    let said = world.tells(ALICE, PASSWORD).await;
    assert!(said.contains("https://far.example/x") && said.contains("Write ok"), "{said}");
    assert!(world.tells(ALICE, "ok").await.contains("logged in to Echo as linked@echo"));
}

#[tokio::test]
async fn cancel_gives_up_and_leaves_nothing_behind() {
    let world = World::new();
    world.tells(ALICE, "login").await;
    assert_eq!(world.directories(), 1);
    assert!(world.tells(ALICE, "Cancel").await.contains("Given up"));
    assert_eq!(world.directories(), 0);
    assert_eq!(world.tells(ALICE, "cancel").await, "There is nothing to give up.");
    assert!(world.keeper.accounts.user(&world.keeper, &bare(ALICE)).await.unwrap().is_none());
}

#[tokio::test]
async fn people_of_other_servers_are_refused_and_learn_nothing_else() {
    let world = World::new();
    for text in ["login", "help", "status", "sesame", "logout"] {
        let said = world.tells("mallory@example.net", text).await;
        assert!(
            said.starts_with("You may not use this gateway") || said.starts_with("You are not registered"),
            "{said}"
        );
        assert!(!said.contains("Echo"), "{said}");
    }
    assert_eq!(world.directories(), 0);
}

#[tokio::test]
async fn an_unknown_word_is_not_repeated() {
    let world = World::new();
    let said = world.tells(ALICE, "hunter2").await;
    assert!(said.contains("help") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn help_shows_what_is_possible_now() {
    let world = World::new();
    let before = world.tells(ALICE, "help").await;
    assert!(before.contains("login:") && !before.contains("logout:"), "{before}");
    world.logged_in(ALICE).await;
    let after = world.tells(ALICE, "/HELP").await;
    assert!(after.contains("logout:") && after.contains("policy:"), "{after}");
}

#[tokio::test]
async fn a_second_login_is_refused_while_the_first_works() {
    let world = World::new();
    world.logged_in(ALICE).await;
    let said = world.tells(ALICE, "login").await;
    assert_eq!(said, "You are logged in already, as alice@echo; log out first.");
    assert_eq!(world.directories(), 1);
}

#[tokio::test]
async fn a_login_that_the_network_ended_is_replaced_and_waiting_messages_stay() {
    let world = World::new();
    world.logged_in(ALICE).await;
    world.far.user(&drawbridge_bridge::ContactId::new("alice@echo")).log_out();
    world.comes_to(ALICE, LoginState::LoggedOut).await;
    assert!(world.tells(ALICE, "status").await.contains("(logged out by the network)\nWrite login"));
    world.logged_in(ALICE).await;
    assert_eq!(world.directories(), 1, "the files of the ended login are gone");
}

#[tokio::test]
async fn logging_out_asks_first_and_then_forgets_the_login_but_not_the_user() {
    let world = World::new();
    world.logged_in(ALICE).await;
    assert!(world.tells(ALICE, "logout").await.contains("signs this gateway out"));
    assert_eq!(world.tells(ALICE, "perhaps").await, "Go on: choose one of yes, no.");
    assert_eq!(world.tells(ALICE, "no").await, "Nothing was changed.");
    assert_eq!(world.state(ALICE), Some(LoginState::Online));
    world.tells(ALICE, "logout").await;
    assert_eq!(world.tells(ALICE, "yes").await, "You are logged out.");
    assert_eq!((world.state(ALICE), world.directories()), (None, 0));
    assert!(world.keeper.accounts.user(&world.keeper, &bare(ALICE)).await.unwrap().is_some());
}

#[tokio::test]
async fn unregistering_leaves_nothing() {
    let world = World::new();
    world.logged_in(ALICE).await;
    world.tells(ALICE, "unregister").await;
    let said = world.tells(ALICE, "yes").await;
    assert!(said.ends_with("You are not registered any more."), "{said}");
    assert!(world.keeper.accounts.user(&world.keeper, &bare(ALICE)).await.unwrap().is_none());
    assert_eq!(world.directories(), 0);
}

#[tokio::test]
async fn settings_can_be_given_with_the_command_or_asked() {
    let world = World::new();
    world.logged_in(ALICE).await;
    let said = world.tells(ALICE, "policy encryption=require").await;
    assert!(said.contains("Encryption to your client: require"), "{said}");
    let policy = async || world.keeper.accounts.user(&world.keeper, &bare(ALICE)).await.unwrap().unwrap().policy;
    assert_eq!(policy().await, Policy::Require);

    let asked = world.tells(ALICE, "policy").await;
    assert!(asked.ends_with("Write one of require, prefer, off (or - for require):"), "{asked}");
    assert!(world.tells(ALICE, "never").await.contains("choose one of"));
    world.tells(ALICE, "OFF").await;
    assert!(world.tells(ALICE, "-").await.contains("Message keys go to: cross-signed"));
    assert_eq!(policy().await, Policy::Off);
}

#[tokio::test]
async fn over_xmpp_verify_only_tells_that_it_takes_the_host() {
    let world = World::new();
    world.logged_in(ALICE).await;
    let said = world.tells(ALICE, "verify").await;
    assert!(said.contains("drawbridge verify alice@example.org"), "{said}");
    assert_eq!(world.tells(ALICE, "cancel").await, "There is nothing to give up.", "it asked for nothing");
}

#[tokio::test]
async fn contacts_are_listed_with_their_addresses() {
    let world = World::new();
    world.logged_in(ALICE).await;
    for _ in 0..200 {
        if world.tells(ALICE, "contacts").await.contains("echo@echo: echo%echo@gw.example.org") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{}", world.tells(ALICE, "contacts").await);
}

#[tokio::test]
async fn recovery_is_for_networks_that_have_it() {
    let world = World::new();
    world.logged_in(ALICE).await;
    assert_eq!(world.tells(ALICE, "recover").await, "Echo has no recovery keys.");
}
