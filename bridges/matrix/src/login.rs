//! Logging in with a password, as a new device of the user's.

use async_trait::async_trait;
use drawbridge_bridge::{
    ContactId, Error, Field, FieldKind, KeySharing, LoginGrant, LoginInput, LoginProcess, LoginStep, Place,
};
use matrix_sdk::Client;
use matrix_sdk::reqwest::Url;
use matrix_sdk::ruma::api::client::session::get_login_types::v3::LoginType;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::baseline;
use crate::contact_id;
use crate::device::{Files, NAME, Record};
use crate::error::Fault;
use crate::homeserver::Address;
use crate::identity::{self, OwnIdentity};

const HOMESERVER: &str = "homeserver";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";

/// One form; then the work, in a task of its own that signs out again if nobody waits for the result any more.
pub(crate) struct PasswordLogin {
    files: Files,
}

impl PasswordLogin {
    pub(crate) fn new(place: &Place) -> Self {
        Self { files: Files::new(place) }
    }
}

#[async_trait]
impl LoginProcess for PasswordLogin {
    async fn step(&mut self, input: LoginInput) -> Result<LoginStep, Error> {
        if input.values.is_empty() {
            return Ok(form());
        }
        let credentials = Credentials::read(&input)?;
        let (done, granted) = oneshot::channel();
        tokio::spawn(Box::pin(sign_in(self.files.clone(), credentials, done)));
        granted
            .await
            .map_err(|_| Error::Transient { reason: "the login was interrupted".to_owned(), after: None })?
            .map(LoginStep::Done)
    }

    async fn cancel(self: Box<Self>) {
        // A step that was dropped signs out by itself; a step that failed left nothing.
    }
}

struct Credentials {
    address: Address,
    username: String,
    password: Zeroizing<String>,
}

