//! The key that a contact signs with towards one user, made when somebody first asks for it.

use std::time::{Duration, SystemTime};

use drawbridge_bridge::Secret;
use esession::{PublicKey, PublishedKey, SigningKey};
use getrandom::SysRng;
use minidom::Element;
use rand_core::UnwrapErr;

use crate::keeper::{Keeper, Peer};
use crate::store::keys::ClientKey;
use crate::store::{UserId, keys, unix};

/// The size of our RSA keys.
const KEY_BITS: usize = 3072;

/// It does not change; who was told of it asks again after so long.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// The key. `None` if the store fails, which is logged.
pub async fn of(keeper: &Keeper, user: UserId, peer: &Peer) -> Option<SigningKey> {
    let key = peer.key().to_owned();
    match keeper.store.call(move |db, sealer| keys::own(db, sealer, user, &key)).await {
        Ok(Some(key)) => return SigningKey::from_pkcs8(key.expose()).ok(),
        Ok(None) => {}
        Err(error) => {
            tracing::error!(%error, "cannot read a signing key");
            return None;
        }
    }
    let make = || SigningKey::generate_rsa(KEY_BITS, &mut UnwrapErr(SysRng));
    let key = tokio::task::spawn_blocking(make).await.ok()?.ok()?;
    let (peer, secret) = (peer.key().to_owned(), Secret::new(key.to_pkcs8().expose()));
    // Where two were made at once, one of them counts.
    let kept = keeper.store.call(move |db, sealer| match keys::own(db, sealer, user, &peer)? {
        Some(first) => Ok(first),
        None => keys::set_own(db, sealer, user, &peer, &secret).map(|()| secret),
    });
    match kept.await {
        Ok(kept) => SigningKey::from_pkcs8(kept.expose()).ok(),
        Err(error) => {
            tracing::error!(%error, "cannot store a signing key");
            None
        }
    }
}

/// The key as it is given out to who asks for it (XEP-0189). `None` if there is none, which is logged.
pub async fn given_out(keeper: &Keeper, user: UserId, peer: &Peer) -> Option<Element> {
    let (key, jid) = (of(keeper, user, peer).await?.public().clone(), keeper.jid(peer)?.to_string());
    let at = |time| u64::try_from(unix(time)).unwrap_or_default();
    let now = SystemTime::now();
    PublishedKey { key, jid, begin: at(now - LIFETIME), end: at(now + LIFETIME) }.to_element().ok()
}

/// The keys of the user's clients that we know by their fingerprints; with `trusted` only those that people have verified,
/// if there is any.
pub async fn of_clients(keeper: &Keeper, user: UserId, trusted: bool) -> Vec<PublicKey> {
    let known = keeper.store.call(move |db, _| keys::all(db, user)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot read the keys of clients");
        Vec::new()
    });
    let any_verified = known.iter().any(|key| key.verified);
    let counts = |key: &&ClientKey| !trusted || !any_verified || key.verified;
    known.iter().filter(counts).filter_map(|known| known.key.parse().ok()).collect()
}
