//! OMEMO (XEP-0384) in one conversation: what the user's devices send is opened, what waits for them is sealed for each.

use ::omemo::trust_message::Decision;
use ::omemo::{Dialect, Encrypted, Envelope, nodes};
use jid::FullJid;
use minidom::Element;
use xmpp_files::sfs;

use super::acquaintance::Place;
use super::conversation::Conversation;
use super::incoming::Outer;
use super::keyed;
use super::step::Step;
use crate::from_xmpp::{self, Said};
use crate::keeper::Peer;
use crate::secure::omemo::{Opened, Refusal, Us};
use crate::store::Protection;
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
        messages.dedup_by_key(|message| message.dialect);
        let (mut refusal, mut heals, client) = (None, false, outer.from.clone());
        for message in messages {
            let (us, sealed) = (self.us(), message.clone());
            let opened = self.keeper.store.call(move |db, sealer| us.open(db, sealer, &sealed)).await;
            match opened {
                Ok(Ok(opened)) => {
                    let Opened { text, wants_answer, mut advance } = opened;
                    let place = advance.place();
                    let beside = self.trusts_beside().await;
                    match text.as_deref().map(|text| self.understood(&message, &outer, stanza, text, beside)) {
                        Some(Ok((said, decisions))) => {
                            let before = if decisions.is_empty() { Vec::new() } else { self.known_devices().await };
                            advance.says(decisions);
                            self.said_in_omemo(outer, said, Step::Omemo(advance)).await;
                            if !before.is_empty() {
                                self.tell_trust(before).await;
                            }
                        }
                        Some(Err(text)) => {
                            self.take(Step::Omemo(advance)).await;
                            self.refuse(&outer, Condition::NotAcceptable, text).await;
                        }
                        None => self.take(Step::Omemo(advance)).await,
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
                    let error = match &why {
                        Refusal::Broken(error) => Some(*error),
                        _ => None,
                    };
                    refusal = Some((why, message.payload.is_some()));
                    // The same may be readable in the other dialect. For any other reason it is not taken there either.
                    let Some(error) = error else { break };
                    tracing::debug!(%error, "an OMEMO session is broken");
                    heals |= self.heal((message.dialect, message.sender));
                }
                Err(error) => {
                    tracing::error!(%error, "cannot open an OMEMO message");
                    return self
                        .refuse(&outer, Condition::InternalServerError, "the gateway cannot read its store")
                        .await;
                }
            }
        }
        self.unread(outer, refusal, heals).await;
    }

    /// Why nothing was read, for the sender, unless it is nothing that they could do something about: what was refused, and whether
    /// there were words in it; and whether a session is being renewed.
    async fn unread(&mut self, outer: Outer, refusal: Option<(Refusal, bool)>, heals: bool) {
        let text = match &refusal {
            Some((Refusal::Replayed, ..)) | Some((Refusal::Broken(_), false)) => {
                return tracing::debug!("an OMEMO message without use");
            }
            Some((Refusal::OtherIdentity, ..)) => {
                "a device of yours with this number has shown another identity before: \"drawbridge users devices\" on the host \
                 forgets that one"
            }
            Some((Refusal::Untrusted, ..)) => {
                self.give_notices().await;
                "this device of yours is not trusted: \"drawbridge users devices\" on the host says which are, and changes it"
            }
            Some((Refusal::Broken(_), ..)) if heals => {
                "this message could not be decrypted: the encrypted session is being renewed, send it again"
            }
            Some((Refusal::Broken(_), ..)) => {
                "this message could not be decrypted: send it again, and if that does not help, have this device begin a new \
                 encrypted session"
            }
            Some((Refusal::NotForUs, ..)) | None => {
                "this message is not encrypted for this contact's device: fetch its device list, and send it again"
            }
        };
        self.refuse(&outer, Condition::NotAcceptable, text).await;
    }

    /// What a message says, and what of devices. The older dialect encrypts the body alone, and everything else lies beside it (clients.md, 2.8);
    /// of the newer one what Converse 14 leaves there, if that is trusted.
    fn understood(
        &self,
        message: &Encrypted,
        outer: &Outer,
        stanza: &Element,
        text: &[u8],
        trusts_beside: bool,
    ) -> Result<(Said, Vec<Decision>), &'static str> {
        let text = std::str::from_utf8(text).map_err(|_| "the encrypted content is no text")?;
        if message.dialect == Dialect::Axolotl {
            // The body beside it is for clients that cannot decrypt.
            let body = element("body", ns::CLIENT).with_text(text);
            let beside = stanza.children().filter(|child| may_lie_beside(child, trusts_beside));
            return Ok((from_xmpp::read(beside.chain([&body])), Vec::new()));
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
        Ok((said, self.vouched(&envelope.content)))
    }

    async fn said_in_omemo(&mut self, outer: Outer, said: Said, step: Step) {
        if said.message.is_none() || self.peer == Peer::Gateway {
            self.take(step).await;
            return self.said(outer, said, Some(Protection::Omemo), None).await;
        }
        self.said(outer, said, Some(Protection::Omemo), Some(step)).await;
    }

    /// Content without words. `false` if it has to lie beside what is encrypted, in clear: the older dialect seals bodies
    /// alone.
    pub(super) async fn post_wordless(&self, content: &[Element]) -> bool {
        if !self.is_omemo().await || !self.all_speak_newer().await {
            return false;
        }
        if let Ok(sealed) = self.seal_omemo(String::new(), content).await {
            let is_passing = content.iter().all(|child| child.has_ns(ns::CHATSTATES));
            let hint = element(if is_passing { "no-store" } else { "store" }, ns::HINTS);
            let _ = self.keeper.out.send(self.omemo_message(&random_id(), &sealed).with_child(hint)).await;
        }
        true
    }

    /// A body in the older dialect, content in the newer one. Nothing if there is no device for it.
    pub(super) async fn seal_omemo(&self, body: String, newer: &[Element]) -> Result<Vec<Encrypted>, ()> {
        let (us, account) = (self.us(), self.them().to_string());
        let (from, to) = (Some(us.account.clone()), Some(account.clone()));
        let envelope = Envelope { content: newer.to_vec(), from, to, time: None };
        let sealed = self.keeper.store.call(move |db, sealer| {
            let envelope = envelope.to_element(&mut rand_core::UnwrapErr(getrandom::SysRng));
            us.seal(db, sealer, &account, [body.as_bytes(), xml::serialize(&[envelope]).as_bytes()])
        });
        sealed.await.map_err(|error| tracing::error!(%error, "cannot seal for OMEMO"))
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
            keyed::add(&mut message, sealed.to_element(), nodes::namespace(sealed.dialect), "OMEMO");
        }
        message
    }

    /// Whether a client of the user protects the conversation by OMEMO.
    pub(super) async fn is_omemo(&self) -> bool {
        self.protections().await.has(Protection::Omemo)
    }
}
