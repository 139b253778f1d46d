//! Where a story plays that is about one network: an XMPP server with a gateway beside it.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    Error, Stage,
    clients::{Chat, ChatAccount, MatrixPeer},
    servers::{Component, Ejabberd, Gateway, GatewaySettings, Prosody, ProsodySettings, Synapse, XmppServer},
    stage::Keep,
};

/// How long an answer may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// An XMPP server with a gateway beside it, and a homeserver if the story needs one.
pub struct World<X = Prosody> {
    /// The gateway.
    pub gateway: Gateway,
    /// The XMPP server of [`Stage::DOMAIN`].
    pub xmpp: X,
    synapse: Option<Synapse>,
    settings: GatewaySettings,
    dir: Keep,
}

/// Which contacts there are, and worlds with Prosody.
impl World {
    /// The contact on echo who repeats everything.
    pub const ECHO: &str = "echo%echo@echo.xmpp.test";
    /// Bob on Matrix, as XMPP sees him.
    pub const BOB: &str = "bob%matrix.test@matrix.xmpp.test";

    /// With the echo network alone. `more`: lines for the table `[log]`, then further tables of the configuration.
    pub fn echo(more: &str) -> Result<Self, Error> {
        Self::echo_at(Stage::ECHO, false, more)
    }

    /// The same, and the XMPP server trusts the gateway with its users' rosters and messages (XEP-0356).
    pub fn trusted_echo() -> Result<Self, Error> {
        Self::echo_at(Stage::ECHO, true, "")
    }

    /// The same for certain people only: bare JIDs or domains.
    pub fn echo_for(allow: &[&str]) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let xmpp = prosody(&dir, Stage::ECHO, false)?;
        let allow = allow.iter().map(ToString::to_string).collect();
        Self::raise(dir, xmpp, None, GatewaySettings { allow, ..settings("echo", Stage::ECHO, "") })
    }

    /// With the echo network at another domain, to which the users of [`Stage::DOMAIN`] do not belong.
    pub fn echo_of_others() -> Result<Self, Error> {
        Self::echo_at("echo.others.test", false, "")
    }

    fn echo_at(domain: &str, privileged: bool, more: &str) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let xmpp = prosody(&dir, domain, privileged)?;
        Self::raise(dir, xmpp, None, settings("echo", domain, more))
    }

    /// With Matrix, trusted by the XMPP server.
    pub fn matrix(more: &str) -> Result<Self, Error> {
        Self::with_synapse(settings("matrix", Stage::COMPONENT, more), |dir| prosody(dir, Stage::COMPONENT, true))
    }

    /// The same on a host that is none of the users' own.
    pub fn matrix_on_a_foreign_host() -> Result<Self, Error> {
        let settings = GatewaySettings { owners: Vec::new(), ..settings("matrix", Stage::COMPONENT, "") };
        Self::with_synapse(settings, |dir| prosody(dir, Stage::COMPONENT, true))
    }
}

/// Worlds with ejabberd.
impl World<Ejabberd> {
    /// With the echo network alone. `trusted`: with the users' rosters and messages (XEP-0356).
    pub fn echo_on_ejabberd(trusted: bool) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let xmpp = ejabberd(&dir, Stage::ECHO, trusted)?;
        Self::raise(dir, xmpp, None, settings("echo", Stage::ECHO, ""))
    }

    /// With Matrix, trusted by the XMPP server.
    pub fn matrix_on_ejabberd() -> Result<Self, Error> {
        Self::with_synapse(settings("matrix", Stage::COMPONENT, ""), |dir| ejabberd(dir, Stage::COMPONENT, true))
    }
}

