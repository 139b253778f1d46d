//! The echo world as the suite plays it: with the contact who answers nothing by themselves.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use drawbridge_bridge::{
    Annotation, Attachment, Caption, ContactId, ConvId, FileContent, FileInfo, LoginInput, Network, Place, Plaintext,
    RemoteId, Secret, UserRef,
    conformance::{Harness, Seen, Shared},
};
use drawbridge_echo::{EchoNetwork, EchoWorld, FarUser};

#[derive(Default)]
pub(crate) struct EchoHarness {
    world: EchoWorld,
    users: AtomicUsize,
    places: std::sync::Mutex<Vec<tempfile::TempDir>>,
}

impl EchoHarness {
    fn name(&self) -> String {
        format!("user{}", self.users.load(Ordering::Relaxed))
    }

    fn far(&self) -> FarUser {
        self.world.user(&ContactId::new(format!("{}@echo", self.name())))
    }
}

#[async_trait]
impl Harness for EchoHarness {
    fn network(&self) -> Arc<dyn Network> {
        Arc::new(EchoNetwork::new(self.world.clone()))
    }

    fn user(&self) -> UserRef {
        self.users.fetch_add(1, Ordering::Relaxed);
        UserRef(self.name())
    }

    fn place(&self) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { dir: dir.path().to_owned(), key: Secret::new([7; 32]) };
        self.places.lock().unwrap().push(dir);
        place
    }

    fn right_input(&self) -> LoginInput {
        input(&self.name())
    }

    fn wrong_inputs(&self) -> Vec<LoginInput> {
        ["", "two words", "a@b", "a/b", "\u{0}"].map(input).into()
    }

    fn legal_ids(&self) -> Vec<ContactId> {
        ["a@echo", "A@echo", "a@b@echo", "x/y%z=1@echo", "ä@echo", "echo@other.example", "@@echo"]
            .map(ContactId::new)
            .into()
    }

    fn illegal_ids(&self) -> Vec<ContactId> {
        ["", "echo", "@echo", "echo@", "two words@echo", "line\n@echo"].map(ContactId::new).into()
    }

    fn typed(&self) -> Vec<(String, Option<ContactId>)> {
        let means = |text: &str, id: Option<&str>| (text.to_owned(), id.map(ContactId::new));
        vec![
            means("echo@echo", Some("echo@echo")),
            means("  echo ", Some("echo@echo")),
            means("", None),
            means("who is that", None),
            means("echo@", None),
        ]
    }

    fn contact(&self) -> ContactId {
        ContactId::new("silent@echo")
    }

    fn nobody(&self) -> ContactId {
        ContactId::new("nobody@echo")
    }

    async fn contact_says(&self, _conv: &ConvId, text: &str) {
        self.far().says(&self.contact(), text);
    }

    async fn contact_replies(&self, _conv: &ConvId, to: &RemoteId, text: &str) {
        self.far().replies(&self.contact(), to, text);
    }

    async fn contact_annotates(&self, _conv: &ConvId, annotation: Annotation) {
        self.far().annotates(&self.contact(), annotation);
    }

    async fn contact_sees(&self, _conv: &ConvId) -> Vec<Seen> {
        let replies = self
            .far()
            .received()
            .into_iter()
            .filter_map(|it| Some(Seen::Reply { to: it.reply_to?, text: it.text.expose().to_owned() }));
        let annotated = self.far().annotated().into_iter().map(|it| Seen::Annotated(it.annotation));
        replies.chain(annotated).collect()
    }

    async fn contact_shares(&self, _conv: &ConvId, file: &Shared) {
        let Shared { name, media_type, dimensions, octets, caption } = file.clone();
        let info = FileInfo { name: Plaintext::new(name), media_type, size: None, dimensions, duration: None };
        let caption = caption.map(|caption| Caption(Plaintext::new(caption)));
        self.far().shares(&self.contact(), info, caption, FileContent::new(octets.into()));
    }

    async fn contact_has(&self, _conv: &ConvId) -> Vec<Shared> {
        let far = self.far();
        let has = |file: Box<Attachment>| Shared {
            name: file.info.name.expose().to_owned(),
            media_type: file.info.media_type.clone(),
            dimensions: file.info.dimensions,
            octets: far.file(&file.handle).unwrap().expose().to_vec(),
            caption: file.caption.map(|Caption(caption)| caption.expose().to_owned()),
        };
        far.received().into_iter().filter_map(|received| received.file).map(has).collect()
    }

    async fn contact_heard(&self, _conv: &ConvId) -> Vec<String> {
        self.far()
            .received()
            .iter()
            .filter(|received| received.file.is_none())
            .map(|received| received.text.expose().to_owned())
            .collect()
    }

    async fn contact_sees_typing(&self, conv: &ConvId) -> bool {
        self.far().is_typing(conv)
    }

    async fn contact_sees_read(&self, conv: &ConvId) -> Option<RemoteId> {
        self.far().has_read(conv)
    }
}

fn input(name: &str) -> LoginInput {
    LoginInput { values: BTreeMap::from([("username".to_owned(), Secret::new(name))]) }
}
