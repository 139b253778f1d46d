//! Words that must not be written to the disk, not even sealed (XEP-0155, `logging` is `mustnot`).
//!
//! Their rows wait in the same queues as all others, without the words; these lie sealed in a table that only memory
//! holds, under the same transactions. They go with their rows, or with the process.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Result, Sealer};
use crate::message::Message;

/// The table, and what removes words whose row goes, by whatever way. `temp_store` keeps it out of every file.
pub(super) fn prepare(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA temp.secure_delete = ON;
         CREATE TEMP TABLE unwritten (queue TEXT, seq INTEGER, sealed BLOB NOT NULL, PRIMARY KEY (queue, seq)) STRICT;
         CREATE TEMP TRIGGER crossing_gone AFTER DELETE ON main.outbox
             BEGIN DELETE FROM unwritten WHERE queue = 'outbox' AND seq = OLD.seq; END;
         CREATE TEMP TRIGGER delivery_gone AFTER DELETE ON main.deliveries
             BEGIN DELETE FROM unwritten WHERE queue = 'deliveries' AND seq = OLD.seq; END;
         CREATE TEMP TRIGGER reaction_gone AFTER DELETE ON main.reactions
             BEGIN DELETE FROM unwritten WHERE queue = 'reactions' AND seq = OLD.seq; END;",
    )?;
    Ok(())
}

/// One of the queues, or the reactions, by the name of its table.
#[derive(Clone, Copy)]
pub(super) enum Queue {
    Outbox,
    Deliveries,
    Reactions,
}

impl Queue {
    fn table(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Deliveries => "deliveries",
            Self::Reactions => "reactions",
        }
    }
}

/// What a row seals of `message`: nothing, if it must stay unwritten.
pub(super) fn written(message: &Message, unwritten: bool) -> Option<Message> {
    (!unwritten).then(|| message.clone())
}

/// Keeps the words of a row.
pub(super) fn keep(db: &Transaction<'_>, sealer: &Sealer, queue: Queue, seq: i64, message: &Message) -> Result<()> {
    db.execute(
        "INSERT INTO temp.unwritten (queue, seq, sealed) VALUES (?1, ?2, ?3)",
        params![queue.table(), seq, sealer.seal("unwritten", message)?],
    )?;
    Ok(())
}

/// Changes the words of a row.
pub(super) fn change(db: &Transaction<'_>, sealer: &Sealer, queue: Queue, seq: i64, message: &Message) -> Result<()> {
    db.execute(
        "UPDATE temp.unwritten SET sealed = ?3 WHERE queue = ?1 AND seq = ?2",
        params![queue.table(), seq, sealer.seal("unwritten", message)?],
    )?;
    Ok(())
}

/// The words of a row: `written` there, or kept in memory. `None` if they went with an earlier process.
pub(super) fn recall(
    db: &Transaction<'_>,
    sealer: &Sealer,
    queue: Queue,
    seq: i64,
    written: Option<Message>,
) -> Result<Option<Message>> {
    if written.is_some() {
        return Ok(written);
    }
    let sealed: Option<Vec<u8>> = db
        .query_row(
            "SELECT sealed FROM temp.unwritten WHERE queue = ?1 AND seq = ?2",
            params![queue.table(), seq],
            |row| row.get(0),
        )
        .optional()?;
    sealed.map(|sealed| sealer.open("unwritten", &sealed)).transpose()
}
