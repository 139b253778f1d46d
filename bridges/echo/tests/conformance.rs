//! The echo network keeps every promise, and the suite notices each one that a bridge breaks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "conformance/echo_harness.rs"]
mod echo_harness;
#[path = "conformance/planted_bug.rs"]
mod planted_bug;

use drawbridge_bridge::conformance::{self, Promise};
use echo_harness::EchoHarness;
use planted_bug::{Bug, Buggy};

drawbridge_bridge::conformance_tests!(EchoHarness::default());

#[tokio::test]
async fn every_planted_bug_is_found() {
    for (bug, promise, how) in [
        (Bug::AsksNothing, Promise::LoginForm, "names of their own"),
        (Bug::TakesAnyInput, Promise::LoginRefusals, "wrong input 0"),
        (Bug::LowersNames, Promise::Names, "A@echo splits"),
        (Bug::TrustsTyping, Promise::TypedContacts, "is understood as"),
        (Bug::TrimsText, Promise::Sends, "the contact heard"),
        (Bug::IgnoresTxn, Promise::SendsOnce, "several far ids"),
        (Bug::ForgetsTxnAtRestart, Promise::SendsOnceOverRestart, "another far id after a restart"),
        (Bug::RemembersNoTxn, Promise::KnowsWhatItSent, "is known at once: None"),
        (Bug::CutsLongText, Promise::SizeLimit, "a text that is too long"),
        (Bug::SwapsEvents, Promise::Order, "live 2\", \"live 1"),
        (Bug::SkipsWhatWasNotTaken, Promise::NothingLost, "over a restart"),
        (Bug::StartsAtNow, Promise::NothingLost, "over a restart"),
        (Bug::NewIdsOnReplay, Promise::SameAgain, "doubles known by id"),
        (Bug::IgnoresStop, Promise::Stops, "run does not end"),
        (Bug::StaysLoggedIn, Promise::LogsOut, "run does not end"),
        (Bug::KnowsEverybody, Promise::NotFound, "an unknown contact"),
        (Bug::ForgetsConversations, Promise::DirectWorks, "asking for the conversation"),
        (Bug::FindsNobody, Promise::DirectoryWorks, "resolving the contact"),
        (Bug::AnnotatesAnew, Promise::AnnotationsArrive, "several far ids"),
        (Bug::ForgetsWhatIsReplied, Promise::AnnotationsArrive, "instead of 7, from number 0"),
        (Bug::ReactsWithTheWrongSign, Promise::AnnotationsArrive, "instead of 7, from number 4"),
        (Bug::SaysCorrectionsAnew, Promise::AnnotationsComeIn, "a correction comes as something else"),
        (Bug::SharesAnew, Promise::FilesArrive, "several far ids"),
        (Bug::CutsFiles, Promise::FilesArrive, "file 1 has other octets"),
        (Bug::FetchesWithoutEnd, Promise::FilesComeIn, "longer than asked for"),
        (Bug::DescribesFiles, Promise::FilesComeIn, "file 0 comes as words"),
        (Bug::SwallowsSignals, Promise::SignalsWork, "does not see typing"),
    ] {
        let outcome = conformance::check(promise, &Buggy::new(bug)).await;
        let said = outcome.expect_err(&format!("{bug:?} went unnoticed by {promise:?}")).to_string();
        assert!(said.contains(how), "{bug:?} was found for another reason: {said}");
    }
}

#[tokio::test]
async fn the_harness_with_no_bug_in_it_is_healthy() {
    assert_eq!(conformance::run(&Buggy::new(Bug::None)).await, Ok(()));
}
