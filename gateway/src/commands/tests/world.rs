//! A gateway to a network that lets people in with the password `sesame`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use drawbridge_bridge::{
    ContactId, ContactName, Descriptor, Error, Field, FieldKind, FlowId, LoginFlow, LoginInput, LoginProcess,
    LoginRecord, LoginStep, Network, Place, Plaintext, Secret, Session, UserRef,
};
use drawbridge_echo::{EchoNetwork, EchoWorld};
use jid::{BareJid, FullJid};
use minidom::Element;
use tempfile::TempDir;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::accounts::LoginState;
use crate::component::Outgoing;
use crate::config::{Config, Env};
use crate::keeper::Keeper;
use crate::store::{Sealer, Store};

pub(super) const PASSWORD: &str = "sesame";

pub(super) struct World {
    pub(super) keeper: Arc<Keeper>,
    pub(super) far: EchoWorld,
    pub(super) dir: TempDir,
    /// What goes to the XMPP server.
    _stanzas: mpsc::Receiver<Element>,
}

impl World {
    /// Lets in `example.org`.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let text = format!(
            "data_dir = {:?}\n[[network]]\nkind = \"echo\"\njid = \"gw.example.org\"\nserver = \"127.0.0.1:1\"\n\
             secret = \"s\"",
            dir.path()
        );
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file, &Env::new()).unwrap();
        let store = Store::open(&dir.path().join("test.db"), Sealer::new(Zeroizing::new([7; 32])).unwrap()).unwrap();
        let far = EchoWorld::default();
        let (out, stanzas) = Outgoing::for_test();
        let settings = config.networks[0].clone();
        let network = Arc::new(Guarded(EchoNetwork::new(far.clone())));
        let keeper = Keeper::new(Arc::new(config), settings, network, store, out);
        Self { keeper: Arc::new(keeper), far, dir, _stanzas: stanzas }
    }

    /// Says something to the gateway from an ESession; gives what it answers, as one text.
    pub(super) async fn tells(&self, who: &str, text: &str) -> String {
        self.writes(who, true, text).await
    }

    /// Says something in clear.
    pub(super) async fn says(&self, who: &str, text: &str) -> String {
        self.writes(who, false, text).await
    }

    async fn writes(&self, who: &str, secure: bool, text: &str) -> String {
        let from = FullJid::new(&format!("{who}/phone")).unwrap();
        crate::commands::chat(&self.keeper, &from, secure, &Plaintext::new(text)).await.join("\n")
    }

    /// Logs in by chat.
    pub(super) async fn logged_in(&self, who: &str) {
        self.tells(who, "login").await;
        self.tells(who, who.split('@').next().unwrap()).await;
        let said = self.tells(who, PASSWORD).await;
        assert!(said.contains("You are logged in"), "{said}");
        self.comes_to(who, LoginState::Online).await;
    }

    pub(super) async fn comes_to(&self, who: &str, state: LoginState) {
        for _ in 0..500 {
            if self.state(who).as_ref() == Some(&state) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{who} is {:?}, not {state:?}", self.state(who));
    }

    pub(super) fn state(&self, who: &str) -> Option<LoginState> {
        self.keeper.accounts.state(&bare(who))
    }

    /// Directories of logins on the disk.
    pub(super) fn directories(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("logins")).map_or(0, Iterator::count)
    }
}

pub(super) fn bare(who: &str) -> BareJid {
    BareJid::new(who).unwrap()
}

/// The echo network behind a password.
struct Guarded(EchoNetwork);

impl Network for Guarded {
    fn descriptor(&self) -> Descriptor {
        self.0.descriptor()
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        self.0.login_flows()
    }

    fn begin_login(&self, who: &UserRef, flow: &FlowId, place: Place) -> Result<Box<dyn LoginProcess>, Error> {
        assert!(place.dir.is_dir() && place.key.expose().len() == 32);
        Ok(Box::new(Guard { inner: self.0.begin_login(who, flow, place)?, shown: None }))
    }

    fn open(&self, login: LoginRecord, place: Place) -> Result<Arc<dyn Session>, Error> {
        self.0.open(login, place)
    }

    fn parse_contact(&self, text: &str) -> Option<ContactId> {
        self.0.parse_contact(text)
    }

    fn split(&self, id: &ContactId) -> Option<ContactName> {
        self.0.split(id)
    }

    fn join(&self, name: &ContactName) -> Option<ContactId> {
        self.0.join(name)
    }
}

/// Some names stand for what can happen: `down` finds no server, `linked` has to open a link first.
struct Guard {
    inner: Box<dyn LoginProcess>,
    shown: Option<LoginInput>,
}

#[async_trait]
impl LoginProcess for Guard {
    async fn step(&mut self, input: LoginInput) -> Result<LoginStep, Error> {
        if let Some(kept) = self.shown.take() {
            return self.inner.step(kept).await;
        }
        if input.values.is_empty() {
            return Ok(form());
        }
        if input.text("username") == Some("down") {
            return Err(Error::Transient { reason: "the far server does not answer".into(), after: None });
        }
        if input.values.get("password").map(Secret::expose) != Some(PASSWORD.as_bytes()) {
            return Err(Error::Rejected("the password is wrong".into()));
        }
        if input.text("username") == Some("linked") {
            self.shown = Some(input);
            return Ok(LoginStep::Show {
                instructions: "Open this link:".into(),
                text: "https://far.example/x".into(),
            });
        }
        self.inner.step(input).await
    }

    async fn cancel(self: Box<Self>) {
        self.inner.cancel().await;
    }
}

fn form() -> LoginStep {
    let field = |name: &str, label: &str, kind| Field {
        name: name.into(),
        label: label.into(),
        kind,
        default: None,
        required: true,
    };
    LoginStep::Form {
        instructions: "Your far account.".into(),
        fields: vec![field("username", "Name", FieldKind::Text), field("password", "Password", FieldKind::Password)],
    }
}
