//! The suite that every bridge must pass.
//!
//! A bridge implements [`Harness`], which plays the far side, and instantiates [`conformance_tests!`](crate::conformance_tests):
//! one test per [`Promise`]. The suite plays the keeper. It never panics and never waits for longer than
//! [`Harness::patience`], so it can also run against a real server by hand: [`run`].

mod annotating;
mod arriving;
mod facets;
mod harness;
mod keeper;
mod lifecycle;
mod login;
mod names;
mod sending;
mod sharing;
mod stage;

use std::fmt;

pub use harness::{Harness, Seen, Shared};
pub use keeper::Keeper;
pub use stage::Stage;

/// How a promise was broken, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

macro_rules! promises {
    ($($(#[doc = $doc:literal])+ $promise:ident => $check:path,)+) => {
        /// What a bridge promises to the keeper.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Promise {
            $($(#[doc = $doc])+ $promise,)+
        }

        impl Promise {
            /// Every promise.
            pub const ALL: &[Self] = &[$(Self::$promise),+];
        }

        impl fmt::Display for Promise {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$promise => concat!($($doc),+),)+
                })
            }
        }

        /// Checks one promise, with logins of its own.
        ///
        /// # Errors
        /// How it was broken.
        pub async fn check(promise: Promise, harness: &dyn Harness) -> Result<(), Broken> {
            match promise {
                $(Promise::$promise => Box::pin($check(harness)).await,)+
            }
        }
    };
}

promises! {
    /// An empty input answers with a form, and the right input logs in.
    LoginForm => login::form,
    /// Wrong input is refused and leaves the process where it was; unknown flows are refused.
    LoginRefusals => login::refusals,
    /// Splitting and joining ids are inverse, and other texts are no ids.
    Names => names::inverse,
    /// What people type for a contact is understood, or refused.
    TypedContacts => names::typed,
    /// What the user writes arrives unchanged, and in its order.
    Sends => sending::arrives,
    /// The same transaction id again, also at the same time, sends nothing twice.
    SendsOnce => sending::once,
    /// Nor does it after a restart.
    SendsOnceOverRestart => sending::once_over_restart,
    /// What became of a transaction id is known without the message, after a restart too.
    KnowsWhatItSent => sending::known_without_the_message,
    /// A text as long as advertised goes out; a longer one is refused as such.
    SizeLimit => sending::size_limit,
    /// Events arrive in their order, with everything that the keeper needs to store them.
    Order => arriving::order,
    /// What a closing keeper did not take, and what happened while it was away, comes afterwards.
    NothingLost => arriving::nothing_lost,
    /// What comes again has the same id and content.
    SameAgain => arriving::same_again,
    /// A session stops promptly, and can be opened again.
    Stops => lifecycle::stops,
    /// After a logout the session is dead, and so is its record.
    LogsOut => lifecycle::logs_out,
    /// What does not exist is not found.
    NotFound => facets::not_found,
    /// Direct conversations can be opened, and are the same each time.
    DirectWorks => facets::direct,
    /// The directory finds who is there.
    DirectoryWorks => facets::directory,
    /// Replies, corrections, retractions and reactions of the user reach the contact as what they are, once.
    AnnotationsArrive => annotating::arrive,
    /// Those of the contact reach the keeper as what they are.
    AnnotationsComeIn => annotating::come_in,
    /// Files of the user reach the contact whole, once.
    FilesArrive => sharing::arrive,
    /// Those of the contact reach the keeper whole, and never more than it asks for.
    FilesComeIn => sharing::come_in,
    /// Typing and read marks reach the contact.
    SignalsWork => facets::signals,
}

/// Checks every promise in turn.
///
/// # Errors
/// Those that were broken, and how.
pub async fn run(harness: &dyn Harness) -> Result<(), Vec<(Promise, Broken)>> {
    let mut broken = Vec::new();
    for promise in Promise::ALL {
        if let Err(how) = check(*promise, harness).await {
            broken.push((*promise, how));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

/// One test per promise, each with a harness of its own: `conformance_tests!(EchoHarness::new())`.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::conformance_tests! { @ $harness;
            login_form LoginForm, login_refusals LoginRefusals, names Names, typed_contacts TypedContacts,
            sends Sends, sends_once SendsOnce, sends_once_over_restart SendsOnceOverRestart,
            knows_what_it_sent KnowsWhatItSent, size_limit SizeLimit, order Order, nothing_lost NothingLost, same_again SameAgain, stops Stops, logs_out LogsOut,
            not_found NotFound, direct_works DirectWorks, directory_works DirectoryWorks,
            annotations_arrive AnnotationsArrive, annotations_come_in AnnotationsComeIn,
            files_arrive FilesArrive, files_come_in FilesComeIn, signals_work SignalsWork,
        }

    };
    (@ $harness:expr; $($test:ident $promise:ident,)+) => {
        #[test]
        fn every_promise_has_a_test() {
            assert_eq!([$($crate::conformance::Promise::$promise),+], $crate::conformance::Promise::ALL);
        }

        $(
            #[tokio::test]
            async fn $test() {
                let promise = $crate::conformance::Promise::$promise;
                if let Err(how) = $crate::conformance::check(promise, &$harness).await {
                    panic!("{promise}: {how}");
                }
            }
        )+
    };
}

fn ensure(holds: bool, otherwise: impl Into<String>) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(otherwise.into())) }
}

/// For what should not have failed.
fn broken(doing: &str) -> impl Fn(crate::Error) -> Broken {
    move |error| Broken(format!("{doing}: {error}"))
}

/// For what should have been sent.
#[allow(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unsent(error: crate::SendError) -> Broken {
    Broken(format!("sending: {error}"))
}
