//! The one owner of the database.
//!
//! Every change is a transaction on one connection; a caller hands in a closure and awaits its result. Content is
//! sealed (see [`seal`]) and gone once delivered; JIDs, far ids and times stay readable for whoever reads the file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction};

pub mod contacts;
pub mod deliveries;
pub mod inbox;
pub mod introductions;
pub mod keys;
pub mod links;
pub mod logins;
pub mod omemo;
pub mod openpgp;
pub mod outbox;
pub mod positions;
mod proof;
pub mod protections;
pub mod published;
pub mod reactions;
pub mod retained;
mod schema;
pub mod seal;
pub mod trust;
pub mod trust_messages;
mod unwritten;
pub mod users;
pub mod witness;

pub use contacts::{Contact, Subscription};
pub use deliveries::{Delivery, NewDelivery, Parcel};
pub use inbox::Arrival;
pub use logins::Login;
pub use outbox::{Crossing, NewCrossing, ReplyTo};
pub use proof::prove_key;
pub use protections::{Protection, Protections};
pub use retained::{NewRetained, Retained};
pub use seal::Sealer;
pub use users::{Policy, User, UserId};

/// Why the database could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite said no: disk full, file damaged, a constraint.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file comes from a newer Drawbridge.
    #[error("the database has version {found}, this program knows {known}: use the newer program")]
    Newer {
        /// In the file.
        found: i64,
        /// Of this program.
        known: i64,
    },
    /// SQLite itself is too old to be trusted with a write-ahead log (corruption race before 3.51.3).
    #[error("SQLite {0} has a known corruption fault; 3.51.3 is needed")]
    OldSqlite(String),
    /// A sealed value does not open: another key, or changed bytes.
    #[error("a stored value cannot be opened with this key")]
    Seal,
    /// Everything sealed in the file was sealed with another key.
    #[error(
        "key_file: the database was made with another store key; put that one back from your backup (as key_file, as \
         the systemd credential \"key\", or as data_dir/key). If it is lost for good, move the whole data_dir away to \
         begin anew: users must log in again, and what waited for delivery is lost"
    )]
    OtherKey,
    /// The file that tells whether the database was put back from a copy cannot be written.
    #[error("{0}: {1}")]
    Witness(PathBuf, std::io::Error),
    /// The thread pool is gone: the program is stopping.
    #[error("the program is stopping")]
    Stopping,
}

/// Result of a database call.
pub type Result<T> = std::result::Result<T, Error>;

/// The database and the key of what is sealed in it.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    sealer: Arc<Sealer>,
    path: Arc<Path>,
}

impl Store {
    /// Opens or creates the file and brings it to the current version.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::OldSqlite`], [`Error::OtherKey`], or SQLite's own.
    pub fn open(path: &Path, sealer: Sealer) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        schema::prepare(&mut connection)?;
        proof::settle(&connection, &sealer)?;
        if witness::settle(&mut connection, path)? {
            tracing::warn!(
                "the database was put back from a copy: OMEMO with the users' devices begins anew, and OpenPGP messages of \
                 before are refused"
            );
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), sealer: Arc::new(sealer), path: path.into() })
    }

    /// Runs `work` in one transaction; commits if it returns `Ok`, otherwise nothing has happened.
    ///
    /// # Errors
    /// Those of `work`, and SQLite's at commit.
    pub async fn call<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &Sealer) -> Result<T> + Send + 'static,
    {
        let connection = self.connection.clone();
        let sealer = self.sealer.clone();
        tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction()?;
            let value = work(&transaction, &sealer)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
        .map_err(|_| Error::Stopping)?
    }

    /// Nothing is stored after this.
    ///
    /// # Errors
    /// SQLite's, or [`Error::Witness`].
    pub async fn close(&self) -> Result<()> {
        self.renew_witness().await?;
        self.checkpoint().await
    }

    /// A copy of the database that was made before this is known for one.
    ///
    /// # Errors
    /// SQLite's, or [`Error::Witness`].
    pub async fn renew_witness(&self) -> Result<()> {
        let (connection, path) = (self.connection.clone(), self.path.clone());
        tokio::task::spawn_blocking(move || {
            witness::renew(&mut connection.lock().unwrap_or_else(PoisonError::into_inner), &path)
        })
        .await
        .map_err(|_| Error::Stopping)?
    }

    /// Truncates the write-ahead log, so that deleted rows are gone from the disk too.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn checkpoint(&self) -> Result<()> {
        let connection = self.connection.clone();
        tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        })
        .await
        .map_err(|_| Error::Stopping)?
    }
}

/// Seconds since 1970, as the database keeps times.
pub fn unix(time: std::time::SystemTime) -> i64 {
    time.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
