//! OpenPGP for XMPP (XEP-0373, XEP-0374) towards the user's clients. A contact has one key for each user.

use std::time::SystemTime;

use getrandom::SysRng;
use minidom::Element;
use openpgp_xmpp::{
    Announced, Arrival, Certificate, Key, KeyList, MessageId, Opened, Refusal, Window, open, pubkey, seal,
};
use rand_core::UnwrapErr;
use rusqlite::Transaction;

use super::omemo::Us;
use crate::store::openpgp::{self as rows, Known};
use crate::store::trust::{Trust, any_verified};
use crate::store::{Error, Result, Sealer, unix};

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

/// Opens a message of one of the user's clients, whose bare JID is `from`. Nothing is stored yet: see [`note`].
///
/// # Errors
/// The store's.
pub fn read(
    us: &Us,
    db: &Transaction<'_>,
    sealer: &Sealer,
    from: &str,
    element: &Element,
    parse: impl FnOnce(&str) -> Option<Element>,
) -> Result<std::result::Result<Opened, Refused>> {
    let ((key, _), known, now) = (own(us, db, sealer)?, rows::known(db, us.user)?, now());
    let senders: Vec<_> = known.iter().filter_map(|known| Certificate::read(&known.octets, from, now).ok()).collect();
    let arrival = Arrival { from, senders: &senders, now, window: Window::default() };
    let opened = match open(&key, element, &arrival, parse) {
        Ok(opened) => opened,
        Err(refusal) => return Ok(Err(Refused::Refusal(refusal))),
    };
    let (signer, any_verified) = (opened.signer.to_string(), any_verified(db, us.user)?);
    // One that is not given out any more may have been stolen, unless people vouch for it.
    let counts = |it: &Known| it.trust.counts(any_verified) && (it.listed || it.trust == Trust::Verified);
    if !known.iter().any(|it| it.fingerprint == signer && counts(it)) {
        return Ok(Err(Refused::Untrusted));
    }
    Ok(if rows::is_seen(db, us.user, &opened.id)? { Err(Refused::Replayed) } else { Ok(opened) })
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

/// Seals for all of the user's certificates that are listed, trusted, and of use now. `None` if there is none.
///
/// # Errors
/// The store's.
pub fn write(us: &Us, db: &Transaction<'_>, sealer: &Sealer, to: &str, content: &[Element]) -> Result<Option<Element>> {
    let recipients = recipients(us, db, to)?;
    if recipients.is_empty() {
        return Ok(None);
    }
    let (key, _) = own(us, db, sealer)?;
    seal(&key, &recipients, content, now(), &mut UnwrapErr(SysRng)).map(Some).map_err(|error| {
        tracing::error!(%error, "cannot seal for OpenPGP");
        Error::Seal
    })
}

/// The certificates that are written to now.
///
/// # Errors
/// The store's.
pub fn recipients(us: &Us, db: &Transaction<'_>, to: &str) -> Result<Vec<Certificate>> {
    let (known, any_verified) = (rows::known(db, us.user)?, any_verified(db, us.user)?);
    let used = known.iter().filter(|it| it.listed && it.trust.counts(any_verified));
    Ok(used.filter_map(|known| Certificate::read(&known.octets, to, now()).ok()).collect())
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
