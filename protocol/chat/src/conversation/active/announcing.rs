//! What the user is told of a session: what it is, and what speaks against it.

use esession::{ChainOutcome, Disclosure, Sas};

use super::{Active, Proof};
use crate::conversation::Conversation;
use crate::conversation::given::Given;
use crate::effects::{Cx, voucher};
use crate::event::{Chain, Event, SessionEvent, SessionKeys, SessionState};
use crate::secrets::KeyStanding;

impl Active {
    /// The event with everything that was agreed.
    pub(in crate::conversation) fn event(&self, state: SessionState) -> Event {
        let chain = self.chain().map(|chain| match chain {
            ChainOutcome::New => Chain::New,
            ChainOutcome::Continued { .. } => Chain::Continued,
            ChainOutcome::Lost { .. } => Chain::Lost,
        });
        let confirmed = self.session.is_confirmed();
        let (sas, vouched, compare) = match &self.proof {
            Proof::Chained { sas, vouched, .. } => (Some(sas), *vouched, sas.code()),
            Proof::Signed { code } => (None, false, code.clone()),
        };
        let keys = SessionKeys {
            sas: sas.map(Sas::to_string),
            long: sas.map(|sas| format!("{sas:#}")),
            compare,
            // what an unconfirmed session says about its chain, anybody could have made it say (W2)
            verified: self.verified && confirmed,
            confirmed,
            through: (vouched && confirmed && !self.is_paired).then(|| voucher(&self.with).to_string()),
            certified_by: self.certified_by.clone().filter(|_| confirmed),
            key: self.key.as_ref().map(|(key, _)| key.fingerprint_text()),
            key_standing: self.key.as_ref().map(|(_, standing)| standing.name()),
            chain,
            group: self.agreed.group.name().to_owned(),
            cipher: self.agreed.cipher.name().to_owned(),
            hash: self.agreed.hash.name().to_owned(),
            hybrid: self.agreed.hybrid,
            password: self.agreed.password && confirmed,
            disclosure: self.agreed.disclosure.map(|disclosure| disclosure.name().to_owned()),
            logging: self.agreed.logging.map(|logging| logging.name().to_owned()),
            milliseconds: self.tally.milliseconds,
            stanzas: self.tally.stanzas,
            bytes: self.tally.bytes,
        };
        Event::Session(Box::new(SessionEvent { keys: Some(keys), ..self.plain_event(state) }))
    }

    /// What others may read must be known before anything is written.
    pub(super) fn warn_disclosed(&self, cx: &mut Cx<'_>) {
        if let Some(Disclosure::Enabled) = self.agreed.disclosure {
            let peer = self.with.to_bare();
            let text = format!("{peer} says that what you write here is disclosed to third parties.");
            cx.tell(Event::Notice { text });
        }
    }
}

impl Conversation {
    /// Tells the user what the session is, and sends what waited for it.
    pub(super) fn announce(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        active.announced = true;
        let given = if active.session.is_confirmed() { self.given.take() } else { None };
        let typed = given.as_ref().map(|given| match given {
            Given::Code(_) => ("code", active.is_vouched()),
            Given::Password(_) => ("password", active.agreed.password),
        });
        active.is_paired |= matches!(typed, Some(("code", true)));
        let event = active.event(SessionState::Active);
        cx.tell(event);
        // A voucher, or a key that was verified, says more than the chain.
        if let (Some(ChainOutcome::Lost { was_verified }), true, false) =
            (active.chain(), active.session.is_confirmed(), active.verified)
        {
            let before = if was_verified { "a verified session" } else { "sessions" };
            cx.tell(Event::Notice {
                text: format!(
                    "WARNING: you had {before} with {} before, and this peer knows nothing of them. It may be a new client, \
                     or somebody else. Compare the codes.",
                    active.with.to_bare()
                ),
            });
        }
        if let Some((what, false)) = typed {
            cx.tell(Event::Notice {
                text: format!(
                    "WARNING: {} does not have the {what} that you typed. It is mistyped or used up, or this is somebody else.",
                    active.with.to_bare()
                ),
            });
        }
        if let Some((key, standing)) = &active.key {
            let bare = active.with.to_bare();
            let what = match standing {
                KeyStanding::Other => {
                    "another public key than before. It may be another client, or somebody else.".to_owned()
                }
                KeyStanding::Moved => {
                    let owner = cx.book.keys().other_owner(&bare, key).unwrap_or_default();
                    format!("the public key of {owner}. They may be the same person, or somebody poses as one of them.")
                }
                _ => String::new(),
            };
            if !what.is_empty() {
                cx.tell(Event::Notice { text: format!("WARNING: {bare} shows {what} Compare the codes.") });
            }
        }
        active.warn_disclosed(cx);
        self.ask_certificate(cx);
        self.show_status(cx);
        self.flush(cx);
    }
}
