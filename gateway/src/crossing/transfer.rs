//! Files: from where the user's client has put them to the network, and from the network to where the user's client finds them.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use drawbridge_bridge::{
    Attachment, Caption, ConvId, Error, FileContent, FileInfo, OutFile, OutMessage, Plaintext, Session, TxnId,
};
use jid::BareJid;
use tokio::time::Instant;
use xmpp_files::{Algorithm, Cipher, Hash, Key, Shared, Source, encrypt};

use super::conversation::Conversation;
use super::input::Input;
use super::sender::{Attempt, Sender, attempted};
use crate::files::{UploadError, Wanted, WebError, names, upload};
use crate::keeper::Keeper;
use crate::message::{File, Message};
use crate::store::outbox::Crossing;
use crate::store::{self, Delivery, deliveries};
use crate::xmpp::element::random_id;
use crate::xmpp::error::Condition;

/// Attempts to bring a file of a contact, with these pauses before them; then its words must do.
const ATTEMPTS: [Duration; 5] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(20), Duration::from_secs(60)];
/// How often it is looked whether the login is there again.
const ABSENCE: Duration = Duration::from_secs(5);
/// What waits behind a file of the user's waits no longer than this for its server.
const PATIENCE: Duration = Duration::from_secs(300);
/// Octets that encryption may add.
const OVERHEAD: usize = 32;

const NO_FILES: &str = "files do not cross to this network";
const CHANGED: &str = "the file is not the one that the message describes: nothing was sent";

impl Sender {
    /// One attempt with a file of the user's. Its key never leaves this process: where the file cannot go, nothing does.
    pub(super) async fn share(
        &self,
        session: &dyn Session,
        conv: &ConvId,
        crossing: &Crossing,
        (shared, said): (Shared, Plaintext),
    ) -> store::Result<Attempt> {
        if self.has_tried(&crossing.txn)
            && let sent @ Attempt::Sent(_) = attempted(session.sent(conv, &crossing.txn).await)
        {
            // Nobody could say so the last time.
            return Ok(sent);
        }
        let max = self.keeper.config.files.max_size;
        let words = match &shared.source {
            // Nobody's secret: where the file does not cross, its address does.
            Source::Clear { url } => Some(Plaintext::new(format!("{}\n{url}", said.expose()).trim_start())),
            Source::Encrypted { .. } => None,
        };
        let instead = async |why: Attempt| match words {
            Some(text) => {
                let message = OutMessage { conv: conv.clone(), text, reply_to: None };
                Ok(attempted(session.send(message, crossing.txn.clone()).await.map(Some)))
            }
            None => Ok(why),
        };
        let Some(media) = session.media().filter(|_| max > 0) else { return instead(never(NO_FILES)).await };
        let Some(turn) = self.keeper.web.turn(&self.user.jid).await else { return Ok(Attempt::Later(None)) };
        let tried = self.tries(&crossing.txn);
        let fetched = match self.keeper.web.get(shared.source.url(), max.saturating_add(OVERHEAD)).await {
            Ok(fetched) => fetched,
            Err(error) if error.may_pass() && tried < PATIENCE => {
                return Ok(Attempt::Later(None));
            }
            Err(error @ WebError::TooLong(_)) => {
                let why = format!("the file does not cross: {error}");
                return instead(Attempt::Never(Condition::PolicyViolation, why)).await;
            }
            Err(error) => return instead(never(&format!("the file cannot be fetched: {error}"))).await,
        };
        let opening = shared.clone();
        let Ok(Ok(octets)) = tokio::task::spawn_blocking(move || opening.open(fetched)).await else {
            return Ok(never(CHANGED));
        };
        let content = FileContent::new(octets);
        let caption = Some(said).filter(|said| !said.expose().is_empty()).map(Caption);
        let out = OutFile { conv: conv.clone(), info: info(&shared, &content), content, caption };
        let sent = media.share(out, crossing.txn.clone()).await;
        drop(turn);
        Ok(attempted(sent.map(Some)))
    }
}

impl Sender {
    fn has_tried(&self, txn: &TxnId) -> bool {
        let trying = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        trying.as_ref().is_some_and(|(of, _)| of == txn)
    }

    /// For how long this is being tried.
    fn tries(&self, txn: &TxnId) -> Duration {
        let mut trying = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        match trying.as_ref().filter(|(of, _)| of == txn) {
            Some((_, since)) => since.elapsed(),
            None => {
                *trying = Some((txn.clone(), Instant::now()));
                Duration::ZERO
            }
        }
    }
}

impl Conversation {
    /// Those that can go now: none from the first on whose file is still to be brought.
    pub(super) fn until_file(&mut self, waiting: Vec<Delivery>, seals: bool) -> Vec<Delivery> {
        let far = |delivery: &Delivery| match &delivery.parcel.message {
            Some(Message { file: Some(File::Far(file)), .. }) if !delivery.parcel.mine => Some(file.clone()),
            _ => None,
        };
        let mut ready = waiting;
        if let Some(at) = ready.iter().position(|delivery| far(delivery).is_some()) {
            let rest = ready.split_off(at);
            if let (true, Some(delivery)) = (ready.is_empty(), rest.first())
                && let Some(file) = far(delivery)
            {
                // What must not be stored here must not be stored there in clear.
                self.bring(delivery.seq, file, seals || delivery.parcel.unwritten);
            }
        }
        ready
    }

