//! OMEMO (XEP-0384) in one conversation: what the user's devices send is opened, what waits for them is sealed for each.

use ::omemo::{Dialect, Encrypted, Envelope, nodes};
use jid::FullJid;
use minidom::Element;
use xmpp_files::sfs;

use super::acquaintance::Place;
use super::conversation::Conversation;
use super::incoming::Outer;
use super::step::Step;
use crate::from_xmpp::{self, Said};
use crate::keeper::Peer;
use crate::secure::omemo::{Refusal, Us};
use crate::store::{Delivery, Protection, contacts};
use crate::to_xmpp::Sealed;
use crate::xml::{self, Limits};
use crate::xmpp::element::{Build, element, random_id};
use crate::xmpp::error::Condition;
use crate::xmpp::ns;

/// What of the older dialect counts though only the user's server vouches for it. Not what would take the place of words: a
/// file, or, unless that is trusted, what is done to earlier messages.
fn may_lie_beside(child: &Element, trusted: bool) -> bool {
    let is_file = child.is("file-sharing", sfs::SFS)
        || child.has_ns(ns::OOB)
        || (child.is("fallback", ns::FALLBACK) && child.attr("for") == Some(sfs::SFS));
    let is_done = [ns::RETRACTION, ns::FASTENING, ns::REACTIONS, ns::CORRECTION].iter().any(|it| child.has_ns(*it));
    !child.is("body", ns::CLIENT) && !is_file && (trusted || !is_done)
}

/// For clients that cannot decrypt it.
const FALLBACK: &str = "This message is encrypted with OMEMO, and your client cannot read it.";

impl Conversation {
    pub(super) fn us(&self) -> Us {
        Us { user: self.user.id, peer: self.peer.key().to_owned(), account: self.me.to_bare().to_string() }
    }

    /// A message with one encrypted content, or with one in each dialect.
    pub(super) async fn omemo(&mut self, outer: Outer, stanza: &Element) {
        let read = |child: &Element| Encrypted::dialect_of(child).map(|_| Encrypted::read(child));
        let mut messages: Vec<Encrypted> = stanza.children().filter_map(read).filter_map(Result::ok).collect();
        // The newer one says more.
        messages.sort_by_key(|message| message.dialect == Dialect::Axolotl);
        let (mut refusal, client) = (None, outer.from.clone());
        for message in messages {
            let (us, sealed) = (self.us(), message.clone());
            let opened = self.keeper.store.call(move |db, sealer| us.open(db, sealer, &sealed)).await;
            match opened {
                Ok(Ok(opened)) => {
                    let (text, wants_answer, is_new) = (opened.text, opened.wants_answer, opened.is_new);
                    let (place, fingerprint) = (opened.advance.place(), opened.advance.fingerprint());
                    let beside = self.trusts_beside().await;
                    match text.as_deref().map(|text| self.understood(&message, &outer, stanza, text, beside)) {
                        Some(Ok(said)) => self.said_in_omemo(outer, said, Step::Omemo(opened.advance)).await,
                        Some(Err(text)) => {
                            self.take(Step::Omemo(opened.advance)).await;
                            self.refuse(&outer, Condition::NotAcceptable, text).await;
                        }
                        None => self.take(Step::Omemo(opened.advance)).await,
                    }
                    if is_new {
                        self.introduce_device(place.1, &fingerprint, "somebody else writes in your name");
                    }
                    if wants_answer {
                        self.post_empty(place, Some(&client)).await;
                    }
                    self.ask_lists().await;
                    self.give_notices().await;
                    return self.deliver().await;
                }
                Ok(Err(Refusal::NotForUs)) => {}
                Ok(Err(why)) => {
                    refusal = Some((why, (message.dialect, message.sender), message.payload.is_some()));
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot open an OMEMO message");
                    return self
                        .refuse(&outer, Condition::InternalServerError, "the gateway cannot read its store")
                        .await;
                }
            }
        }
        self.unread(outer, refusal).await;
    }

