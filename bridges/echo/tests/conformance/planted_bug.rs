//! The echo network with one bug: each is a mistake that a bridge could make.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use drawbridge_bridge::{
    conformance::{Harness, Seen, Shared},
    network::ContactName,
    *,
};

use crate::echo_harness::EchoHarness;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    AsksNothing,
    TakesAnyInput,
    LowersNames,
    TrustsTyping,
    TrimsText,
    IgnoresTxn,
    ForgetsTxnAtRestart,
    RemembersNoTxn,
    CutsLongText,
    SwapsEvents,
    SkipsWhatWasNotTaken,
    StartsAtNow,
    NewIdsOnReplay,
    IgnoresStop,
    StaysLoggedIn,
    KnowsEverybody,
    ForgetsConversations,
    FindsNobody,
    SwallowsSignals,
    AnnotatesAnew,
    ForgetsWhatIsReplied,
    ReactsWithTheWrongSign,
    SaysCorrectionsAnew,
    SharesAnew,
    CutsFiles,
    FetchesWithoutEnd,
    DescribesFiles,
}

/// Where a bridge with the bug of keeping its own place believes the keeper to be.
type Places = Arc<Mutex<HashMap<ConvId, Position>>>;

/// The echo harness around a network, a login, a session and a sink with the bug.
pub(crate) struct Buggy {
    bug: Bug,
    echo: EchoHarness,
    places: Places,
}

impl Buggy {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, echo: EchoHarness::default(), places: Places::default() }
    }
}

#[async_trait]
impl Harness for Buggy {
    fn network(&self) -> Arc<dyn Network> {
        Arc::new(BuggyNetwork { bug: self.bug, echo: self.echo.network(), places: self.places.clone() })
    }
    fn user(&self) -> UserRef {
        self.echo.user()
    }
    fn place(&self) -> Place {
        self.echo.place()
    }
    fn right_input(&self) -> LoginInput {
        self.echo.right_input()
    }
    fn wrong_inputs(&self) -> Vec<LoginInput> {
        self.echo.wrong_inputs()
    }
    fn legal_ids(&self) -> Vec<ContactId> {
        self.echo.legal_ids()
    }
    fn illegal_ids(&self) -> Vec<ContactId> {
        self.echo.illegal_ids()
    }
    fn typed(&self) -> Vec<(String, Option<ContactId>)> {
        self.echo.typed()
    }
    fn contact(&self) -> ContactId {
        self.echo.contact()
    }
    fn nobody(&self) -> ContactId {
        self.echo.nobody()
    }
    async fn contact_says(&self, conv: &ConvId, text: &str) {
        self.echo.contact_says(conv, text).await;
    }
    async fn contact_replies(&self, conv: &ConvId, to: &RemoteId, text: &str) {
        self.echo.contact_replies(conv, to, text).await;
    }
    async fn contact_annotates(&self, conv: &ConvId, annotation: Annotation) {
        self.echo.contact_annotates(conv, annotation).await;
    }
    async fn contact_sees(&self, conv: &ConvId) -> Vec<Seen> {
        self.echo.contact_sees(conv).await
    }
    async fn contact_shares(&self, conv: &ConvId, file: &Shared) {
        self.echo.contact_shares(conv, file).await;
    }
    async fn contact_has(&self, conv: &ConvId) -> Vec<Shared> {
        self.echo.contact_has(conv).await
    }
    async fn contact_heard(&self, conv: &ConvId) -> Vec<String> {
        self.echo.contact_heard(conv).await
    }
    async fn contact_sees_typing(&self, conv: &ConvId) -> bool {
        self.echo.contact_sees_typing(conv).await
    }
    async fn contact_sees_read(&self, conv: &ConvId) -> Option<RemoteId> {
        self.echo.contact_sees_read(conv).await
    }
    /// What never comes is not waited for as long.
    fn patience(&self) -> Duration {
        if self.bug == Bug::None { self.echo.patience() } else { Duration::from_secs(1) }
    }
}

struct BuggyNetwork {
    bug: Bug,
    echo: Arc<dyn Network>,
    places: Places,
}

