//! OpenPGP for XMPP (XEP-0373, XEP-0374) in one conversation: what the user's clients sign and encrypt is opened, what waits for
//! them is sealed for each of their keys.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jid::Jid;
use minidom::Element;
use openpgp_xmpp::{Certificate, KeyList, Opened, Refusal, Remedy, nodes, pubkey};
use tokio::time::Instant;

use super::conversation::Conversation;
use super::given_out::items;
use super::incoming::Outer;
use super::input::Input;
use super::step::Step;
use crate::from_xmpp;
use crate::keeper::{Keeper, Peer};
use crate::secure::openpgp::{self, Material, Refused};
use crate::store::openpgp as rows;
use crate::store::{self, Protection, UserId, unix};
use crate::xml::{self, Limits};
use crate::xmpp::error::Condition;

/// The user's keys are asked for again after so long, if one is missing.
const REST: Duration = Duration::from_secs(60);
/// Messages that wait for the key that has signed them.
const WAITING: usize = 16;

/// What a conversation knows of the user's keys beside what is stored.
#[derive(Default)]
pub(super) struct Keyring {
    asked: Option<Instant>,
    underway: bool,
    /// What could not be read yet.
    waiting: Vec<(Outer, Element)>,
}

/// Who would read what is sealed now.
pub(super) enum Readers {
    /// It is being asked.
    Unknown,
    Some,
    None,
}

impl Conversation {
    /// A message with an `<openpgp/>`.
    pub(super) async fn openpgp(&mut self, outer: Outer, stanza: &Element) {
        match self.open_openpgp(&outer, stanza).await {
            Ok(Ok(opened)) => self.said_in_openpgp(outer, stanza, opened).await,
            Ok(Err(Refused::Replayed)) => tracing::debug!("an OpenPGP message that was read before"),
            Ok(Err(Refused::Untrusted)) => {
                let text = "this key of yours is not trusted: \"drawbridge users devices\" on the host says which are, and \
                            changes it";
                self.refuse(&outer, Condition::NotAcceptable, text).await;
            }
            Ok(Err(Refused::Refusal(refusal))) if refusal.remedy() == Remedy::FetchTheirs && self.may_ask_keys() => {
                if self.keyring.waiting.len() >= WAITING {
                    return self.refuse(&outer, Condition::NotAcceptable, words(&refusal)).await;
                }
                self.keyring.waiting.push((outer, stanza.clone()));
                self.ask_keys();
            }
            Ok(Err(Refused::Refusal(refusal))) => {
                tracing::debug!(%refusal, "an OpenPGP message is refused");
                self.refuse(&outer, Condition::NotAcceptable, words(&refusal)).await;
            }
            Err(error) => {
                tracing::error!(%error, "cannot open an OpenPGP message");
                self.refuse(&outer, Condition::InternalServerError, "the gateway cannot read its store").await;
            }
        }
    }

