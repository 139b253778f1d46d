//! Options for offline sessions (XEP-0187) that we have published for a contact, and what has come in for them.

use drawbridge_bridge::Secret;
use rusqlite::{Transaction, params};

use super::{Result, Sealer, UserId};

/// A set of options.
#[derive(Debug, Clone)]
pub struct Row {
    /// Row id.
    pub id: i64,
    /// The form, as XML.
    pub form: String,
    /// What opens what is written to them.
    pub seed: Secret,
    /// In seconds since 1970.
    pub expires: i64,
    /// The marks of what has come in (esession's `Replays`).
    pub marks: Vec<[u8; 32]>,
}

/// All that have not expired, the newest first. Those that have are gone for good. `peer` is [`crate::keeper::Peer::key`].
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn all(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str, now: i64) -> Result<Vec<Row>> {
    db.execute("DELETE FROM published WHERE expires < ?1", [now])?;
    let sql = "SELECT id, form, sealed, expires FROM published WHERE user = ?1 AND contact = ?2 ORDER BY id DESC";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map(params![user.0, peer], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?, row.get::<_, i64>(3)?))
    })?;
    rows.map(|row| {
        let (id, form, sealed, expires) = row?;
        let seed = Secret::new(sealer.open::<Vec<u8>>("published", &sealed)?);
        let mut query = db.prepare_cached("SELECT mark FROM replays WHERE published = ?1")?;
        let marks = query.query_map([id], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        Ok(Row { id, form, seed, expires, marks })
    })
    .collect()
}

/// Keeps a new set.
///
/// # Errors
/// SQLite's.
pub fn add(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    peer: &str,
    form: &str,
    seed: &Secret,
    expires: i64,
) -> Result<()> {
    db.execute(
        "INSERT INTO published (user, contact, form, sealed, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![user.0, peer, form, sealer.seal("published", &seed.expose())?, expires],
    )?;
    Ok(())
}

/// Something has come in: it does not come again. `false` if it has come before.
///
/// # Errors
/// SQLite's.
pub fn mark(db: &Transaction<'_>, id: i64, marks: &[[u8; 32]]) -> Result<bool> {
    let mut fresh = true;
    for mark in marks {
        let sql = "INSERT INTO replays (published, mark) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        fresh &= db.execute(sql, params![id, mark])? > 0;
    }
    Ok(fresh)
}
