//! OpenPGP for XMPP (XEP-0373, XEP-0374) towards the user's clients. A contact has one key for each user.

use std::time::SystemTime;

use getrandom::SysRng;
use minidom::Element;
use openpgp_xmpp::{
    Announced, Arrival, Certificate, Key, KeyList, MessageId, Opened, Refusal, SealError, Window, open, pubkey, seal,
};
use rand_core::UnwrapErr;
use rusqlite::Transaction;

use super::omemo::Us;
use crate::store::openpgp::{self as rows, Known};
use crate::store::trust::{Trust, any_verified};
use crate::store::{Error, Result, Sealer, unix, witness};

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It does not hold.
    Refusal(Refusal),
    /// It was read before.
    Replayed,
    /// Its certificate is one that people have not said to be the user's, as they have of another.
    Untrusted,
}

/// The list of our keys: one.
///
/// # Errors
/// The store's, or a JID that no key can be made for.
pub fn list(us: &Us, db: &Transaction<'_>, sealer: &Sealer) -> Result<Element> {
    let (key, at) = own(us, db, sealer)?;
    Ok(KeyList::new([Announced { fingerprint: key.fingerprint(), date: u64::try_from(at).ok() }]).to_element())
}

/// Our public key with this name, and when it was made.
///
/// # Errors
/// As [`list`].
pub fn public(us: &Us, db: &Transaction<'_>, sealer: &Sealer, name: &str) -> Result<Option<(Element, u64)>> {
    let (key, at) = own(us, db, sealer)?;
    let is_it = key.fingerprint().to_string() == name;
    Ok(is_it.then(|| (pubkey::to_element(&key.public_octets()), u64::try_from(at).unwrap_or_default())))
}

/// The user's certificates, and which of them count. Like [`Material`] it is taken out of the store, so that nobody waits for it
/// while signatures are checked.
pub struct Ring {
    known: Vec<Known>,
    any_verified: bool,
}

/// What opening and sealing takes.
pub struct Material {
    key: Key,
    ring: Ring,
    /// What is older may have been read by what was lost when the database was put back.
    since: i64,
}

/// The user's certificates. Nothing of ours is made for that.
///
/// # Errors
/// The store's.
pub fn ring(us: &Us, db: &Transaction<'_>) -> Result<Ring> {
    Ok(Ring { known: rows::known(db, us.user)?, any_verified: any_verified(db, us.user)? })
}

/// All that is needed in one conversation.
///
/// # Errors
/// As [`list`].
pub fn material(us: &Us, db: &Transaction<'_>, sealer: &Sealer) -> Result<Material> {
    Ok(Material { key: own(us, db, sealer)?.0, ring: ring(us, db)?, since: witness::since(db)? })
}

impl Ring {
    /// The certificates that are listed, trusted, and of use now: those that are written to.
    pub fn recipients(&self, to: &str) -> Vec<Certificate> {
        self.certificates(to, |it| it.listed && it.trust.counts(self.any_verified))
    }

    /// Whether this one may write. One that is not given out any more may have been stolen, unless people vouch for it.
    fn lets_write(&self, signer: &str) -> bool {
        let counts = |it: &Known| it.trust.counts(self.any_verified) && (it.listed || it.trust == Trust::Verified);
        self.known.iter().any(|it| it.fingerprint == signer && counts(it))
    }

    fn certificates(&self, of: &str, which: impl Fn(&Known) -> bool) -> Vec<Certificate> {
        let used = self.known.iter().filter(|it| which(it));
        used.filter_map(|known| Certificate::read(&known.octets, of, now()).ok()).collect()
    }
}

impl Material {
    /// Opens a message of one of the user's clients, whose bare JID is `from`. Whether it was read before is another question,
    /// see [`is_replayed`].
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn open(
        &self,
        from: &str,
        element: &Element,
        parse: impl FnOnce(&str) -> Option<Element>,
    ) -> std::result::Result<Opened, Refused> {
        let (Window { past, future }, now) = (Window::default(), now());
        let past = past.min(now.saturating_sub(u64::try_from(self.since).unwrap_or_default()));
        let senders = self.ring.certificates(from, |_| true);
        let arrival = Arrival { from, senders: &senders, now, window: Window { past, future } };
        let opened = open(&self.key, element, &arrival, parse).map_err(Refused::Refusal)?;
        if self.ring.lets_write(&opened.signer.to_string()) { Ok(opened) } else { Err(Refused::Untrusted) }
    }

    /// Seals for [`Ring::recipients`]. `None` if there is none.
    ///
    /// # Errors
    /// That it cannot be sealed.
    pub fn seal(&self, to: &str, content: &[Element]) -> std::result::Result<Option<Element>, SealError> {
        let recipients = self.ring.recipients(to);
        if recipients.is_empty() {
            return Ok(None);
        }
        seal(&self.key, &recipients, content, now(), &mut UnwrapErr(SysRng)).map(Some)
    }
}

/// Whether a message was read before.
///
/// # Errors
/// The store's.
pub fn is_replayed(us: &Us, db: &Transaction<'_>, id: &MessageId) -> Result<bool> {
    rows::is_seen(db, us.user, id)
}

/// A message was read, and does not come again.
///
/// # Errors
/// The store's.
pub fn note(us: &Us, db: &Transaction<'_>, id: &MessageId) -> Result<()> {
    let Window { past, future } = Window::default();
    let now = unix(SystemTime::now());
    let span = i64::try_from(past.saturating_add(future)).unwrap_or(i64::MAX);
    rows::see(db, us.user, id, now, now.saturating_add(span))
}

fn own(us: &Us, db: &Transaction<'_>, sealer: &Sealer) -> Result<(Key, i64)> {
    if let Some(own) = rows::key(db, sealer, us.user, &us.peer)? {
        return Ok(own);
    }
    let key = Key::generate(&us.account, now(), &mut UnwrapErr(SysRng)).map_err(|_| Error::Seal)?;
    let at = unix(SystemTime::now());
    rows::set_key(db, sealer, us.user, &us.peer, &key, at)?;
    Ok((key, at))
}

fn now() -> u64 {
    u64::try_from(unix(SystemTime::now())).unwrap_or_default()
}
