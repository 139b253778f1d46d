//! Words that must not be written to the disk, not even sealed (XEP-0155, `logging` is `mustnot`).
//!
//! Their rows wait in the same queues as all others, without the words; these lie sealed in a table that only memory
//! holds, under the same transactions. They go with their rows, or with the process.

use drawbridge_bridge::{Plaintext, secret::for_sealing};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Result, Sealer};

/// The table, and what removes words whose row goes, by whatever way. `temp_store` keeps it out of every file.
pub(super) fn prepare(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA temp.secure_delete = ON;
         CREATE TEMP TABLE unwritten (queue TEXT, seq INTEGER, sealed BLOB NOT NULL, PRIMARY KEY (queue, seq)) STRICT;
         CREATE TEMP TRIGGER crossing_gone AFTER DELETE ON main.outbox
             BEGIN DELETE FROM unwritten WHERE queue = 'outbox' AND seq = OLD.seq; END;
         CREATE TEMP TRIGGER delivery_gone AFTER DELETE ON main.deliveries
             BEGIN DELETE FROM unwritten WHERE queue = 'deliveries' AND seq = OLD.seq; END;",
    )?;
    Ok(())
}

/// One of the two queues, by the name of its table.
#[derive(Clone, Copy)]
pub(super) enum Queue {
    Outbox,
    Deliveries,
}

impl Queue {
    fn table(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Deliveries => "deliveries",
        }
    }
}

/// Words as a row seals them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Words(#[serde(with = "for_sealing")] pub(super) Plaintext);

/// What a row seals of `text`: nothing, if it must stay unwritten.
pub(super) fn written(text: &Plaintext, unwritten: bool) -> Option<Words> {
    (!unwritten).then(|| Words(text.clone()))
}

/// Keeps the words of a row.
pub(super) fn keep(db: &Transaction<'_>, sealer: &Sealer, queue: Queue, seq: i64, text: &Plaintext) -> Result<()> {
    db.execute(
        "INSERT INTO temp.unwritten (queue, seq, sealed) VALUES (?1, ?2, ?3)",
        params![queue.table(), seq, sealer.seal("unwritten", &Words(text.clone()))?],
    )?;
    Ok(())
}

/// The words of a row: `written` there, or kept in memory. `None` if they went with an earlier process.
pub(super) fn recall(
    db: &Transaction<'_>,
    sealer: &Sealer,
    queue: Queue,
    seq: i64,
    written: Option<Words>,
) -> Result<Option<Plaintext>> {
    if let Some(Words(text)) = written {
        return Ok(Some(text));
    }
    let sealed: Option<Vec<u8>> = db
        .query_row(
            "SELECT sealed FROM temp.unwritten WHERE queue = ?1 AND seq = ?2",
            params![queue.table(), seq],
            |row| row.get(0),
        )
        .optional()?;
    sealed.map(|sealed| Ok(sealer.open::<Words>("unwritten", &sealed)?.0)).transpose()
}
