//! Whose public keys are used, and until when.

use openpgp_xmpp::{Certificate, MAX_CERTIFICATE, MAX_SIGNATURES, SKEW, Unfit, Unusable, seal};
use pgp::composed::{KeyType, SignedPublicKey, SignedPublicSubKey, SignedSecretKey};
use pgp::packet::{
    KeyFlags, PubKeyInner, PublicSubkey, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData as Part,
    UserAttribute,
};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, KeyVersion, Password, SignedUserAttribute, Tag, Timestamp};

use crate::dice::Dice;
use crate::world::*;

fn read(octets: &[u8], now: u64) -> Result<(), Unusable> {
    Certificate::read(octets, ALICE, now).map(|certificate| assert_eq!(certificate.octets(), octets))
}

/// Alice's, after a change.
fn changed(change: impl FnOnce(&mut SignedPublicKey, &SignedSecretKey)) -> Vec<u8> {
    let secret = secret(&alice());
    let mut public = secret.to_public_key();
    change(&mut public, &secret);
    public.to_bytes().unwrap()
}

fn config(typ: SignatureType, at: u64, secret: &SignedSecretKey, parts: &[Part]) -> SignatureConfig {
    let mut config = SignatureConfig::v4(typ, secret.primary_key.algorithm(), pgp::crypto::hash::HashAlgorithm::Sha256);
    let at = Part::SignatureCreationTime(Timestamp::from_secs(at.try_into().unwrap()));
    config.hashed_subpackets = [at].iter().chain(parts).map(|it| Subpacket::regular(it.clone()).unwrap()).collect();
    config
}

fn flags(set: impl FnOnce(&mut KeyFlags)) -> Part {
    let mut flags = KeyFlags::default();
    set(&mut flags);
    Part::KeyFlags(flags)
}

/// A new word of Alice's on her name.
fn word(secret: &SignedSecretKey, public: &SignedPublicKey, typ: SignatureType, at: u64, parts: &[Part]) -> Signature {
    let (signer, user) = (&secret.primary_key, &public.details.users[0].id);
    let config = config(typ, at, secret, parts);
    config.sign_certification(signer, signer.public_key(), &Password::empty(), Tag::UserId, user).unwrap()
}

/// A new word of Alice's on her subkey.
fn binding(secret: &SignedSecretKey, typ: SignatureType, at: u64, parts: &[Part]) -> Signature {
    let (signer, subkey) = (&secret.primary_key, secret.secret_subkeys[0].key.public_key());
    config(typ, at, secret, parts).sign_subkey_binding(signer, signer.public_key(), &Password::empty(), subkey).unwrap()
}

/// Alice's, until then.
pub(crate) fn expiring(at: u64) -> Vec<u8> {
    let lasts = Part::KeyExpirationTime(Duration::from_secs((at - MADE).try_into().unwrap()));
    changed(|public, secret| {
        let parts = [flags(|it| it.set_sign(true)), lasts];
        let word = word(secret, public, SignatureType::CertPositive, MADE + 1, &parts);
        public.details.users[0].signatures.push(word);
    })
}

pub(crate) fn revoked() -> Vec<u8> {
    changed(|public, secret| {
        let signer = &secret.primary_key;
        let config = config(SignatureType::KeyRevocation, NOW - 1, secret, &[]);
        let revocation = config.sign_key(signer, &Password::empty(), signer.public_key()).unwrap();
        public.details.revocation_signatures.push(revocation);
    })
}

