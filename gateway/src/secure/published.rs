//! What we publish for who writes to a contact while its login is away (XEP-0187, section 3).

use std::time::{Duration, SystemTime};

use drawbridge_bridge::Secret;
use esession::Published;
use getrandom::SysRng;
use minidom::Element;
use rand_core::UnwrapErr;

use super::own_key;
use super::policy::{self, Truth};
use crate::keeper::{Keeper, Peer};
use crate::store::{UserId, published, unix};

/// How long options can be used, and when they are replaced.
const LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);
const RENEWAL: Duration = Duration::from_secs(7 * 24 * 3600);

/// The options of a contact for one user. `None` if they cannot be made, which is logged.
pub async fn options(keeper: &Keeper, user: UserId, peer: &Peer) -> Option<Element> {
    let now = SystemTime::now();
    let (key, at) = (peer.key().to_owned(), unix(now));
    let current = keeper.store.call(move |db, sealer| published::all(db, sealer, user, &key, at)).await;
    let newest =
        current.inspect_err(|error| tracing::error!(%error, "cannot read published options")).ok()?.into_iter().next();
    if let Some(row) = newest.filter(|row| row.expires > unix(now + RENEWAL)) {
        return row.form.parse().ok();
    }
    let signing_key = own_key::of(keeper, user, peer).await?;
    // They hold for days, so they promise nothing that can change.
    let policy = policy::session_policy(&keeper.config.esession, Truth { encrypted: false, own_host: false });
    let expires = unix(now + LIFETIME);
    let make = move || {
        let expires = u64::try_from(expires).unwrap_or_default();
        Published::make(&policy, expires, None, &[signing_key], &mut UnwrapErr(SysRng))
    };
    let made = tokio::task::spawn_blocking(make).await.ok()?;
    let made = made.inspect_err(|error| tracing::error!(%error, "cannot make options")).ok()?;
    let (key, form, seed) = (peer.key().to_owned(), String::from(made.form()), Secret::new(made.seed().expose()));
    let kept = keeper.store.call(move |db, sealer| published::add(db, sealer, user, &key, &form, &seed, expires)).await;
    kept.inspect_err(|error| tracing::error!(%error, "cannot store options")).ok()?;
    Some(made.form().clone())
}