impl Credentials {
    fn read(input: &LoginInput) -> Result<Self, Error> {
        let username = input.text(USERNAME).ok_or_else(|| missing("Enter your Matrix user name."))?;
        let full_id = if username.starts_with('@') {
            let id = contact_id::legal(username);
            Some(id.ok_or_else(|| missing("The user name should look like alice or @alice:example.org."))?)
        } else {
            None
        };
        let homeserver = match (input.text(HOMESERVER), &full_id) {
            (Some(homeserver), _) => homeserver.to_owned(),
            (None, Some(id)) => id.server_name().as_str().to_owned(),
            (None, None) => return Err(missing("Enter the homeserver.")),
        };
        // Not trimmed: blanks may belong to it.
        let password =
            input.values.get(PASSWORD).and_then(|secret| secret.expose_text()).filter(|text| !text.is_empty());
        let password = password.ok_or_else(|| missing("Enter your Matrix password."))?;
        Ok(Self {
            address: Address::parse(&homeserver)?,
            username: username.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    }
}

/// Signs in and hands the grant over; whenever that does not come to an end, no device and no files stay behind.
async fn sign_in(files: Files, credentials: Credentials, done: oneshot::Sender<Result<LoginGrant, Error>>) {
    let client = match enter(&files, &credentials).await {
        Ok(client) => client,
        Err(error) => {
            let _ = files.wipe().await;
            let _ = done.send(Err(error));
            return;
        }
    };
    let outcome = settle(&client, &credentials).await;
    let granted = outcome.is_ok();
    if done.send(outcome).is_err() || !granted {
        let _ = client.matrix_auth().logout().await;
        drop(client);
        let _ = files.wipe().await;
    }
}

/// Up to the homeserver's grant.
async fn enter(files: &Files, credentials: &Credentials) -> Result<Client, Error> {
    let homeserver = Box::pin(credentials.address.discover()).await?;
    // Another try of the same process left its files; they would be taken for another device's.
    files
        .wipe()
        .await
        .map_err(|_| Error::Transient { reason: "old files cannot be removed".to_owned(), after: None })?;
    let client = files.client(homeserver.as_str(), KeySharing::default()).await?;
    takes_passwords(&client, &homeserver).await?;
    let login = client
        .matrix_auth()
        .login_username(&credentials.username, &credentials.password)
        .initial_device_display_name(NAME)
        .send();
    match Box::pin(login).await {
        Ok(_) => Ok(client),
        Err(error) => Err(refused(&error)),
    }
}

/// From the grant to a device that others can trust.
async fn settle(client: &Client, credentials: &Credentials) -> Result<LoginGrant, Error> {
    let grant = client.matrix_auth().session().ok_or(Error::LoggedOut)?;
    let account = ContactId::new(grant.meta.user_id.as_str());
    let record = Record { homeserver: client.homeserver().to_string(), grant };
    let password = Some(credentials.password.as_str());
    let notice = match identity::establish(client, password).await {
        Ok(OwnIdentity::Vouched) => None,
        Ok(OwnIdentity::Unvouched) => Some(
            "Your Matrix account does not vouch for this device yet. Enter your recovery key or passphrase with the \
             command \"recover\"; until then others may not send you their keys, and you cannot write to them."
                .to_owned(),
        ),
        Err(_) => Some(
            "You are logged in, but your account's cross-signing identity could not be set up. The command \
             \"status\" tells how it stands."
                .to_owned(),
        ),
    };
    baseline::mark(client).await;
    Ok(LoginGrant { account, state: record.seal()?, notice })
}

async fn takes_passwords(client: &Client, homeserver: &Url) -> Result<(), Error> {
    let types = client.matrix_auth().get_login_types().await.map_err(|error| Error::from(Fault::from(&error)))?;
    if types.flows.iter().any(|flow| matches!(flow, LoginType::Password(_))) {
        return Ok(());
    }
    let host = homeserver.host_str().unwrap_or_default();
    Err(Error::Rejected(format!("The homeserver {host} does not offer logging in with a password.")))
}

fn refused(error: &matrix_sdk::Error) -> Error {
    use matrix_sdk::ruma::api::error::ErrorKind;
    match error.client_api_error_kind() {
        Some(ErrorKind::Forbidden) => {
            Error::Rejected("The homeserver does not accept this user name and password.".to_owned())
        }
        Some(ErrorKind::UserDeactivated) => Error::Rejected("This Matrix account is deactivated.".to_owned()),
        _ => match Fault::from(error) {
            Fault::LoggedOut | Fault::NotFound => Error::Rejected("The homeserver refuses the login.".to_owned()),
            fault => fault.into(),
        },
    }
}

fn form() -> LoginStep {
    let field = |name: &str, label: &str, kind, required| Field {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        default: None,
        required,
    };
    LoginStep::Form {
        instructions:
            "Log in to your Matrix account. The homeserver is a name like example.org or a web address; plain \
                       http is taken for homeservers on this very host only."
                .to_owned(),
        fields: vec![
            field(HOMESERVER, "Homeserver", FieldKind::Text, true),
            field(USERNAME, "User name", FieldKind::Text, true),
            field(PASSWORD, "Password", FieldKind::Password, true),
        ],
    }
}

fn missing(text: &str) -> Error {
    Error::BadInput(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_bridge::Secret;

    fn input(values: &[(&str, &str)]) -> LoginInput {
        LoginInput { values: values.iter().map(|(k, v)| ((*k).to_owned(), Secret::new(*v))).collect() }
    }

    #[test]
    fn a_full_id_brings_its_homeserver() {
        let read = Credentials::read(&input(&[("username", "@alice:example.org"), ("password", " x ")])).unwrap();
        assert_eq!(read.address, Address::Name("example.org".into()));
        assert_eq!(*read.password, " x ", "blanks may belong to a password");
    }

    #[test]
    fn what_is_missing_is_named() {
        let told = |values: &[(&str, &str)]| Credentials::read(&input(values)).err().unwrap().to_string();
        assert_eq!(told(&[("homeserver", "a.org"), ("password", "x")]), "Enter your Matrix user name.");
        assert_eq!(told(&[("username", "alice"), ("password", "x")]), "Enter the homeserver.");
        assert_eq!(told(&[("username", "alice"), ("homeserver", "a.org")]), "Enter your Matrix password.");
        assert_eq!(
            told(&[("username", "@alice"), ("homeserver", "a.org"), ("password", "x")]),
            "The user name should look like alice or @alice:example.org."
        );
    }
}
