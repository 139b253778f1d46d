//! A session has the strongest options that both ends permit, and none is made where they have nothing in common.

use drawbridge_tests::World;

const MORE: &str =
    "\n[esession]\ngroups = [17, 14]\nciphers = [\"serpent256-ctr\", \"twofish192-ctr\"]\nhashes = [\"whirlpool\"]\n";

#[test]
fn a_session_has_the_strongest_options_that_both_ends_permit() {
    let world = World::echo(MORE).unwrap();
    let account = world.account("alice").unwrap();
    let options =
        ["--groups", "16,14", "--ciphers", "twofish192-ctr,aes256-ctr,serpent256-ctr", "--hashes", "sha256,whirlpool"];
    let mut alice = world.chat(&account, World::ECHO, &options).unwrap();
    alice.register(world.component(), &serde_json::json!({ "username": "alice" })).unwrap();
    let session = alice.secure().unwrap();
    let agreed = ["group", "cipher", "hash"].map(|option| session[option].as_str().unwrap_or_default().to_owned());
    assert_eq!(agreed, ["14", "serpent256-ctr", "whirlpool"], "{session}");
    alice.deliver("1", "ä & <b>").unwrap();
    assert_eq!(alice.next_message().unwrap(), "ä & <b>");

    let poor = account.with_resource("poor");
    let mut poor = world.chat(&poor, World::ECHO, &["--ciphers", "aes256-ctr", "--hashes", "whirlpool"]).unwrap();
    poor.say_as("1", "never sent").unwrap();
    let failed = poor.session("failed").unwrap();
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("not-acceptable")), "{failed}");
}
