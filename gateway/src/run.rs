//! The whole daemon on one screen: open what it needs, serve every network, settle everything at the end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::accounts;
use crate::component::{self, Incoming, LinkConfig};
use crate::config::{Config, ConfigError, NetworkConfig};
use crate::control::{Control, ControlError};
use crate::keeper::Keeper;
use crate::memory;
use crate::networks::{self, NotBuilt};
use crate::store::{self, Sealer, Store};
use crate::xml::Limits;
use crate::xmpp::about;
use crate::xmpp::presence;
use crate::xmpp::route;

/// Why the daemon could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration, or a file it names.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The data directory.
    #[error("cannot use the data directory: {0}")]
    DataDir(#[source] std::io::Error),
    /// The socket for the command line.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A network that this program cannot serve.
    #[error(transparent)]
    Network(#[from] NotBuilt),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// Runs until SIGTERM or SIGINT, then finishes what is in flight.
///
/// # Errors
/// [`Error`] if it cannot start.
pub async fn run(config: Config) -> Result<(), Error> {
    if let Err(error) = memory::keep_out_of_core_dumps() {
        tracing::warn!(%error, "a crash could leave messages and keys in a core dump");
    }
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let mut signals = crate::shutdown::Signals::listen().map_err(Error::Signals)?;
    tokio::spawn(async move {
        signals.received().await;
        tracing::info!("stopping");
        stopping.cancel();
    });
    serve(Arc::new(config), stop).await
}

/// Serves every configured network until `stop`.
///
/// # Errors
/// [`Error`] if it cannot start.
pub async fn serve(config: Arc<Config>, stop: CancellationToken) -> Result<(), Error> {
    about::begin();
    prepare(&config.data_dir).map_err(Error::DataDir)?;
    // Taken first: it also keeps a second daemon away from the data directory.
    let control = Control::bind(&config.data_dir)?;
    // A key before a database: one that has no key is never one whose key was not made yet.
    let key = config.store_key()?;
    let store = Store::open(&config.database(), Sealer::of(&key)?)?;
    accounts::sweep(&store, &config.data_dir).await?;
    // Links outlive the conversations, which say goodbye through them.
    let links = CancellationToken::new();
    let mut keepers = Vec::new();
    let mut serving = tokio::task::JoinSet::new();
    for settings in config.networks.clone() {
        let (keeper, incoming) = open(&config, settings, &store, links.clone())?;
        keeper.accounts.start_all(&keeper).await;
        serving.spawn(attend(keeper.clone(), incoming));
        keepers.push(keeper);
    }
    let control = tokio::spawn(control.serve(keepers.clone(), stop.clone()));
    let keeping = tokio::spawn(housekeeping(store.clone()));
    tracing::info!("ready");

    stop.cancelled().await;
    for keeper in &keepers {
        keeper.accounts.stop_all().await;
        keeper.crossings.stop().await;
    }
    links.cancel();
    while serving.join_next().await.is_some() {}
    control.abort();
    keeping.abort();
    store.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// One network: its keeper, and what comes in on its link.
fn open(
    config: &Arc<Config>,
    settings: NetworkConfig,
    store: &Store,
    links: CancellationToken,
) -> Result<(Arc<Keeper>, tokio::sync::mpsc::Receiver<Incoming>), Error> {
    let limits = Limits { max_depth: config.limits.max_depth, max_stanza: config.limits.max_stanza };
    let link = component::open(
        LinkConfig {
            jid: settings.jid.clone(),
            server: settings.server.to_string(),
            secret: settings.secret.clone(),
            limits,
        },
        links,
    );
    let network = networks::build(&settings)?;
    let keeper = Keeper::new(config.clone(), settings, network, store.clone(), link.outgoing);
    Ok((Arc::new(keeper), link.incoming))
}

/// Takes everything that comes in on one link, in order, until it ends.
pub async fn attend(keeper: Arc<Keeper>, mut incoming: tokio::sync::mpsc::Receiver<Incoming>) {
    while let Some(incoming) = incoming.recv().await {
        match incoming {
            Incoming::Stanza(stanza) => route::route(&keeper, stanza).await,
            Incoming::Up => {
                presence::start(&keeper).await;
                keeper.crossings.resume_all(&keeper).await;
            }
            Incoming::Down => keeper.privileges.forget(),
            // The link has answered already.
            Incoming::Refused(_) => {}
        }
    }
}

/// Old ids are forgotten, and what was deleted leaves the disk.
async fn housekeeping(store: Store) {
    const EVERY: std::time::Duration = std::time::Duration::from_secs(600);
    const KEPT: i64 = 30 * 24 * 3600;
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        let before = store::unix(std::time::SystemTime::now()) - KEPT;
        let done = async {
            store.call(move |db, _| store::inbox::prune(db, before)).await?;
            store.renew_witness().await?;
            store.checkpoint().await
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "housekeeping failed");
        }
    }
}

/// Whether what is stored can be opened, if anything is stored yet. Changes nothing.
///
/// # Errors
/// As a start would meet them: the key is lost, is no key, or is another one.
pub fn prove_key(config: &Config) -> Result<(), Error> {
    match config.known_store_key()? {
        Some(key) if config.database().exists() => Ok(store::prove_key(&config.database(), &Sealer::of(&key)?)?),
        _ => Ok(()),
    }
}

/// The data directory, private to us.
fn prepare(dir: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
}
