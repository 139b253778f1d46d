//! Keys of our own.

use openpgp_xmpp::{Key, KeyError};
use pgp::composed::{EncryptionCaps, KeyType, SecretKeyParamsBuilder, SubkeyParamsBuilder};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::ser::Serialize;
use pgp::types::Password;

use crate::dice::Dice;
use crate::world::*;

#[test]
fn a_key_says_whose_it_is_and_no_more() {
    let key = bob();
    let digits = key.fingerprint().to_string();
    assert!(digits.len() == 40 && digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'A'..=b'F')), "{digits}");
    assert_eq!(format!("{key:?}"), format!("Key {{ jid: \"{BOB}\", fingerprint: {digits}, .. }}"));
    assert_eq!(hex::encode_upper(key.fingerprint().octets()), digits);
    assert_eq!(key.jid(), BOB);
    // Where the JID is no IRI, it has a name for Gajim too, and the other one is first for Profanity.
    let names = |key: &Key| {
        let users = secret(key).details.users;
        users.iter().map(|user| (user.id.as_str().unwrap().to_owned(), user.is_primary())).collect::<Vec<_>>()
    };
    let own = |name: &str, is_primary| (name.to_owned(), is_primary);
    let bobs = [own("xmpp:bob%matrix.org@gw.example.org", true), own("xmpp:bob%25matrix.org@gw.example.org", false)];
    assert_eq!(names(&key), bobs);
    assert_eq!(names(&alice()), [own("xmpp:alice@example.org", true)]);
    let odd = names(&crate::world::key(r"\40é#[b]-._~!$()*+,;=@ex%ample.org", 3));
    assert_eq!(odd[1].0, "xmpp:%5C40é%23%5Bb%5D-._~!$()*+,;=@ex%ample.org");
    assert_eq!(names(&crate::world::key("gw.example.org", 3)).len(), 1);
}

#[test]
fn what_is_published_is_not_what_is_kept() {
    let (kept, published) = (bob().octets().unwrap(), bob().public_octets());
    assert_eq!(Key::read(&published).unwrap_err(), KeyError::NoKey);
    assert!(published.len() < kept.len());
    let secrets =
        [secret(&bob()).primary_key.to_bytes().unwrap(), secret(&bob()).secret_subkeys[0].key.to_bytes().unwrap()];
    for secret in secrets {
        // The end of a packet is the secret and its checksum.
        let tail = &secret[secret.len() - 20..];
        assert!(kept.windows(20).any(|it| it == tail) && !published.windows(20).any(|it| it == tail));
    }
}

#[test]
fn what_was_not_made_here_is_no_key() {
    let mut locked = secret(&bob());
    locked.primary_key.set_password(Dice(9), &Password::from("secret")).unwrap();
    let mut half_locked = secret(&bob());
    half_locked.secret_subkeys[0].key.set_password(Dice(9), &Password::from("secret")).unwrap();
    let mut alone = secret(&bob());
    alone.secret_subkeys.clear();
    let mut nameless = secret(&bob());
    nameless.details.users.clear();
    for (what, other) in [
        ("locked", locked),
        ("locked subkey", half_locked),
        ("no subkey", alone),
        ("no name", nameless),
        ("another name", made("Bob <bob@example.org>", KeyType::Ed25519Legacy)),
        ("another kind", made("xmpp:bob@example.org", KeyType::Ed25519)),
    ] {
        assert_eq!(Key::read(&other.to_bytes().unwrap()).unwrap_err(), KeyError::NoKey, "{what}");
    }
    for octets in [&b""[..], b"-----BEGIN PGP PRIVATE KEY BLOCK-----", &bob().octets().unwrap()[..100]] {
        assert_eq!(Key::read(octets).unwrap_err(), KeyError::NoKey);
    }
    let far = u64::from(u32::MAX) + 1;
    assert!(matches!(Key::generate(BOB, far, &mut Dice(1)), Err(KeyError::Failed(_))));
}

fn made(user: &str, signing: KeyType) -> pgp::composed::SignedSecretKey {
    let mut subkey = SubkeyParamsBuilder::default();
    subkey.key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy)).can_encrypt(EncryptionCaps::All);
    let mut params = SecretKeyParamsBuilder::default();
    params.key_type(signing).can_certify(true).can_sign(true).primary_user_id(user.into());
    params.subkeys(vec![subkey.build().unwrap()]).build().unwrap().generate(Dice(1)).unwrap()
}