#[test]
fn a_certificate_is_for_who_is_named_in_it() {
    let octets = alice().public_octets();
    let certificate = Certificate::read(&octets, ALICE, NOW).unwrap();
    assert_eq!((certificate.jid(), certificate.fingerprint()), (ALICE, alice().fingerprint()));
    let shown = format!("Certificate {{ jid: \"{ALICE}\", fingerprint: {}, .. }}", alice().fingerprint());
    assert_eq!(format!("{certificate:?}"), shown);
    for other in
        [BOB, "alice@example.net", "Alice@example.org", "alice@example.org/phone", "", "xmpp:alice@example.org"]
    {
        let verdict = Certificate::read(&octets, other, NOW);
        assert_eq!(verdict, Err(Unusable::Unfit(Unfit::OtherName)), "{other}");
    }
    // Bob is known by either of his names, and by none that only looks like one.
    for kept in [0, 1] {
        let mut public = secret(&bob()).to_public_key();
        public.details.users = vec![public.details.users[kept].clone()];
        let octets = public.to_bytes().unwrap();
        assert!(Certificate::read(&octets, BOB, NOW).is_ok());
        let decoded = Certificate::read(&octets, "bob@matrix.org@gw.example.org", NOW);
        assert_eq!(decoded, Err(Unusable::Unfit(Unfit::OtherName)));
    }
    // The name of Bob on the key of Alice, in his own hand.
    let stolen = changed(|public, _| public.details.users = secret(&bob()).details.users);
    assert_eq!(Certificate::read(&stolen, BOB, NOW), Err(Unusable::Unfit(Unfit::OtherName)));
    let taken_back = changed(|public, secret| {
        let word = word(secret, public, SignatureType::CertRevocation, NOW - 1, &[]);
        public.details.users[0].signatures.push(word);
    });
    assert_eq!(read(&taken_back, NOW), Err(Unusable::Unfit(Unfit::OtherName)));
}

#[test]
fn it_counts_in_its_time() {
    let octets = alice().public_octets();
    // Its owner's clock may be ahead.
    assert_eq!(read(&octets, MADE - SKEW - 1), Err(Unusable::Unfit(Unfit::OtherName)));
    assert_eq!(read(&octets, MADE - SKEW), Ok(()));
    assert_eq!(read(&octets, u64::MAX), Ok(()));
    let octets = expiring(NOW);
    assert_eq!(read(&octets, NOW - SKEW - 1), Ok(()));
    assert_eq!(read(&octets, NOW - SKEW), Err(Unusable::Unfit(Unfit::Expired)));
    let known = Certificate::read(&octets, ALICE, NOW - SKEW - 1).unwrap();
    let expired = Err(Unusable::Unfit(Unfit::Expired));
    assert_eq!((known.check(NOW - SKEW - 1), known.check(NOW - SKEW)), (Ok(()), expired));
    // Who has revoked it may have lost it before.
    for now in [NOW, NOW - 2] {
        assert_eq!(read(&revoked(), now), Err(Unusable::Unfit(Unfit::Revoked)));
    }
}

#[test]
fn it_has_a_key_to_encrypt_to() {
    let encrypts = || flags(|it| it.set_encrypt_comms(true));
    let stores = || flags(|it| it.set_encrypt_storage(true));
    let lasting = || Part::KeyExpirationTime(Duration::from_secs((NOW - MADE).try_into().unwrap()));
    let bound = |typ, parts: &[Part]| {
        changed(|public, secret| {
            let binding = binding(secret, typ, NOW - 60, parts);
            public.public_subkeys[0].signatures.push(binding);
        })
    };
    for parts in [&[encrypts()][..], &[stores()]] {
        assert_eq!(read(&bound(SignatureType::SubkeyBinding, parts), NOW), Ok(()));
    }
    let none = Err(Unusable::NoEncryptionKey);
    assert_eq!(read(&changed(|public, _| public.public_subkeys.clear()), NOW), none);
    assert_eq!(read(&bound(SignatureType::SubkeyBinding, &[flags(|it| it.set_authentication(true))]), NOW), none);
    let expiring = bound(SignatureType::SubkeyBinding, &[encrypts(), lasting()]);
    assert_eq!((read(&expiring, NOW - SKEW - 1), read(&expiring, NOW - SKEW)), (Ok(()), none));
    assert_eq!(read(&bound(SignatureType::SubkeyRevocation, &[]), NOW), none);
    // What its kind cannot do, it does not come to do by saying so.
    let says = changed(|public, secret| {
        public.details.users[0].signatures =
            vec![word(secret, public, SignatureType::CertPositive, MADE + 1, &[encrypts()])];
        public.public_subkeys.clear();
    });
    assert_eq!(read(&says, NOW), none);
    // Bob's subkey is none of Alice's.
    let others = changed(|public, _| public.public_subkeys = secret(&bob()).to_public_key().public_subkeys);
    assert_eq!(read(&others, NOW), none);
}

