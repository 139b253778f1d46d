//! The verbs of the stories: a world with a gateway in it, and what its people do there.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Error, Stage,
    clients::{Chat, ChatAccount, JsonLines, MatrixPeer},
    servers::{Component, Gateway, GatewaySettings, Prosody, ProsodySettings, Synapse},
    stage::Keep,
};

/// How long an answer may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// An XMPP server with a gateway beside it, and a homeserver if the story needs one.
pub struct World {
    /// The gateway.
    pub gateway: Gateway,
    /// The XMPP server of [`Stage::DOMAIN`].
    pub prosody: Prosody,
    synapse: Option<Synapse>,
    settings: GatewaySettings,
    dir: Keep,
}

impl World {
    /// The contact on echo who repeats everything.
    pub const ECHO: &str = "echo%echo@echo.xmpp.test";
    /// Bob on Matrix, as XMPP sees him.
    pub const BOB: &str = "bob%matrix.test@matrix.xmpp.test";

    /// With the echo network alone. `more`: lines for the table `[log]`, then further tables of the configuration.
    pub fn echo(more: &str) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let prosody = Prosody::start(&dir.path().join("prosody"), &prosody(Stage::ECHO))?;
        Self::raise(dir, prosody, None, settings("echo", Stage::ECHO, more))
    }

    /// With the echo network at another domain, to which the users of [`Stage::DOMAIN`] do not belong.
    pub fn echo_of_others() -> Result<Self, Error> {
        const ELSEWHERE: &str = "echo.others.test";
        let dir = Keep::new()?;
        let prosody = Prosody::start(&dir.path().join("prosody"), &prosody(ELSEWHERE))?;
        Self::raise(dir, prosody, None, settings("echo", ELSEWHERE, ""))
    }

    /// With Matrix.
    pub fn matrix(more: &str) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let (prosody, synapse) = thread::scope(|scope| {
            let synapse = scope.spawn(|| Synapse::start(&dir.path().join("synapse"), Stage::SERVER_NAME));
            let prosody = Prosody::start(&dir.path().join("prosody"), &prosody(Stage::COMPONENT));
            let gone = |_| Err(Error::Refused { asked: "starting Synapse".into(), answer: "panic".into() });
            (prosody, synapse.join().unwrap_or_else(gone))
        });
        Self::raise(dir, prosody?, Some(synapse?), settings("matrix", Stage::COMPONENT, more))
    }

    fn raise(dir: Keep, prosody: Prosody, synapse: Option<Synapse>, settings: GatewaySettings) -> Result<Self, Error> {
        let gateway = Gateway::start(&dir.path().join("gateway"), &prosody, &settings)?;
        let mut world = Self { gateway, prosody, synapse, settings, dir };
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
        ChatAccount::create(&self.prosody, name, "pencil")
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

    /// Alice with accounts on both sides, a client for Bob, a login at Matrix; and Bob, who waits to hear of her.
    pub fn alice_and_bob(&mut self) -> Result<(ChatAccount, Chat, MatrixPeer), Error> {
        let account = self.account("alice")?;
        let mut alice = self.chat(&account, Self::BOB, &[])?;
        let dir = self.dir().to_owned();
        let synapse = self.synapse()?;
        let bob = MatrixPeer::create(&dir, synapse, "bob", "builder")?;
        synapse.add_user("alice", "wonderland")?;
        let fields = json!({ "homeserver": synapse.url(), "username": "alice", "password": "wonderland" });
        alice.register(Stage::COMPONENT, &fields)?;
        Ok((account, alice, bob))
    }

    /// Alice and Bob in an encrypted conversation on both sides; with the id of their room.
    pub fn alice_talks_to_bob(&mut self) -> Result<(ChatAccount, Chat, MatrixPeer, String), Error> {
        let (account, mut alice, mut bob) = self.alice_and_bob()?;
        alice.subscribe(Self::BOB)?;
        let room = bob.joins()?;
        alice.secure()?;
        Ok((account, alice, bob, room))
    }

    /// Every file in which the servers keep or log something.
    pub fn server_files(&self) -> Vec<PathBuf> {
        let prosody = [self.prosody.database_files(), self.prosody.log_files()].concat();
        let synapse = self.synapse.iter().flat_map(|synapse| [synapse.database_files(), synapse.log_files()].concat());
        prosody.into_iter().chain(synapse).collect()
    }

    /// Every file in which the gateway keeps or logs something.
    pub fn gateway_files(&self) -> Vec<PathBuf> {
        [self.gateway.state_files(), self.gateway.log_files()].concat()
    }
}

