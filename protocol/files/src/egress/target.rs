//! The address of something to fetch.

use std::fmt;
use std::net::IpAddr;

use super::address::is_public;
use super::{form, ports};

/// Names that are found in one's own network only, if at all (RFC 6761, 6762, 8375, 9476, and what routers make up).
const LOCAL: [&str; 19] = [
    "alt",
    "arpa",
    "corp",
    "domain",
    "example",
    "home",
    "host",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
    "workgroup",
];

/// Where something is, in a form that every reader understands in the same way. Its `Debug` does not print the path:
/// who knows it can fetch what is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// How to speak.
    pub scheme: Scheme,
    /// With whom.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
    /// What to ask for: path and query, percent-encoded, beginning with `/`.
    pub path: String,
    /// The whole of it in normal form, without a fragment.
    pub url: String,
}

/// How to speak with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// With TLS.
    Https,
}

/// Whom to speak with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name, in ASCII and small letters, which is still to be resolved; each address must then be [`is_public`].
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Why an address is refused; who sent it is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More than [`Target::MAX_URL`] octets.
    #[error("too long")]
    TooLong,
    /// A space, a control character or a backslash: readers drop or change them.
    #[error("a character that no address has")]
    Character,
    /// Another scheme than `https:`, or than `http:` where that is allowed.
    #[error("not an address in the web")]
    Scheme,
    /// A user's name or a password.
    #[error("credentials in the address")]
    Credentials,
    /// No host, or one that is not a name in ASCII; a trailing dot; percent-encoding.
    #[error("no name of a host")]
    Host,
    /// An IP address in another notation than the usual one: octal, hexadecimal, one number, less than four.
    #[error("an IP address in an unusual notation")]
    OddAddress,
    /// An address or a name that is not public.
    #[error("not in the public Internet")]
    NotPublic,
    /// A port of another protocol, or none.
    #[error("a port of another protocol")]
    Port,
}

impl Target {
    /// Octets of the longest URL: more than servers make, and what most of them take.
    pub const MAX_URL: usize = 2048;

    /// From the URL that anybody sent. A fragment is left out: it is not for the server.
    ///
    /// # Errors
    /// [`Refused`]: one does not connect there.
    pub fn parse(url: &str, allow_http: bool) -> Result<Self, Refused> {
        Self::read(url, allow_http)?.public()
    }

    /// From the URL that the user's own server gave for an upload, or that is on the host of such a URL: it may be on
    /// the gateway's own host or network if its host is one of `own`, which are names or addresses in normal form.
    /// [`is_public`] is not asked for those.
    ///
    /// # Errors
    /// [`Refused`]: one does not connect there.
    pub fn parse_own(url: &str, allow_http: bool, own: &[&str]) -> Result<Self, Refused> {
        let target = Self::read(url, allow_http)?;
        if own.contains(&target.host.to_string().as_str()) { Ok(target) } else { target.public() }
    }

    /// If the form of it is right, wherever it is.
    pub(crate) fn read(url: &str, allow_http: bool) -> Result<Self, Refused> {
        form::read(url, allow_http)
    }

    fn public(self) -> Result<Self, Refused> {
        let is_public = match &self.host {
            Host::Address(address) => is_public(*address),
            Host::Name(name) => name.rsplit_once('.').is_some_and(|(_, top)| !LOCAL.contains(&top)),
        };
        match (is_public, ports::is_refused(self.port)) {
            (false, _) => Err(Refused::NotPublic),
            (true, true) => Err(Refused::Port),
            (true, false) => Ok(self),
        }
    }
}

/// As in a URL, without brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, .. } = self;
        f.debug_struct("Target").field("scheme", scheme).field("host", host).field("port", port).finish_non_exhaustive()
    }
}
