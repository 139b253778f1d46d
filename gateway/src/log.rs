//! Logging, to standard error.
//!
//! What belongs to which level, everywhere in Drawbridge:
//!
//! | level | is for | may name |
//! | --- | --- | --- |
//! | `error` | what a person must look at, or something stays broken | networks |
//! | `warn` | what a person may want to look at; handled, and worth waking nobody | networks |
//! | `info` | the life of the daemon: started, connected, reconnecting, stopped | networks |
//! | `debug` | what happens to one user: a login, a session, a refusal | JIDs, far ids |
//! | `trace` | single stanzas and events, by kind and id | JIDs, far ids |
//!
//! What people write, passwords, keys and tokens are logged at no level.
//!
//! Only our own crates follow the configured level. Libraries stay at `warn`, whatever it is, because they may log
//! identities below. matrix-sdk names users and devices in its warnings too, so it is heard from `debug` on only, where
//! identities are allowed, and what is nobody's concern not even then: its HTTP client reports every expected 404 as an
//! error, and its key backup warns at every message that there is none (we never make one). What of its trouble matters,
//! our own crates tell at their levels.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.filter` is not a list of directives.
    #[error("log.filter: {0}; use directives like \"matrix_sdk=debug\", separated by commas")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// This process logs already.
    #[error("logging was set up twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the log of the whole process to standard error. Once per process.
///
/// # Errors
/// See [`LogError`].
pub fn init(config: &LogConfig) -> Result<(), LogError> {
    subscriber(config, io::stderr)?.try_init()?;
    Ok(())
}

fn subscriber<W>(config: &LogConfig, to: W) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(directives(config))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(to);
    Ok(match config.format {
        LogFormat::Text => Box::new(builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

/// The most specific directive for a target wins, and of equal ones the last: the operator's.
fn directives(config: &LogConfig) -> String {
    let ours = config.level.word();
    let libraries = if config.level == LogLevel::Error { "error" } else { "warn" };
    let sdk = if matches!(config.level, LogLevel::Debug | LogLevel::Trace) { libraries } else { "off" };
    // A target is matched by how it begins: `drawbridge` stands for the bridges' crates as well.
    format!(
        "{libraries},drawbridge={ours},esession={ours},matrix_sdk={sdk},matrix_sdk::http_client=off,matrix_sdk_crypto::backups=off,{}",
        config.filter
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn our_crates_follow_the_level_and_libraries_stay_quiet() {
        let log = logged(&LogConfig { level: LogLevel::Trace, ..LogConfig::default() });

        assert!(log.contains("ours at trace") && log.contains("a bridge at debug"));
        assert!(log.contains("sdk at warn") && log.contains("library at warn"));
        assert!(!log.contains("sdk at info") && !log.contains("library at info"));
        assert!(!log.contains("expected 404") && !log.contains("no backup key"));
    }

    #[test]
    fn identities_are_not_logged_by_default() {
        let log = logged(&LogConfig::default());
        assert!(log.contains("ours at info"));
        assert!(!log.contains("a bridge at debug") && !log.contains("ours at trace") && !log.contains("sdk at warn"));
    }

    #[test]
    fn the_level_error_silences_warnings_of_libraries_too() {
        let log = logged(&LogConfig { level: LogLevel::Error, ..LogConfig::default() });
        assert!(!log.contains("warn"), "{log}");
    }

    #[test]
    fn the_operators_filter_wins() {
        let filter = "matrix_sdk=info,matrix_sdk::http_client=error".into();
        let log = logged(&LogConfig { filter, ..LogConfig::default() });
        assert!(log.contains("sdk at info") && log.contains("expected 404"));

        let wrong = LogConfig { filter: "a=b=c".into(), ..LogConfig::default() };
        assert!(matches!(subscriber(&wrong, io::sink), Err(LogError::Filter(_))));
    }

    #[test]
    fn machines_get_one_object_a_line() {
        let log = logged(&LogConfig { format: LogFormat::Json, ..LogConfig::default() });
        let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        assert_eq!(first["message"], "ours at info");
        assert_eq!(first["level"], "INFO");
    }

    fn logged(config: &LogConfig) -> String {
        let lines = Lines::default();
        tracing::subscriber::with_default(subscriber(config, lines.clone()).unwrap(), || {
            tracing::info!(target: "drawbridge::run", "ours at info");
            tracing::trace!(target: "drawbridge::xmpp", "ours at trace");
            tracing::debug!(target: "drawbridge_matrix::sync", "a bridge at debug");
            tracing::warn!(target: "matrix_sdk_crypto", "sdk at warn");
            tracing::info!(target: "matrix_sdk::client", "sdk at info");
            tracing::error!(target: "matrix_sdk::http_client", "expected 404");
            tracing::warn!(target: "matrix_sdk_crypto::backups", "no backup key");
            tracing::warn!(target: "rustls", "library at warn");
            tracing::info!(target: "hyper", "library at info");
        });
        let text = lines.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }
}
