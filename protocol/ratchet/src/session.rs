//! A session with one device: X3DH, then the Double Ratchet, in the spelling of one dialect.

use zeroize::Zeroizing;

use crate::bundle::Bundle;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{Identity, IdentityKey, KeyPair, PublicKey};
use crate::primitives::CryptoRng;
use crate::ratchet::Ratchet;
use crate::wire::{KeyExchange, Message};
use crate::x3dh;

/// What goes to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// A message, or a key exchange.
    pub octets: Vec<u8>,
    /// Which of the two: a key exchange, until the peer has answered.
    pub is_key_exchange: bool,
}

/// A session. Store it before what it has sealed is sent, and with what it has opened: see [`Session::to_state`].
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(crate) dialect: Dialect,
    pub(crate) own: IdentityKey,
    pub(crate) peer: IdentityKey,
    /// Whether this end has begun it.
    pub(crate) initiated: bool,
    /// The key that was made for it, by whoever began.
    pub(crate) base_key: PublicKey,
    /// Prekey and signed prekey of the peer, until it has answered.
    pub(crate) unanswered: Option<(u32, u32)>,
    pub(crate) ratchet: Ratchet,
}

impl Session {
    /// Begins a session with a device by its bundle, with the prekey of this name.
    ///
    /// # Errors
    /// [`Error::BadSignature`], [`Error::BadKey`]: the bundle is worth nothing. [`Error::UnknownPrekey`]: not in it.
    pub fn initiate(
        dialect: Dialect,
        own: &Identity,
        bundle: &Bundle,
        prekey: u32,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        bundle.verify(dialect)?;
        let chosen = bundle.prekeys.iter().find(|known| known.id == prekey).ok_or(Error::UnknownPrekey)?;
        let (identity, signed) = (bundle.identity.curve()?, &bundle.signed_prekey);
        let base = KeyPair::generate(rng);
        let root = x3dh::initiate(dialect, own, &base, [&identity, &signed.key, &chosen.key])?;
        Ok(Self {
            dialect,
            own: own.public(dialect),
            peer: bundle.identity,
            initiated: true,
            base_key: base.public(),
            unanswered: Some((prekey, signed.id)),
            ratchet: Ratchet::initiate(dialect, &root, signed.key, rng)?,
        })
    }

    /// The session that a key exchange begins, and the message that came with it. `signed_prekey` and `prekey` are those it
    /// names; delete the prekey in the transaction that stores the session, and no replay will ever find it.
    ///
    /// # Errors
    /// [`Error::BadKey`], and those of [`Session::open`].
    pub fn accept(
        dialect: Dialect,
        own: &Identity,
        exchange: &KeyExchange,
        [signed_prekey, prekey]: [&KeyPair; 2],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, Zeroizing<Vec<u8>>), Error> {
        let KeyExchange { identity, base_key, message, .. } = exchange;
        let root = x3dh::accept(dialect, own, [signed_prekey, prekey], [&identity.curve()?, base_key])?;
        let mut session = Self {
            dialect,
            own: own.public(dialect),
            peer: *identity,
            initiated: false,
            base_key: *base_key,
            unanswered: None,
            ratchet: Ratchet::accept(root, signed_prekey.clone()),
        };
        let text = session.open(message, rng)?;
        Ok((session, text))
    }

    /// Seals a text, such as the key of a payload.
    ///
    /// # Errors
    /// [`Error::Exhausted`]: after 2^32 messages without an answer.
    pub fn seal(&mut self, text: &[u8]) -> Result<Sealed, Error> {
        let (header, key) = self.ratchet.next_sending()?;
        let covered = Message::covered(self.dialect, &header, key.encrypt(self.dialect, text));
        let [first, second] = self.names(true);
        let mac = key.mac(self.dialect, &[&first, &second, &covered]);
        let message = Message::write(self.dialect, covered, mac);
        let Some((prekey, signed_prekey)) = self.unanswered else {
            return Ok(Sealed { octets: message, is_key_exchange: false });
        };
        let (identity, base_key) = (self.own, self.base_key);
        let exchange = KeyExchange { prekey, signed_prekey, identity, base_key, message };
        Ok(Sealed { octets: exchange.write(self.dialect), is_key_exchange: true })
    }

    /// Opens a message; one that came in a key exchange is the [`KeyExchange::message`].
    ///
    /// # Errors
    /// Nothing has changed then.
    pub fn open(&mut self, octets: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (dialect, message) = (self.dialect, Message::read(self.dialect, octets)?);
        let [first, second] = self.names(false);
        let covered = [first.as_slice(), &second, &message.covered];
        let text = self.ratchet.receive(dialect, &message.header, rng, |key| {
            key.decrypt(dialect, &message.ciphertext, &covered, &message.mac)
        })?;
        self.unanswered = None;
        Ok(text)
    }

    /// What the peer is known by.
    #[must_use]
    pub fn peer(&self) -> &IdentityKey {
        &self.peer
    }

    /// Whether the peer has answered, or has begun it. Until then it may never have got our key exchange.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.unanswered.is_none()
    }

    /// Whether this key exchange begins this very session.
    #[must_use]
    pub fn is_begun_by(&self, exchange: &KeyExchange) -> bool {
        !self.initiated && self.base_key == exchange.base_key && self.peer == exchange.identity
    }

    /// How many messages of the peer's came in a row, with none of ours that it has heard between them. Other implementations
    /// want an answer after 53, be it an empty one (XEP-0384 section 5.5.3, "heartbeat messages").
    #[must_use]
    pub fn heard_in_a_row(&self) -> u32 {
        self.ratchet.chains.receiving.as_ref().map_or(0, |chain| chain.count)
    }

    /// What both ends are known by, in the order in which a MAC covers it: the sender's first in the older dialect, the
    /// initiator's in the newer.
    fn names(&self, sending: bool) -> [Vec<u8>; 2] {
        let own_first = match self.dialect {
            Dialect::Axolotl => sending,
            Dialect::Omemo2 => self.initiated,
        };
        let (own, peer) = (self.own.encoded(), self.peer.encoded());
        if own_first { [own, peer] } else { [peer, own] }
    }
}
