//! Acquaintance with the user's devices, for OMEMO (XEP-0384): which there are, what they have published, and what the user is
//! told of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::omemo::ratchet::{Bundle, IdentityKey};
use ::omemo::{DeviceId, DeviceList, Dialect, bundle, nodes};
use jid::{FullJid, Jid};
use minidom::Element;
use openpgp_xmpp::nodes::PUBLIC_KEYS;
use tokio::time::Instant;

use super::conversation::Conversation;
use super::given_out::items;
use super::input::Input;
use super::keyed::Keys;
use super::openpgp;
use crate::keeper::Keeper;
use crate::store::introductions::{self, New};
use crate::store::omemo as rows;
use crate::store::{self, Protection};
use crate::to_xmpp;
use crate::xmpp::ns;

/// A device whose bundle could not be had is asked for it again after so long.
const REST: Duration = Duration::from_secs(600);
/// A device in a dialect.
pub(super) type Place = (Dialect, DeviceId);

/// What a conversation knows of the user's devices beside what is stored.
#[derive(Default)]
pub(super) struct Acquaintance {
    /// Whether the user's server was asked for the lists.
    listed: bool,
    /// Whether it has answered.
    lists_known: bool,
    /// Devices whose bundles were asked for, and when.
    asked: HashMap<Place, Instant>,
    /// Devices whose bundles are underway.
    underway: usize,
    /// Devices that were given a new session because the one before was broken, and when.
    healed: HashMap<Place, Instant>,
    /// Words about devices, which wait until those are known that may read them.
    notices: Vec<String>,
}

/// Who would read what is sealed now.
pub(super) enum Audience {
    /// It is being asked.
    Unknown,
    /// Some devices.
    Devices,
    /// None of the user's devices has OMEMO (any more).
    Nobody,
}

/// What came of asking for a bundle.
pub(super) struct Met {
    place: Place,
    bundle: Option<Bundle>,
    /// The session is to be used at once, so that the device knows of it.
    heals: bool,
}

impl Conversation {
    /// Words about devices, for [`Conversation::give_notices`].
    pub(super) fn notice(&mut self, text: String) {
        self.acquaintance.notices.push(text);
    }

    /// Tells the user of devices and keys that are new, and what else there is to say of them, once it is known who reads it.
    pub(super) async fn give_notices(&mut self) {
        let user = self.user.id;
        let is_new = self.keeper.store.call(move |db, _| introductions::any(db, user)).await;
        if self.acquaintance.notices.is_empty() && !is_new.unwrap_or(false) {
            return;
        }
        let audience = self.audience().await;
        if matches!(audience, Audience::Unknown) {
            return;
        }
        // Clients show their keys or that somebody types before anything is said: what is about OMEMO goes by OMEMO even then.
        // And in every other way: a device that is not the user's must not be the only one that hears of itself.
        let also = Keys { omemo: matches!(audience, Audience::Devices), openpgp: false };
        let used = self.protections().await;
        let online = self.keeper.presences.online(self.them()).into_iter().map(|client| client.full);
        let ready = self.endpoints.ready();
        // Those with sessions hear of it in the next one, if there is none now.
        let in_sessions = |client: &FullJid| used.of(client.resource().as_str()) == Some(Protection::ESession);
        let away: Vec<_> = online.filter(|client| in_sessions(client) && !ready.contains(client)).collect();
        for text in std::mem::take(&mut self.acquaintance.notices) {
            self.say_by(&text, also).await;
        }
        let new = self.keeper.store.call(move |db, _| introductions::take(db, user)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read what the user is to be told of");
            Vec::new()
        });
        for new in new {
            let text = introduced(&new);
            for client in &away {
                self.owed.entry(client.clone()).or_default().push(to_xmpp::words(&text));
            }
            let told = self.say_by(&text, also).await;
            let settled = self.keeper.store.call(move |db, _| introductions::settle(db, user, &new, told)).await;
            if let Err(error) = settled {
                tracing::error!(%error, "cannot note what the user was told of");
            }
        }
    }

    /// Who would read what waits now. Asks for what is missing.
    pub(super) async fn audience(&mut self) -> Audience {
        self.ask_lists().await;
        let us = self.us();
        let has_friends = match self.keeper.store.call(move |db, sealer| us.acquaintances(db, sealer)).await {
            Ok([friends, strangers]) => {
                strangers.into_iter().for_each(|place| self.ask_bundle(place, false));
                !friends.is_empty()
            }
            Err(error) => {
                tracing::error!(%error, "cannot read the OMEMO sessions");
                return Audience::Unknown;
            }
        };
        match (self.acquaintance.underway, has_friends) {
            (0, true) => Audience::Devices,
            (0, false) => Audience::Nobody,
            _ => Audience::Unknown,
        }
    }

    /// Whether one of the user's clients speaks the older dialect, if only besides the newer one: then some things lie beside
    /// what is sealed, also for the newer one. Converse 14 looks for them nowhere else.
    pub(super) async fn is_older_spoken(&self) -> bool {
        let us = self.us();
        !self.acquaintance.lists_known
            || self.keeper.store.call(move |db, _| us.is_older_spoken(db)).await.unwrap_or(false)
    }

    /// Whether all devices that we have sessions with are written to in the newer dialect, which can seal everything.
    pub(super) async fn all_speak_newer(&self) -> bool {
        let us = self.us();
        let acquaintances = self.keeper.store.call(move |db, sealer| us.acquaintances(db, sealer)).await;
        acquaintances.is_ok_and(|[friends, _]| {
            !friends.is_empty() && friends.iter().all(|(dialect, _)| *dialect == Dialect::Omemo2)
        })
    }

    /// Asks the user's server for the device lists, once: from then on it tells what changes (XEP-0163).
    pub(super) async fn ask_lists(&mut self) {
        if std::mem::replace(&mut self.acquaintance.listed, true) {
            return;
        }
        self.acquaintance.underway += 1;
        let (keeper, mailbox, user) = (self.keeper.clone(), self.mailbox.clone(), self.user.id);
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        tokio::spawn(async move {
            for dialect in Dialect::ALL {
                let found = items(&keeper, &me, &account, (nodes::devices(dialect), None)).await;
                let list = found.iter().find_map(|item| DeviceList::read(dialect, item).ok());
                let Some(list) = list else { continue };
                if let Err(error) = keeper.store.call(move |db, _| rows::set_list(db, user, dialect, &list)).await {
                    tracing::error!(%error, "cannot store a device list");
                }
            }
            mailbox.put(Input::Listed).await;
        });
    }

    /// The lists are there, as far as there are some.
    pub(super) async fn listed(&mut self) {
        self.acquaintance.underway = self.acquaintance.underway.saturating_sub(1);
        self.acquaintance.lists_known = true;
        self.give_notices().await;
        self.deliver().await;
    }

    fn ask_bundle(&mut self, place: Place, heals: bool) {
        let now = Instant::now();
        self.acquaintance.asked.retain(|_, asked| now - *asked < REST);
        if self.acquaintance.asked.insert(place, now).is_some() && !heals {
            return;
        }
        self.acquaintance.underway += 1;
        let (keeper, mailbox) = (self.keeper.clone(), self.mailbox.clone());
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        tokio::spawn(async move {
            let bundle = fetch(&keeper, &me, &account, place).await;
            mailbox.put(Input::Met(Box::new(Met { place, bundle, heals }))).await;
        });
    }

    /// A device's bundle, or that it has none that is worth something: then it is passed over.
    pub(super) async fn met(&mut self, met: Met) {
        let Met { place, bundle, heals } = met;
        self.acquaintance.underway = self.acquaintance.underway.saturating_sub(1);
        if let Some(bundle) = bundle {
            let us = self.us();
            let begun = self.keeper.store.call(move |db, sealer| us.begin(db, sealer, place, &bundle)).await;
            match begun {
                Ok(true) => {
                    if heals {
                        self.post_empty(place, None).await;
                    }
                }
                Ok(false) => tracing::debug!("a bundle that is worth nothing"),
                Err(error) => tracing::error!(%error, "cannot store an OMEMO session"),
            }
        }
        self.give_notices().await;
        self.deliver().await;
    }

    /// A session that one end has lost is replaced: the device hears of it by a message without content. Whoever sends what cannot
    /// be read again and again does not have us ask and answer each time. Whether this is the time.
    pub(super) fn heal(&mut self, place: Place) -> bool {
        let now = Instant::now();
        self.acquaintance.healed.retain(|_, healed| now - *healed < REST);
        let is_due = !self.acquaintance.healed.contains_key(&place);
        if is_due {
            self.acquaintance.healed.insert(place, now);
            self.ask_bundle(place, true);
        }
        is_due
    }
}