impl<X: XmppServer> World<X> {
    fn with_synapse(settings: GatewaySettings, xmpp: impl FnOnce(&Keep) -> Result<X, Error>) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let home = dir.path().join("synapse");
        let (xmpp, synapse) = thread::scope(|scope| {
            let synapse = scope.spawn(|| Synapse::start(&home, Stage::SERVER_NAME));
            let gone = |_| Err(Error::Refused { asked: "starting Synapse".into(), answer: "panic".into() });
            (xmpp(&dir), synapse.join().unwrap_or_else(gone))
        });
        Self::raise(dir, xmpp?, Some(synapse?), settings)
    }

    fn raise(dir: Keep, xmpp: X, synapse: Option<Synapse>, settings: GatewaySettings) -> Result<Self, Error> {
        let gateway = Gateway::start(&dir.path().join("gateway"), &xmpp, &settings)?;
        let mut world = Self { gateway, xmpp, synapse, settings, dir };
        world.wait_for_link()?;
        Ok(world)
    }

    /// Waits until the XMPP server has let the gateway in.
    pub fn wait_for_link(&mut self) -> Result<(), Error> {
        self.gateway.process.wait_for_line("the component link is up", SOON).map(drop)
    }

    /// SIGKILL, then a new start on the same state.
    pub fn kill_and_restart_gateway(&mut self) -> Result<(), Error> {
        self.gateway.kill9();
        self.gateway.process.restart()?;
        self.wait_for_link()
    }

    /// The homeserver, in a world that has one.
    pub fn synapse(&mut self) -> Result<&mut Synapse, Error> {
        self.synapse
            .as_mut()
            .ok_or_else(|| Error::Missing { program: "Synapse".into(), advice: "World::matrix has it" })
    }

    /// The directory for what else the story needs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The domain of the gateway.
    pub fn component(&self) -> &str {
        self.settings.networks.first().map_or("", |(_, domain, _)| domain)
    }

    /// An XMPP account.
    pub fn account(&self, name: &str) -> Result<ChatAccount, Error> {
        ChatAccount::create(&self.xmpp, name, "pencil")
    }

    /// A client of an account, for a conversation with `with`, which lets the gateway's contacts see it.
    pub fn chat(&self, account: &ChatAccount, with: &str, more: &[&str]) -> Result<Chat, Error> {
        let arguments = [&["--accept-subscriptions"], more].concat();
        Chat::start(self.dir(), account, with, &arguments)
    }

    /// Alice with an account, a client for `with`, and a login at the echo network.
    pub fn alice_on_echo(&self, with: &str) -> Result<(ChatAccount, Chat), Error> {
        let account = self.account("alice")?;
        let mut alice = self.chat(&account, with, &[])?;
        alice.register(self.component(), &json!({ "username": "alice" }))?;
        Ok((account, alice))
    }

    /// Every file in which the servers keep or log something.
    pub fn server_files(&self) -> Vec<PathBuf> {
        let xmpp = [self.xmpp.database_files(), self.xmpp.log_files()].concat();
        let synapse = self.synapse.iter().flat_map(|synapse| [synapse.database_files(), synapse.log_files()].concat());
        xmpp.into_iter().chain(synapse).collect()
    }

    /// Every file in which the gateway keeps or logs something.
    pub fn gateway_files(&self) -> Vec<PathBuf> {
        [self.gateway.state_files(), self.gateway.log_files()].concat()
    }
}

/// Alice and Bob.
impl<X: XmppServer> World<X> {
    /// Alice with accounts on both sides, a client for Bob, a login at Matrix; and Bob, who waits to hear of her.
    pub fn alice_and_bob(&mut self) -> Result<(ChatAccount, Chat, MatrixPeer), Error> {
        let account = self.account("alice")?;
        let mut alice = self.chat(&account, <World>::BOB, &[])?;
        let dir = self.dir().to_owned();
        let synapse = self.synapse()?;
        let bob = MatrixPeer::create(&dir, synapse, "bob", "builder")?;
        synapse.add_user("alice", "wonderland")?;
        let fields = json!({ "homeserver": synapse.url(), "username": "alice", "password": "wonderland" });
        alice.register(Stage::COMPONENT, &fields)?;
        Ok((account, alice, bob))
    }

    /// Alice, who has Bob in her roster and whom the next client is for, and Bob; with the id of their room.
    pub fn alice_knows_bob(&mut self) -> Result<(ChatAccount, MatrixPeer, String), Error> {
        let (account, mut alice, mut bob) = self.alice_and_bob()?;
        alice.subscribe(<World>::BOB)?;
        let room = bob.joins()?;
        alice.finish()?;
        Ok((account, bob, room))
    }

    /// Alice and Bob in an encrypted conversation on both sides; with the id of their room.
    pub fn alice_talks_to_bob(&mut self) -> Result<(ChatAccount, Chat, MatrixPeer, String), Error> {
        let (account, mut alice, mut bob) = self.alice_and_bob()?;
        alice.subscribe(<World>::BOB)?;
        let room = bob.joins()?;
        alice.secure()?;
        Ok((account, alice, bob, room))
    }
}

fn prosody(dir: &Keep, domain: &str, privileged: bool) -> Result<Prosody, Error> {
    let components = vec![component(domain, privileged)];
    let settings = ProsodySettings { domain: Stage::DOMAIN.into(), components, takes_files: true, trace: true };
    Prosody::start(&dir.path().join("prosody"), &settings)
}

fn ejabberd(dir: &Keep, domain: &str, privileged: bool) -> Result<Ejabberd, Error> {
    Ejabberd::start(&dir.path().join("ejabberd"), Stage::DOMAIN, &[component(domain, privileged)])
}

fn component(domain: &str, privileged: bool) -> Component {
    Component { domain: domain.into(), secret: Stage::SECRET.into(), privileged }
}

fn settings(kind: &str, domain: &str, more: &str) -> GatewaySettings {
    GatewaySettings {
        owners: vec![Stage::DOMAIN.into()],
        networks: vec![(kind.into(), domain.into(), Stage::SECRET.into())],
        allow: Vec::new(),
        more: format!("{more}\n[files]\nown_hosts = [\"localhost\"]\n"),
    }
}
