//! Offline sessions with the user's clients (XEP-0187), both ways: what was written to the contact by options that we have
//! published, and what is left for the user by options that their client has published.

use std::time::{Duration, SystemTime};

use drawbridge_bridge::ContactId;
use esession::namespaces::{ESESSION, OFFLINE, init, is_encrypted};
use esession::{Credentials, Error, OfflineReceiver, OfflineSender, Published, Replays, Secret};
use getrandom::SysRng;
use jid::Jid;
use minidom::Element;
use rand_core::UnwrapErr;
use rusqlite::Transaction;
use tokio::time::Instant;

use super::conversation::Conversation;
use super::delivering::Room;
use super::given_out;
use super::incoming::Outer;
use super::input::Input;
use crate::secure::{own_key, policy};
use crate::store::{Delivery, Sealer, deliveries, published, unix};
use crate::to_xmpp::Sealed;
use crate::xml;
use crate::xmpp::element::{Build, element, random_id, stanza};
use crate::xmpp::error::Condition;
use crate::xmpp::ns;

/// How long options that were fetched, or not found, are not asked for again.
const FRESH: Duration = Duration::from_secs(300);

/// Messages that are left in one go.
const AT_ONCE: usize = 64;
/// One-way sessions that may be open at once.
const RECEIVERS: usize = 8;

/// What is known of the options that the user's client has published.
#[derive(Default)]
pub(super) enum Options {
    /// Nothing.
    #[default]
    Unknown,
    /// They have been asked for.
    Asked,
    /// These, or none, at that time.
    Found(Option<Element>, Instant),
}

impl Conversation {
    /// What a client of the user has written by published options. Other than a client that is away, a gateway gives nothing
    /// away by its errors: what cannot be read is told.
    pub(super) async fn left_for_contact(&mut self, outer: Outer, stanza: &Element, form: &Element) {
        let c = stanza.children().find(|child| is_encrypted(child)).cloned();
        match self.accept_offline(form).await {
            Ok((receiver, thread)) => {
                let thread = stanza.get_child("thread", ns::CLIENT).map_or(thread, Element::text);
                if self.receivers.len() >= RECEIVERS {
                    // Who goes on with one of them is told that it is over.
                    self.receivers.clear();
                }
                self.receivers.insert((outer.from.clone(), thread.clone()), receiver);
                if let Some(c) = c {
                    self.read_offline(outer, stanza, &thread, &c).await;
                }
            }
            // It lay about at a server, or somebody wants it to come twice.
            Err(Error::Replayed) => tracing::debug!("a message came again that was left for a contact"),
            Err(error) => {
                tracing::debug!(%error, "what was left for a contact cannot be read");
                let text =
                    "this was written by options that are over, or by a key that is not known here: start a session";
                self.refuse(&outer, Condition::NotAcceptable, text).await;
            }
        }
    }

    /// A stanza of such a session. `false` if there is none.
    pub(super) async fn read_offline(&mut self, outer: Outer, stanza: &Element, thread: &str, c: &Element) -> bool {
        let session = (outer.from.clone(), thread.to_owned());
        let Some(receiver) = self.receivers.get_mut(&session) else { return false };
        match receiver.open(c) {
            Ok(said) => {
                if said.is_last {
                    self.receivers.remove(&session);
                }
                self.content(outer, stanza, said.content.expose()).await;
            }
            Err(error) => {
                tracing::debug!(%error, "a one-way session was destroyed");
                self.receivers.remove(&session);
                self.refuse(&outer, Condition::NotAcceptable, "this cannot be read: start a session").await;
            }
        }
        true
    }

