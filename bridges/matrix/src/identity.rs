//! Cross-signing identities: the account's own, and the first one seen of each contact.

use drawbridge_bridge::{ContactTrust, OwnTrust};
use matrix_sdk::Client;
use matrix_sdk::encryption::identities::UserIdentity;
use matrix_sdk::ruma::UserId;
use matrix_sdk::ruma::api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier};

use crate::error::Fault;
use crate::journal::Journal;

/// How the account's identity stands to our device after a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnIdentity {
    /// It vouches for our device.
    Vouched,
    /// There is one, and its keys are elsewhere: recovery is needed.
    Unvouched,
}

/// Makes an identity for an account that has none. Never replaces one.
///
/// # Errors
/// The homeserver's.
pub(crate) async fn establish(client: &Client, password: Option<&str>) -> Result<OwnIdentity, Fault> {
    let me = client.user_id().ok_or(Fault::LoggedOut)?;
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    if Box::pin(client.encryption().request_user_identity(me)).await?.is_none() {
        create(client, me, password).await?;
        // Reads the signatures back, so that our device counts as signed at once.
        Box::pin(client.encryption().request_user_identity(me)).await?;
    }
    Ok(match own_trust(client).await? {
        OwnTrust::Verified => OwnIdentity::Vouched,
        OwnTrust::Unverified | OwnTrust::NoIdentity => OwnIdentity::Unvouched,
    })
}

async fn create(client: &Client, me: &UserId, password: Option<&str>) -> Result<(), Fault> {
    // Without any identity homeservers ask for no second authentication (MSC3967); older ones want the password.
    let Err(error) = Box::pin(client.encryption().bootstrap_cross_signing(None)).await else { return Ok(()) };
    let (Some(asked), Some(password)) = (error.as_uiaa_response(), password) else { return Err(error.into()) };
    let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(me.to_string()));
    let mut answer = Password::new(user, password.to_owned());
    answer.session.clone_from(&asked.session);
    Ok(Box::pin(client.encryption().bootstrap_cross_signing(Some(AuthData::Password(answer)))).await?)
}

/// Whether the account's identity vouches for our device, as far as the files know.
pub(crate) async fn own_trust(client: &Client) -> Result<OwnTrust, Fault> {
    let me = client.user_id().ok_or(Fault::LoggedOut)?;
    if client.encryption().get_user_identity(me).await?.is_none() {
        return Ok(OwnTrust::NoIdentity);
    }
    let signed = client.encryption().get_own_device().await?.is_some_and(|device| device.is_cross_signed_by_owner());
    Ok(if signed { OwnTrust::Verified } else { OwnTrust::Unverified })
}

/// How a contact stands. Their first identity is remembered, and every other one is a change until it is accepted.
/// Asks the homeserver for an unknown one if `ask`.
pub(crate) async fn contact_trust(
    client: &Client,
    journal: &Journal,
    contact: &UserId,
    ask: bool,
) -> Result<ContactTrust, Fault> {
    let mut known = client.encryption().get_user_identity(contact).await?;
    if known.is_none() && ask {
        known = Box::pin(client.encryption().request_user_identity(contact)).await?;
    }
    let Some(identity) = known else { return Ok(ContactTrust::NoIdentity) };
    let Some(key) = master_key(&identity) else { return Ok(ContactTrust::NoIdentity) };
    let pinned = journal.pin(contact).await?;
    Ok(match pinned {
        _ if identity.has_verification_violation() => ContactTrust::Changed,
        Some(pinned) if pinned != key => ContactTrust::Changed,
        Some(_) => standing(&identity),
        None => {
            journal.set_pin(contact, &key).await?;
            standing(&identity)
        }
    })
}

/// Takes the contact's present identity for theirs.
///
/// # Errors
/// [`Fault::NotFound`] if it has not changed.
pub(crate) async fn accept(client: &Client, journal: &Journal, contact: &UserId) -> Result<(), Fault> {
    if contact_trust(client, journal, contact, false).await? != ContactTrust::Changed {
        return Err(Fault::NotFound);
    }
    let identity = client.encryption().get_user_identity(contact).await?.ok_or(Fault::NotFound)?;
    let key = master_key(&identity).ok_or(Fault::NotFound)?;
    if identity.has_verification_violation() {
        identity.withdraw_verification().await?;
    }
    identity.pin().await?;
    journal.set_pin(contact, &key).await
}

/// Whether any of the contact's devices would get a key that goes to cross-signed devices only.
pub(crate) async fn has_signed_device(client: &Client, contact: &UserId) -> Result<bool, Fault> {
    let devices = client.encryption().get_user_devices(contact).await?;
    Ok(devices.devices().any(|device| device.is_cross_signed_by_owner()))
}

fn standing(identity: &UserIdentity) -> ContactTrust {
    if identity.is_verified() { ContactTrust::Verified } else { ContactTrust::Pinned }
}

fn master_key(identity: &UserIdentity) -> Option<String> {
    identity.master_key().get_first_key().map(|key| key.to_base64())
}
