//! The contacts do what the table says, and the far side can be played.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use drawbridge_bridge::{
    CancellationToken, Closed, Committed, ContactId, ConvId, Envelope, Error, Event, Exit, FlowId, LoginId, LoginInput,
    LoginRecord, LoginStep, Network, OutMessage, Place, Plaintext, Position, Secret, SendError, Sent, Session, Sink,
    TxnId, UserRef,
};
use drawbridge_echo::{EchoNetwork, EchoWorld, FarUser};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn echo_reads_types_and_repeats() {
    let alice = Alice::log_in(&EchoWorld::default()).await;
    let sent = alice.send("echo", "hello", "t1").await.unwrap();
    let events = alice.hears("echo").await;

    let shown: Vec<_> = events.iter().map(|envelope| format!("{:?}", envelope.event)).collect();
    assert_eq!(
        shown[1..4],
        [
            r#"Typing { on: true }"#,
            r#"Typing { on: false }"#,
            "Message { text: Plaintext(..), reply_to: None, file: None }"
        ]
    );
    assert_eq!(events[3].remote_id.as_ref(), Some(&sent.remote_id), "first the user's own message");
    assert_eq!(events[3].echo_of, Some(TxnId::new("t1")));
    assert!(events[3].sender.as_ref().unwrap().is_me);
    assert!(matches!(&events[4].event, Event::Displayed { up_to } if *up_to == sent.remote_id));
    assert!(matches!(&events[5].event, Event::Message { text, .. } if text.expose() == "hello"));
    assert_eq!(events[5].sender.as_ref().unwrap().id, ContactId::new("echo@echo"));
    assert_eq!(events.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn slow_takes_five_seconds() {
    let alice = Alice::log_in(&EchoWorld::default()).await;
    let sent_at = Instant::now();
    alice.send("slow", "hello", "t1").await.unwrap();

    sleep(Duration::from_millis(4900)).await;
    assert_eq!(alice.texts("slow"), Vec::<String>::new());
    sleep(Duration::from_millis(200)).await;
    assert_eq!(alice.texts("slow"), ["hello"]);
    assert!(sent_at.elapsed() < Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn silent_refuser_and_flaky_live_up_to_their_names() {
    let alice = Alice::log_in(&EchoWorld::default()).await;

    alice.send("silent", "hello", "t1").await.unwrap();
    assert!(matches!(alice.send("refuser", "hello", "t2").await, Err(SendError::Rejected(_))));
    assert!(matches!(
        alice.send("flaky", "hello", "t3").await,
        Err(SendError::Transient { after: Some(wait), .. }) if wait == Duration::from_secs(1)
    ));
    alice.send("flaky", "hello", "t3").await.unwrap();

    alice.hears("flaky").await;
    assert_eq!(alice.texts("flaky"), ["hello"]);
    assert_eq!(alice.texts("silent"), Vec::<String>::new());
    assert_eq!(alice.far.received().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_send_has_arrived_and_is_settled_by_the_same_id() {
    let alice = Alice::log_in(&EchoWorld::default()).await;
    alice.far.fail_next_send(SendError::Uncertain);

    assert!(matches!(alice.send("silent", "hello", "t1").await, Err(SendError::Uncertain)));
    alice.send("silent", "hello", "t1").await.unwrap();
    assert_eq!(alice.far.arrivals(&TxnId::new("t1")), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decrypted_comes_again_under_the_same_id() {
    let alice = Alice::log_in(&EchoWorld::default()).await;
    let silent = ContactId::new("silent@echo");
    let id = alice.far.says_undecryptable(&silent);
    alice.far.decrypts(&silent, &id, "at last");

    let events = alice.hears("silent").await;
    let [.., first, second] = &events[..] else { panic!("two events") };
    assert!(matches!(first.event, Event::Undecryptable));
    assert!(matches!(&second.event, Event::Message { text, .. } if text.expose() == "at last"));
    assert_eq!((first.version, second.version), (0, 1));
    assert_eq!((&first.remote_id, &second.remote_id), (&Some(id.clone()), &Some(id)));
}

#[tokio::test(start_paused = true)]
async fn invitations_are_open_until_they_are_answered() {
    let world = EchoWorld::default();
    let alice = Alice::log_in(&world).await;
    let bob = ContactId::new("Bob/%=@other.example");
    world.add_contact(&bob);
    alice.far.invites(&bob);
    let conv = alice.far.conversation(&bob).unwrap().id;
    sleep(Duration::from_millis(1)).await;

    assert!(alice.keeper.events(&conv).iter().any(|envelope| matches!(envelope.event, Event::Invite(_))));
    assert!(matches!(alice.send_to(&conv, "hello", "t1").await, Err(SendError::Rejected(_))));
    alice.session.direct().unwrap().accept(&conv).await.unwrap();
    alice.send_to(&conv, "hello", "t2").await.unwrap();

    alice.far.leaves(&bob);
    sleep(Duration::from_millis(1)).await;
    assert!(matches!(alice.keeper.events(&conv).last().unwrap().event, Event::ConvGone { .. }));
    assert!(matches!(alice.send_to(&conv, "hello", "t3").await, Err(SendError::Rejected(_))));
}

#[tokio::test(start_paused = true)]
async fn a_far_side_that_is_down_asks_for_a_retry_and_one_that_logs_out_for_nothing() {
    let mut alice = Alice::log_in(&EchoWorld::default()).await;
    alice.far.set_down(true);
    assert!(matches!((&mut alice.run).await.unwrap(), Exit::Retry { .. }));
    assert!(matches!(alice.send("silent", "hello", "t1").await, Err(SendError::Transient { .. })));
    alice.far.set_down(false);
    alice.send("silent", "hello", "t1").await.unwrap();

    alice.run = alice.start();
    alice.far.log_out();
    assert_eq!((&mut alice.run).await.unwrap(), Exit::LoggedOut);
    assert!(matches!(alice.send("silent", "hello", "t2").await, Err(SendError::LoggedOut)));
}

#[tokio::test(start_paused = true)]
async fn a_new_process_resumes_the_login_though_the_far_side_forgot_it() {
    let alice = Alice::log_in(&EchoWorld::default()).await;
    let sent = alice.send("echo", "hello", "t1").await.unwrap();
    alice.hears("echo").await;

    let later = alice.in_world(&EchoWorld::default());
    assert_eq!(later.send("echo", "hello", "t1").await.unwrap(), sent, "known from the login's own file");
    assert_eq!(later.far.received(), []);
    later.send("echo", "again", "t2").await.unwrap();
    later.hears("echo").await;
    assert_eq!(later.texts("echo"), ["hello", "again"], "positions of the old memory do not hide new events");
}

#[tokio::test(start_paused = true)]
async fn a_name_belongs_to_who_has_it() {
    let world = EchoWorld::default();
    let _alice = Alice::log_in(&world).await;
    let dir = tempfile::tempdir().unwrap();
    let mallory = sign_in(&world, "mallory", dir.path()).await;
    assert!(matches!(mallory, Err(Error::Rejected(_))));
}

/// Somebody who is logged in as alice, with the keeper of their events.
struct Alice {
    session: Arc<dyn Session>,
    far: FarUser,
    keeper: Arc<Recorder>,
    record: LoginRecord,
    place: Place,
    run: tokio::task::JoinHandle<Exit>,
    _dir: Arc<tempfile::TempDir>,
}

impl Alice {
    async fn log_in(world: &EchoWorld) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let Ok(LoginStep::Done(grant)) = sign_in(world, "alice", dir.path()).await else { panic!("no login") };
        let record = LoginRecord { id: LoginId::new("1"), account: grant.account, state: grant.state };
        let alice = Self::open(world, record, place(dir.path()), Arc::default(), dir);
        sleep(Duration::from_millis(1)).await;
        alice
    }

    fn in_world(self, world: &EchoWorld) -> Self {
        self.run.abort();
        Self::open(world, self.record, self.place, self.keeper, self._dir)
    }

    fn open(
        world: &EchoWorld,
        record: LoginRecord,
        place: Place,
        keeper: Arc<Recorder>,
        dir: Arc<tempfile::TempDir>,
    ) -> Self {
        let session = EchoNetwork::new(world.clone()).open(record.clone(), place.clone()).unwrap();
        let run = tokio::spawn(session.clone().run(keeper.clone(), CancellationToken::new()));
        Self { session, far: world.user(&record.account), keeper, record, place, run, _dir: dir }
    }

    fn start(&self) -> tokio::task::JoinHandle<Exit> {
        tokio::spawn(self.session.clone().run(self.keeper.clone(), CancellationToken::new()))
    }

    async fn send(&self, contact: &str, text: &str, txn: &str) -> Result<Sent, SendError> {
        self.send_to(&conv(contact), text, txn).await
    }

    async fn send_to(&self, conv: &ConvId, text: &str, txn: &str) -> Result<Sent, SendError> {
        self.session
            .send(OutMessage { conv: conv.clone(), text: Plaintext::new(text), reply_to: None }, TxnId::new(txn))
            .await
    }

    /// Everything that came in the conversation, once nothing more comes.
    async fn hears(&self, contact: &str) -> Vec<Envelope> {
        sleep(Duration::from_millis(1)).await;
        self.keeper.events(&conv(contact))
    }

    /// What the contact wrote.
    fn texts(&self, contact: &str) -> Vec<String> {
        let events = self.keeper.events(&conv(contact));
        let theirs = events.iter().filter(|envelope| !envelope.sender.as_ref().unwrap().is_me);
        theirs
            .filter_map(|envelope| match &envelope.event {
                Event::Message { text, .. } => Some(text.expose().to_owned()),
                _ => None,
            })
            .collect()
    }
}

#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<Envelope>>,
    positions: Mutex<BTreeMap<ConvId, Position>>,
}

impl Recorder {
    fn events(&self, conv: &ConvId) -> Vec<Envelope> {
        self.events.lock().unwrap().iter().filter(|envelope| envelope.conv.as_ref() == Some(conv)).cloned().collect()
    }
}

#[async_trait::async_trait]
impl Sink for Recorder {
    async fn deliver(&self, envelope: Envelope) -> Result<Committed, Closed> {
        if let (Some(conv), Some(position)) = (&envelope.conv, &envelope.position) {
            self.positions.lock().unwrap().insert(conv.clone(), position.clone());
        }
        self.events.lock().unwrap().push(envelope);
        Ok(Committed::Fresh)
    }

    async fn position(&self, conv: &ConvId) -> Option<Position> {
        self.positions.lock().unwrap().get(conv).cloned()
    }

    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed> {
        self.positions.lock().unwrap().insert(conv.clone(), position);
        Ok(())
    }
}

async fn sign_in(world: &EchoWorld, who: &str, dir: &std::path::Path) -> Result<LoginStep, Error> {
    let network = EchoNetwork::new(world.clone());
    let mut process = network.begin_login(&UserRef(who.into()), &FlowId::new("name"), place(dir))?;
    process.step(LoginInput { values: BTreeMap::from([("username".into(), Secret::new("alice"))]) }).await
}

fn place(dir: &std::path::Path) -> Place {
    Place { dir: dir.to_owned(), key: Secret::new([7; 32]) }
}

fn conv(contact: &str) -> ConvId {
    ConvId::new(format!("alice@echo/{contact}@echo"))
}
