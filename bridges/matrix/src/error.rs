//! What a failure of the SDK means to the keeper. Reasons are fixed words: the SDK's own texts hold URLs and ids.

use std::time::{Duration, SystemTime};

use drawbridge_bridge::{Error, SendError};
use matrix_sdk::HttpError;
use matrix_sdk::ruma::api::error::{ErrorBody, ErrorKind, FromHttpResponseError, RetryAfter};
use matrix_sdk_base::crypto::{CryptoStoreError, OlmError, SessionRecipientCollectionError};

/// A failure, by what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request did not reach the homeserver, or it asked to come again.
    Transient { reason: String, after: Option<Duration> },
    /// The request went out and no answer came.
    Unanswered,
    /// The access token is not valid any more.
    LoggedOut,
    /// No such thing.
    NotFound,
    /// The homeserver refuses.
    Refused(String),
    /// The event is too large.
    TooBig,
    /// Encryption to these recipients is not allowed by policy.
    NotTrusted(String),
}

impl Fault {
    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), after: None }
    }
}

impl From<&matrix_sdk::Error> for Fault {
    fn from(error: &matrix_sdk::Error) -> Self {
        use matrix_sdk::Error as Sdk;
        match error {
            Sdk::Http(error) => Self::from(error.as_ref()),
            Sdk::OlmError(error) => match error.as_ref() {
                OlmError::SessionRecipientCollectionError(problem) => Self::NotTrusted(recipients(problem).to_owned()),
                _ => Self::transient("the message could not be encrypted"),
            },
            Sdk::WrongRoomState(_) => Self::Refused("You are not in this conversation.".to_owned()),
            Sdk::Timeout => Self::Unanswered,
            Sdk::AuthenticationRequired => Self::LoggedOut,
            Sdk::CryptoStoreError(_) | Sdk::StateStore(_) | Sdk::Io(_) => {
                Self::transient("the files of the login cannot be read or written")
            }
            _ => Self::transient("matrix-sdk could not do it"),
        }
    }
}

impl From<matrix_sdk::Error> for Fault {
    fn from(error: matrix_sdk::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&HttpError> for Fault {
    fn from(error: &HttpError) -> Self {
        match error {
            HttpError::Reqwest(error) if error.is_connect() || error.is_builder() => {
                Self::transient("the homeserver cannot be reached")
            }
            HttpError::Reqwest(_) => Self::Unanswered,
            HttpError::Cached(error) => Self::from(error.as_ref()),
            HttpError::Api(error) => match error.as_ref() {
                FromHttpResponseError::Server(error) => answered(error),
                _ => Self::transient("the homeserver's answer cannot be read"),
            },
            _ => Self::transient("the request could not be made"),
        }
    }
}

impl From<HttpError> for Fault {
    fn from(error: HttpError) -> Self {
        Self::from(&error)
    }
}

impl From<matrix_sdk::StoreError> for Fault {
    fn from(_: matrix_sdk::StoreError) -> Self {
        Self::transient("the files of the login cannot be read or written")
    }
}

impl From<CryptoStoreError> for Fault {
    fn from(_: CryptoStoreError) -> Self {
        Self::transient("the files of the login cannot be read or written")
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Transient { reason, after } => Self::Transient { reason, after },
            Fault::Unanswered => Self::Transient { reason: "the homeserver did not answer".to_owned(), after: None },
            Fault::LoggedOut => Self::LoggedOut,
            Fault::NotFound => Self::NotFound,
            Fault::Refused(text) | Fault::NotTrusted(text) => Self::Rejected(text),
            Fault::TooBig => Self::Rejected("That is too long for the homeserver.".to_owned()),
        }
    }
}

impl From<Fault> for SendError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Transient { reason, after } => Self::Transient { reason, after },
            Fault::Unanswered => Self::Uncertain,
            Fault::LoggedOut => Self::LoggedOut,
            Fault::NotFound => Self::Rejected("The conversation does not exist any more.".to_owned()),
            Fault::Refused(text) => Self::Rejected(text),
            Fault::TooBig => Self::TooBig,
            Fault::NotTrusted(text) => Self::NotTrusted(text),
        }
    }
}

