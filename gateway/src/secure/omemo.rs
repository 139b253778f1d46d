//! OMEMO (XEP-0384) towards the devices of one user. A contact is one device, with one identity in both dialects.
//!
//! Everything here works within a transaction, so that a session and what depends on it change together.

use std::time::SystemTime;

use getrandom::SysRng;
use minidom::Element;
use omemo::ratchet::{
    self, Bundle, Device, Error, Identity, IdentityKey, KeyExchange, Payload, Prekeys, Session, empty_key,
};
use omemo::trust_message::Decision;
use omemo::{DeviceId, Dialect, Encrypted, SealedKey, bundle};
use rand_core::{Rng, UnwrapErr};
use rusqlite::Transaction;
use zeroize::Zeroizing;

use crate::store::omemo::{self as rows, Known, Own, Trust};
use crate::store::trust::any_verified;
use crate::store::{Result, Sealer, UserId, trust_messages, unix};

/// A message of the user's that comes at this place in a chain wants an answer (XEP-0384 section 6).
const HEARTBEAT: u32 = 53;

/// Which of our devices: a contact's, or the gateway's, towards one user.
#[derive(Debug, Clone)]
pub struct Us {
    /// The user.
    pub user: UserId,
    /// [`crate::keeper::Peer::key`].
    pub peer: String,
    /// The bare JID of the contact.
    pub account: String,
}

/// What came out of a message.
pub struct Opened {
    /// What it says: a body of the older dialect, an envelope of the newer one. Nothing if it only carries the session on.
    pub text: Option<Zeroizing<Vec<u8>>>,
    /// The device must hear something, so that it knows our keys.
    pub wants_answer: bool,
    /// To be stored with what the message brings.
    pub advance: Advance,
}

/// What a message has changed.
pub struct Advance {
    us: Us,
    place: (Dialect, DeviceId),
    sessions: Device,
    used: Option<u32>,
    identity: IdentityKey,
    /// What it says of other devices of the same user.
    decisions: Vec<Decision>,
}

/// Why a message was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It has no key for our device.
    NotForUs,
    /// The device has shown another identity before.
    OtherIdentity,
    /// People have said that it is not theirs, or of others that they are, and not of this.
    Untrusted,
    /// It was read before.
    Replayed,
    /// There is no session that it belongs to, or none that fits: a new one heals that.
    Broken(Error),
}

impl Us {
    /// Our device, which is made if it is not there yet.
    ///
    /// # Errors
    /// The store's.
    pub fn own(&self, db: &Transaction<'_>, sealer: &Sealer) -> Result<Own> {
        if let Some(own) = rows::own(db, sealer, self.user, &self.peer)? {
            return Ok(own);
        }
        let rng = &mut UnwrapErr(SysRng);
        let number = rng.next_u32() % DeviceId::MAX_NEW;
        let device = DeviceId::new(number + 1).ok_or(crate::store::Error::Seal)?;
        let own = Own { device, identity: Identity::generate(rng) };
        rows::set_own(db, sealer, self.user, &self.peer, &own)?;
        Ok(own)
    }

    /// A bundle for who asks, as the payload of an item.
    ///
    /// # Errors
    /// The store's.
    pub fn bundle(&self, db: &Transaction<'_>, sealer: &Sealer, dialect: Dialect) -> Result<Element> {
        let (own, rng) = (self.own(db, sealer)?, &mut UnwrapErr(SysRng));
        let now = u64::try_from(unix(SystemTime::now())).unwrap_or_default();
        let kept = rows::prekeys(db, sealer, self.user, &self.peer, dialect)?;
        let mut prekeys = kept.unwrap_or_else(|| Prekeys::new(now, rng));
        prekeys.rotate(now, rng);
        let handed_out = prekeys.hand_out(dialect, &own.identity, rng);
        rows::set_prekeys(db, sealer, self.user, &self.peer, dialect, &prekeys)?;
        Ok(bundle::to_element(dialect, &handed_out))
    }

