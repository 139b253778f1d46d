//! From what the person typed to the address of a homeserver.

use std::net::IpAddr;

use drawbridge_bridge::Error;
use matrix_sdk::reqwest::Url;
use matrix_sdk::sliding_sync::VersionBuilder;
use matrix_sdk::{Client, ClientBuilder, HttpError, ServerName};

use crate::device::requests;

/// What the person typed, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// `example.org`: ask its well-known document, else take it for the homeserver itself.
    Name(String),
    /// A URL of the homeserver.
    Url(Url),
}

impl Address {
    /// Reads `example.org`, `https://matrix.example.org`, or `http://127.0.0.1:8008`.
    ///
    /// # Errors
    /// [`Error::BadInput`], with the reason.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim().trim_end_matches('/');
        if text.contains("://") {
            let url = Url::parse(text).map_err(|_| bad("The homeserver is not a web address."))?;
            return admissible(&url).map(|()| Self::Url(url));
        }
        match ServerName::parse(text) {
            Ok(name) => Ok(Self::Name(name.as_str().to_owned())),
            Err(_) => Err(bad("The homeserver should look like example.org or https://matrix.example.org.")),
        }
    }

    /// Finds the homeserver behind the address.
    ///
    /// # Errors
    /// [`Error::Transient`] if nothing answers, [`Error::Rejected`] if what answers is no Matrix homeserver.
    pub(crate) async fn discover(&self) -> Result<Url, Error> {
        match self {
            Self::Url(url) => speaks_matrix(url).await.map(|()| url.clone()),
            Self::Name(name) => {
                if let Some(url) = delegated(name).await {
                    admissible(&url)?;
                    return speaks_matrix(&url).await.map(|()| url);
                }
                let url = Url::parse(&format!("https://{name}")).map_err(|_| bad("The homeserver's name is wrong."))?;
                speaks_matrix(&url).await.map(|()| url)
            }
        }
    }
}

/// A password goes there: only over TLS, or not over a network at all.
fn admissible(url: &Url) -> Result<(), Error> {
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if url.host_str().is_some_and(is_loopback) => Ok(()),
        "http" => Err(bad("Plain http is taken for homeservers on this very host only; use https.")),
        _ => Err(bad("The homeserver's address should begin with https://.")),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What `https://name/.well-known/matrix/client` points to.
async fn delegated(name: &str) -> Option<Url> {
    let name = ServerName::parse(name).ok()?;
    let client = Box::pin(plain().server_name(&name).build()).await.ok()?;
    Some(client.homeserver())
}

async fn speaks_matrix(url: &Url) -> Result<(), Error> {
    let client =
        Box::pin(plain().homeserver_url(url).build()).await.map_err(|_| bad("The homeserver is not a web address."))?;
    match client.fetch_server_versions(Some(requests())).await {
        Ok(_) => Ok(()),
        Err(HttpError::Reqwest(_)) => {
            Err(Error::Transient { reason: "the homeserver cannot be reached".to_owned(), after: None })
        }
        Err(_) => Err(Error::Rejected("There is no Matrix homeserver at this address.".to_owned())),
    }
}

fn plain() -> ClientBuilder {
    Client::builder().request_config(requests()).sliding_sync_version_builder(VersionBuilder::None)
}

fn bad(text: &str) -> Error {
    Error::BadInput(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read() {
        assert_eq!(Address::parse(" example.org ").unwrap(), Address::Name("example.org".into()));
        assert_eq!(Address::parse("example.org:8448").unwrap(), Address::Name("example.org:8448".into()));
        for url in ["https://matrix.example.org/", "http://127.0.0.1:8008", "http://localhost:8008", "http://[::1]:80"]
        {
            assert!(matches!(Address::parse(url).unwrap(), Address::Url(_)), "{url}");
        }
    }

    #[test]
    fn a_password_never_goes_over_a_network_in_clear() {
        for url in ["http://matrix.example.org", "http://127.0.0.1.example.org", "http://192.168.1.1:8008"] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert_eq!(error, "Plain http is taken for homeservers on this very host only; use https.", "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "exa mple.org", "ftp://example.org", "https://", "file:///etc/passwd"] {
            assert!(matches!(Address::parse(text), Err(Error::BadInput(_))), "{text}");
        }
    }
}