#[test]
fn what_is_no_single_certificate_is_refused() {
    let octets = alice().public_octets();
    let none = Err(Unusable::NoCertificate);
    for wrong in [&b""[..], b"-----BEGIN PGP PUBLIC KEY BLOCK-----", &octets[..octets.len() - 1], &octets[1..]] {
        assert_eq!(read(wrong, NOW), none);
    }
    assert_eq!(read(&alice().octets().unwrap(), NOW), none, "a secret key by mistake");
    assert_eq!(read(&[octets.clone(), bob().public_octets()].concat(), NOW), none);
    // Armor may end in as many line breaks as one likes.
    let armored = secret(&alice()).to_public_key().to_armored_bytes(Default::default()).unwrap();
    let long = |octets: usize| [&armored[..], &vec![b'\n'; octets - armored.len()]].concat();
    assert_eq!((read(&long(MAX_CERTIFICATE), NOW), read(&long(MAX_CERTIFICATE + 1), NOW)), (Ok(()), none));
    // Every signature that says it is Alice's would have to be looked at.
    let signed = |count| {
        changed(|public, secret| {
            let word = word(secret, public, SignatureType::CertPositive, MADE + 1, &[]);
            public.details.users[0].signatures.extend(std::iter::repeat_n(word, count));
        })
    };
    // There are two without them.
    assert_eq!((read(&signed(MAX_SIGNATURES - 2), NOW), read(&signed(MAX_SIGNATURES - 1), NOW)), (Ok(()), none));
    // Wherever they are.
    let everywhere = changed(|public, secret| {
        let config = config(SignatureType::Key, MADE + 1, secret, &[]);
        let direct = config.sign_key(&secret.primary_key, &Password::empty(), secret.primary_key.public_key());
        public.details.direct_signatures = vec![direct.unwrap(); MAX_SIGNATURES / 2];
        let binding = binding(secret, SignatureType::SubkeyBinding, MADE + 1, &[]);
        public.public_subkeys[0].signatures.extend(std::iter::repeat_n(binding, MAX_SIGNATURES / 2));
    });
    assert_eq!(read(&everywhere, NOW), none);
    let pictured = |count| {
        changed(|public, secret| {
            let word = word(secret, public, SignatureType::CertPositive, MADE + 1, &[]);
            let picture = UserAttribute::new_image(Vec::new().into()).unwrap();
            public.details.user_attributes.push(SignedUserAttribute::new(picture, vec![word; count]));
        })
    };
    assert_eq!((read(&pictured(MAX_SIGNATURES - 2), NOW), read(&pictured(MAX_SIGNATURES - 1), NOW)), (Ok(()), none));
    // Cut off between packets it may still be a certificate, of somebody without a name or without a subkey.
    for length in 0..octets.len() {
        assert!(read(&octets[..length], NOW).is_err(), "{length}");
    }
}

/// `esession-attest` has these of GnuPG, for signing; GnuPG adds a subkey to none of them.
#[test]
fn weak_keys_are_refused() {
    for (kind, verdict) in [
        (include_str!("../../../attest/tests/openpgp/kinds/rsa1024.asc"), Unusable::Unfit(Unfit::Weak)),
        (include_str!("../../../attest/tests/openpgp/kinds/dsa2048.asc"), Unusable::Unfit(Unfit::Weak)),
        (include_str!("../../../attest/tests/openpgp/kinds/secp256k1.asc"), Unusable::Unfit(Unfit::Weak)),
        (include_str!("../../../attest/tests/openpgp/kinds/rsa2048.asc"), Unusable::NoEncryptionKey),
        (include_str!("../../../attest/tests/openpgp/kinds/nistp521.asc"), Unusable::NoEncryptionKey),
    ] {
        let (key, _) = <SignedPublicKey as pgp::composed::Deserializable>::from_string(kind).unwrap();
        assert_eq!(read(&key.to_bytes().unwrap(), NOW), Err(verdict), "{kind}");
    }
}

