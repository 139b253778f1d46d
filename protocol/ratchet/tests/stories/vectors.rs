//! Known answers of other implementations; `vectors/make.py` makes them.

use omemo_ratchet::{
    Bundle, Device, Dialect, Error, Identity, IdentityKey, KeyExchange, KeyPair, Prekey, PublicKey, Session,
    SignedPrekey,
};
use serde::Deserialize;

use crate::script::Script;

#[derive(Deserialize)]
struct Signature {
    secret: String,
    curve: String,
    edwards: String,
    key: String,
    libsignal: String,
    axolotl: String,
    omemo2: String,
}

#[derive(Deserialize)]
struct Conversation {
    dialect: String,
    alice: Party,
    bob: Party,
    bundle: Published,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Party {
    identity: String,
    random: Vec<String>,
}

/// Of Bob; the prekeys are secret.
#[derive(Deserialize)]
struct Published {
    identity: String,
    signed_prekey_id: u32,
    signed_prekey: String,
    signature: String,
    prekey_id: u32,
    prekey: String,
}

#[derive(Deserialize)]
struct Step {
    seals: Option<String>,
    opens: Option<String>,
    text: String,
    octets: String,
    exchange: bool,
}

fn octets(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    octets(hex).try_into().unwrap()
}

/// One end, as it is between two steps.
struct End {
    identity: Identity,
    random: Script,
    device: Device,
}

impl End {
    fn new(party: &Party) -> Self {
        let random = Script::new(party.random.iter().map(|drawn| octets(drawn)));
        Self { identity: Identity::from_secret(&array(&party.identity)), random, device: Device::default() }
    }

    /// As if it had been stopped and started again.
    fn restart(&mut self) {
        let state = self.device.to_state();
        let restored = Device::from_state(&state).unwrap();
        assert_eq!(restored, self.device);
        self.device = restored;
    }
}

impl Published {
    fn bundle(&self, dialect: Dialect, bob: &Identity) -> Bundle {
        let identity = bob.public(dialect);
        if let IdentityKey::Edwards(edwards) = identity {
            assert_eq!(edwards, array(&self.identity));
        }
        let key = self.signed_prekey().public();
        Bundle {
            identity,
            signed_prekey: SignedPrekey { id: self.signed_prekey_id, key, signature: array(&self.signature) },
            prekeys: vec![Prekey { id: self.prekey_id, key: self.prekey().public() }],
        }
    }

    fn signed_prekey(&self) -> KeyPair {
        KeyPair::from_secret(&array(&self.signed_prekey))
    }

    fn prekey(&self) -> KeyPair {
        KeyPair::from_secret(&array(&self.prekey))
    }
}

/// Both ends are ours, with the dice of theirs. `says` is whether ours say the same octets.
fn replay(conversation: &Conversation, says: bool) {
    let dialect = if conversation.dialect == "axolotl" { Dialect::Axolotl } else { Dialect::Omemo2 };
    let (mut alice, mut bob) = (End::new(&conversation.alice), End::new(&conversation.bob));
    let bundle = conversation.bundle.bundle(dialect, &bob.identity);
    assert_eq!(bundle.verify(dialect), Ok(()));
    if says {
        let session = Session::initiate(dialect, &alice.identity, &bundle, bundle.prekeys[0].id, &mut alice.random);
        alice.device.begin(session.unwrap());
    }
    let mut used = None;
    for step in &conversation.steps {
        let (text, wire) = (octets(&step.text), octets(&step.octets));
        if let Some(who) = step.seals.as_ref().filter(|_| says) {
            let end = if who == "alice" { &mut alice } else { &mut bob };
            let sealed = end.device.seal(&text).unwrap();
            assert_eq!((hex::encode(sealed.octets), sealed.is_key_exchange), (step.octets.clone(), step.exchange));
            end.restart();
        }
        let Some(who) = &step.opens else { continue };
        // Only Bob can hear without having begun.
        if who == "alice" && !says {
            continue;
        }
        let end = if who == "alice" { &mut alice } else { &mut bob };
        let prekeys = |_: &KeyExchange| Some([conversation.bundle.signed_prekey(), conversation.bundle.prekey()]);
        let End { identity, random, device } = end;
        let before = device.clone();
        let mut open = |device: &mut Device, random: &mut Script| {
            if step.exchange {
                let exchange = KeyExchange::read(dialect, &wire)?;
                assert_eq!(
                    exchange.identity,
                    Identity::from_secret(&array(&conversation.alice.identity)).public(dialect)
                );
                let begun = device.open_exchange(dialect, identity, &exchange, prekeys, random)?;
                used = used.or(begun.used);
                Ok(begun.text)
            } else {
                device.open(&wire, random)
            }
        };
        assert_eq!(open(device, random).unwrap().as_slice(), text);
        assert_ne!(*device, before);
        let after = device.clone();
        assert_eq!(open(device, random).unwrap_err(), Error::Replayed);
        assert_eq!(*device, after, "and nothing has changed");
        end.restart();
    }
    assert_eq!(used, Some(conversation.bundle.prekey_id));
    assert!(!says || (alice.random.is_used_up() && bob.random.is_used_up()));
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

#[test]
fn signatures_of_libxeddsa_count_for_the_keys_that_it_says() {
    let mut signs = std::collections::HashSet::new();
    for vector in read::<Vec<Signature>>(include_str!("../vectors/xeddsa.json")) {
        let identity = Identity::from_secret(&array(&vector.secret));
        let shown = [IdentityKey::Curve(PublicKey(array(&vector.curve))), IdentityKey::Edwards(array(&vector.edwards))];
        for ((dialect, signature), shown) in
            [Dialect::Axolotl, Dialect::Omemo2].into_iter().zip([&vector.axolotl, &vector.omemo2]).zip(shown)
        {
            assert_eq!(identity.public(dialect), shown);
            let signed_prekey = SignedPrekey { id: 1, key: PublicKey(array(&vector.key)), signature: array(signature) };
            let bundle = Bundle { identity: shown, signed_prekey, prekeys: vec![] };
            assert_eq!(bundle.verify(dialect), Ok(()));
            for octet in [0, 31, 32, 62] {
                let mut forged = bundle.clone();
                forged.signed_prekey.signature[octet] ^= 1;
                assert_eq!(forged.verify(dialect), Err(Error::BadSignature));
            }
            if dialect == Dialect::Axolotl {
                let mut older = bundle.clone();
                older.signed_prekey.signature = array(&vector.libsignal);
                signs.insert(older.signed_prekey.signature[63] >> 7);
                assert_eq!(older.verify(dialect), Ok(()));
            }
        }
    }
    assert_eq!(signs.len(), 2, "libsignal writes the sign of the key into the signature");
}

#[test]
fn oldmemo_says_the_same() {
    for conversation in read::<Vec<Conversation>>(include_str!("../vectors/oldmemo.json")) {
        replay(&conversation, true);
    }
}

#[test]
fn twomemo_says_the_same() {
    for conversation in read::<Vec<Conversation>>(include_str!("../vectors/twomemo.json")) {
        replay(&conversation, true);
    }
}

/// What Bob hears of a Gajim, with the answers of another Gajim. Its Double Ratchet is that of libsignal, which writes the
/// length of the chain before in another way.
#[test]
fn what_gajim_says_is_heard() {
    for conversation in read::<Vec<Conversation>>(include_str!("../vectors/omemo-dr.json")) {
        replay(&conversation, false);
    }
}
