//! The one way out into the web: to public addresses, and to the hosts that the operator names.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jid::BareJid;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, Url};
use tokio::net::lookup_host;
use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit};
use xmpp_files::egress::{Refused, Scheme, Target, is_public};

use crate::config::FilesConfig;
use crate::turns::Turns;

/// How long a connection may take to be made, and a whole file to come or go.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(120));
/// Each is judged as the first address is.
const REDIRECTS: usize = 3;
/// Files that are in memory at a time, in all; of one user's one.
const FILES: usize = 4;

/// A client for the web that nobody can turn against the host's own network.
pub struct Web {
    /// Made at first use: it reads the host's certificates. `None` if there is no TLS to be had.
    client: OnceLock<Option<Client>>,
    certificate: Option<Certificate>,
    own: Arc<[String]>,
    all: Semaphore,
    each: Turns,
}

/// Why a file did not come or go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// One does not connect there.
    #[error("its address is refused: {0}")]
    Refused(#[from] Refused),
    /// Longer than was asked for.
    #[error("it is longer than {0} octets")]
    TooLong(usize),
    /// The server does not give or take it.
    #[error("its server answers with status {0}")]
    Status(u16),
    /// No connection, or it broke; also if the name has no public address.
    #[error("its server cannot be reached")]
    Unreachable,
}

impl WebError {
    /// Whether it may work later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Status(408 | 425 | 429 | 500..))
    }
}

impl Web {
    /// For the hosts of this configuration.
    pub fn new(config: &FilesConfig) -> Self {
        Self::trusting(config, None)
    }

    /// One that trusts this host beside those that everybody does.
    pub(crate) fn trusting(config: &FilesConfig, certificate: Option<Certificate>) -> Self {
        let own: Arc<[String]> = config.own_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { client: OnceLock::new(), certificate, own, all: Semaphore::new(FILES), each: Turns::default() }
    }

    /// Room for one file of the user's in memory, for as long as this is held: nobody waits for the slow servers of one
    /// other.
    pub async fn turn(&self, user: &BareJid) -> Option<(OwnedMutexGuard<()>, SemaphorePermit<'_>)> {
        Some((self.each.take(user).await, self.all.acquire().await.ok()?))
    }

    /// What is there, of at most `max` octets.
    ///
    /// # Errors
    /// See [`WebError`].
    pub async fn get(&self, url: &str, max: usize) -> Result<Vec<u8>, WebError> {
        let mut url = self.judged(url)?;
        for _ in 0..=REDIRECTS {
            let response = self.client()?.get(url.clone()).send().await.map_err(|error| unreachable(&error))?;
            if !response.status().is_redirection() {
                return within(response, max).await;
            }
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to.and_then(|to| url.join(to).ok()).ok_or(WebError::Status(response.status().as_u16()))?;
            url = self.judged(to.as_str())?;
        }
        Err(WebError::Unreachable)
    }

    /// Puts octets there.
    ///
    /// # Errors
    /// See [`WebError`].
    pub async fn put(
        &self,
        url: &str,
        headers: &[(String, String)],
        media_type: &str,
        octets: Vec<u8>,
    ) -> Result<(), WebError> {
        let mut request = self.client()?.put(self.judged(url)?);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_TYPE, media_type).header(CONTENT_LENGTH, octets.len());
        let response = request.body(octets).send().await.map_err(|error| unreachable(&error))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(WebError::Status(status.as_u16())),
        }
    }

    /// Those that the operator names.
    pub fn own_hosts(&self) -> Vec<&str> {
        self.own.iter().map(String::as_str).collect()
    }

    fn client(&self) -> Result<&Client, WebError> {
        let build = || {
            // Without effect where there is one already.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = Client::builder()
                .dns_resolver(Arc::new(Public(self.own.clone())))
                // A proxy would resolve names by itself.
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(PATIENCE.0)
                .timeout(PATIENCE.1)
                .tls_certs_merge(self.certificate.clone());
            client.build().ok()
        };
        self.client.get_or_init(build).as_ref().ok_or(WebError::Unreachable)
    }

    /// In clear is only spoken with the operator's own hosts.
    fn judged(&self, url: &str) -> Result<Url, WebError> {
        let own = self.own_hosts();
        let target = Target::parse_own(url, true, &own)?;
        if target.scheme == Scheme::Http && !own.contains(&target.host.to_string().as_str()) {
            return Err(Refused::Scheme.into());
        }
        Url::parse(&target.url).map_err(|_| Refused::Host.into())
    }
}

async fn within(mut response: Response, max: usize) -> Result<Vec<u8>, WebError> {
    if !response.status().is_success() {
        return Err(WebError::Status(response.status().as_u16()));
    }
    let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > max) {
        return Err(WebError::TooLong(max));
    }
    let mut octets = Vec::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(|_| WebError::Unreachable)? {
        if octets.len().saturating_add(chunk.len()) > max {
            return Err(WebError::TooLong(max));
        }
        octets.extend_from_slice(&chunk);
    }
    Ok(octets)
}

/// Of an error nothing else is looked at: its words have addresses in them.
fn unreachable(error: &reqwest::Error) -> WebError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return WebError::Refused(*refused);
        }
        cause = inner.source();
    }
    WebError::Unreachable
}

/// Gives only those addresses of a name that one may connect to: what is judged is what is connected to, whatever the name says
/// next time.
struct Public(Arc<[String]>);

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let is_own = self.0.iter().any(|own| own == name.as_str());
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let may: Vec<SocketAddr> = found.filter(|address| is_own || is_public(address.ip())).collect();
            if may.is_empty() {
                return Err(Refused::NotPublic.into());
            }
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