    /// Why nothing was read, for the sender, unless it is nothing that they could do something about.
    async fn unread(&mut self, outer: Outer, refusal: Option<(Refusal, Place, bool)>) {
        let text = match &refusal {
            Some((Refusal::Replayed, ..)) | Some((Refusal::Broken(_), _, false)) => {
                tracing::debug!("an OMEMO message without use");
                ""
            }
            Some((Refusal::OtherIdentity, ..)) => {
                "a device of yours with this number has shown another identity before: \"drawbridge users devices\" on the host \
                 forgets that one"
            }
            Some((Refusal::Untrusted(_), ..)) => {
                "this device of yours is not trusted: \"drawbridge users devices\" on the host says which are, and changes it"
            }
            Some((Refusal::Broken(_), ..)) => {
                "this message could not be decrypted; the encrypted session has been renewed, send it again"
            }
            Some((Refusal::NotForUs, ..)) | None => {
                "this message is not encrypted for this contact's device: fetch its device list, and send it again"
            }
        };
        match &refusal {
            Some((Refusal::Broken(error), place, _)) => {
                tracing::debug!(%error, "an OMEMO session is broken");
                self.heal(*place);
            }
            Some((Refusal::Untrusted(Some(print)), place, _)) => {
                self.introduce_device(place.1, print, "somebody else has tried to write in your name");
                self.give_notices().await;
            }
            _ => {}
        }
        if !text.is_empty() {
            self.refuse(&outer, Condition::NotAcceptable, text).await;
        }
    }

