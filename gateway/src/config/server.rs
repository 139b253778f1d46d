//! Where the XMPP server listens for its components.

use std::{fmt, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

/// A TCP address (`127.0.0.1:5347`, `[::1]:5347`, `localhost:5347`) or a Unix socket (`unix:/run/prosody.sock`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum ServerAddr {
    /// A host (a name, or an address without brackets) and a port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A stream socket in the file system.
    Unix(PathBuf),
}

impl ServerAddr {
    /// Whether what is sent there stays on this host.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl TryFrom<String> for ServerAddr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let tcp = text.rsplit_once(':').and_then(|(host, port)| {
            let host = match host.strip_prefix('[') {
                Some(rest) => rest.strip_suffix(']')?,
                None => host,
            };
            (!host.is_empty()).then_some(())?;
            Some(Self::Tcp { host: host.into(), port: port.parse().ok()? })
        });
        tcp.ok_or_else(|| format!("\"{text}\" is neither host:port (127.0.0.1:5347) nor unix:/path/of/socket"))
    }
}

impl From<ServerAddr> for String {
    fn from(address: ServerAddr) -> Self {
        address.to_string()
    }
}

impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
