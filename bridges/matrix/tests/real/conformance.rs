//! The far side for the suite that every bridge must pass: a homeserver, many users, and Bob.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use drawbridge_bridge::conformance::{Broken, Harness, Promise, Seen, Shared, check};
use drawbridge_bridge::{
    Annotation, ContactId, ConvId, LoginInput, Network, Place, Plaintext, RemoteId, Secret, Session, UserRef,
};
use drawbridge_matrix::MatrixNetwork;
use matrix_sdk::attachment::{AttachmentConfig, AttachmentInfo, BaseImageInfo};
use matrix_sdk::ruma::events::receipt::{ReceiptThread, ReceiptType};
use matrix_sdk::ruma::events::room::MediaSource;
use matrix_sdk::ruma::events::room::message::TextMessageEventContent;
use matrix_sdk::ruma::{EventId, UserId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::homeserver;
use super::people::{PATIENCE, Person, place};
use super::synapse::{Synapse, password};

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_of_a_bridge_is_kept() {
    let synapse = homeserver().await;
    let harness = Town::around(&synapse).await;
    for promise in Promise::ALL {
        let kept = timeout(2 * PATIENCE, check(*promise, &harness)).await;
        let kept = kept.unwrap_or_else(|_| panic!("{promise} hangs"));
        assert!(kept.is_ok(), "{promise} {}", kept.unwrap_err());
    }
}

/// More users than there are promises: each login is somebody new.
const USERS: usize = 40;

pub(crate) struct Town {
    homeserver: String,
    bob: Person,
    newest: AtomicUsize,
    places: Mutex<Vec<TempDir>>,
}

impl Town {
    pub(crate) async fn around(synapse: &Synapse) -> Self {
        for n in 1..=USERS {
            synapse.user(&name(n)).await;
        }
        let bob = Person::sign_in(&synapse.url(), "bob", true).await;
        Self { homeserver: synapse.url(), bob, newest: AtomicUsize::new(0), places: Mutex::default() }
    }

    fn input(&self, password: &str) -> LoginInput {
        let user = name(self.newest.load(Ordering::SeqCst));
        let values = [("homeserver", self.homeserver.as_str()), ("username", &user), ("password", password)];
        LoginInput { values: values.into_iter().map(|(k, v)| (k.to_owned(), Secret::new(v))).collect() }
    }
}

fn name(n: usize) -> String {
    format!("user{n}")
}

/// What an event is that is about another one.
fn seen(event: &Value) -> Option<Seen> {
    let content = &event["content"];
    let relation = &content["m.relates_to"];
    let id = |value: &Value| value.as_str().map(RemoteId::new);
    Some(match event["type"].as_str()? {
        "m.room.redaction" => {
            let target = id(&event["redacts"]).or_else(|| id(&content["redacts"]))?;
            Seen::Annotated(Annotation::Retract { target })
        }
        "m.reaction" => {
            let key = Plaintext::new(relation["key"].as_str()?);
            Seen::Annotated(Annotation::React { target: id(&relation["event_id"])?, key })
        }
        "m.room.message" if relation["rel_type"] == "m.replace" => {
            let text = Plaintext::new(content["m.new_content"]["body"].as_str()?);
            Seen::Annotated(Annotation::Edit { target: id(&relation["event_id"])?, text })
        }
        "m.room.message" => {
            let to = id(&relation["m.in_reply_to"]["event_id"])?;
            Seen::Reply { to, text: content["body"].as_str()?.to_owned() }
        }
        _ => return None,
    })
}

#[async_trait]
impl Harness for Town {
    fn network(&self) -> Arc<dyn Network> {
        Arc::new(MatrixNetwork::new())
    }

    fn user(&self) -> UserRef {
        UserRef(name(self.newest.fetch_add(1, Ordering::SeqCst) + 1))
    }

    fn place(&self) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let place = place(&dir);
        self.places.lock().unwrap().push(dir);
        place
    }

    fn right_input(&self) -> LoginInput {
        self.input(&password(&name(self.newest.load(Ordering::SeqCst))))
    }

    fn wrong_inputs(&self) -> Vec<LoginInput> {
        let mut no_server = self.right_input();
        no_server.values.remove("homeserver");
        let mut no_address = self.right_input();
        no_address.values.insert("homeserver".into(), Secret::new("http://example.org"));
        vec![self.input("wrong"), no_server, no_address]
    }

    fn legal_ids(&self) -> Vec<ContactId> {
        ["@bob:test.local", "@BOB:test.local", "@a/b=c+d:test.local:8448", "@a%b!~:[::1]:80"].map(ContactId::new).into()
    }

    fn illegal_ids(&self) -> Vec<ContactId> {
        ["", "bob", "@bob", "bob:test.local", "@:test.local", "@b b:test.local", "!r:test.local"]
            .map(ContactId::new)
            .into()
    }

    fn typed(&self) -> Vec<(String, Option<ContactId>)> {
        let bob = || Some(self.contact());
        [
            ("bob:test.local", bob()),
            ("bob%test.local", bob()),
            ("https://matrix.to/#/@bob:test.local", bob()),
            ("bob", None),
        ]
        .map(|(text, meant)| (text.to_owned(), meant))
        .into()
    }

    fn contact(&self) -> ContactId {
        ContactId::new("@bob:test.local")
    }

    fn nobody(&self) -> ContactId {
        ContactId::new("@nobody:test.local")
    }

    async fn conversation(&self, session: &dyn Session) -> Result<ConvId, Broken> {
        let opened = session.direct().unwrap().open(&self.contact()).await;
        let conv = opened.map_err(|error| Broken(error.to_string()))?;
        self.bob.joins(&conv.id).await;
        Ok(conv.id)
    }

    async fn contact_says(&self, conv: &ConvId, text: &str) {
        let room = self.bob.room(conv).await;
        self.bob.says(&room, text).await;
    }

    async fn contact_replies(&self, conv: &ConvId, to: &RemoteId, text: &str) {
        let relation = json!({ "m.in_reply_to": { "event_id": to.as_str() } });
        let content = json!({ "msgtype": "m.text", "body": text, "m.relates_to": relation });
        self.bob.room(conv).await.send_raw("m.room.message", content).await.unwrap();
    }

    async fn contact_annotates(&self, conv: &ConvId, annotation: Annotation) {
        let room = self.bob.room(conv).await;
        match annotation {
            Annotation::Edit { target, text } => {
                let relation = json!({ "rel_type": "m.replace", "event_id": target.as_str() });
                let new = json!({ "msgtype": "m.text", "body": text.expose() });
                let content =
                    json!({ "msgtype": "m.text", "body": "* ", "m.relates_to": relation, "m.new_content": new });
                room.send_raw("m.room.message", content).await.unwrap();
            }
            Annotation::React { target, key } => {
                let relation = json!({ "rel_type": "m.annotation", "event_id": target.as_str(), "key": key.expose() });
                room.send_raw("m.reaction", json!({ "m.relates_to": relation })).await.unwrap();
            }
            Annotation::Retract { target } => {
                room.redact(&EventId::parse(target.as_str()).unwrap(), None, None).await.unwrap();
            }
        }
    }

    async fn contact_sees(&self, conv: &ConvId) -> Vec<Seen> {
        self.bob.events_in(conv.as_str()).iter().filter_map(seen).collect()
    }

    async fn contact_shares(&self, conv: &ConvId, file: &Shared) {
        let Shared { name, media_type, dimensions, octets, caption } = file.clone();
        let [width, height] = [dimensions.map(|it| it.0.into()), dimensions.map(|it| it.1.into())];
        let info = AttachmentInfo::Image(BaseImageInfo { width, height, ..BaseImageInfo::default() });
        let config = AttachmentConfig::new().info(info).caption(caption.map(TextMessageEventContent::plain));
        let room = self.bob.room(conv).await;
        room.send_attachment(name, &media_type.parse().unwrap(), octets, config).await.unwrap();
    }

    async fn contact_has(&self, conv: &ConvId) -> Vec<Shared> {
        let mut files = Vec::new();
        for event in self.bob.events_in(conv.as_str()) {
            let content = &event["content"];
            let Ok(source) = serde_json::from_value::<MediaSource>(content.clone()) else { continue };
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let (name, body) = (text(&content["filename"]).unwrap(), text(&content["body"]));
            let side = |field: &str| content["info"][field].as_u64().map(|side| side.try_into().unwrap());
            let octets = self.bob.fetches(source).await;
            assert_eq!(content["info"]["size"], octets.len());
            assert!(content["file"].is_object() && content["url"].is_null(), "the room is encrypted: {event}");
            files.push(Shared {
                caption: body.filter(|body| *body != name),
                name,
                media_type: text(&content["info"]["mimetype"]).unwrap(),
                dimensions: side("w").zip(side("h")),
                octets,
            });
        }
        files
    }

    async fn contact_heard(&self, conv: &ConvId) -> Vec<String> {
        self.bob.heard_in(conv.as_str())
    }

    async fn contact_sees_typing(&self, conv: &ConvId) -> bool {
        self.bob.sees_typing(conv.as_str())
    }

    async fn contact_sees_read(&self, conv: &ConvId) -> Option<RemoteId> {
        let room = self.bob.room(conv).await;
        let user = UserId::parse(format!("@{}:test.local", name(self.newest.load(Ordering::SeqCst)))).unwrap();
        let mark = room.load_user_receipt(ReceiptType::Read, &ReceiptThread::Unthreaded, &user).await.unwrap();
        mark.map(|(event, _)| RemoteId::new(event.as_str()))
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn quiet(&self) -> Duration {
        Duration::from_secs(1)
    }
}