    /// Fetches it, seals it if the conversation is, and puts it down for the user's clients, beside everything else.
    fn bring(&mut self, seq: i64, file: Attachment, seals: bool) {
        if self.bringing.replace(seq) == Some(seq) {
            return;
        }
        let (keeper, user, mailbox) = (self.keeper.clone(), self.them().clone(), self.mailbox.clone());
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let work = async {
                while keeper.accounts.session(&user).is_none() {
                    // While the login is down nothing is known of the file.
                    tokio::time::sleep(ABSENCE).await;
                }
                attempts(&keeper, &user, &file, seals).await
            };
            tokio::select! {
                outcome = work => mailbox.put(Input::Brought(seq, Box::new(outcome))).await,
                () = stop.cancelled() => {}
            }
        });
    }

    /// It lies where the user's clients find it, or will not.
    pub(super) async fn brought(&mut self, seq: i64, outcome: Result<Shared, String>) {
        self.bringing = None;
        let user = self.user.id;
        let changed = self.keeper.store.call(move |db, sealer| {
            deliveries::change(db, sealer, user, seq, |message| match outcome {
                Ok(shared) => message.file = Some(File::Near(Box::new(shared))),
                Err(why) => {
                    message.file = None;
                    message.text = Plaintext::new(format!("{} [It stays there: {why}.]", message.text.expose()));
                }
            })
        });
        if let Err(error) = changed.await {
            // What waits behind it must not wait for ever: its words have to do.
            tracing::error!(%error, "cannot store where a file is");
            let words = self
                .keeper
                .store
                .call(move |db, sealer| deliveries::change(db, sealer, user, seq, |message| message.file = None));
            if words.await.is_err() {
                return;
            }
        }
        self.deliver().await;
    }
}

struct Fault {
    may_pass: bool,
    /// For people.
    why: String,
}

/// Tries until it is there, or will not be; then why not.
async fn attempts(keeper: &Arc<Keeper>, user: &BareJid, file: &Attachment, seals: bool) -> Result<Shared, String> {
    let mut last = String::new();
    for pause in ATTEMPTS {
        tokio::time::sleep(pause).await;
        match brought(keeper, user, file, seals).await {
            Ok(shared) => return Ok(shared),
            Err(Fault { may_pass: false, why }) => return Err(why),
            Err(Fault { why, .. }) => last = why,
        }
    }
    Err(last)
}

async fn brought(keeper: &Arc<Keeper>, user: &BareJid, file: &Attachment, seals: bool) -> Result<Shared, Fault> {
    let fault = |may_pass, why: String| Fault { may_pass, why };
    let max = keeper.config.files.max_size;
    let too_long = || fault(false, format!("it is longer than {max} octets"));
    if file.info.size.is_some_and(|size| size > u64::try_from(max).unwrap_or(u64::MAX)) {
        return Err(too_long());
    }
    let session = keeper.accounts.session(user).ok_or_else(|| fault(true, "the network is not there".to_owned()))?;
    let media = session.media().ok_or_else(|| fault(false, NO_FILES.to_owned()))?;
    let _turn = keeper.web.turn(user).await.ok_or_else(|| fault(true, "the gateway stops".to_owned()))?;
    let content = media.fetch(&file.handle, max).await.map_err(|error| match error {
        Error::Transient { reason, .. } => fault(true, reason),
        Error::Rejected(_) => too_long(),
        other => fault(false, other.to_string()),
    })?;
    let size = u64::try_from(content.expose().len()).ok();
    let (name, kind) = (names::clean(file.info.name.expose()), names::clean_type(&file.info.media_type));
    let (octets, sealed) = match seals {
        true => {
            let sealed = tokio::task::spawn_blocking(move || seal(content));
            let (octets, sealed) = sealed.await.ok().flatten().ok_or_else(too_long)?;
            (octets, Some(sealed))
        }
        false => (std::mem::take(&mut *content.into_octets()), None),
    };
    // Its name is what people wrote; only its kind is told to the server, for clients that know files by that.
    let shown = format!("{}.{}", random_id(), names::extension(&name, &kind));
    let media_type = if seals { "application/octet-stream" } else { &kind };
    let url = upload(keeper, user, Wanted { name: &shown, media_type, octets }).await;
    let url = url.map_err(|error: UploadError| fault(error.may_pass(), error.to_string()))?;
    let (source, hashes) = match sealed {
        Some(Sealed { key, hash, clear }) => (Source::Encrypted { url, key, hashes: vec![hash] }, vec![clear]),
        None => (Source::Clear { url }, Vec::new()),
    };
    let [width, height] = [file.info.dimensions.map(|it| it.0), file.info.dimensions.map(|it| it.1)];
    let length = file.info.duration.and_then(|duration| u64::try_from(duration.as_millis()).ok());
    let media_type = Some(kind);
    Ok(Shared { name: Some(name), media_type, size, width, height, length, hashes, ..Shared::new(source) })
}

/// What is needed to read a file again: its key, and what it and its octets in clear are to be (XEP-0448, section 4).
struct Sealed {
    key: Key,
    hash: Hash,
    clear: Hash,
}

fn seal(content: FileContent) -> Option<(Vec<u8>, Sealed)> {
    let clear = Hash::of(Algorithm::Sha256, content.expose());
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let (octets, key) = encrypt(content.into_octets(), Cipher::Aes256Gcm, rng).ok()?;
    let hash = Hash::of(Algorithm::Sha256, &octets);
    Some((octets, Sealed { key, hash, clear }))
}

fn info(shared: &Shared, content: &FileContent) -> FileInfo {
    let name = shared.name.as_deref().map_or_else(|| names::of_url(shared.source.url()), names::clean);
    let media_type = shared.media_type.clone().unwrap_or_else(|| names::media_type(&name).to_owned());
    FileInfo {
        name: Plaintext::new(name),
        media_type,
        size: u64::try_from(content.expose().len()).ok(),
        dimensions: shared.width.zip(shared.height),
        duration: shared.length.map(Duration::from_millis),
    }
}

fn never(why: &str) -> Attempt {
    Attempt::Never(Condition::NotAcceptable, why.to_owned())
}