    /// Opens a message of one of the user's devices. Nothing is stored yet: see [`Opened::advance`].
    ///
    /// # Errors
    /// The store's.
    pub fn open(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        message: &Encrypted,
    ) -> Result<std::result::Result<Opened, Refusal>> {
        let Some(own) = rows::own(db, sealer, self.user, &self.peer)? else { return Ok(Err(Refusal::NotForUs)) };
        let Some(key) = message.key_for(&self.account, own.device) else { return Ok(Err(Refusal::NotForUs)) };
        let place = (message.dialect, message.sender);
        let mut sessions = rows::sessions(db, sealer, self.user, &self.peer, place)?;
        // Hundreds of keys, whose public halves are computed: only for who begins.
        let prekeys = match key.sealed.is_key_exchange {
            true => rows::prekeys(db, sealer, self.user, &self.peer, message.dialect)?,
            false => None,
        };
        let before = sessions.session().map_or(0, Session::heard_in_a_row);
        let opened = open_key(&mut sessions, message.dialect, key, &own.identity, prekeys.as_ref());
        let (text, used) = match opened {
            Ok(opened) => opened,
            Err(Error::Replayed) => return Ok(Err(Refusal::Replayed)),
            Err(error) => return Ok(Err(Refusal::Broken(error))),
        };
        // Before the device is noted: what is refused for this is not told of.
        let text = match message.payload.as_ref().map(|payload| payload.open(message.dialect, &text)).transpose() {
            Ok(text) => text,
            Err(error) => return Ok(Err(Refusal::Broken(error))),
        };
        let Some(session) = sessions.session() else { return Ok(Err(Refusal::Broken(Error::NoSession))) };
        let (identity, now) = (*session.peer(), session.heard_in_a_row());
        let Ok(curve) = identity.curve() else { return Ok(Err(Refusal::Broken(Error::BadKey))) };
        if !rows::meet(db, self.user, message.sender, &curve)? {
            return Ok(Err(Refusal::OtherIdentity));
        }
        if !Trusted::of(db, self.user)?.counts(message.sender) {
            return Ok(Err(Refusal::Untrusted));
        }
        let wants_answer = used.is_some() || (now > HEARTBEAT && before <= HEARTBEAT);
        let advance = Advance { us: self.clone(), place, sessions, used, identity, decisions: Vec::new() };
        Ok(Ok(Opened { text, wants_answer, advance }))
    }

    /// Which of the user's devices we have sessions with, and which we have none with: each is listed in this dialect, and
    /// in no better one.
    ///
    /// # Errors
    /// The store's.
    pub fn acquaintances(&self, db: &Transaction<'_>, sealer: &Sealer) -> Result<[Vec<(Dialect, DeviceId)>; 2]> {
        let (trusted, mut friends, mut strangers) = (Trusted::of(db, self.user)?, Vec::new(), Vec::new());
        for place in listed(db, self)? {
            if trusted.is_known(place.1) && !trusted.counts(place.1) {
                continue;
            }
            if rows::sessions(db, sealer, self.user, &self.peer, place)?.session().is_none() {
                strangers.push(place);
            } else {
                friends.push(place);
            }
        }
        Ok([friends, strangers])
    }

    /// Whether one of the user's devices speaks the older dialect, if only besides the newer one.
    ///
    /// # Errors
    /// The store's.
    pub fn is_older_spoken(&self, db: &Transaction<'_>) -> Result<bool> {
        let list = match rows::list(db, self.user, Dialect::Axolotl)? {
            Some(list) => list,
            None => rows::heard(db, self.user, &self.peer, Dialect::Axolotl)?,
        };
        Ok(list.iter().next().is_some())
    }

    /// Begins a session by what a device has published. `false` if that is worth nothing.
    ///
    /// # Errors
    /// The store's.
    pub fn begin(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        place: (Dialect, DeviceId),
        bundle: &Bundle,
    ) -> Result<bool> {
        let (own, rng) = (self.own(db, sealer)?, &mut UnwrapErr(SysRng));
        // Converse.js publishes a number 0 and takes it for none: what begins with that one it cannot read.
        let published: Vec<_> = bundle.prekeys.iter().map(|prekey| prekey.id).filter(|id| *id != 0).collect();
        let prekeys = rows::free_prekeys(db, self.user, place, &published)?;
        let Some(at) = usize::try_from(rng.next_u32()).ok().and_then(|at| at.checked_rem(prekeys.len())) else {
            return Ok(false);
        };
        let prekey = prekeys.get(at).copied().unwrap_or_default();
        let (Ok(session), Ok(curve)) =
            (Session::initiate(place.0, &own.identity, bundle, prekey, rng), bundle.identity.curve())
        else {
            return Ok(false);
        };
        if !rows::meet(db, self.user, place.1, &curve)? {
            return Ok(false);
        }
        rows::take_prekey(db, self.user, place, prekey)?;
        let mut sessions = rows::sessions(db, sealer, self.user, &self.peer, place)?;
        sessions.begin(session);
        rows::set_sessions(db, sealer, self.user, &self.peer, place, &sessions)?;
        Ok(true)
    }

    /// Seals a text for all of the user's devices that are trusted and that we have sessions with, in each dialect that some of them want: the
    /// older takes a body, the newer an envelope. The sessions are stored as they are then.
    ///
    /// # Errors
    /// The store's.
    pub fn seal(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        account: &str,
        [body, envelope]: [&[u8]; 2],
    ) -> Result<Vec<Encrypted>> {
        let mut sealed = Vec::new();
        let trusted = Trusted::of(db, self.user)?;
        let listed: Vec<_> = listed(db, self)?.into_iter().filter(|(_, device)| trusted.counts(*device)).collect();
        for (dialect, text) in Dialect::ALL.into_iter().zip([body, envelope]) {
            let devices = listed.iter().filter(|(of, _)| *of == dialect).map(|(_, device)| *device).collect();
            let Ok((payload, key)) = Payload::seal(dialect, text, &mut UnwrapErr(SysRng)) else { continue };
            sealed.extend(self.seal_key(db, sealer, account, (dialect, devices), &key, Some(payload))?);
        }
        Ok(sealed)
    }

