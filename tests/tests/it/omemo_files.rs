//! Files between clients that people use and somebody on Matrix, on real servers: sealed on both sides (XEP-0454), and each client
//! seals, fetches and opens them itself. With OpenPGP clients seal none:
//! what Profanity sends lies open on the user's own server, and Gajim sends none.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use drawbridge_tests::World;
use drawbridge_tests::clients::{Converse, Desktop, Gajim, MatrixPeer, OmemoClient, Profanity};

const SOON: Duration = Duration::from_secs(60);
/// One red point.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC";

/// A picture, which programs that show it take as one, with words behind it that must not be seen on the way.
fn picture(dir: &Path) -> (Vec<u8>, PathBuf) {
    let behind = b" a canary ".iter().copied().cycle().take(300_000);
    let octets: Vec<u8> = BASE64.decode(PICTURE).unwrap().into_iter().chain(behind).collect();
    let file = dir.join("cat.png");
    fs::write(&file, &octets).unwrap();
    (octets, file)
}

/// What Alice has sent is, for Bob, this picture.
fn gets(bob: &mut MatrixPeer, picture: &[u8]) {
    let shared = bob.hear("cat.png", SOON).unwrap();
    assert!(shared["encrypted"] == true && shared["content"]["msgtype"] == "m.image", "{shared}");
    assert!(bob.fetch(&shared["content"]).unwrap() == picture);
}

/// No server has seen it, nor does the gateway keep it.
fn is_nowhere(world: &World) {
    for file in world.server_files().into_iter().chain(world.gateway_files()) {
        let octets = fs::read(&file).unwrap_or_default();
        assert!(!octets.windows(9).any(|part| part == b" a canary"), "in {}", file.display());
    }
}

fn files_cross(world: &World, mut alice: Desktop, mut bob: MatrixPeer, room: &str) {
    let (picture, file) = picture(world.dir());
    alice.say(World::BOB, "look").unwrap();
    assert_eq!(bob.next_message().unwrap(), "look");
    alice.share(World::BOB, &file).unwrap();
    gets(&mut bob, &picture);
    bob.share(room, "dog.png", "image/png", &picture).unwrap();
    let (octets, url) = alice.next_file().unwrap();
    assert!(octets == picture && url.contains(".png"), "{} octets at {url}", octets.len());
    bob.say(room, "behind it").unwrap();
    alice.hear("behind it").unwrap();
    alice.finish().unwrap();
    assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
    is_nowhere(world);
}

#[test]
fn files_cross_between_gajim_and_matrix() {
    let mut world = World::matrix("").unwrap();
    let (account, bob, room) = world.alice_knows_bob().unwrap();
    let alice = Gajim::start(world.dir(), &account.with_resource("gajim")).unwrap();
    files_cross(&world, alice, bob, &room);
}

#[test]
fn files_cross_between_converse_and_matrix_in_each_dialect() {
    for speaks in [Converse::BOTH, &[OmemoClient::OLDER]] {
        let mut world = World::matrix("").unwrap();
        let (account, bob, room) = world.alice_knows_bob().unwrap();
        let account = account.with_resource("converse");
        let alice = Converse::start(world.dir(), &world.xmpp, &account, speaks).unwrap();
        files_cross(&world, alice, bob, &room);
    }
}

#[test]
fn files_cross_between_profanity_and_matrix() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let (picture, file) = picture(world.dir());
    let alice = Profanity::start(world.dir(), &account.with_resource("profanity")).unwrap();
    alice.locks(World::BOB).unwrap();
    alice.types("look").unwrap();
    assert_eq!(bob.next_message().unwrap(), "look");
    alice.types(&format!("/sendfile {}", file.display())).unwrap();
    gets(&mut bob, &picture);
    alice.types("/clear").unwrap();
    bob.share(&room, "dog.png", "image/png", &picture).unwrap();
    assert!(alice.opens_file().unwrap() == picture);
    is_nowhere(&world);
}

#[test]
fn files_reach_gajim_with_openpgp_sealed() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let (picture, _) = picture(world.dir());
    let mut alice = Gajim::start_with_openpgp(world.dir(), &account.with_resource("gajim")).unwrap();
    alice.say(World::BOB, "look").unwrap();
    assert_eq!(bob.next_message().unwrap(), "look");
    bob.share(&room, "dog.png", "image/png", &picture).unwrap();
    let (octets, url) = alice.next_file().unwrap();
    assert!(octets == picture && url.contains(".png"), "{} octets at {url}", octets.len());
    is_nowhere(&world);
    alice.finish().unwrap();
    assert!(!alice.take_events().iter().any(|event| event["event"] == "clear" && event["from"] == World::BOB));
}

#[test]
fn files_reach_profanity_with_openpgp_sealed_and_it_sends_where_one_lies_open() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let (picture, file) = picture(world.dir());
    let alice = Profanity::start(world.dir(), &account.with_resource("profanity")).unwrap();
    alice.announces_key().unwrap();
    alice.locks_with_key_of(World::BOB).unwrap();
    alice.types("look").unwrap();
    assert_eq!(bob.next_message().unwrap(), "look");
    alice.types("/clear").unwrap();
    bob.share(&room, "dog.png", "image/png", &picture).unwrap();
    assert!(alice.opens_file().unwrap() == picture);
    is_nowhere(&world);
    // It says so in words, and Bob gets these.
    alice.types(&format!("/sendfile {}", file.display())).unwrap();
    let sent = bob.next_message().unwrap();
    assert!(sent.starts_with("https://localhost:") && sent.ends_with("/cat.png"), "{sent}");
}
