//! Alice, back again, who reads what was written to her.

use minidom::Element;

use super::{Options, Published, Replays};
use crate::binding::Binding;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::established::Agreed;
use crate::form::Form;
use crate::group::Group;
use crate::offer::session_id;
use crate::plaintext::Plaintext;
use crate::policy::Policy;
use crate::public_key::PublicKey;
use crate::session::{Ending, Session};
use crate::three_message::AwaitSignedResponse;

/// A session in which this end hears, and says nothing: whatever goes wrong is not answered either, since that would tell who
/// is there.
#[derive(Debug)]
pub struct OfflineReceiver {
    /// What Bob has chosen.
    pub agreed: Agreed,
    /// The key Bob signed with. Whether to trust it is the caller's business.
    pub peer_key: PublicKey,
    session: Session,
}

/// What a stanza said.
#[derive(Debug)]
pub struct Said {
    /// Its content; empty at the end.
    pub content: Plaintext,
    /// Nothing follows it.
    pub is_last: bool,
}

impl Published {
    /// Bob's form, from an [`crate::namespaces::init`] that was kept for us; `now` in seconds since 1970. What has come is
    /// marked in `replays`, which is to be stored before anything is done about it. One exponentiation, and one for the
    /// value that was published.
    ///
    /// # Errors
    /// [`Error::Expired`], [`Error::Replayed`], [`Error::Stray`] if it answers other options, and those of a negotiation.
    /// None of them is answered, and none changes `replays`.
    pub fn accept(
        &self,
        policy: &Policy,
        form_b: &Element,
        binding: &Binding,
        credentials: &Credentials,
        now: u64,
        replays: &mut Replays,
    ) -> Result<OfflineReceiver, Error> {
        let Options { offer, expires, .. } = Options::read(&self.form)?;
        if expires < now {
            return Err(Error::Expired);
        }
        let form = Form::read(form_b, "submit")?;
        form.check_addressed(&offer.nonce)?;
        let marks = Replays::of(&form.octets("dhkeys")?, &session_id(&form)?);
        if replays.knows(&marks) {
            return Err(Error::Replayed);
        }
        let is_single = form.flag("terminate")?;
        let group = Group::from_name(form.one("modp")?).filter(|group| policy.allows(*group));
        let group = group.ok_or_else(|| Error::PeerIncompatible(vec!["modp".into()]))?;
        let waiting = AwaitSignedResponse::resumed(policy, offer, self.kept(group, binding)?);
        let (session, agreed, peer_key) = waiting.verify(form_b, credentials)?.into_session();
        replays.note(marks);
        let session = if is_single { session.for_one_stanza() } else { session };
        Ok(OfflineReceiver { agreed, peer_key, session })
    }
}

impl OfflineReceiver {
    /// Verifies and decrypts a `<c/>`. Stanzas must be given in the order they were sent.
    ///
    /// # Errors
    /// As [`Session::open`]: the session is over. They are not answered.
    pub fn open(&mut self, c: &Element) -> Result<Said, Error> {
        let opened = self.session.open(c)?;
        Ok(match opened.ending {
            None => Said { content: opened.content, is_last: false },
            Some(Ending::OnlyStanza) => Said { content: opened.content, is_last: true },
            Some(Ending::ByPeer { .. } | Ending::Acknowledged) => {
                Said { content: Plaintext::new(String::new()), is_last: true }
            }
        })
    }
}
