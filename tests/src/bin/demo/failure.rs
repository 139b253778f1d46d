//! How the demo ends badly.

use std::fmt;

use drawbridge_tests::Error;

/// Either the play could not go on, or it did and the result is wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that the play needs is not there or does not answer. The text says what to do.
    Stopped(String),
    /// What was promised did not hold: one line for each promise.
    Wrong(Vec<String>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(why) => write!(f, "The demo could not go on: {why}"),
            Self::Wrong(promises) => {
                write!(f, "WRONG RESULT. Drawbridge did not keep what it promises:")?;
                promises.iter().try_for_each(|promise| write!(f, "\n  - {promise}"))
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stopped(error.to_string())
    }
}

/// For `map_err`: what was being done when something failed.
pub(crate) fn while_doing<E: fmt::Display>(doing: impl Into<String>) -> impl FnOnce(E) -> Failure {
    let doing = doing.into();
    move |error| Failure::Stopped(format!("{doing}: {error}"))
}
