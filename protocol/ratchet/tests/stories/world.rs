//! Two devices, with what each has published.

use std::cell::Cell;

use omemo_ratchet::{
    Bundle, Device, Dialect, Error, Identity, KeyExchange, KeyPair, Prekey, Sealed, Session, SignedPrekey,
};

use crate::dice::Dice;

thread_local!(static THROWN: Cell<u64> = const { Cell::new(0) });

/// Every call throws other dice, and every test the same.
pub(crate) fn rng() -> Dice {
    THROWN.set(THROWN.get() + 1);
    Dice(THROWN.get() << 32)
}

/// Begins with these dice again.
pub(crate) fn seed(seed: u64) {
    THROWN.set(seed << 16);
}

/// One device, with one peer.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) dialect: Dialect,
    pub(crate) identity: Identity,
    pub(crate) signed_prekey: KeyPair,
    pub(crate) prekeys: Vec<(u32, KeyPair)>,
    pub(crate) device: Device,
}

impl End {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let rng = &mut rng();
        Self {
            dialect,
            identity: Identity::generate(rng),
            signed_prekey: KeyPair::generate(rng),
            prekeys: (1..=10).map(|id| (id, KeyPair::generate(rng))).collect(),
            device: Device::default(),
        }
    }

    pub(crate) fn pair(dialect: Dialect) -> [Self; 2] {
        [Self::new(dialect), Self::new(dialect)]
    }

    pub(crate) fn bundle(&self) -> Bundle {
        let signed_prekey = SignedPrekey::sign(self.dialect, &self.identity, 7, &self.signed_prekey, &mut rng());
        let prekeys = self.prekeys.iter().map(|(id, pair)| Prekey { id: *id, key: pair.public() }).collect();
        Bundle { identity: self.identity.public(self.dialect), signed_prekey, prekeys }
    }

    /// Begins a session by what the peer has published.
    pub(crate) fn begin(&mut self, bundle: &Bundle) {
        let prekey = bundle.prekeys.first().expect("a prekey").id;
        let session = Session::initiate(self.dialect, &self.identity, bundle, prekey, &mut rng());
        self.device.begin(session.unwrap());
    }

    pub(crate) fn seal(&mut self, text: &str) -> Sealed {
        self.device.seal(text.as_bytes()).unwrap()
    }

    pub(crate) fn open(&mut self, sealed: &Sealed) -> Result<String, Error> {
        let rng = &mut rng();
        let text = if sealed.is_key_exchange {
            let exchange = KeyExchange::read(self.dialect, &sealed.octets)?;
            let prekeys = |exchange: &KeyExchange| {
                let (_, prekey) = self.prekeys.iter().find(|(id, _)| *id == exchange.prekey)?;
                (exchange.signed_prekey == 7).then(|| [self.signed_prekey.clone(), prekey.clone()])
            };
            let begun = self.device.open_exchange(self.dialect, &self.identity, &exchange, prekeys, rng)?;
            self.prekeys.retain(|(id, _)| Some(*id) != begun.used);
            begun.text
        } else {
            self.device.open(&sealed.octets, rng)?
        };
        Ok(String::from_utf8(text.to_vec()).unwrap())
    }
}

/// Both have heard each other.
pub(crate) fn acquainted(dialect: Dialect) -> [End; 2] {
    let [mut alice, mut bob] = End::pair(dialect);
    alice.begin(&bob.bundle());
    assert_eq!(bob.open(&alice.seal("hello")).unwrap(), "hello");
    assert_eq!(alice.open(&bob.seal("hello yourself")).unwrap(), "hello yourself");
    [alice, bob]
}