/// Alice's, with this as her only subkey.
fn with_subkey(key: PubKeyInner) -> Vec<u8> {
    let subkey = PublicSubkey::from_inner(key).unwrap();
    changed(|public, secret| {
        let (signer, parts) = (&secret.primary_key, [flags(|it| it.set_encrypt_comms(true))]);
        let config = config(SignatureType::SubkeyBinding, MADE + 1, secret, &parts);
        let binding = config.sign_subkey_binding(signer, signer.public_key(), &Password::empty(), &subkey).unwrap();
        public.public_subkeys = vec![SignedPublicSubKey::new(subkey, vec![binding])];
    })
}

#[test]
fn a_strong_key_does_not_make_its_subkey_one() {
    let none = Err(Unusable::NoEncryptionKey);
    for (version, kind, verdict) in [
        (KeyVersion::V4, include_str!("../../../attest/tests/openpgp/kinds/rsa2048.asc"), Ok(())),
        // As of before 1998: with MD5.
        (KeyVersion::V3, include_str!("../../../attest/tests/openpgp/kinds/rsa2048.asc"), none),
        (KeyVersion::V4, include_str!("../../../attest/tests/openpgp/kinds/rsa1024.asc"), none),
        // What can only sign.
        (KeyVersion::V4, include_str!("../../../attest/tests/openpgp/kinds/dsa2048.asc"), none),
        (KeyVersion::V4, include_str!("../../../attest/tests/openpgp/kinds/ed25519.asc"), none),
        (KeyVersion::V4, include_str!("../../../attest/tests/openpgp/kinds/nistp256.asc"), none),
    ] {
        let (key, _) = <SignedPublicKey as pgp::composed::Deserializable>::from_string(kind).unwrap();
        let (key, params) = (&key.primary_key, key.primary_key.public_params().clone());
        let days = (version == KeyVersion::V3).then_some(0);
        let key = PubKeyInner::new(version, key.algorithm(), key.created_at(), days, params).unwrap();
        assert_eq!(read(&with_subkey(key), NOW), verdict, "{version:?}, {kind}");
    }
}

#[test]
fn the_newer_kinds_of_keys_are_encrypted_to() {
    for kind in [KeyType::X25519, KeyType::X448] {
        let (params, _) = kind.generate(Dice(1)).unwrap();
        let made = Timestamp::from_secs(MADE.try_into().unwrap());
        let key = PubKeyInner::new(KeyVersion::V4, kind.to_alg(), made, None, params).unwrap();
        let certificate = Certificate::read(&with_subkey(key), ALICE, NOW).unwrap();
        assert!(seal(&bob(), &[certificate], &[body("Hello")], NOW, &mut Dice(2)).is_ok(), "{kind:?}");
    }
}

#[test]
fn keys_of_another_version_have_no_name() {
    use pgp::composed::{EncryptionCaps, SecretKeyParamsBuilder, SubkeyParamsBuilder};
    let mut subkey = SubkeyParamsBuilder::default();
    subkey.version(KeyVersion::V6).key_type(KeyType::X25519).can_encrypt(EncryptionCaps::All);
    let mut params = SecretKeyParamsBuilder::default();
    params.version(KeyVersion::V6).key_type(KeyType::Ed25519).can_certify(true).can_sign(true);
    params.primary_user_id(format!("xmpp:{ALICE}")).subkeys(vec![subkey.build().unwrap()]);
    let key = params.build().unwrap().generate(Dice(1)).unwrap().to_public_key();
    assert_eq!(read(&key.to_bytes().unwrap(), u64::MAX), Err(Unusable::Version));
}
