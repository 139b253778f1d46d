//! The component secret: in the file, in a file of its own, or handed over by systemd.

use std::{
    fs,
    path::{Path, PathBuf},
};

use drawbridge_bridge::Secret;
use jid::BareJid;
use serde::{Serialize, Serializer};

use super::ConfigError;

/// Where a secret came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum SecretSource {
    /// `secret`, in the configuration file or the environment.
    Inline,
    /// `secret_file`.
    File(PathBuf),
    /// A systemd credential (`LoadCredential=<jid>.secret:…`).
    Credential(PathBuf),
}

impl From<SecretSource> for String {
    fn from(source: SecretSource) -> Self {
        match source {
            SecretSource::Inline => "configuration or environment".into(),
            SecretSource::File(path) => path.display().to_string(),
            SecretSource::Credential(path) => format!("systemd credential {}", path.display()),
        }
    }
}

/// The secret of the component `jid`, from the one place that has it. A credential goes before the file: systemd hands
/// it to the daemon, which may not read the file; `drawbridge` typed by root has no credential, and may.
pub(super) fn find(
    key: &str,
    jid: &BareJid,
    inline: Option<String>,
    file: Option<PathBuf>,
    credentials: Option<&Path>,
) -> Result<(Secret, SecretSource), ConfigError> {
    let credential = format!("{jid}.secret");
    let path_of_credential = credentials.map(|dir| dir.join(&credential)).filter(|path| path.exists());
    let (secret, source) = match (inline, file, path_of_credential) {
        (Some(_), Some(_), _) => return Err(ConfigError::TwoSecrets { key: key.into() }),
        (Some(text), None, _) => (Secret::new(text), SecretSource::Inline),
        (None, _, Some(path)) => (read(&format!("{key}.secret"), &path)?, SecretSource::Credential(path)),
        (None, Some(path), None) => (read(&format!("{key}.secret_file"), &path)?, SecretSource::File(path)),
        (None, None, None) => return Err(ConfigError::MissingSecret { key: key.into(), credential }),
    };
    if secret.expose().is_empty() {
        return Err(ConfigError::invalid(
            format!("{key}.secret"),
            "it is empty",
            "set it to the component secret of your XMPP server",
        ));
    }
    Ok((secret, source))
}

/// The content of a file, without the line end that editors add.
pub(super) fn read(key: &str, path: &Path) -> Result<Secret, ConfigError> {
    let failed = |source| ConfigError::SecretFile { key: key.into(), path: path.to_owned(), source };
    let whole = Secret::new(fs::read(path).map_err(failed)?);
    let end = whole.expose().iter().rposition(|octet| !matches!(octet, b'\n' | b'\r')).map_or(0, |last| last + 1);
    Ok(Secret::new(whole.expose().get(..end).unwrap_or_default()))
}

/// How a secret is shown.
pub(super) fn hidden<S: Serializer>(_: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str("(hidden)")
}

/// How a JID is shown.
pub(super) fn as_text<S: Serializer>(jid: &BareJid, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(jid.as_str())
}
