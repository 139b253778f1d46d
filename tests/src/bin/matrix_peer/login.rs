//! A device of its own: made once, used again after a restart, signed by its owner.

use std::fs;

use matrix_sdk::{
    Client, SqliteStoreConfig,
    authentication::matrix::MatrixSession,
    encryption::CrossSigningResetAuthType,
    ruma::api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
};

use crate::{Failure, Options};

/// Any key does: the store of a test holds nothing to hide.
const STORE_KEY: [u8; 32] = [7; 32];

/// The client of the device in the store; a new device when the store is empty.
pub(crate) async fn log_in(options: &Options) -> Result<Client, Failure> {
    fs::create_dir_all(&options.store)?;
    let store = SqliteStoreConfig::new(&options.store).key(Some(&STORE_KEY)).pool_max_size(2);
    let builder = Client::builder().homeserver_url(&options.homeserver);
    let client = builder.sqlite_store_with_config_and_cache_path(store, None::<&str>).build().await?;
    let file = options.store.join("session.json");
    if let Ok(session) = fs::read(&file) {
        client.restore_session(serde_json::from_slice::<MatrixSession>(&session)?).await?;
        return Ok(client);
    }
    let login = client.matrix_auth().login_username(&options.user, &options.password);
    login.initial_device_display_name("matrix_peer").send().await?;
    let session = client.matrix_auth().session().ok_or("logged in without a session")?;
    fs::write(file, serde_json::to_vec(&session)?)?;
    Ok(client)
}

/// Gives the account its cross-signing keys when it has none, which also signs this device.
pub(crate) async fn sign_own_device(client: &Client) -> Result<(), Failure> {
    client.encryption().bootstrap_cross_signing_if_needed(None).await?;
    Ok(())
}

/// Gives the account another cross-signing identity.
pub(crate) async fn reset_identity(client: &Client, password: &str) -> Result<(), Failure> {
    let user = client.user_id().ok_or("nobody is logged in")?;
    let Some(reset) = client.encryption().reset_cross_signing().await? else { return Ok(()) };
    let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(user.to_string()));
    let mut answer = Password::new(user, password.to_owned());
    if let CrossSigningResetAuthType::Uiaa(asked) = reset.auth_type() {
        answer.session.clone_from(&asked.session);
    }
    Ok(reset.auth(Some(AuthData::Password(answer))).await?)
}
