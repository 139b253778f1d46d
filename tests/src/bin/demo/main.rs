//! The main job of Drawbridge, played on real servers and told: alice on XMPP and bob on Matrix talk end to end, and then
//! everything that was promised is checked. `deploy/demo` builds and starts this.

mod account;
mod check;
mod crossing;
mod failure;
mod meeting;
mod open;
mod place;
mod search;
mod set;
mod story;
mod talk;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{failure::Failure, meeting::Meeting, place::Place, set::Set, story::Story, talk::Talk};

/// Plays the main job of Drawbridge on a real Prosody and a real Synapse, and checks it.
#[derive(Parser)]
struct Options {
    /// End after the checks, instead of staying up for a client of your own
    #[arg(long)]
    once: bool,
    /// Where everything is kept; what an earlier demo left there goes
    #[arg(long, value_name = "DIR", default_value_os_t = place::usual())]
    state: PathBuf,
    /// What `deploy/demo` did before, for the last line
    #[arg(long, hide = true, default_value = "")]
    before: String,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let story = Story::begin();
    let outcome = Place::take(&options.state).and_then(|place| {
        let outcome = play(&story, &place, &options);
        if outcome.is_err() {
            story.note(&format!("Everything was kept, with all logs, in {}", place.dir().display()));
        }
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            story.failed(&failure);
            ExitCode::FAILURE
        }
    }
}

fn play(story: &Story, place: &Place, options: &Options) -> Result<(), Failure> {
    story.title("Drawbridge: the main job, on real servers", &place.dir().display().to_string());
    let start = Instant::now();

    story.act("Servers");
    let (mut set, up) = timed(|| Set::raise(story, place))?;

    story.act("alice adds the gateway");
    let (mut meeting, registration) = timed(|| Meeting::arrange(story, place, &mut set))?;

    story.act("An encrypted session");
    let keys = meeting.negotiate(story)?;
    meeting.compare(story, &set, &keys)?;

    story.act("Ten messages each way");
    let talk = Talk::hold(story, &mut meeting)?;
    set.alive()?;

    story.act("One of them, on its way");
    let seen = crossing::tell(story, &set, &talk)?;
    talk.asides.iter().for_each(|aside| story.detail("alice was also told", aside));

    story.act("Checks");
    let mut checks = check::Checks::new(story);
    checks.talk(&talk);
    checks.seen(&seen);
    search::run(&mut checks, place, &set, &talk, &seen)?;
    checks.verdict()?;
    let whole = start.elapsed();

    story.act("Goodbye");
    meeting.alice_leaves(story, &mut set)?;

    story.act("Times");
    account::times(
        story,
        &options.before,
        &account::Times { up, registration, negotiation: keys.took, talk: &talk, whole },
    );

    if !options.once {
        open::stay(story, place, &mut set, &mut meeting)?;
    }
    story.act("The end");
    set.lower(story, meeting)?;
    let mut checks = check::Checks::new(story);
    search::after(&mut checks, place, &talk)?;
    checks.verdict()?;
    story.note(&format!("Everything was kept until the next demo in {}", place.dir().display()));
    Ok(())
}

fn timed<T>(act: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Duration), Failure> {
    let start = Instant::now();
    act().map(|done| (done, start.elapsed()))
}