    async fn accept_offline(&self, form: &Element) -> Result<(OfflineReceiver, String), Error> {
        let (user, peer, now) = (self.user.id, self.peer.key().to_owned(), unix(SystemTime::now()));
        let rows = self.keeper.store.call(move |db, sealer| published::all(db, sealer, user, &peer, now)).await;
        let rows = rows.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read published options");
            Vec::new()
        });
        let ours = rows.into_iter().find_map(|row| {
            let published = Published::restore(row.form.parse().ok()?, Secret::new(row.seed.expose()));
            published.expects(form).then_some((row.id, published, Replays::restore(row.marks)))
        });
        let (id, published, mut seen) = ours.ok_or(Error::Stray)?;
        let known = own_key::of_clients(&self.keeper, user, false).await;
        let credentials = Credentials { known_keys: known.clone(), ..Credentials::default() };
        let policy = policy::session_policy(&self.keeper.config.esession, self.truth().await);
        let (binding, form) = (self.binding().await, form.clone());
        let accept = move || {
            let now = u64::try_from(now).unwrap_or_default();
            let before: Vec<_> = seen.marks().copied().collect();
            let receiver = published.accept(&policy, &form, &binding, &credentials, now, &mut seen)?;
            let new: Vec<_> = seen.marks().filter(|mark| !before.contains(mark)).copied().collect();
            Ok((receiver, new))
        };
        let (receiver, marks) = tokio::task::spawn_blocking(accept).await.map_err(|_| Error::DecryptFailed)??;
        if !known.contains(&receiver.peer_key) {
            return Err(Error::UnknownKey);
        }
        // Durable before anything is done about it, so that it does not come again after a restart either.
        match self.keeper.store.call(move |db, _| published::mark(db, id, &marks)).await {
            Ok(true) => Ok((receiver, random_id())),
            Ok(false) => Err(Error::Replayed),
            Err(error) => {
                tracing::error!(%error, "cannot note what came in");
                Err(Error::DecryptFailed)
            }
        }
    }

    /// Leaves what waits at the user's server, sealed by what their client has published. Each message once.
    pub(super) async fn leave_for_user(&mut self, contact: &ContactId) {
        let options = match &self.options {
            Options::Found(options, at) if at.elapsed() < FRESH => options.clone(),
            Options::Asked => return,
            Options::Unknown | Options::Found(..) => return self.ask_for_options(),
        };
        let Some(options) = options else { return };
        let (user, contact) = (self.user.id, contact.clone());
        let waiting =
            move |db: &Transaction<'_>, sealer: &Sealer| deliveries::to_leave(db, sealer, user, &contact, AT_ONCE);
        let Ok(waiting) = self.keeper.store.call(waiting).await else { return };
        for delivery in self.until_file(waiting, true) {
            if delivery.parcel.unwritten {
                continue;
            }
            let message = match self.seal_offline(&options, &delivery).await {
                Ok(message) => message,
                Err(error) => return tracing::debug!(%error, "nothing can be left for a user who is away"),
            };
            if self.keeper.out.send(message).await.is_err() {
                return;
            }
            let seq = delivery.seq;
            if let Err(error) = self.keeper.store.call(move |db, _| deliveries::left(db, user, seq)).await {
                return tracing::error!(%error, "cannot note what was left for a user");
            }
        }
    }

    async fn seal_offline(&self, options: &Element, delivery: &Delivery) -> Result<Element, Error> {
        let trusted = own_key::of_clients(&self.keeper, self.user.id, true).await;
        let signing_key = own_key::of(&self.keeper, self.user.id, &self.peer).await;
        let credentials = Credentials { signing_key, known_keys: trusted, ..Credentials::default() };
        let policy = policy::session_policy(&self.keeper.config.esession, self.truth().await);
        let (binding, options) = (self.binding().await, options.clone());
        let content = xml::serialize(&self.shown(delivery, (Sealed::Whole, Room::Alone), true));
        let now = u64::try_from(unix(SystemTime::now())).unwrap_or_default();
        let seal = move || {
            let rng = &mut UnwrapErr(SysRng);
            let sealed = OfflineSender::single(&policy, &options, &binding, &credentials, now, &content, rng)?;
            let resource = options.children().find(|field| field.attr("var") == Some("match_resource"));
            Ok((sealed, resource.map(|field| field.children().map(Element::text).collect::<String>())))
        };
        let ((form, c), resource) = tokio::task::spawn_blocking(seal).await.map_err(|_| Error::DecryptFailed)??;
        let to = match resource {
            Some(resource) => {
                self.them().with_resource_str(resource.trim()).map_err(|_| Error::Malformed("resource"))?.into()
            }
            None => Jid::from(self.them().clone()),
        };
        let message = stanza("message", &self.me.clone().into(), &to).with("type", "chat").with("id", &delivery.stanza);
        Ok(message
            .with_child(element("thread", ns::CLIENT).with_text(&random_id()))
            .with_child(init(form))
            .with_child(c)
            .with_child(element("store", ns::HINTS)))
    }

    /// Asks the user's account, without holding anything up.
    fn ask_for_options(&mut self) {
        self.options = Options::Asked;
        let (keeper, mailbox) = (self.keeper.clone(), self.mailbox.clone());
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        tokio::spawn(async move {
            let mut found = None;
            for node in [OFFLINE, ESESSION] {
                let items = given_out::items(&keeper, &me, &account, (node, None)).await;
                found = items.into_iter().find(|form| form.name() == "x");
                if found.is_some() {
                    break;
                }
            }
            mailbox.put(Input::Options(found)).await;
        });
    }

    /// The user is there again, and so are their clients' own sessions.
    pub(super) fn forget_options(&mut self) {
        self.options = Options::Unknown;
    }
}
