//! Who talks: alice to bob through Drawbridge, erin to carol on XMPP alone, bob to dave on Matrix alone.

use drawbridge_tests::{
    Error, Stage, World,
    clients::{Chat, ChatAccount, MatrixPeer},
};
use serde_json::{Value, json};

/// Everybody with sessions and encrypted rooms that stand.
pub(crate) struct People {
    pub(crate) alices: ChatAccount,
    pub(crate) alice: Chat,
    pub(crate) bob: MatrixPeer,
    /// Alice's and bob's room.
    pub(crate) room: String,
    pub(crate) erins: ChatAccount,
    pub(crate) erin: Chat,
    pub(crate) carol: Chat,
    pub(crate) dave: MatrixPeer,
    /// Bob's and dave's room.
    pub(crate) daves: String,
}

impl People {
    pub(crate) const CAROL: &str = "carol@xmpp.test";

    pub(crate) fn meet(stage: &Stage) -> Result<Self, Error> {
        let (dir, synapse) = (stage.dir(), &stage.synapse);
        let mut bob = MatrixPeer::create(dir, synapse, "bob", "builder")?;
        let mut dave = MatrixPeer::create(dir, synapse, "dave", "builder")?;
        let (alices, mut alice) = register(stage, "alice")?;
        alice.subscribe(World::BOB)?;
        let room = bob.joins()?;
        alice.secure()?;

        let account = |name| ChatAccount::create(&stage.prosody, name, "pencil");
        let (erins, carols) = (account("erin")?, account("carol")?);
        let carol = Chat::start(dir, &carols, &erins.jid, &["--accept-subscriptions"])?;
        let mut erin = Chat::start(dir, &erins, Self::CAROL, &["--accept-subscriptions"])?;
        erin.subscribe(Self::CAROL)?;
        erin.secure()?;

        let daves = bob.create_dm(dave.user())?;
        dave.joins()?;
        Ok(Self { alices, alice, bob, room, erins, erin, carol, dave, daves })
    }

    /// More logins, each with a direct chat with bob, until there are so many.
    pub(crate) fn crowd(&mut self, stage: &Stage, logins: usize) -> Result<(), Error> {
        for number in 1..logins {
            let (_, mut user) = register(stage, &format!("user{number}"))?;
            user.subscribe(World::BOB)?;
            self.bob.joins()?;
            user.secure()?;
            user.deliver("hello", "hello")?;
            user.finish()?;
        }
        Ok(())
    }
}

/// An XMPP account with a client and a login at Matrix.
fn register(stage: &Stage, name: &str) -> Result<(ChatAccount, Chat), Error> {
    stage.synapse.add_user(name, "wonderland")?;
    let account = ChatAccount::create(&stage.prosody, name, "pencil")?;
    let mut chat = Chat::start(stage.dir(), &account, World::BOB, &["--accept-subscriptions"])?;
    let fields = json!({ "homeserver": stage.synapse.url(), "username": name, "password": "wonderland" });
    chat.register(Stage::COMPONENT, &fields)?;
    Ok((account, chat))
}

/// The command that says something from XMPP.
pub(crate) fn say(text: &str) -> Value {
    json!({ "command": "send", "text": text })
}

/// The command that says something from Matrix.
pub(crate) fn say_in(room: &str, text: &str) -> Value {
    json!({ "command": "send", "room": room, "text": text })
}

/// What somebody else said, on either side; `None` for any other event.
pub(crate) fn said(event: &Value) -> Option<&str> {
    let message = event["event"] == "message" && event["mine"] != true && event["encrypted"] == true;
    message.then(|| event["text"].as_str().or(event["body"].as_str())).flatten()
}
