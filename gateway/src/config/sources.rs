//! The file and the environment, as one tree of values.

use std::{collections::BTreeMap, fs, path::Path};

use config::{Environment, File, FileFormat};
use serde::de::DeserializeOwned;

use super::ConfigError;

const PREFIX: &str = "DRAWBRIDGE";
const SEPARATOR: &str = "__";

/// Environment variables by name.
pub type Env = BTreeMap<String, String>;

/// The variables of this process; those that are not UTF-8 are left out.
pub fn process_env() -> Env {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Reads `path`, overridden by `env`.
pub(super) fn read<T: DeserializeOwned>(path: &Path, env: &Env) -> Result<T, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let environment = Environment::with_prefix(PREFIX)
        .separator(SEPARATOR)
        .source(Some(env.iter().map(|(name, value)| (with_index(name), value.clone())).collect()));

    config::Config::builder()
        .add_source(File::from_str(&text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| explain(path, error))
}

/// `…__NETWORK__0__SECRET` names an entry of a list, which the config crate writes as `…__NETWORK[0]__SECRET`.
fn with_index(name: &str) -> String {
    let mut path = String::new();
    for segment in name.split(SEPARATOR) {
        // Two digits: a slip of the keyboard must not make a list of a million empty entries.
        if !path.is_empty() && matches!(segment.len(), 1 | 2) && segment.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{segment}]"));
            continue;
        }
        if !path.is_empty() {
            path.push_str(SEPARATOR);
        }
        path.push_str(segment);
    }
    path
}

fn explain(path: &Path, error: config::ConfigError) -> ConfigError {
    let (key, reason) = match error {
        config::ConfigError::FileParse { cause, .. } => {
            return ConfigError::Syntax { path: path.to_owned(), reason: without_excerpt(&cause.to_string()) };
        }
        config::ConfigError::At { error, key, .. } => (key, without_value(&error.to_string())),
        config::ConfigError::Type { expected, key, .. } => (key, format!("wrong type, expected {expected}")),
        config::ConfigError::NotFound(key) => (Some(key), "missing; it has no default (see example.toml)".into()),
        other => (None, without_value(&other.to_string())),
    };
    // The config crate writes `network[0]server`.
    let key = key.map_or("configuration".into(), |key| {
        key.replace(']', "].").replace("..", ".").trim_end_matches('.').to_owned()
    });
    ConfigError::Refused { key, reason }
}

/// Serde says what it found where it expected something else; that may be a secret in the wrong place.
fn without_value(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid ") => format!("wrong type, expected {expected}"),
        _ => message.into(),
    }
}

/// The TOML parser quotes the line it stumbled on between its first line (the place) and its last (the reason).
fn without_excerpt(message: &str) -> String {
    let mut lines = message.trim_end().lines();
    match (lines.next(), lines.next_back()) {
        (Some(place), Some(reason)) => format!("{place}: {reason}"),
        (place, _) => place.unwrap_or_default().into(),
    }
}
