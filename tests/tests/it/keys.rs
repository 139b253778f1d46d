//! Public keys that are given out, compared elsewhere and trusted (XEP-0189), and terms that change within a session.

use drawbridge_tests::clients::{Chat, GnuPg};
use drawbridge_tests::{Stage, World};
use serde_json::{Value, json};

const SOON: std::time::Duration = std::time::Duration::from_secs(30);
const ALICE: &str = "alice@xmpp.test";
/// Made by openssl, for this story only.
const KEY_OF_ALICE: &str = include_str!("files/alice-key.pem");
const KEY: [&str; 2] = ["--public-key=hash", "--publish-key"];

/// What Alice's client knows of the other end's keys: its own fingerprint, and theirs with their standings.
fn keys(alice: &mut Chat) -> (String, Vec<(String, String)>) {
    alice.send(&json!({ "command": "keys" })).unwrap();
    let told = alice.expect_event("keys", SOON).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let theirs = told["keys"].as_array().unwrap().iter();
    (text(&told["own"]), theirs.map(|key| (text(&key["fingerprint"]), text(&key["standing"]))).collect())
}

#[test]
fn keys_that_were_compared_on_the_host_verify_both_ends_with_no_code() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.finish().unwrap();

    // The gateway's own key, as its host shows it and as it gives it out.
    let mut alice = world.chat(&account.with_resource("phone"), Stage::ECHO, &KEY).unwrap();
    let (own, theirs) = keys(&mut alice);
    let [(print, standing)] = theirs.as_slice() else { panic!("{theirs:?}") };
    assert_eq!(standing, "published");
    let host = world.gateway.operator_says(&["users", "keys", ALICE]).unwrap();
    assert!(host.contains(print.as_str()), "{host}");

    let session = alice.secure().unwrap();
    assert_eq!((&session["key"], &session["key_standing"]), (&json!(print), &json!("first")));
    assert_eq!(session["verified"], false, "{session}");
    alice.send(&json!({ "command": "trust_key", "fingerprint": print })).unwrap();
    assert_eq!(alice.session("active").unwrap()["verified"], true);

    // And hers.
    let host = world.gateway.operator_says(&["users", "keys", ALICE]).unwrap();
    assert!(host.contains(&own) && host.contains("Client phone (not verified)"), "{host}");
    let wrong = world.gateway.operator_says(&["users", "keys", ALICE, "--trust", "0000"]).unwrap_err().to_string();
    assert!(wrong.contains("No client has shown a key with this fingerprint"), "{wrong}");
    let done = world.gateway.operator_says(&["users", "keys", ALICE, "--trust", &own]).unwrap();
    assert!(done.contains("Trusted"), "{done}");
    alice.send(&json!({ "command": "end" })).unwrap();
    alice.session("ended").unwrap();
    alice.secure().unwrap();
    let standing = alice.run(Stage::ECHO, "verify", &json!({})).unwrap();
    let note = standing["notes"][0]["text"].as_str().unwrap();
    assert!(note.contains("the gateway itself, from the client phone: verified"), "{note}");

    let done = world.gateway.operator_says(&["users", "keys", ALICE, "--forget", &own]).unwrap();
    assert!(done.contains("Forgotten"), "{done}");
}

#[test]
fn the_terms_of_a_session_change_while_it_stands() {
    let mut world = World::matrix("\n[esession]\ntransient = true\n").unwrap();
    let (account, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    alice.finish().unwrap();
    let mut alice = world.chat(&account.with_resource("two"), World::BOB, &[]).unwrap();
    let session = alice.secure().unwrap();
    assert_eq!(session["logging"], "may", "{session}");
    alice.send(&json!({ "command": "terms", "logging": "mustnot" })).unwrap();
    let changed = alice.session("active").unwrap();
    assert_eq!((&changed["logging"], &changed["compare"]), (&json!("mustnot"), &session["compare"]));
    alice.deliver("1", "kept nowhere").unwrap();
    assert_eq!(bob.next_message().unwrap(), "kept nowhere");
    bob.say(&room, "nor is this").unwrap();
    alice.hear("nor is this", SOON).unwrap();
}

/// An authority in a file, and a certificate of it for a new key of this JID.
fn certified(dir: &std::path::Path, jid: &str) -> [String; 3] {
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pair = rcgen::KeyPair::generate().unwrap();
    let ca = root.self_signed(&pair).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, pair);
    let key = rcgen::KeyPair::from_pem(KEY_OF_ALICE).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI(format!("xmpp:{jid}").as_str().try_into().unwrap())];
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    [("ca.pem", ca.as_str()), ("key.pem", KEY_OF_ALICE), ("certificate.pem", &certificate)].map(|(name, text)| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    })
}