    async fn open_openpgp(&self, outer: &Outer, stanza: &Element) -> store::Result<Result<Opened, Refused>> {
        let Some(sealed) = stanza.get_child("openpgp", nodes::OPENPGP).cloned() else {
            return Ok(Err(Refused::Refusal(Refusal::NotEncrypted)));
        };
        let limits = &self.keeper.config.limits;
        let limits = Limits { max_depth: limits.max_depth, max_stanza: limits.max_stanza };
        let parse = move |text: &str| match xml::fragment(text, limits).ok()?.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        };
        let (us, from) = (self.us(), outer.from.to_bare().to_string());
        let material = self.material().await?;
        let opened = tokio::task::spawn_blocking(move || material.open(&from, &sealed, parse)).await;
        let opened = match opened.map_err(|_| store::Error::Stopping)? {
            Ok(opened) => opened,
            Err(refused) => return Ok(Err(refused)),
        };
        let id = opened.id;
        let is_replayed = self.keeper.store.call(move |db, _| openpgp::is_replayed(&us, db, &id)).await?;
        Ok(if is_replayed { Err(Refused::Replayed) } else { Ok(opened) })
    }

    async fn material(&self) -> store::Result<Material> {
        let us = self.us();
        self.keeper.store.call(move |db, sealer| openpgp::material(&us, db, sealer)).await
    }

    async fn said_in_openpgp(&mut self, outer: Outer, stanza: &Element, opened: Opened) {
        let mut said = from_xmpp::read(&opened.payload);
        // Clients ask for receipts, and say what is corrected, beside what they seal.
        said.take_from_beside(from_xmpp::read(stanza.children()), !self.requires().await);
        let step = Step::OpenPgp(self.us(), opened.id);
        if said.message.is_none() || self.peer == Peer::Gateway {
            self.take(step).await;
            return self.said(outer, said, Some(Protection::OpenPgp), None).await;
        }
        self.said(outer, said, Some(Protection::OpenPgp), Some(step)).await;
        self.deliver().await;
    }

    /// Content, sealed for all keys that are known. `None` if there is none.
    pub(super) async fn seal_openpgp(&self, content: &[Element]) -> Result<Option<Element>, ()> {
        let (to, content) = (self.them().to_string(), content.to_vec());
        let material =
            self.material().await.map_err(|error| tracing::error!(%error, "cannot read what OpenPGP takes"))?;
        let sealed = tokio::task::spawn_blocking(move || material.seal(&to, &content)).await.map_err(drop)?;
        sealed.map_err(|error| tracing::error!(%error, "cannot seal for OpenPGP"))
    }

    /// Who would read what waits now. Asks if it is not known.
    pub(super) async fn readers(&mut self) -> Readers {
        if self.keyring.asked.is_none() {
            self.ask_keys();
        }
        let (us, to) = (self.us(), self.them().to_string());
        let has_some = match self.keeper.store.call(move |db, _| openpgp::ring(&us, db)).await {
            Ok(ring) => tokio::task::spawn_blocking(move || !ring.recipients(&to).is_empty()).await.unwrap_or(false),
            Err(error) => {
                tracing::error!(%error, "cannot read the user's certificates");
                false
            }
        };
        if !has_some && self.may_ask_keys() {
            self.ask_keys();
        }
        match has_some {
            true => Readers::Some,
            _ if self.keyring.underway => Readers::Unknown,
            _ => Readers::None,
        }
    }

    fn may_ask_keys(&self) -> bool {
        self.keyring.underway || self.keyring.asked.is_none_or(|asked| asked.elapsed() > REST)
    }

    /// Asks the user's server for their keys.
    fn ask_keys(&mut self) {
        if std::mem::replace(&mut self.keyring.underway, true) {
            return;
        }
        self.keyring.asked = Some(Instant::now());
        let (keeper, mailbox, user) = (self.keeper.clone(), self.mailbox.clone(), self.user.id);
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        tokio::spawn(async move {
            fetch(&keeper, &me, &account, user).await;
            mailbox.put(Input::Keyring).await;
        });
    }

    /// The user's keys are there, as far as there are some.
    pub(super) async fn keyring(&mut self) {
        self.keyring.underway = false;
        for (outer, stanza) in std::mem::take(&mut self.keyring.waiting) {
            Box::pin(self.openpgp(outer, &stanza)).await;
        }
        self.give_notices().await;
        self.deliver().await;
    }

    async fn requires(&self) -> bool {
        !matches!(self.standing().await, Ok((policy, _)) if policy != store::Policy::Require)
    }
}

/// What the user's account has published: keeps it.
pub(super) async fn fetch(keeper: &Arc<Keeper>, me: &Jid, account: &Jid, user: UserId) {
    let lists = items(keeper, me, account, (nodes::PUBLIC_KEYS, None)).await;
    // A server that does not answer takes nothing back.
    let Some(list) = lists.iter().find_map(|list| KeyList::read(list).ok()) else { return };
    let jid = account.to_bare().to_string();
    let now = u64::try_from(unix(SystemTime::now())).unwrap_or_default();
    let mut certificates = Vec::new();
    for announced in list.iter() {
        let node = nodes::public_key(announced.fingerprint);
        let found = items(keeper, me, account, (&node, None)).await;
        let octets = found.iter().find_map(|payload| pubkey::read(payload).ok());
        let read = octets.and_then(|octets| Certificate::read(&octets, &jid, now).ok());
        let read = read.filter(|read| read.fingerprint() == announced.fingerprint);
        certificates.push((announced.fingerprint, read.map(|read| read.octets().to_vec())));
    }
    let kept = keeper.store.call(move |db, _| rows::set_listed(db, user, &certificates)).await;
    if let Err(error) = kept {
        tracing::error!(%error, "cannot store certificates");
    }
}

/// News of the list, from the user's account (XEP-0373, section 4.4). It is asked beside everything else: the answers come
/// by the same way as the news did.
pub(super) fn listed_anew(keeper: &Arc<Keeper>, user: &store::User) {
    let (keeper, user) = (keeper.clone(), user.clone());
    tokio::spawn(async move {
        let (me, account) = (Jid::from(keeper.domain.clone()), Jid::from(user.jid.clone()));
        fetch(&keeper, &me, &account, user.id).await;
        keeper.crossings.introduce(&keeper, &user).await;
        keeper.crossings.devices_changed(&user.jid);
    });
}

/// Why, for the sender. Of what is damaged nothing more is said: it would be an oracle.
fn words(refusal: &Refusal) -> &'static str {
    match refusal.remedy() {
        Remedy::FetchTheirs => {
            "this message is not signed by a key that your account publishes for your address: publish it, and send it again"
        }
        Remedy::FetchOurs => "this message is not encrypted to this contact's key: fetch it anew, and send it again",
        Remedy::RenewTheirs => {
            "the key that has signed this message is not used: expired, revoked, too weak, or of another name"
        }
        Remedy::SendAgain => "this message is too old or of the future: set the clock, and send it again",
        Remedy::Nothing => "this message cannot be read",
    }
}