/// What the user is told of something that was not seen before.
pub(super) fn introduced(new: &New) -> String {
    match new {
        New::Device(device, identity) => format!(
            "Notice: a device of yours is here with OMEMO for the first time: number {device}, fingerprint {}. If it is none of \
             yours, somebody else can read what is written to you, and write in your name.",
            IdentityKey::Curve(*identity).fingerprint().unwrap_or_default()
        ),
        New::Key(fingerprint) => format!(
            "Notice: a key of yours is here with OpenPGP for the first time: {fingerprint}. If it is none of yours, somebody \
             else can read what is written to you, and write in your name."
        ),
    }
}

/// What a device has published.
async fn fetch(keeper: &Arc<Keeper>, me: &Jid, account: &Jid, (dialect, device): Place) -> Option<Bundle> {
    let (node, item) = nodes::bundle(dialect, device);
    let found = items(keeper, me, account, (&node, item.as_deref())).await;
    found.iter().find_map(|payload| bundle::read(dialect, payload).ok())
}

/// What the user's server tells of a node of theirs (XEP-0163, section 4.3): a device list, or nothing of ours.
pub async fn told(keeper: &Arc<Keeper>, user: &store::User, message: &Element) {
    let Some(items) =
        message.get_child("event", ns::PUBSUB_EVENT).and_then(|event| event.get_child("items", ns::PUBSUB_EVENT))
    else {
        return;
    };
    if items.attr("node") == Some(PUBLIC_KEYS) {
        return openpgp::listed_anew(keeper, user);
    }
    let Some(dialect) = Dialect::ALL.into_iter().find(|dialect| items.attr("node") == Some(nodes::devices(*dialect)))
    else {
        return;
    };
    let payload = items.children().flat_map(Element::children).find_map(|item| DeviceList::read(dialect, item).ok());
    let Some(list) = payload else { return };
    let (jid, user) = (&user.jid, user.id);
    let kept = keeper.store.call(move |db, _| {
        // Each contact is told of it.
        let is_new = rows::list(db, user, dialect)?.as_ref() != Some(&list);
        if is_new {
            rows::set_list(db, user, dialect, &list)?;
        }
        Ok(is_new)
    });
    match kept.await {
        Ok(true) => keeper.crossings.devices_changed(jid),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "cannot store a device list"),
    }
}
