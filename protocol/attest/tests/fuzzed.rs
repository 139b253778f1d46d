//! What any octets may do: nothing. `../fuzz` calls this; here the corpus that it found is played again.

#![allow(dead_code, clippy::unwrap_used, reason = "a test that cannot go on fails; the fuzz target has no tests")]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::{Hash, PublicKey, SigningKey};
use esession_attest::{ATTESTATION, Attestation, Authorities, Error};

const JID: &str = "alice@example.org";
const NOW: u64 = 1_800_000_000;

/// Alice's key, which the certificates that the fuzzer began with are for, and another one.
static KEYS: LazyLock<[PublicKey; 2]> = LazyLock::new(|| {
    [
        include_str!("../../esession/tests/stories/keys/rsa-2048-a.b64"),
        include_str!("../../esession/tests/stories/keys/rsa-2048-b.b64"),
    ]
    .map(|key| SigningKey::from_pkcs8(&STANDARD.decode(key.trim()).unwrap()).unwrap().public().clone())
});

static TRUSTED: LazyLock<Authorities> = LazyLock::new(|| {
    let mut trusted = Authorities::default();
    for file in [include_str!("ca.pem"), include_str!("openpgp/authority.asc"), include_str!("openpgp/self.asc")] {
        trusted.add_text(file).unwrap();
    }
    trusted
});

/// Whether these octets certify Alice's key. The first says what the others are: a file, or the two parts of an `<attest/>`,
/// the length of the first before them. Nobody has signed anything about another JID or another key: nothing certifies these.
pub fn attest(data: &[u8]) -> bool {
    let [alices, other] = &*KEYS;
    match data {
        [0, file @ ..] => {
            let Ok(file) = std::str::from_utf8(file) else { return false };
            let _ = Authorities::default().add_text(file);
            assert!(Attestation::from_text(file, other, JID, NOW).is_err());
            Attestation::from_text(file, alices, JID, NOW).is_ok_and(|it| certified(&it))
        }
        [_, high, low, parts @ ..] => {
            let first = usize::from(u16::from_be_bytes([*high, *low])).min(parts.len());
            let parts = parts.split_at(first);
            [other, alices].map(|key| read(parts, key).is_ok_and(|it| certified(&it)))[1]
        }
        _ => false,
    }
}

fn read((first, second): (&[u8], &[u8]), key: &PublicKey) -> Result<Attestation, Error> {
    let parts = [first, second].map(|part| STANDARD.encode(part)).join(" ");
    let print = STANDARD.encode(key.fingerprint(Hash::Sha256));
    let attest =
        format!("<attest xmlns='{ATTESTATION}'><keyprint>{print}</keyprint><signature>{parts}</signature></attest>");
    Attestation::from_element(&attest.parse().unwrap())
}

/// Whether it certifies Alice's key as hers.
fn certified(attestation: &Attestation) -> bool {
    assert!(TRUSTED.certify(attestation, "mallory@example.org", NOW).is_err());
    let Ok(certified) = TRUSTED.certify(attestation, JID, NOW) else { return false };
    assert!(certified.is_of(&KEYS[0]), "by {}", certified.by);
    // It does not get lost by being given out.
    let again = Attestation::from_element(&attestation.to_element(JID, NOW).unwrap()).unwrap();
    assert_eq!(TRUSTED.certify(&again, JID, NOW), Ok(certified));
    true
}

#[cfg(test)]
mod corpus {
    use super::*;

    #[test]
    fn whatever_was_found_is_still_harmless() {
        let dir = format!("{}/../fuzz/corpus/attest", env!("CARGO_MANIFEST_DIR"));
        let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 10, "{dir}: only {}", files.len());
        let certified = files.iter().filter(|file| attest(&std::fs::read(file).unwrap())).count();
        assert!(certified > 3, "only {certified} are any good");
    }
}
