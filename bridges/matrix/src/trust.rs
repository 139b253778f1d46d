//! Devices, identities, recovery.

use std::pin::pin;

use async_trait::async_trait;
use drawbridge_bridge::{ContactId, ContactTrust, Error, Event, KeySharing, OwnTrust, Secret, Trust, TrustStatus};
use futures::StreamExt;
use matrix_sdk::Client;
use matrix_sdk::encryption::recovery::RecoveryError;
use matrix_sdk::encryption::secret_storage::{ImportError, SecretStorageError};
use matrix_sdk::ruma::UserId;

use crate::error::Fault;
use crate::identity;
use crate::journal::Journal;
use crate::session::{MatrixSession, user};
use crate::sync::{Halt, Line};

#[async_trait]
impl Trust for MatrixSession {
    async fn status(&self) -> Result<TrustStatus, Error> {
        let client = self.client().await?;
        Ok(status(&client).await?)
    }

    async fn recover(&self, key: &Secret) -> Result<TrustStatus, Error> {
        let key = key.expose_text().map(str::trim).filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Error::BadInput("Enter the recovery key or passphrase.".to_owned()))?;
        let client = self.client().await?;
        Box::pin(client.encryption().recovery().recover(key)).await.map_err(|error| unrecovered(&error))?;
        self.vigil.stir();
        self.recovered.notify_one();
        let status = status(&client).await?;
        match status.own {
            OwnTrust::Verified => Ok(status),
            OwnTrust::Unverified | OwnTrust::NoIdentity => Err(Error::NotFound),
        }
    }

    async fn set_sharing(&self, sharing: KeySharing) {
        // Whoever next asks for the client opens it anew.
        self.sharing.send_if_modified(|now| std::mem::replace(now, sharing) != sharing);
    }

    async fn contact(&self, contact: &ContactId) -> Result<ContactTrust, Error> {
        let contact = user(contact)?;
        let client = self.client().await?;
        Ok(identity::contact_trust(&client, &Journal::of(&client), &contact, true).await?)
    }

    async fn accept_identity(&self, contact: &ContactId) -> Result<(), Error> {
        let contact = user(contact)?;
        let client = self.client().await?;
        self.vigil.stir();
        let _judging = self.judging.lock().await;
        Ok(identity::accept(&client, &Journal::of(&client), &contact).await?)
    }
}

async fn status(client: &Client) -> Result<TrustStatus, Fault> {
    let device = client.device_id().ok_or(Fault::LoggedOut)?.to_string();
    let fingerprint = client.encryption().ed25519_key().await.map(|key| in_groups(&key));
    Ok(TrustStatus { device, fingerprint, own: identity::own_trust(client).await? })
}

/// As Matrix clients show it: groups of four.
fn in_groups(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn unrecovered(error: &RecoveryError) -> Error {
    use SecretStorageError as Storage;
    let wrong = || Error::BadInput("The recovery key or passphrase does not fit.".to_owned());
    match error {
        RecoveryError::Sdk(error) => Fault::from(error).into(),
        RecoveryError::SecretStorage(error) => match error {
            Storage::SecretStorageKey(_) => wrong(),
            Storage::ImportError { error: ImportError::Decryption(_), .. } => wrong(),
            Storage::ImportError { error: ImportError::Key(_) | ImportError::MismatchedPublicKeys, .. } => {
                Error::Rejected(
                    "What is stored on the homeserver does not belong to your account's present identity.".to_owned(),
                )
            }
            Storage::MissingKeyInfo { .. } => Error::NotFound,
            Storage::Sdk(error) | Storage::ImportError { error: ImportError::Sdk(error), .. } => {
                Fault::from(error).into()
            }
            _ => Error::Rejected("What is stored on the homeserver cannot be read.".to_owned()),
        },
        RecoveryError::BackupExistsOnServer => Error::Rejected("The key backup cannot be changed.".to_owned()),
    }
}

impl Line<'_> {
    /// Tells when a contact's identity is another one than the one known, if it is.
    pub(crate) async fn check_identity(&self, contact: &UserId) -> Result<(), Halt> {
        let _judging = self.session.judging.lock().await;
        if identity::contact_trust(self.client, &self.journal, contact, false).await? != ContactTrust::Changed {
            return Ok(());
        }
        let text = format!(
            "The encryption identity of {contact} has changed. They may have set up Matrix anew, or somebody else reads \
             along. Nothing is sent to them until you accept the new identity."
        );
        let contact = Some(ContactId::new(contact.as_str()));
        let notice = self.session.reader.notice(None, Event::TrustNotice { contact, text, blocks: true });
        Ok(self.deliver(notice).await?)
    }

    /// Waits for changes of identities and devices, for ever.
    pub(crate) async fn watch_identities(&self) -> Halt {
        let encryption = self.client.encryption();
        let (Ok(identities), Ok(devices)) =
            (encryption.user_identities_stream().await, encryption.devices_stream().await)
        else {
            return std::future::pending().await;
        };
        let (mut identities, mut devices) = (pin!(identities), pin!(devices));
        let watch = self.session.vigil.begin();
        loop {
            let update = tokio::select! {
                update = identities.next() => update,
                update = devices.next() => match update {
                    Some(_) => {
                        self.session.vigil.stir();
                        continue;
                    }
                    None => None,
                },
            };
            let Some(update) = update else { break };
            self.session.vigil.stir();
            for contact in update.new.keys().chain(update.changed.keys()) {
                if !self.session.rooms.has_contact(contact) {
                    continue;
                }
                match self.check_identity(contact).await {
                    // Looked at again before anything is sent.
                    Ok(()) | Err(Halt::Fault(_)) => {}
                    Err(halt) => return halt,
                }
            }
        }
        drop(watch);
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_groups() {
        assert_eq!(in_groups("abcdefghij"), "abcd efgh ij");
    }
}
