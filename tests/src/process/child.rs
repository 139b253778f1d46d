//! A child process that cannot outlive us.

use std::{
    io,
    mem::replace,
    os::unix::process::CommandExt,
    process::{self, ChildStdin, ChildStdout, Command, ExitStatus},
    sync::{LazyLock, mpsc},
    thread::{self, sleep},
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(5);

/// What [`Child::signal`] can send to the process and to what it started.
#[derive(Clone, Copy)]
pub(crate) enum Signal {
    /// Finish.
    Term,
    /// Die.
    Kill,
    /// Freeze.
    Stop,
    /// Go on.
    Cont,
}

/// A running child in a process group of its own; dropping it kills the group.
pub(crate) struct Child {
    inner: process::Child,
}

impl Child {
    /// Starts `command`; the kernel kills the child when this process dies, however it dies.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        command.process_group(0);
        spawn_on_the_lasting_thread(command).map(|inner| Self { inner })
    }

    pub(crate) fn id(&self) -> u32 {
        self.inner.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.inner.try_wait().ok().flatten()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if start.elapsed() > timeout {
                return None;
            }
            sleep(POLL);
        }
    }

    /// Sends a signal to the whole group. The child must not have been waited for, or its number may be another's.
    pub(crate) fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Kill => "KILL",
            Signal::Stop => "STOP",
            Signal::Cont => "CONT",
        };
        // The shell's own `kill`: a signal takes `unsafe` or another crate, and /bin/kill is not on every machine.
        let group = format!("-{}", self.id());
        let _ = Command::new("sh").args(["-c", r#"kill -s "$1" -- "$2""#, "kill", name, &group]).status();
    }

    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.inner.stdin.take()
    }

    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.inner.stdout.take()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.signal(Signal::Kill);
            let _ = self.inner.wait();
        }
    }
}

/// The command wrapped so that the kernel kills it when its parent dies.
pub(crate) fn bound_to_us(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

type Spawned = (Command, io::Result<process::Child>);

/// "Parent dies" means the *thread* that forked, and a test's thread is gone before the test process is: children are
/// forked by one thread that lasts as long as the process.
fn spawn_on_the_lasting_thread(command: &mut Command) -> io::Result<process::Child> {
    static SPAWNER: LazyLock<mpsc::Sender<(Command, mpsc::Sender<Spawned>)>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<(Command, mpsc::Sender<Spawned>)>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let child = command.spawn();
                let _ = reply.send((command, child));
            }
        });
        orders
    });
    let (reply, answer) = mpsc::channel();
    let order = replace(command, Command::new("true"));
    let gone = || io::Error::other("the thread that starts processes is gone");
    SPAWNER.send((order, reply)).map_err(|_| gone())?;
    let (order, child) = answer.recv().map_err(|_| gone())?;
    *command = order;
    child
}