impl Network for BuggyNetwork {
    fn descriptor(&self) -> Descriptor {
        self.echo.descriptor()
    }
    fn login_flows(&self) -> Vec<LoginFlow> {
        self.echo.login_flows()
    }
    fn begin_login(&self, who: &UserRef, flow: &FlowId, place: Place) -> Result<Box<dyn LoginProcess>, Error> {
        Ok(Box::new(BuggyLogin { bug: self.bug, echo: self.echo.begin_login(who, flow, place)? }))
    }
    fn open(&self, login: LoginRecord, place: Place) -> Result<Arc<dyn Session>, Error> {
        if self.bug == Bug::ForgetsTxnAtRestart {
            let _ = std::fs::remove_file(place.dir.join("sent.jsonl"));
        }
        let echo = self.echo.open(login, place)?;
        Ok(Arc::new(BuggySession { bug: self.bug, echo, count: AtomicU64::new(0), places: self.places.clone() }))
    }
    fn parse_contact(&self, text: &str) -> Option<ContactId> {
        match self.bug {
            Bug::TrustsTyping => Some(ContactId::new(text)),
            _ => self.echo.parse_contact(text),
        }
    }
    fn split(&self, id: &ContactId) -> Option<ContactName> {
        self.echo.split(id)
    }
    fn join(&self, name: &ContactName) -> Option<ContactId> {
        let joined = self.echo.join(name)?;
        Some(if self.bug == Bug::LowersNames { ContactId::new(joined.as_str().to_lowercase()) } else { joined })
    }
}

struct BuggyLogin {
    bug: Bug,
    echo: Box<dyn LoginProcess>,
}

#[async_trait]
impl LoginProcess for BuggyLogin {
    async fn step(&mut self, mut input: LoginInput) -> Result<LoginStep, Error> {
        if self.bug == Bug::TakesAnyInput && !input.values.is_empty() {
            input.values.insert("username".into(), Secret::new("anybody"));
        }
        let mut step = self.echo.step(input).await?;
        if let (Bug::AsksNothing, LoginStep::Form { fields, .. }) = (self.bug, &mut step) {
            fields.clear();
        }
        Ok(step)
    }
    async fn cancel(self: Box<Self>) {
        self.echo.cancel().await;
    }
}

struct BuggySession {
    bug: Bug,
    echo: Arc<dyn Session>,
    count: AtomicU64,
    places: Places,
}

#[async_trait]
impl Session for BuggySession {
    async fn run(self: Arc<Self>, keeper: EventSink, stop: CancellationToken) -> Exit {
        let (started, held, places) = (SystemTime::now(), Mutex::default(), self.places.clone());
        let out = Arc::new(BuggySink { bug: self.bug, keeper, started, held, places });
        let stop = if self.bug == Bug::IgnoresStop { CancellationToken::new() } else { stop };
        self.echo.clone().run(out, stop).await
    }
    fn caps(&self, conv: Option<&ConvId>) -> Caps {
        self.echo.caps(conv)
    }
    async fn send(&self, mut message: OutMessage, mut txn: TxnId) -> Result<Sent, SendError> {
        match self.bug {
            Bug::IgnoresTxn => {
                txn = TxnId::new(format!("{txn}-{}", self.count.fetch_add(1, Ordering::Relaxed)));
            }
            Bug::ForgetsWhatIsReplied => message.reply_to = None,
            Bug::TrimsText => message.text = Plaintext::new(message.text.expose().replace('\n', " ")),
            Bug::CutsLongText => {
                let most = self.caps(None).max_text;
                message.text = Plaintext::new(message.text.expose().chars().take(most).collect::<String>());
            }
            _ => {}
        }
        self.echo.send(message, txn).await
    }
    async fn sent(&self, conv: &ConvId, txn: &TxnId) -> Result<Option<Sent>, SendError> {
        match self.bug {
            Bug::RemembersNoTxn => Ok(None),
            _ => self.echo.sent(conv, txn).await,
        }
    }
    async fn conversation(&self, conv: &ConvId) -> Result<ConvInfo, Error> {
        match self.bug {
            Bug::ForgetsConversations => Err(Error::NotFound),
            _ => self.echo.conversation(conv).await,
        }
    }
    async fn contact(&self, contact: &ContactId) -> Result<ContactInfo, Error> {
        match self.bug {
            Bug::KnowsEverybody => Ok(ContactInfo { id: contact.clone(), name: None, avatar: None }),
            _ => self.echo.contact(contact).await,
        }
    }
    async fn logout(&self) -> Result<(), Error> {
        match self.bug {
            Bug::StaysLoggedIn => Ok(()),
            _ => self.echo.logout().await,
        }
    }
    fn direct(&self) -> Option<&dyn Direct> {
        self.echo.direct()
    }
    fn annotate(&self) -> Option<&dyn Annotate> {
        match self.bug {
            Bug::AnnotatesAnew | Bug::ReactsWithTheWrongSign => Some(self),
            _ => self.echo.annotate(),
        }
    }
    fn media(&self) -> Option<&dyn Media> {
        match self.bug {
            Bug::SharesAnew | Bug::CutsFiles | Bug::FetchesWithoutEnd => Some(self),
            _ => self.echo.media(),
        }
    }
    fn directory(&self) -> Option<&dyn Directory> {
        if self.bug == Bug::FindsNobody { Some(self) } else { self.echo.directory() }
    }
    fn signals(&self) -> Option<&dyn Signals> {
        if self.bug == Bug::SwallowsSignals { Some(self) } else { self.echo.signals() }
    }
}