    /// A message without content, for one device: it only carries the session on.
    ///
    /// # Errors
    /// The store's.
    pub fn seal_empty(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        account: &str,
        (dialect, device): (Dialect, DeviceId),
    ) -> Result<Option<Encrypted>> {
        let key = empty_key(dialect, &mut UnwrapErr(SysRng));
        self.seal_key(db, sealer, account, (dialect, vec![device]), &key, None)
    }

    fn seal_key(
        &self,
        db: &Transaction<'_>,
        sealer: &Sealer,
        account: &str,
        (dialect, devices): (Dialect, Vec<DeviceId>),
        key: &[u8],
        payload: Option<Payload>,
    ) -> Result<Option<Encrypted>> {
        let mut keys = Vec::new();
        for device in devices {
            let mut sessions = rows::sessions(db, sealer, self.user, &self.peer, (dialect, device))?;
            let Ok(sealed) = sessions.seal(key) else { continue };
            rows::set_sessions(db, sealer, self.user, &self.peer, (dialect, device), &sessions)?;
            keys.push(SealedKey { account: Some(account.to_owned()), device, sealed });
        }
        let sender = self.own(db, sealer)?.device;
        Ok((!keys.is_empty()).then_some(Encrypted { dialect, sender, keys, payload }))
    }
}

impl Advance {
    /// Of which device.
    pub fn place(&self) -> (Dialect, DeviceId) {
        self.place
    }

    /// What the device says of others is to be stored as well.
    pub fn says(&mut self, decisions: Vec<Decision>) {
        self.decisions = decisions;
    }

    /// The session goes on, and the prekey is gone.
    ///
    /// # Errors
    /// The store's.
    pub fn store(&self, db: &Transaction<'_>, sealer: &Sealer) -> Result<()> {
        let Self { us: Us { user, peer, .. }, place, sessions, used, identity, decisions } = self;
        rows::set_sessions(db, sealer, *user, peer, *place, sessions)?;
        if let Some(used) = used
            && let Some(mut prekeys) = rows::prekeys(db, sealer, *user, peer, place.0)?
        {
            prekeys.used(*used);
            rows::set_prekeys(db, sealer, *user, peer, place.0, &prekeys)?;
        }
        match identity.curve() {
            Ok(sender) if !decisions.is_empty() => trust_messages::hear(db, *user, &sender, decisions),
            _ => Ok(()),
        }
    }
}

/// Which devices are trusted: all, until people have said of one that it is theirs; then only such (blind trust before
/// verification).
struct Trusted {
    known: Vec<Known>,
    any_verified: bool,
}

impl Trusted {
    fn of(db: &Transaction<'_>, user: UserId) -> Result<Self> {
        Ok(Self { known: rows::known(db, user)?, any_verified: any_verified(db, user)? })
    }

    fn is_known(&self, device: DeviceId) -> bool {
        self.known.iter().any(|known| known.device == device)
    }

    fn counts(&self, device: DeviceId) -> bool {
        let known = self.known.iter().find(|known| known.device == device);
        known.map_or(Trust::Blind, |known| known.trust).counts(self.any_verified)
    }
}

/// The key of the payload, and the prekey that it has used up.
fn open_key(
    sessions: &mut Device,
    dialect: Dialect,
    key: &SealedKey,
    own: &Identity,
    prekeys: Option<&Prekeys>,
) -> std::result::Result<(ratchet::PayloadKey, Option<u32>), Error> {
    let rng = &mut UnwrapErr(SysRng);
    if !key.sealed.is_key_exchange {
        return Ok((sessions.open(&key.sealed.octets, rng)?, None));
    }
    let exchange = KeyExchange::read(dialect, &key.sealed.octets)?;
    let find = |exchange: &KeyExchange| prekeys.and_then(|prekeys| prekeys.find(exchange));
    let begun = sessions.open_exchange(dialect, own, &exchange, find, rng)?;
    Ok((begun.text, begun.used))
}

/// The user's devices, each in the best dialect that it is listed in. Where there is no list at all, those that have written:
/// Profanity 0.13 does not manage to publish its first one on Prosody (clients.md, 4).
fn listed(db: &Transaction<'_>, us: &Us) -> Result<Vec<(Dialect, DeviceId)>> {
    let list = |dialect| match rows::list(db, us.user, dialect)? {
        Some(list) => Ok::<_, crate::store::Error>(list),
        None => rows::heard(db, us.user, &us.peer, dialect),
    };
    let (newer, older) = (list(Dialect::Omemo2)?, list(Dialect::Axolotl)?);
    let of = |dialect| move |device| (dialect, device);
    let older_only = older.iter().filter(|device| !newer.contains(*device)).map(of(Dialect::Axolotl));
    Ok(newer.iter().map(of(Dialect::Omemo2)).chain(older_only).collect())
}
