//! alice and bob meet: she adds the gateway, logs in through its form, asks for bob, and opens an encrypted session whose
//! codes are compared as people would compare them.

use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use drawbridge_tests::{
    Stage,
    clients::{Chat, JsonLines, MatrixPeer},
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    place::Place,
    set::Set,
    story::{Story, cut},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Two people, each with a client process of their own, and the room that they share.
pub(crate) struct Meeting {
    pub(crate) alice: Chat,
    pub(crate) bob: MatrixPeer,
    /// bob as alice sees him: the JID of the contact.
    pub(crate) contact: String,
    /// Their direct chat on Matrix.
    pub(crate) room: String,
}

/// What the two ends of the session agreed on, as alice's client tells it.
pub(crate) struct Keys {
    short: String,
    long: String,
    pub(crate) took: Duration,
}

impl Meeting {
    /// From two accounts to a direct chat.
    pub(crate) fn arrange(story: &Story, place: &Place, set: &mut Set) -> Result<Self, Failure> {
        let (people, gateway) = (place.of("people"), Stage::COMPONENT);
        let bob = format!("@bob:{}", Stage::SERVER_NAME);
        let contact = format!("bob%{}@{gateway}", Stage::SERVER_NAME);
        let (mut alice, mut bob_client) =
            story.step("alice and bob come online, each in a client of their own", || {
                let alice = Chat::start(&people, &set.accounts.alice, &contact, &["--accept-subscriptions"])?;
                Ok((alice, MatrixPeer::start(&people, &set.synapse, "bob", &set.accounts.bob, &[])?))
            })?;

        let form = story.step(&format!("{gateway} shows its form"), || {
            alice.send(&json!({ "command": "register", "to": gateway }))?;
            answer(&mut alice, "form")
        })?;
        story.detail("it says", &instructions(&form));
        story.step("alice fills it in: homeserver, username, password", || {
            let fields = json!({
                "homeserver": set.synapse.url(), "username": "alice", "password": set.accounts.alice_matrix,
            });
            alice.send(&json!({ "command": "register", "to": gateway, "fields": fields }))?;
            answer(&mut alice, "registered")
        })?;
        let jid = story.step(&format!("alice asks for {bob}, and is told his JID"), || {
            alice.send(&json!({ "command": "gateway_prompt", "to": gateway, "text": bob }))?;
            answer(&mut alice, "gateway_prompt")
        })?;
        if jid["jid"] != contact.as_str() {
            return Err(Failure::Wrong(vec![format!("{bob} is {contact}; the gateway said {}", jid["jid"])]));
        }
        story.detail("it is", &contact);
        let room = story.step("she adds him; bob's client is invited and joins", || {
            alice.send(&json!({ "command": "subscribe", "to": contact }))?;
            let joined = bob_client.expect_event("joined", PATIENCE)?;
            let agreed = |event: &Value| event["show"] == "subscribed" && is_from(event, &contact);
            alice.expect("presence \"subscribed\" of bob", PATIENCE, agreed)?;
            Ok(joined["room"].as_str().unwrap_or_default().to_owned())
        })?;
        Ok(Self { alice, bob: bob_client, contact, room })
    }

    /// Opens the encrypted session.
    pub(crate) fn negotiate(&mut self, story: &Story) -> Result<Keys, Failure> {
        let start = Instant::now();
        let session = story.step("alice's client and the gateway agree on keys, in bob's name", || {
            self.alice.send(&json!({ "command": "start", "with": self.contact }))?;
            let settled = |event: &Value| event["state"] == "active" || event["state"] == "failed";
            let session = self.alice.expect("encrypted session", PATIENCE, settled)?;
            match session["state"].as_str() {
                Some("active") => Ok(session),
                _ => Err(Failure::Stopped(format!("no encrypted session: {}", session["reason"]))),
            }
        })?;
        let took = start.elapsed();
        let text = |key: &str| session[key].as_str().unwrap_or_default().to_owned();
        story.detail(
            "agreed",
            &format!(
                "Diffie-Hellman group {}, {}, disclosure {}, logging {}",
                text("group"),
                text("cipher"),
                text("disclosure"),
                text("logging")
            ),
        );
        story.detail("it took", &format!("{} stanzas, {} octets", session["stanzas"], session["bytes"]));
        Ok(Keys { short: text("sas"), long: text("long"), took })
    }

    /// Compares what both ends show, and has both mark the session as verified.
    pub(crate) fn compare(&mut self, story: &Story, set: &Set, keys: &Keys) -> Result<(), Failure> {
        let alice = set.accounts.alice.bare().to_owned();
        let shown = String::from_utf8_lossy(&set.gateway.operator(&["verify", &alice])?.stdout).into_owned();
        let gateway = |name: &str| {
            let code = shown.lines().find_map(|line| line.trim().strip_prefix(name));
            code.map(|code| code.trim().to_owned()).unwrap_or_else(|| "nothing".into())
        };
        let (short, long) = (gateway("short code:"), gateway("long code:"));
        story.detail("alice's client shows", &format!("{}   {}", keys.short, keys.long));
        story.detail("the gateway shows", &format!("{short}   {long}"));
        if keys.long.is_empty() || (&short, &long) != (&keys.short, &keys.long) {
            return Err(Failure::Wrong(vec!["both ends of the session show the same codes".into()]));
        }
        story.good(&format!("the same: nobody is in between (`drawbridge verify {alice}` shows it on the host)"));
        story.step("marked as verified at both ends", || {
            let marked = set.gateway.operator(&["verify", &alice, &keys.short])?;
            if !marked.status.success() {
                let why = String::from_utf8_lossy(&marked.stderr).into_owned();
                return Err(Failure::Stopped(format!("drawbridge verify refused the code: {why}")));
            }
            self.alice.send(&json!({ "command": "verify" }))?;
            let verified = |event: &Value| event["state"] == "active" && event["verified"] == true;
            self.alice.expect("session that is verified", PATIENCE, verified)?;
            Ok(())
        })
    }

    /// alice ends the session as the protocol wants it, and goes.
    pub(crate) fn alice_leaves(&mut self, story: &Story, set: &mut Set) -> Result<(), Failure> {
        let ended = story.step("alice ends the encrypted session and leaves", || {
            self.alice.send(&json!({ "command": "quit" }))?;
            let ended = self.alice.expect("end of the session", PATIENCE, |event| event["state"] == "ended")?;
            well(self.alice.finish()?, "esession-chat")?;
            Ok(ended)
        })?;
        set.alive()?;
        if ended["acknowledged"] != true {
            return Err(Failure::Wrong(vec!["the end of an encrypted session is acknowledged".into()]));
        }
        story.detail("both ends", "have proved to each other that they saw every stanza");
        Ok(())
    }

    pub(crate) fn bob_leaves(self) -> Result<(), Failure> {
        well(self.bob.finish()?, "matrix_peer")
    }
}

/// Waits for this event, or for the error that comes in its place.
fn answer(client: &mut JsonLines, name: &str) -> Result<Value, Failure> {
    let either = |event: &Value| event["event"] == name || event["event"] == "error";
    let event = client.expect(&format!("event {name:?}"), PATIENCE, either)?;
    if event["event"] == "error" {
        return Err(Failure::Stopped(format!("instead of {name:?} there came {event}")));
    }
    Ok(event)
}

fn instructions(form: &Value) -> String {
    let lines = form["form"]["instructions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    cut(&lines.collect::<Vec<_>>().join(" "), 600)
}

fn is_from(event: &Value, contact: &str) -> bool {
    event["from"].as_str().and_then(|from| from.split('/').next()) == Some(contact)
}

fn well(status: ExitStatus, program: &str) -> Result<(), Failure> {
    if status.success() { Ok(()) } else { Err(Failure::Stopped(format!("{program} ended badly: {status}"))) }
}