/// What an error answer of the homeserver means.
fn answered(error: &matrix_sdk::RumaApiError) -> Fault {
    let matrix_sdk::RumaApiError::MatrixError(error) = error else {
        return Fault::Refused("The homeserver asks for more authentication than Drawbridge can give.".to_owned());
    };
    let status = error.status_code;
    let ErrorBody::Standard(body) = &error.body else {
        // Not the homeserver's own words: something in front of it, which may go away.
        return Fault::transient(format!("something answers with status {} for the homeserver", status.as_u16()));
    };
    match &body.kind {
        ErrorKind::UnknownToken(_) | ErrorKind::MissingToken | ErrorKind::UserDeactivated => Fault::LoggedOut,
        ErrorKind::TooLarge => Fault::TooBig,
        ErrorKind::NotFound => Fault::NotFound,
        ErrorKind::LimitExceeded(limit) => Fault::Transient {
            reason: "the homeserver asks for patience".to_owned(),
            after: limit.retry_after.as_ref().and_then(wait),
        },
        // Synapse says M_UNKNOWN for a person without a profile.
        ErrorKind::Unknown if status.as_u16() == 404 => Fault::NotFound,
        _ if status.as_u16() == 413 => Fault::TooBig,
        _ if status.as_u16() == 429 || status.is_server_error() => {
            Fault::transient(format!("the homeserver answers with status {}", status.as_u16()))
        }
        _ if body.message.is_empty() => Fault::Refused(format!("The homeserver refuses (status {}).", status.as_u16())),
        _ => Fault::Refused(format!("The homeserver refuses: {}", body.message)),
    }
}

fn wait(after: &RetryAfter) -> Option<Duration> {
    match after {
        RetryAfter::Delay(delay) => Some(*delay),
        RetryAfter::DateTime(at) => at.duration_since(SystemTime::now()).ok(),
    }
}

fn recipients(problem: &SessionRecipientCollectionError) -> &'static str {
    match problem {
        SessionRecipientCollectionError::VerifiedUserChangedIdentity(_) => {
            "The contact's identity has changed. Accept it before you write again."
        }
        SessionRecipientCollectionError::CrossSigningNotSetup => {
            "Your Matrix account has no cross-signing identity, and your policy asks for one."
        }
        SessionRecipientCollectionError::SendingFromUnverifiedDevice => {
            "Your account does not vouch for this device yet: enter your recovery key (command \"recover\")."
        }
        SessionRecipientCollectionError::VerifiedUserHasUnsignedDevice(_) => {
            "A verified contact has a device that they have not verified."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matrix_sdk::RumaApiError;
    use matrix_sdk::reqwest::StatusCode;
    use matrix_sdk::ruma::api::error::Error as ApiError;

    fn answer(status: u16, body: &str) -> Fault {
        let body = match serde_json::from_str(body) {
            Ok(body) => ErrorBody::Standard(body),
            Err(_) => ErrorBody::Json(body.into()),
        };
        answered(&RumaApiError::MatrixError(ApiError::new(StatusCode::from_u16(status).unwrap(), body)))
    }

    #[test]
    fn each_answer_says_who_must_act() {
        let text = |code: &str| format!(r#"{{"errcode": "{code}", "error": "no"}}"#);
        assert_eq!(answer(401, &text("M_UNKNOWN_TOKEN")), Fault::LoggedOut);
        assert_eq!(answer(413, &text("M_TOO_LARGE")), Fault::TooBig);
        assert_eq!(answer(404, &text("M_NOT_FOUND")), Fault::NotFound);
        assert_eq!(answer(404, &text("M_UNKNOWN")), Fault::NotFound);
        assert_eq!(answer(403, &text("M_FORBIDDEN")), Fault::Refused("The homeserver refuses: no".into()));
        assert_eq!(answer(502, &text("M_UNKNOWN")), Fault::transient("the homeserver answers with status 502"));
        let limited = r#"{"errcode": "M_LIMIT_EXCEEDED", "error": "slow", "retry_after_ms": 1500}"#;
        let after = Some(Duration::from_millis(1500));
        assert_eq!(answer(429, limited), Fault::Transient { reason: "the homeserver asks for patience".into(), after });
    }

    #[test]
    fn a_broken_proxy_is_no_refusal() {
        for (status, body) in [(404, "<html>"), (403, "{}"), (400, "")] {
            assert!(matches!(answer(status, body), Fault::Transient { .. }), "{status} {body}");
        }
    }

    #[test]
    fn what_may_have_arrived_is_uncertain_and_the_rest_is_not() {
        assert!(matches!(SendError::from(Fault::Unanswered), SendError::Uncertain));
        assert!(matches!(Error::from(Fault::Unanswered), Error::Transient { .. }));
        assert!(matches!(SendError::from(Fault::NotFound), SendError::Rejected(_)));
    }
}