/// What Alice does.
impl Chat {
    /// Registers with a gateway through its form.
    pub fn register(&mut self, gateway: &str, fields: &Value) -> Result<(), Error> {
        self.send(&json!({ "command": "register", "to": gateway, "fields": fields }))?;
        let answer = self.expect("answer to the registration", SOON, |event| {
            event["event"] == "registered" || (event["event"] == "error" && event["from"] == gateway)
        })?;
        if answer["event"] == "registered" {
            return Ok(());
        }
        Err(Error::Refused { asked: format!("registering with {gateway}"), answer: answer.to_string() })
    }

    /// Subscribes to a contact and waits until it shows itself.
    pub fn subscribe(&mut self, contact: &str) -> Result<Value, Error> {
        self.send(&json!({ "command": "subscribe", "to": contact }))?;
        let shown = |event: &Value| {
            let from = event["from"].as_str().unwrap_or_default();
            event["event"] == "presence"
                && from.starts_with(contact)
                && !matches!(event["show"].as_str(), Some("unavailable" | "subscribed"))
        };
        self.expect(&format!("presence of {contact}"), SOON, shown)
    }

    /// Starts an encrypted session with the contact and waits until it stands.
    pub fn secure(&mut self) -> Result<Value, Error> {
        self.send(&json!({ "command": "start" }))?;
        self.session("active")
    }

    /// The next event of a session in this state.
    pub fn session(&mut self, state: &str) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == "session" && event["state"] == state;
        self.expect(&format!("session that is {state}"), SOON, wanted)
    }

    /// Sends text under an id of one's own.
    pub fn say_as(&mut self, id: &str, text: &str) -> Result<(), Error> {
        self.send(&json!({ "command": "send", "id": id, "text": text }))
    }

    /// Waits for the receipt of a message, in the session.
    pub fn receipt(&mut self, id: &str) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == "receipt" && event["id"] == id && event["encrypted"] == true;
        self.expect(&format!("receipt of {id:?}"), SOON, wanted)
    }

    /// Waits until a message needs no receipt any more: it was receipted, or the contact has read it.
    pub fn settled(&mut self, id: &str) -> Result<Value, Error> {
        let wanted = |event: &Value| {
            let told = ["receipt", "displayed", "error"].iter().any(|name| event["event"] == *name);
            told && event["id"] == id
        };
        let event = self.expect(&format!("receipt or marker of {id:?}"), SOON, wanted)?;
        if event["encrypted"] == true {
            return Ok(event);
        }
        Err(Error::Refused { asked: format!("message {id:?}"), answer: event.to_string() })
    }

    /// Sends text and waits for its receipt.
    pub fn deliver(&mut self, id: &str, text: &str) -> Result<Value, Error> {
        self.say_as(id, text)?;
        self.receipt(id)
    }

    /// Waits for the error about a message or a request.
    pub fn error(&mut self, id: &str) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == "error" && event["id"] == id;
        self.expect(&format!("error about {id:?}"), SOON, wanted)
    }

    /// Sends a stanza as it stands.
    pub fn raw(&mut self, xml: &str) -> Result<(), Error> {
        self.send(&json!({ "command": "raw", "xml": xml }))
    }

    /// The next message that came out of a session, whatever it says.
    pub fn next_message(&mut self) -> Result<String, Error> {
        next_text(self, "text", |event| event["encrypted"] == true)
    }
}

/// What Bob does.
impl MatrixPeer {
    /// Waits for an invitation of Alice's to have led into the room; gives its id.
    pub fn joins(&mut self) -> Result<String, Error> {
        let joined = self.expect_event("joined", SOON)?;
        Ok(joined["room"].as_str().unwrap_or_default().to_owned())
    }

    /// The next message of somebody else, whatever it says.
    pub fn next_message(&mut self) -> Result<String, Error> {
        next_text(self, "body", |event| event["mine"] == false)
    }

    /// The next messages of somebody else, as many as this.
    pub fn next_messages(&mut self, count: usize) -> Result<Vec<String>, Error> {
        (0..count).map(|_| self.next_message()).collect()
    }
}

fn next_text(lines: &mut JsonLines, key: &str, wanted: impl Fn(&Value) -> bool) -> Result<String, Error> {
    let event = lines.expect("next message", SOON, |event| event["event"] == "message" && wanted(event))?;
    Ok(event[key].as_str().unwrap_or_default().to_owned())
}

fn prosody(component: &str) -> ProsodySettings {
    let privileged = component == Stage::COMPONENT;
    let component = Component { domain: component.into(), secret: Stage::SECRET.into(), privileged };
    ProsodySettings { domain: Stage::DOMAIN.into(), components: vec![component], trace: true }
}

fn settings(kind: &str, domain: &str, more: &str) -> GatewaySettings {
    GatewaySettings {
        owners: vec![Stage::DOMAIN.into()],
        networks: vec![(kind.into(), domain.into(), Stage::SECRET.into())],
        more: more.into(),
    }
}
