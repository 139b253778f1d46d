//! `drawbridge doctor`: finds what is wrong, and says how to mend it.
//!
//! Changes nothing, apart from a probe file in the data directory and a short connection to the XMPP server.

mod files;
mod host;
mod servers;

use std::fmt;
use std::path::Path;

use crate::config::{Config, Env};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is as it should be.
    Well(String),
    /// It works, but should be mended.
    Doubtful {
        /// What.
        what: String,
        /// How to mend it.
        fix: String,
    },
    /// It does not work.
    Fault {
        /// What.
        what: String,
        /// How to mend it.
        fix: String,
    },
}

impl Finding {
    /// Whether something does not work.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Fault { .. })
    }

    /// Whether something should be mended.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::Doubtful { .. })
    }

    fn doubtful(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Doubtful { what: what.into(), fix: fix.into() }
    }

    fn fault(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Fault { what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well(what) => write!(f, "ok     {what}"),
            Self::Doubtful { what, fix } => write!(f, "mend   {what}\n       -> {fix}"),
            Self::Fault { what, fix } => write!(f, "WRONG  {what}\n       -> {fix}"),
        }
    }
}

/// Looks at everything, in the order in which a start would need it.
pub async fn examine(path: &Path, env: &Env) -> Vec<Finding> {
    let mut findings = vec![host::sqlite()];
    let config = match Config::load(path, env) {
        Ok(config) => config,
        Err(error) => {
            // Every message of the configuration names its own remedy.
            findings.push(Finding::fault(error.to_string(), "then run drawbridge doctor again"));
            return findings;
        }
    };
    findings.push(Finding::Well(format!("the configuration {} can be used", path.display())));
    findings.extend(config.problems().iter().map(|problem| {
        let text = problem.to_string();
        let (what, fix) = text.split_once("; ").unwrap_or((&text, "see the manual"));
        Finding::doubtful(what, fix)
    }));
    findings.push(host::clock(&config));
    findings.extend(host::memory());
    findings.extend(files::all(&config));
    let runs = files::daemon_runs(&config);
    for network in &config.networks {
        findings.push(servers::network(network));
        if !runs {
            findings.push(servers::xmpp(&config, network).await);
        }
        findings.extend(servers::far(network).await);
    }
    if runs {
        findings.push(Finding::Well("drawbridge runs; its links are shown by drawbridge status".into()));
    }
    findings
}

#[cfg(test)]
mod tests;
