//! The verbs of the stories: what people do.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Value, json};

use crate::{
    Error,
    clients::{Chat, JsonLines, MatrixPeer},
};

/// How long an answer may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// An entry of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterItem {
    /// What it is called there.
    pub name: Option<String>,
    /// `none`, `to`, `from` or `both`.
    pub subscription: String,
}

impl RosterItem {
    fn read(item: &Value) -> Self {
        Self { name: item["name"].as_str().map(str::to_owned), subscription: word(item, "subscription") }
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

    /// Runs an ad-hoc command of a gateway that asks at most one form, which is filled in with `fields`; gives how it
    /// ended: status and notes.
    pub fn run(&mut self, gateway: &str, node: &str, fields: &Value) -> Result<Value, Error> {
        let request = json!({ "command": "command", "to": gateway, "node": node });
        self.send(&request)?;
        let asked = self.step_of(node)?;
        if asked["status"] != "executing" {
            return Ok(asked);
        }
        let mut answer = request;
        answer["session"] = asked["session"].clone();
        answer["action"] = json!("complete");
        answer["fields"] = fields.clone();
        self.send(&answer)?;
        self.step_of(node)
    }

    fn step_of(&mut self, node: &str) -> Result<Value, Error> {
        let step = |event: &Value| event["event"] == "command" && event["node"] == node;
        self.expect(&format!("answer to the command {node}"), SOON, step)
    }

    /// Confirms the gateway's device with the recovery key of the Matrix account.
    pub fn recover(&mut self, gateway: &str, key: &Value) -> Result<(), Error> {
        let done = self.run(gateway, "recover", &json!({ "key": key }))?;
        if done["notes"][0]["text"].as_str().is_some_and(|note| note.starts_with("Done")) {
            return Ok(());
        }
        Err(Error::Refused { asked: "recovery".into(), answer: done.to_string() })
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

    /// The roster as the server has it: name and subscription by JID.
    pub fn roster(&mut self) -> Result<BTreeMap<String, RosterItem>, Error> {
        self.send(&json!({ "command": "roster" }))?;
        let wanted = |event: &Value| event["event"] == "roster" && event["push"] == false;
        let roster = self.expect("the roster", SOON, wanted)?;
        let items = roster["items"].as_array().into_iter().flatten();
        Ok(items.map(|item| (word(item, "jid"), RosterItem::read(item))).collect())
    }

    /// Waits until the roster is as it should be; gives it.
    pub fn roster_becomes(
        &mut self,
        awaited: &str,
        holds: impl Fn(&BTreeMap<String, RosterItem>) -> bool,
    ) -> Result<BTreeMap<String, RosterItem>, Error> {
        loop {
            let roster = self.roster()?;
            if holds(&roster) {
                return Ok(roster);
            }
            let pushed = |event: &Value| event["event"] == "roster" && event["push"] == true;
            let shown = format!("roster with {awaited}, which is now {roster:?}");
            self.expect(&shown, SOON, pushed)?;
        }
    }

    /// Asks something (XEP-0030, XEP-0055, …) and gives the whole answer, an error too.
    pub fn ask(&mut self, to: &str, kind: &str, query: &str) -> Result<String, Error> {
        self.asked += 1;
        let id = format!("ask{}", self.asked);
        self.raw(&format!("<iq xmlns='jabber:client' type='{kind}' id='{id}' to='{to}'>{query}</iq>"))?;
        let quoted = [format!("id='{id}'"), format!("id=\"{id}\"")];
        let answers = |event: &Value| {
            let xml = event["xml"].as_str().unwrap_or_default();
            event["event"] == "stanza" && quoted.iter().any(|id| xml.contains(id))
        };
        Ok(word(&self.expect(&format!("answer to {query}"), SOON, answers)?, "xml"))
    }

    /// The next stanza that arrives and contains all of this. For clients with `--trace`.
    pub fn on_wire(&mut self, parts: &[&str]) -> Result<String, Error> {
        let wanted = |event: &Value| {
            let xml = event["xml"].as_str().unwrap_or_default();
            event["event"] == "trace" && event["direction"] == "in" && parts.iter().all(|part| xml.contains(part))
        };
        Ok(word(&self.expect(&format!("stanza with {parts:?}"), SOON, wanted)?, "xml"))
    }

    /// Says something in clear, as a client without encryption does.
    pub fn say_in_clear(&mut self, id: &str, text: &str) -> Result<(), Error> {
        self.send(&json!({ "command": "clear_send", "id": id, "text": text }))
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
        Ok(word(&joined, "room"))
    }

    /// The next message of somebody else, whatever it says.
    pub fn next_message(&mut self) -> Result<String, Error> {
        next_text(self, "body", |event| event["mine"] == false)
    }

    /// Shares a file, sealed.
    pub fn share(&mut self, room: &str, name: &str, media_type: &str, octets: &[u8]) -> Result<(), Error> {
        let octets = BASE64.encode(octets);
        let share =
            json!({ "command": "share", "room": room, "name": name, "media_type": media_type, "octets": octets });
        self.ask(share).map(drop)
    }

    /// The octets of a file that somebody shared, by the content of the message.
    pub fn fetch(&mut self, content: &Value) -> Result<Vec<u8>, Error> {
        let fetched = self.ask(json!({ "command": "fetch", "content": content }))?;
        Ok(BASE64.decode(word(&fetched, "octets")).unwrap_or_default())
    }

    /// The next messages of somebody else, as many as this.
    pub fn next_messages(&mut self, count: usize) -> Result<Vec<String>, Error> {
        (0..count).map(|_| self.next_message()).collect()
    }
}

fn next_text(lines: &mut JsonLines, key: &str, wanted: impl Fn(&Value) -> bool) -> Result<String, Error> {
    let event = lines.expect("next message", SOON, |event| event["event"] == "message" && wanted(event))?;
    Ok(word(&event, key))
}

fn word(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}