/// Whether the host verifies the session of Alice's phone, within ten seconds and with no code.
fn comes_to_be_verified(alice: &mut Chat) -> bool {
    (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let told = alice.run(Stage::ECHO, "verify", &json!({})).unwrap();
        told["notes"][0]["text"].as_str().unwrap().contains("from the client phone: verified")
    })
}

#[test]
fn a_client_with_a_certificate_of_the_hosts_authority_is_verified_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let [ca, key, certificate] = certified(dir.path(), ALICE);
    let world = World::echo(&format!("\n[esession]\nauthorities = [\"{ca}\"]\n")).unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.finish().unwrap();
    let more = ["--public-key", "--publish-key", "--key-file", &key, "--certificate", &certificate];
    let mut alice = world.chat(&account.with_resource("phone"), Stage::ECHO, &more).unwrap();
    alice.secure().unwrap();
    assert!(comes_to_be_verified(&mut alice), "the host did not take the certificate");

    // A certificate of another key is refused at once.
    alice.finish().unwrap();
    let more = ["--public-key", "--publish-key", "--certificate", &certificate];
    let refused = world.chat(&account.with_resource("tablet"), Stage::ECHO, &more).map(drop).unwrap_err().to_string();
    assert!(refused.contains("that counts now certifies your key"), "{refused}");
}

#[test]
fn a_client_whose_key_is_signed_with_gnupg_is_verified_by_who_certified_the_signer() {
    let dir = tempfile::tempdir().unwrap();
    let gpg = GnuPg::new(dir.path()).unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // Who runs the host trusts some friends, and these have certified who Alice is.
    gpg.run(&["--quick-gen-key", "The friends", "rsa2048", "cert"]).unwrap();
    gpg.run(&["--quick-gen-key", "Alice <alice@example.org>", "ed25519", "cert,sign"]).unwrap();
    gpg.run(&["--quick-add-uid", "alice@example.org", &format!("xmpp:{ALICE}")]).unwrap();
    let print = gpg.fingerprint("alice@example.org").unwrap();
    gpg.run(&["--local-user", "The friends", "--quick-sign-key", &print]).unwrap();
    let friends = file("friends.asc", &gpg.run(&["--export", "--armor", "The friends"]).unwrap());

    let world = World::echo(&format!("\n[esession]\nauthorities = [\"{friends}\"]\n")).unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.finish().unwrap();
    let phone = account.with_resource("phone");
    let statement = file("statement", &Chat::statement(world.dir(), &phone, Stage::ECHO).unwrap());
    let signature = gpg
        .run(&["--local-user", "alice@example.org", "--armor", "--output", "-", "--detach-sign", &statement])
        .unwrap();
    let certificate = gpg.run(&["--export", "--armor", &format!("xmpp:{ALICE}")]).unwrap();
    let certificate = file("certificate", &format!("{certificate}{signature}"));
    let more = ["--public-key", "--publish-key", "--certificate", &certificate];
    let mut alice = world.chat(&phone, Stage::ECHO, &more).unwrap();
    alice.secure().unwrap();
    assert!(comes_to_be_verified(&mut alice), "the host did not take the signature");

    // The key of her tablet is another one.
    alice.finish().unwrap();
    let refused = world.chat(&account.with_resource("tablet"), Stage::ECHO, &more).map(drop).unwrap_err().to_string();
    assert!(refused.contains("that counts now certifies your key"), "{refused}");
}
