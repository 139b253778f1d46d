//! What the stories rely on when they start a process.

use std::{fs, process::Command, thread, time::Duration};

use drawbridge_tests::{Error, Process, Ready};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "sh", "-c", script]);
    command
}

#[test]
fn a_server_that_fails_to_start_shows_its_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let dying = shell("echo the port is taken >&2; exit 3");
    let Err(error) = Process::start("server", dying, dir.path().join("log"), Ready::Says("ready")) else {
        panic!("it said that it is ready");
    };
    assert!(matches!(&error, Error::Ended { status, .. } if status.code() == Some(3)), "{error}");
    assert!(error.to_string().contains("the port is taken"), "{error}");
}

#[test]
fn a_process_outlives_the_thread_that_started_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let start =
        move || Process::start("server", shell("echo ready; exec sleep 60"), log, Ready::Says("ready")).unwrap();
    let mut process = thread::spawn(start).join().unwrap();
    thread::sleep(Duration::from_millis(200));
    assert!(process.is_running());
}

#[test]
fn what_a_process_has_started_dies_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let parent = shell("sleep 60 & echo child $!; echo ready; wait");
    let mut process = Process::start("server", parent, dir.path().join("log"), Ready::Says("ready")).unwrap();
    let line = process.wait_for_line("child", SOON).unwrap();
    let grandchild = format!("/proc/{}/stat", line.rsplit(' ').next().unwrap());
    assert!(fs::exists(&grandchild).unwrap());

    process.kill();

    // Nobody may be there to collect the dead: a zombie counts as dead.
    let gone = || fs::read_to_string(&grandchild).map_or(true, |stat| stat.contains(") Z "));
    assert!(
        (0..200).any(|_| gone() || {
            thread::sleep(Duration::from_millis(10));
            false
        }),
        "it still runs"
    );
}

#[test]
fn waiting_for_a_line_looks_only_at_the_present_run() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo ready; if [ -e seen ]; then exec sleep 60; fi; touch seen; echo first run; exec sleep 60";
    let mut command = shell(script);
    command.current_dir(dir.path());
    let mut process = Process::start("server", command, dir.path().join("log"), Ready::Says("ready")).unwrap();
    process.wait_for_line("first run", SOON).unwrap();

    process.restart().unwrap();

    let again = process.wait_for_line("first run", Duration::from_millis(300));
    assert!(matches!(again, Err(Error::TimedOut { .. })), "{again:?}");
}
