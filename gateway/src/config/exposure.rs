//! What works but should not stay so: secrets that other users of the host can read.

use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Config, SecretSource};

/// Something `drawbridge check` reports as wrong, and `drawbridge run` warns of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A file with a secret is open to every user of the host.
    OpenToOthers {
        /// What is in it: a key of the configuration.
        key: String,
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenToOthers { key, path, mode } => {
                let path = path.display();
                write!(f, "{key}: every user of this host can get at {path} (mode {mode:04o}); chmod o= {path}")
            }
        }
    }
}

impl Config {
    /// Looks at the files with secrets. What is missing (a store key before the first start) is no problem.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<_> = open_to_others("key_file", &self.key_path()).into_iter().collect();
        for (index, network) in self.networks.iter().enumerate() {
            problems.extend(match &network.secret_from {
                // It may as well be from the environment; a configuration that others can read is then only untidy.
                SecretSource::Inline => open_to_others(&format!("network[{index}].secret"), &self.path),
                SecretSource::File(path) => open_to_others(&format!("network[{index}].secret_file"), path),
                // systemd sees to these.
                SecretSource::Credential(_) => None,
            });
        }
        problems
    }
}

fn open_to_others(key: &str, path: &Path) -> Option<Problem> {
    let mode = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| Problem::OpenToOthers { key: key.into(), path: path.to_owned(), mode })
}
