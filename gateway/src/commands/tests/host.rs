//! On the host's own terminal, through the socket.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use drawbridge_bridge::{CancellationToken, Secret};
use zeroize::Zeroizing;

use super::world::{PASSWORD, World};
use crate::accounts::LoginState;
use crate::commands::Answers;
use crate::control::{Client, Control, ControlError, Reply, Request, Terminal, listen, socket};
use crate::secure::omemo::Us;
use crate::store::keys;

const ALICE: &str = "alice@example.org";

/// A person who types these lines.
#[derive(Default)]
struct Person {
    types: VecDeque<&'static str>,
    sees: Vec<String>,
}

impl Person {
    fn who_types(lines: &[&'static str]) -> Self {
        Self { types: lines.iter().copied().collect(), sees: Vec::new() }
    }
}

impl Terminal for Person {
    fn show(&mut self, text: &str) {
        self.sees.push(text.to_owned());
    }

    fn ask(&mut self, prompt: &str, hidden: bool) -> io::Result<Zeroizing<String>> {
        self.sees.push(format!("{prompt}{}", if hidden { " (hidden)" } else { "" }));
        self.types.pop_front().map(|line| Zeroizing::new(line.to_owned())).ok_or(io::ErrorKind::UnexpectedEof.into())
    }
}

fn serve(world: &World) -> PathBuf {
    listen(world.dir.path(), vec![world.keeper.clone()], CancellationToken::new()).unwrap();
    world.dir.path().to_owned()
}

fn command(node: &str, user: &str) -> Request {
    Request::Run { command: node.into(), user: user.into(), network: None }
}

/// Runs a command in front of a person, off the runtime's own thread.
async fn run(
    data: PathBuf,
    request: Request,
    known: Answers,
    person: Person,
) -> (Result<(), ControlError>, Vec<String>) {
    let work = move || {
        let mut person = person;
        let result = Client::connect(&data).and_then(|client| client.run(&request, &known, &mut person));
        (result, person.sees)
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn ask(data: PathBuf, request: Request) -> Result<Reply, ControlError> {
    tokio::task::spawn_blocking(move || Client::connect(&data)?.ask(&request)).await.unwrap()
}

fn yes() -> Answers {
    Answers { values: [("confirm".to_owned(), Secret::new("yes"))].into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_logs_a_user_in_and_out_again() {
    let world = World::new();
    let data = serve(&world);
    let person = Person::who_types(&["alice", "wrong", "", PASSWORD]);
    let (result, sees) = run(data.clone(), command("login", ALICE), Answers::default(), person).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(
        sees[..6],
        [
            "Your far account.",
            "Name:",
            "Password: (hidden)",
            "The password is wrong.",
            "Name (or - for alice):",
            "Password: (hidden)"
        ],
        "no warning: nobody else reads it here"
    );
    world.comes_to(ALICE, LoginState::Online).await;

    let Ok(Reply::Users(users)) = ask(data.clone(), Request::Users).await else { panic!() };
    assert_eq!((users[0].jid.as_str(), users[0].account.as_deref()), (ALICE, Some("alice@echo")));
    let Ok(Reply::Status(status)) = ask(data.clone(), Request::Status).await else { panic!() };
    assert_eq!((status.networks[0].users, status.networks[0].online), (1, 1));

    let (result, sees) = run(data, command("unregister", ALICE), yes(), Person::default()).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(sees.len(), 1, "nothing was asked: {sees:?}");
    assert_eq!(world.directories(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_goes_away_leaves_nothing_behind() {
    let world = World::new();
    let data = serve(&world);
    let person = Person::who_types(&["alice"]);
    let (result, _) = run(data, command("login", ALICE), Answers::default(), person).await;
    assert!(matches!(result, Err(ControlError::NoInput)), "{result:?}");
    for _ in 0..200 {
        if world.directories() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the login's directory stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told_in_words() {
    let world = World::new();
    let data = serve(&world);
    for (request, words) in [
        (command("login", "eve@example.net"), "Add them to its allow list"),
        (command("fly", ALICE), "There is no such command."),
        (command("login", "@"), "That is no user"),
        (command("logout", ALICE), "not registered"),
        (command("verify", ALICE), "not registered"),
        (Request::Run { command: "login".into(), user: ALICE.into(), network: Some("irc".into()) }, "no network irc"),
    ] {
        let (result, _) = run(data.clone(), request, yes(), Person::default()).await;
        let Err(ControlError::Failed(why)) = result else { panic!("{result:?}") };
        assert!(why.contains(words), "{why}");
    }
    world.logged_in(ALICE).await;
    let (result, _) = run(data, command("verify", ALICE), Answers::default(), Person::default()).await;
    let Err(ControlError::Failed(why)) = result else { panic!("{result:?}") };
    assert!(why.contains("has no encrypted session with this gateway now"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_socket_hurts_nobody() {
    use std::io::{Read, Write};
    let world = World::new();
    let data = serve(&world);
    let path = socket(&data);
    let said = tokio::task::spawn_blocking(move || {
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        stream.write_all(b"{\"ask\":\"everything\"}\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    });
    assert!(said.await.unwrap().contains("does not know that request"));
    assert!(ask(data, Request::Status).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_private_and_has_one_owner() {
    let world = World::new();
    let missing = ask(world.dir.path().to_owned(), Request::Status).await;
    assert!(matches!(missing, Err(ControlError::NotRunning(_))), "{missing:?}");

    // What a killed daemon leaves behind is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(socket(world.dir.path())).unwrap());
    let first = Control::bind(world.dir.path()).unwrap();
    let mode = std::fs::metadata(socket(world.dir.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(Control::bind(world.dir.path()), Err(ControlError::RunsAlready(_))));
    drop(first);
    assert!(!socket(world.dir.path()).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_clients_are_trusted_and_forgotten_by_their_fingerprints() {
    let world = World::new();
    let data = serve(&world);
    world.logged_in(ALICE).await;
    let user = world.keeper.accounts.user(&world.keeper, &ALICE.parse().unwrap()).await.unwrap().unwrap().id;
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let [phone, tablet] = [(); 2].map(|()| esession::SigningKey::generate_rsa(2048, rng).unwrap().public().clone());
    let shown = [("phone", phone.key_value()), ("tablet", tablet.key_value())];
    let meet = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        shown.iter().try_for_each(|(client, key)| keys::meet(db, user, client, key, true).map(drop))
    };
    world.keeper.store.call(meet).await.unwrap();
    let print = phone.fingerprint_text();

    let person = Person::who_types(&["trust", "12345678", print.clone().leak()]);
    let (result, sees) = run(data.clone(), command("keys", ALICE), Answers::default(), person).await;
    assert!(result.is_ok(), "{result:?} {sees:?}");
    let all = sees.join("\n");
    assert!(all.contains(&print) && all.contains(&tablet.fingerprint_text()), "{all}");
    assert!(all.contains("No client has shown a key with this fingerprint"), "{all}");
    assert!(sees.last().unwrap().contains("Trusted"), "{sees:?}");
    let known = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| keys::all(db, user);
    let standing: Vec<_> =
        world.keeper.store.call(known).await.unwrap().into_iter().map(|key| (key.client, key.verified)).collect();
    assert_eq!(standing, [("phone".to_owned(), true), ("tablet".to_owned(), false)]);

    let forget = [
        ("key".to_owned(), Secret::new(print.replace(' ', "").to_uppercase())),
        ("what".to_owned(), Secret::new("forget")),
    ];
    let (result, sees) = run(data, command("keys", ALICE), Answers { values: forget.into() }, Person::default()).await;
    assert!(result.is_ok(), "{result:?}");
    assert!(sees.last().unwrap().contains("Forgotten: the key of the client phone"), "{sees:?}");
    let known = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| keys::all(db, user);
    assert_eq!(world.keeper.store.call(known).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn devices_are_trusted_and_forgotten_by_their_fingerprints() {
    use omemo::ratchet::Identity;
    use omemo::{DeviceId, Dialect};

    use crate::store::omemo as rows;

    let world = World::new();
    let data = serve(&world);
    world.logged_in(ALICE).await;
    let user = world.keeper.accounts.user(&world.keeper, &ALICE.parse().unwrap()).await.unwrap().unwrap().id;
    let identity = Identity::generate(&mut rand_core::UnwrapErr(getrandom::SysRng)).public(Dialect::Axolotl);
    let curve = identity.curve().unwrap();
    let meet = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        rows::meet(db, user, DeviceId::new(4711).unwrap(), &curve).map(drop)
    };
    world.keeper.store.call(meet).await.unwrap();
    let print = identity.fingerprint().unwrap();

    let person = Person::who_types(&["trust", "12345678", print.to_uppercase().replace(' ', "").leak()]);
    let (result, sees) = run(data.clone(), command("devices", ALICE), Answers::default(), person).await;
    assert!(result.is_ok(), "{result:?} {sees:?}");
    let all = sees.join("\n");
    assert!(all.contains(&print) && all.contains("device 4711 (trusted blindly)"), "{all}");
    assert!(all.contains("No device and no key has this fingerprint"), "{all}");
    assert!(sees.last().unwrap().contains("Trusted, and of others only"), "{sees:?}");
    let known = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| rows::known(db, user);
    assert_eq!(world.keeper.store.call(known).await.unwrap()[0].trust, rows::Trust::Verified);

    let own = move |db: &rusqlite::Transaction<'_>, sealer: &crate::store::Sealer| {
        let us = Us { user, peer: "silent@echo".to_owned(), account: "silent%echo@gw.example.org".to_owned() };
        us.own(db, sealer).map(drop)
    };
    world.keeper.store.call(own).await.unwrap();
    for (whose, shows) in [("silent%echo@gw.example.org", true), ("nobody%echo@gw.example.org", false)] {
        let asked = [("what", "code"), ("contact", whose)].map(|(name, value)| (name.to_owned(), Secret::new(value)));
        let answers = Answers { values: asked.into() };
        let (_, sees) = run(data.clone(), command("devices", ALICE), answers, Person::default()).await;
        let all = sees.join("\n");
        assert_eq!(
            all.contains('\u{2580}')
                && all.contains("xmpp:silent%25echo@gw.example.org?omemo-sid-")
                && all.contains("xmpp:silent%25echo@gw.example.org?trust-message;encryption=urn:xmpp:omemo:2;trust="),
            shows,
            "{all}"
        );
    }

    // From afar no fingerprint is shown, and no device trusted; but one that is lost is not written to any more.
    let trust = || world.keeper.store.call(known);
    for (answer, says, leaves) in [
        ("-", "Nothing was changed", rows::Trust::Verified),
        ("12", "No device has this number", rows::Trust::Verified),
        (
            "4711",
            "Not trusted any more: nothing is encrypted for it, and what it writes is refused: device 4711",
            rows::Trust::Distrusted,
        ),
    ] {
        let asked = world.says(ALICE, "devices").await;
        assert!(asked.contains("device 4711 (verified)") && !asked.contains(&print), "{asked}");
        let told = world.says(ALICE, answer).await;
        assert!(told.contains(says), "{told}");
        assert_eq!(trust().await.unwrap()[0].trust, leaves, "{answer}");
        world.says(ALICE, "cancel").await;
    }
    let any_verified =
        move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| crate::store::trust::any_verified(db, user);
    assert!(world.keeper.store.call(any_verified).await.unwrap(), "nobody has others trusted again by that");

    for (what, trust) in [("trust", rows::Trust::Verified), ("distrust", rows::Trust::Distrusted)] {
        let answers =
            [("key", print.as_str()), ("what", what)].map(|(name, value)| (name.to_owned(), Secret::new(value)));
        let answers = Answers { values: answers.into() };
        let (result, _) = run(data.clone(), command("devices", ALICE), answers, Person::default()).await;
        assert!(result.is_ok(), "{result:?}");
        let known = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| rows::known(db, user);
        assert_eq!(world.keeper.store.call(known).await.unwrap()[0].trust, trust);
    }

    let forget = [("key".to_owned(), Secret::new(print)), ("what".to_owned(), Secret::new("forget"))];
    let (result, sees) =
        run(data, command("devices", ALICE), Answers { values: forget.into() }, Person::default()).await;
    assert!(result.is_ok() && sees.last().unwrap().contains("Forgotten: device 4711"), "{result:?} {sees:?}");
    let known = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| rows::known(db, user);
    assert!(world.keeper.store.call(known).await.unwrap().is_empty());
}
