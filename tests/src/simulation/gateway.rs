//! One life of the gateway: a runtime of its own, so that dropping it is as abrupt as a kill.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use drawbridge::component::{Incoming, Outgoing};
use drawbridge::config::{Config, Env};
use drawbridge::keeper::Keeper;
use drawbridge::store::{Sealer, Store, outbox, users};
use drawbridge_bridge::{ContactId, Plaintext};
use drawbridge_echo::{EchoNetwork, EchoWorld};
use jid::{BareJid, FullJid};
use minidom::Element;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// The component's domain.
pub(super) const DOMAIN: &str = "gw.example.org";

pub(super) struct Gateway {
    runtime: Option<Runtime>,
    keeper: Arc<Keeper>,
    incoming: mpsc::Sender<Incoming>,
    outgoing: mpsc::Receiver<Element>,
}

impl Gateway {
    /// Starts on the files that are there.
    pub(super) fn start(dir: &Path, far: &EchoWorld) -> Self {
        let file = dir.join("config.toml");
        let text = format!(
            "data_dir = {:?}\nowners = [\"example.org\"]\n[[network]]\nkind = \"echo\"\njid = {DOMAIN:?}\nserver = \"127.0.0.1:1\"\nsecret = \"s\"\n\
             [esession]\ngroups = [14]\ntransient = true\n[limits]\nconversation_idle = 1\n",
            dir.join("data")
        );
        std::fs::create_dir_all(dir.join("data")).unwrap_or_else(|error| panic!("the data directory: {error}"));
        std::fs::write(&file, text).unwrap_or_else(|error| panic!("the configuration: {error}"));
        let config = Config::load(&file, &Env::new()).unwrap_or_else(|error| panic!("the configuration: {error}"));
        let store = open(dir);

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap_or_else(|error| panic!("a runtime: {error}"));
        let (out, outgoing) = Outgoing::for_test();
        let (incoming, received) = mpsc::channel(1024);
        let settings = config.networks[0].clone();
        let network = Arc::new(EchoNetwork::new(far.clone()));
        let keeper = Arc::new(Keeper::new(Arc::new(config), settings, network, store, out));
        let serving = keeper.clone();
        runtime.spawn(async move {
            serving.accounts.start_all(&serving).await;
            drawbridge::run::attend(serving, received).await;
        });
        let mut gateway = Self { runtime: Some(runtime), keeper, incoming, outgoing };
        gateway.give(Incoming::Up);
        gateway
    }

    /// A person registers and logs in, by writing to the gateway in a session.
    pub(super) fn log_in(&mut self, who: &str, name: &str) {
        let from = FullJid::new(&format!("{who}/host")).unwrap_or_else(|error| panic!("{who}: {error}"));
        let keeper = self.keeper.clone();
        self.block_on(async move {
            for text in ["login", name] {
                drawbridge::commands::chat(&keeper, &from, true, &Plaintext::new(text)).await;
            }
        });
    }

    /// Time for the gateway.
    pub(super) fn run_for(&mut self, time: Duration) {
        self.block_on(async move { tokio::time::sleep(time).await });
    }

    /// A moment of the gateway's work, in which its clock stands still: something is half done afterwards.
    pub(super) fn run_turns(&mut self, turns: u64) {
        self.block_on(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        });
    }

    /// The link was down.
    pub(super) fn relink(&mut self) {
        while self.take().is_some() {}
        self.give(Incoming::Down);
        self.keeper.out.reconnect_for_test();
        self.give(Incoming::Up);
    }

    /// Something comes in on the link.
    pub(super) fn give(&mut self, incoming: Incoming) {
        let sender = self.incoming.clone();
        self.block_on(async move {
            let _ = sender.send(incoming).await;
        });
    }

    /// How many conversations are in memory.
    pub(super) fn awake(&self) -> usize {
        self.keeper.crossings.awake()
    }

    /// The next stanza that goes out.
    pub(super) fn take(&mut self) -> Option<Element> {
        self.outgoing.try_recv().ok()
    }

    fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.as_ref().map_or_else(|| panic!("this life is over"), |runtime| runtime.block_on(work))
    }
}

fn open(dir: &Path) -> Store {
    let sealer = Sealer::new(Zeroizing::new([7; 32])).unwrap_or_else(|error| panic!("{error}"));
    Store::open(&dir.join("data/db"), sealer).unwrap_or_else(|error| panic!("the database: {error}"))
}

/// Whether the head of a user's queue to a contact has its words in the file.
pub(super) fn words_at_rest(dir: &Path, user: &str, contact: &ContactId) -> bool {
    let (store, contact) = (open(dir), contact.clone());
    let jid = BareJid::new(user).unwrap_or_else(|error| panic!("{user}: {error}"));
    let head = store.call(move |db, sealer| {
        let Some(user) = users::get(db, "echo", &jid)? else { return Ok(None) };
        outbox::head(db, sealer, user.id, &contact)
    });
    let runtime = Runtime::new().unwrap_or_else(|error| panic!("a runtime: {error}"));
    let head = runtime.block_on(head).unwrap_or_else(|error| panic!("the database: {error}"));
    head.is_some_and(|head| head.message.is_some())
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // What a thread writes to the database at this moment is written; everything else stops where it is.
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}
