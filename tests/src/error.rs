//! Why a real process did not do what a story asked of it, told so that the cause is in the message.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// What went wrong with a server or a client, with the end of its log.
#[derive(Debug)]
pub enum Error {
    /// A program that has to be there is not.
    Missing {
        /// The program.
        program: String,
        /// What brings it.
        advice: &'static str,
    },
    /// A file, a pipe or a socket failed.
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        cause: io::Error,
    },
    /// The process ended when it should have stayed.
    Ended {
        /// Its name.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        log: String,
    },
    /// The process lives and did not do it in time.
    TimedOut {
        /// Its name.
        name: String,
        /// What was awaited.
        awaited: String,
        /// For how long.
        waited: Duration,
        /// What it said meanwhile, and the last lines of its log.
        log: String,
    },
    /// A server answered no.
    Refused {
        /// What was asked.
        asked: String,
        /// The answer.
        answer: String,
    },
}

impl Error {
    /// For `map_err` on what can fail with an [`io::Error`].
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Io { doing, cause }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, advice } => write!(f, "{program} is missing: {advice}"),
            Self::Io { doing, cause } => write!(f, "{doing}: {cause}"),
            Self::Ended { name, status, log } => write!(f, "{name} ended ({status}). Its last lines:\n{log}"),
            Self::TimedOut { name, awaited, waited, log } => {
                write!(f, "{name}: no {awaited} after {waited:.1?}. Its last lines:\n{log}")
            }
            Self::Refused { asked, answer } => write!(f, "{asked}: refused with {answer}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