    /// What a message says. The older dialect encrypts the body alone, and everything else lies beside it (clients.md, 2.8);
    /// of the newer one what Converse 14 leaves there, if that is trusted.
    fn understood(
        &self,
        message: &Encrypted,
        outer: &Outer,
        stanza: &Element,
        text: &[u8],
        trusts_beside: bool,
    ) -> Result<Said, &'static str> {
        let text = std::str::from_utf8(text).map_err(|_| "the encrypted content is no text")?;
        if message.dialect == Dialect::Axolotl {
            // The body beside it is for clients that cannot decrypt.
            let body = element("body", ns::CLIENT).with_text(text);
            let beside = stanza.children().filter(|child| may_lie_beside(child, trusts_beside));
            return Ok(from_xmpp::read(beside.chain([&body])));
        }
        let limits = &self.keeper.config.limits;
        let limits = Limits { max_depth: limits.max_depth, max_stanza: limits.max_stanza };
        let elements = xml::fragment(text, limits).map_err(|_| "the encrypted content is not well-formed")?;
        let [envelope] = elements.as_slice() else { return Err("the encrypted content is no envelope") };
        let (from, to) = (outer.from.to_bare(), self.me.to_bare());
        let envelope = Envelope::read(envelope, from.as_str(), to.as_str());
        let envelope = envelope.map_err(|_| "the encrypted content is no envelope, or for another stanza")?;
        let mut said = from_xmpp::read(&envelope.content);
        said.take_from_beside(from_xmpp::read(stanza.children()), trusts_beside);
        Ok(said)
    }

    async fn said_in_omemo(&mut self, outer: Outer, said: Said, step: Step) {
        if said.message.is_none() || self.peer == Peer::Gateway {
            self.take(step).await;
            return self.said(outer, said, Some(Protection::Omemo), None).await;
        }
        self.said(outer, said, Some(Protection::Omemo), Some(step)).await;
    }

    /// Seals one delivery for all devices that are known. `None` if there is none.
    pub(super) async fn deliver_omemo(&mut self, delivery: &Delivery) -> Option<bool> {
        // Only the newer dialect can keep what somebody reacts with from the server.
        let older = self.shown(delivery, Sealed::Body, false);
        let newer = self.shown(delivery, Sealed::Whole, true);
        let sent = self.post_omemo(&delivery.stanza, &older, &newer).await?;
        if sent {
            self.flight.insert(delivery);
        }
        Some(sent)
    }

    /// Content with words, sealed for all devices that are known, in the form for each dialect. `None` if there is none.
    pub(super) async fn post_omemo(&self, id: &str, older: &[Element], newer: &[Element]) -> Option<bool> {
        let is_body = |child: &&Element| child.is("body", ns::CLIENT);
        let body = older.iter().find(is_body).map(Element::text).unwrap_or_default();
        let sealed = match self.seal(body, newer).await? {
            Ok(sealed) => sealed,
            Err(()) => return Some(false),
        };
        let mut message = self.omemo_message(id, &sealed).with_child(element("store", ns::HINTS));
        let seals_bodies_alone = sealed.iter().any(|sealed| sealed.dialect == Dialect::Axolotl);
        if seals_bodies_alone || self.is_older_spoken().await {
            let is_relation =
                |child: &&Element| child.is("replace", ns::CORRECTION) || child.is("retract", ns::RETRACTION);
            let lies_beside = |child: &&Element| !is_body(child) && (seals_bodies_alone || is_relation(child));
            message = message.with_children(older.iter().filter(lies_beside).cloned());
        }
        Some(self.keeper.out.send(message.with_child(element("body", ns::CLIENT).with_text(FALLBACK))).await.is_ok())
    }

    /// Content without words. `false` if it has to lie beside what is encrypted, in clear: the older dialect seals bodies
    /// alone.
    pub(super) async fn post_wordless(&self, content: &[Element]) -> bool {
        if !self.is_omemo().await || !self.all_speak_newer().await {
            return false;
        }
        if let Some(Ok(sealed)) = self.seal(String::new(), content).await {
            let is_passing = content.iter().all(|child| child.has_ns(ns::CHATSTATES));
            let hint = element(if is_passing { "no-store" } else { "store" }, ns::HINTS);
            let _ = self.keeper.out.send(self.omemo_message(&random_id(), &sealed).with_child(hint)).await;
        }
        true
    }

    /// A body in the older dialect, content in the newer one.
    async fn seal(&self, body: String, newer: &[Element]) -> Option<Result<Vec<Encrypted>, ()>> {
        let (us, account) = (self.us(), self.them().to_string());
        let (from, to) = (Some(us.account.clone()), Some(account.clone()));
        let envelope = Envelope { content: newer.to_vec(), from, to, time: None };
        let sealed = self.keeper.store.call(move |db, sealer| {
            let envelope = envelope.to_element(&mut rand_core::UnwrapErr(getrandom::SysRng));
            us.seal(db, sealer, &account, [body.as_bytes(), xml::serialize(&[envelope]).as_bytes()])
        });
        match sealed.await {
            Ok(sealed) if sealed.is_empty() => None,
            Ok(sealed) => Some(Ok(sealed)),
            Err(error) => {
                tracing::error!(%error, "cannot seal for OMEMO");
                Some(Err(()))
            }
        }
    }

    /// A message that only carries a session on, for one device; to the client that it is known to be in, as Converse 14 shows
    /// people in another one that it cannot read it.
    pub(super) async fn post_empty(&self, place: Place, client: Option<&FullJid>) {
        let (us, account) = (self.us(), self.them().to_string());
        let sealed = self.keeper.store.call(move |db, sealer| us.seal_empty(db, sealer, &account, place)).await;
        match sealed {
            Ok(Some(sealed)) => {
                let mut message = self.omemo_message(&random_id(), &[sealed]).with_child(element("store", ns::HINTS));
                if let Some(client) = client {
                    message = message.with("to", client.as_str()).with_child(element("private", ns::CARBONS));
                }
                let _ = self.keeper.out.send(message).await;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "cannot seal for OMEMO"),
        }
    }

    /// To the account, from the contact: what is in it is for each of its devices (XEP-0380).
    fn omemo_message(&self, id: &str, sealed: &[Encrypted]) -> Element {
        let mut message = self.message(&self.them().clone().into(), "chat", id);
        for sealed in sealed {
            message.append_child(sealed.to_element());
            let namespace = nodes::namespace(sealed.dialect);
            message.append_child(element("encryption", ns::EME).with("namespace", namespace).with("name", "OMEMO"));
        }
        message
    }

    /// The user has spoken in a session, or in clear, and may: so nothing else is what their client has used last.
    pub(super) async fn spoken_otherwise(&self) {
        let Peer::Contact(contact) = self.peer.clone() else { return };
        if !matches!(self.protection().await, Some(Protection::Omemo | Protection::OpenPgp)) {
            return;
        }
        let user = self.user.id;
        let noted = self.keeper.store.call(move |db, _| contacts::protect(db, user, &contact, Protection::ESession));
        if let Err(error) = noted.await {
            tracing::error!(%error, "cannot note how a conversation is protected");
        }
    }

    /// Whether OMEMO is what the user's client has protected the conversation with last.
    pub(super) async fn is_omemo(&self) -> bool {
        self.protection().await == Some(Protection::Omemo)
    }

    /// What the user's client has protected the conversation with last.
    pub(super) async fn protection(&self) -> Option<Protection> {
        self.standing().await.ok().and_then(|(_, contact)| contact?.protection)
    }
}
