//! Our device on the user's account: its record, its encrypted files, and the SDK client on top of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use drawbridge_bridge::{Error, KeySharing, Place, Secret};
use matrix_sdk::authentication::matrix::MatrixSession as Grant;
use matrix_sdk::config::RequestConfig;
use matrix_sdk::encryption::{BackupDownloadStrategy, EncryptionSettings};
use matrix_sdk::ruma::presence::PresenceState;
use matrix_sdk::sliding_sync::VersionBuilder;
use matrix_sdk::{Client, SqliteStoreConfig};
use matrix_sdk_base::crypto::{CollectStrategy, DecryptionSettings, TrustRequirement};
use serde::{Deserialize, Serialize};

/// How the device is listed in the user's other clients.
pub(crate) const NAME: &str = "Drawbridge";

/// How long the homeserver has for an answer; a sync has its own waiting time on top.
const PATIENCE: Duration = Duration::from_secs(30);

/// The least that the SDK takes: one connection writes, one reads (measured: 18 open files a login).
const CONNECTIONS: usize = 2;

/// One try, no retries of the SDK's own: who asks knows better when to try again.
pub(crate) fn requests() -> RequestConfig {
    RequestConfig::new().disable_retry().timeout(PATIENCE)
}

/// A granted login: [`drawbridge_bridge::LoginGrant::state`] as JSON. Holds the access token, so it does not print.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) homeserver: String,
    pub(crate) grant: Grant,
}

impl Record {
    pub(crate) fn seal(&self) -> Result<Secret, Error> {
        serde_json::to_vec(self)
            .map(Secret::new)
            .map_err(|_| Error::Rejected("The login cannot be written.".to_owned()))
    }

    pub(crate) fn unseal(state: &Secret) -> Result<Self, Error> {
        serde_json::from_slice(state.expose()).map_err(|_| Error::LoggedOut)
    }
}

/// The encrypted files of a device.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    dir: PathBuf,
    key: Secret,
}

impl Files {
    pub(crate) fn new(place: &Place) -> Self {
        Self { dir: place.dir.join("matrix"), key: place.key.clone() }
    }

    pub(crate) fn exist(&self) -> bool {
        self.dir.is_dir()
    }

    /// Removes them. Nothing to remove is fine.
    pub(crate) async fn wipe(&self) -> std::io::Result<()> {
        match tokio::fs::remove_dir_all(&self.dir).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// A client on these files that has not signed in. Asks nothing of the network.
    pub(crate) async fn client(&self, homeserver: &str, sharing: KeySharing) -> Result<Client, Error> {
        let key: &[u8; 32] = self.key.expose().try_into().map_err(|_| unusable())?;
        let files = SqliteStoreConfig::new(&self.dir).key(Some(key)).pool_max_size(CONNECTIONS);
        let client = Client::builder()
            .homeserver_url(homeserver)
            .sqlite_store_with_config_and_cache_path(files, None::<&Path>)
            .sliding_sync_version_builder(VersionBuilder::None)
            .request_config(requests())
            // The answer to a login must not move the password's next request to another host.
            .respect_login_well_known(false)
            .user_agent(NAME)
            .with_encryption_settings(EncryptionSettings {
                auto_enable_cross_signing: false,
                backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
                auto_enable_backups: false,
            })
            .with_room_key_recipient_strategy(recipients(sharing))
            // Everything that decrypts is shown, with its trust beside it (`envelope::security`), rather than hidden.
            .with_decryption_settings(DecryptionSettings {
                sender_device_trust_requirement: TrustRequirement::Untrusted,
            });
        let client = Box::pin(client.build()).await.map_err(|_| unusable())?;
        // Otherwise every sync would show the user as online.
        let _ = client.set_presence(PresenceState::Offline, None, false).await;
        Ok(client)
    }

    /// The client of a granted login.
    ///
    /// # Errors
    /// [`Error::LoggedOut`] if the files are gone or belong to another device.
    pub(crate) async fn restore(&self, record: &Record, sharing: KeySharing) -> Result<Client, Error> {
        if !self.exist() {
            return Err(Error::LoggedOut);
        }
        let client = self.client(&record.homeserver, sharing).await?;
        Box::pin(client.restore_session(record.grant.clone())).await.map_err(|_| Error::LoggedOut)?;
        Ok(client)
    }
}

fn recipients(sharing: KeySharing) -> CollectStrategy {
    match sharing {
        KeySharing::CrossSigned => CollectStrategy::IdentityBasedStrategy,
        KeySharing::All => CollectStrategy::AllDevices,
    }
}

fn unusable() -> Error {
    Error::Transient { reason: "the files of the login cannot be opened".to_owned(), after: None }
}