#[async_trait]
impl Directory for BuggySession {
    async fn resolve(&self, _contact: &ContactId) -> Result<ContactInfo, Error> {
        Err(Error::NotFound)
    }
    async fn search(&self, _text: &str, _limit: usize) -> Result<Vec<ContactInfo>, Error> {
        Ok(Vec::new())
    }
    async fn conversations(&self) -> Result<Vec<ConvInfo>, Error> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Signals for BuggySession {
    async fn typing(&self, _conv: &ConvId, _on: bool) -> Result<(), Error> {
        Ok(())
    }
    async fn displayed(&self, _conv: &ConvId, _remote_id: &RemoteId) -> Result<(), Error> {
        Ok(())
    }
    async fn presence(&self, _availability: Availability, _status: Option<&str>) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl Annotate for BuggySession {
    async fn annotate(&self, conv: &ConvId, mut what: Annotation, mut txn: TxnId) -> Result<Sent, SendError> {
        if self.bug == Bug::AnnotatesAnew {
            txn = TxnId::new(format!("{txn}-{}", self.count.fetch_add(1, Ordering::Relaxed)));
        } else if let Annotation::React { key, .. } = &mut what {
            *key = Plaintext::new(key.expose().chars().take(1).collect::<String>());
        }
        match self.echo.annotate() {
            Some(echo) => echo.annotate(conv, what, txn).await,
            None => Err(SendError::Rejected("the network cannot do that".into())),
        }
    }
    fn encrypts_reactions(&self) -> bool {
        true
    }
}

#[async_trait]
impl Media for BuggySession {
    async fn fetch(&self, handle: &Handle, max: usize) -> Result<FileContent, Error> {
        let max = if self.bug == Bug::FetchesWithoutEnd { usize::MAX } else { max };
        self.echo.media().unwrap().fetch(handle, max).await
    }
    async fn share(&self, mut file: OutFile, mut txn: TxnId) -> Result<Sent, SendError> {
        if self.bug == Bug::SharesAnew {
            txn = TxnId::new(format!("{txn}-{}", self.count.fetch_add(1, Ordering::Relaxed)));
        } else if self.bug == Bug::CutsFiles {
            let mut octets = file.content.into_octets();
            octets.truncate(65_536);
            file.content = FileContent::new(octets);
        }
        self.echo.media().unwrap().share(file, txn).await
    }
}

/// Stands between the session and the keeper, and gets what passes wrong.
struct BuggySink {
    bug: Bug,
    keeper: EventSink,
    started: SystemTime,
    held: Mutex<Option<Envelope>>,
    places: Places,
}

#[async_trait]
impl Sink for BuggySink {
    async fn deliver(&self, mut envelope: Envelope) -> Result<Committed, Closed> {
        let is_message = matches!(envelope.event, Event::Message { .. });
        match self.bug {
            Bug::SwapsEvents if is_message => {
                let Some(held) = self.held.lock().unwrap().replace(envelope.clone()) else {
                    return Ok(Committed::Fresh);
                };
                *self.held.lock().unwrap() = None;
                self.keeper.deliver(envelope).await?;
                envelope = held;
            }
            Bug::SkipsWhatWasNotTaken => {
                if let (Some(conv), Some(position)) = (&envelope.conv, &envelope.position) {
                    self.places.lock().unwrap().insert(conv.clone(), position.clone());
                }
            }
            Bug::StartsAtNow if envelope.time.is_some_and(|time| time < self.started) => return Ok(Committed::Fresh),
            Bug::SaysCorrectionsAnew => {
                if let Event::Annotated { annotation: Annotation::Edit { text, .. }, .. } = &envelope.event {
                    envelope.event = Event::Message { text: text.clone(), reply_to: None, file: None };
                }
            }
            Bug::DescribesFiles => {
                if let Event::Message { file, .. } = &mut envelope.event {
                    *file = None;
                }
            }
            Bug::NewIdsOnReplay => {
                envelope.remote_id = envelope.remote_id.map(|id| RemoteId::new(format!("{id} in {:?}", self.started)));
            }
            _ => {}
        }
        self.keeper.deliver(envelope).await
    }
    async fn position(&self, conv: &ConvId) -> Option<Position> {
        match self.bug {
            Bug::SkipsWhatWasNotTaken => self.places.lock().unwrap().get(conv).cloned(),
            _ => self.keeper.position(conv).await,
        }
    }
    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed> {
        self.keeper.set_position(conv, position).await
    }
}
