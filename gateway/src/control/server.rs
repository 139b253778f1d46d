//! The daemon's end of the socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drawbridge_bridge::CancellationToken;
use jid::BareJid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{ControlError, MAX_LINE, Reply, Request, StatusReport, Turn, report, socket};
use crate::commands::{Asker, Door, Output, Stepped, find};
use crate::keeper::Keeper;

/// The daemon's socket. It also holds the data directory: a second daemon cannot bind it.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    since: Instant,
}

impl Control {
    /// Takes the socket of the data directory.
    ///
    /// # Errors
    /// [`ControlError::RunsAlready`], or that it cannot be made.
    pub fn bind(data: &Path) -> Result<Self, ControlError> {
        let path = socket(data);
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(ControlError::RunsAlready(path));
        }
        let listener = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => UnixListener::bind(&path),
        };
        let private = |listener| fs::set_permissions(&path, Permissions::from_mode(0o600)).map(|()| listener);
        match listener.and_then(private) {
            Ok(listener) => Ok(Self { listener, path, since: Instant::now() }),
            Err(source) => Err(ControlError::Socket { path, source }),
        }
    }

    /// Serves the operator until `stop`.
    pub async fn serve(self, keepers: Vec<Arc<Keeper>>, stop: CancellationToken) {
        let keepers: Arc<[_]> = keepers.into();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (keepers, since, stop) = (keepers.clone(), self.since, stop.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            result = Operator::new(stream, keepers, since).serve() => {
                                if let Err(error) = result {
                                    tracing::debug!(%error, "an operator's connection ended early");
                                }
                            }
                            () = stop.cancelled() => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes the socket and serves it in a task of its own.
///
/// # Errors
/// Those of [`Control::bind`].
pub fn listen(
    data: &Path,
    keepers: Vec<Arc<Keeper>>,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, ControlError> {
    Ok(tokio::spawn(Control::bind(data)?.serve(keepers, stop)))
}

/// One connection.
struct Operator {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    keepers: Arc<[Arc<Keeper>]>,
    since: Instant,
}

impl Operator {
    fn new(stream: UnixStream, keepers: Arc<[Arc<Keeper>]>, since: Instant) -> Self {
        let (from, to) = stream.into_split();
        Self { from: BufReader::new(from), to, keepers, since }
    }

    async fn serve(mut self) -> io::Result<()> {
        let Some(line) = self.line().await? else { return Ok(()) };
        let Ok(request) = serde_json::from_slice(&line) else {
            return self.say(&Reply::Failed("This daemon does not know that request.".into())).await;
        };
        let reply = match request {
            Request::Status => self.status().await.map(Reply::Status),
            Request::Users => report::users(&self.keepers).await.map(Reply::Users),
            Request::Run { command, user, network } => return self.run(&command, &user, network.as_deref()).await,
        };
        let reply = reply.unwrap_or_else(|error| Reply::Failed(error.to_string()));
        self.say(&reply).await
    }

    async fn status(&self) -> crate::store::Result<StatusReport> {
        let mut networks = Vec::new();
        for keeper in self.keepers.iter() {
            networks.push(report::network(keeper).await?);
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(StatusReport { version, uptime: self.since.elapsed().as_secs(), networks })
    }

    /// Turn by turn, until the command is over.
    async fn run(mut self, command: &str, user: &str, network: Option<&str>) -> io::Result<()> {
        let Some(command) = find(command) else {
            return self.say(&Reply::Failed("There is no such command.".into())).await;
        };
        let Ok(user) = BareJid::new(user) else {
            return self.say(&Reply::Failed("That is no user: write it as alice@example.org.".into())).await;
        };
        let keeper = match pick(&self.keepers, network, &user).await {
            Ok(keeper) => keeper,
            Err(why) => return self.say(&Reply::Failed(why)).await,
        };
        let asker = Asker { keeper, jid: user, door: Door::Host };
        let desk = &asker.keeper.accounts.desk;
        let mut stepped = desk.begin(&asker, command).await;
        loop {
            let (id, open) = (stepped.id.clone(), stepped.open);
            let turn = match self.say(&reply(stepped)).await {
                Ok(()) if !open => return Ok(()),
                Ok(()) => self.line().await,
                Err(error) => Err(error),
            };
            let turn = turn.map(|line| serde_json::from_slice(&line.unwrap_or_default()).unwrap_or(Turn::Cancel));
            match turn {
                Ok(Turn::Answers(answers)) => match desk.go_on(&asker, &id, answers).await {
                    Some(next) => stepped = next,
                    None => return self.say(&Reply::Failed("That took too long.".into())).await,
                },
                ended => {
                    desk.cancel(&asker, &id).await;
                    return ended.map(|_| ());
                }
            }
        }
    }

    async fn line(&mut self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Zeroizing::new(Vec::new());
        let read = (&mut self.from).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        Ok((read > 0).then_some(line))
    }

    async fn say(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.to.write_all(&line).await
    }
}

fn reply(stepped: Stepped) -> Reply {
    match (stepped.result, stepped.form) {
        (Ok(Output::Form(form)), _) => Reply::Form { form, trouble: None },
        (Ok(Output::Show(text)), _) => Reply::Show(text),
        (Ok(Output::Done(text)), _) => Reply::Done(text),
        (Err(failure), Some(form)) if stepped.open => Reply::Form { form, trouble: Some(failure.to_string()) },
        (Err(failure), _) => Reply::Failed(failure.to_string()),
    }
}

/// The network that is meant: the one named, the only one, or the only one that knows the user.
async fn pick(keepers: &[Arc<Keeper>], network: Option<&str>, user: &BareJid) -> Result<Arc<Keeper>, String> {
    if let Some(name) = network {
        let meant = |keeper: &&Arc<Keeper>| keeper.network.descriptor().id == name || keeper.domain.as_str() == name;
        return keepers.iter().find(meant).cloned().ok_or_else(|| format!("There is no network {name} here."));
    }
    if let [only] = keepers {
        return Ok(only.clone());
    }
    let mut knowing = Vec::new();
    for keeper in keepers {
        if keeper.accounts.user(keeper, user).await.map_err(|error| error.to_string())?.is_some() {
            knowing.push(keeper.clone());
        }
    }
    let names = || keepers.iter().map(|keeper| keeper.domain.to_string()).collect::<Vec<_>>().join(", ");
    match knowing.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(format!("Say which network with --network: one of {}.", names())),
    }
}
