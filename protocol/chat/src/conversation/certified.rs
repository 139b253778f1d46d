//! Keys that somebody else certifies: an authority that the user trusts to know people (XEP-0189 section 5).

use esession_attest::{ATTESTATION, Attestation};
use minidom::Element;

use super::Conversation;
use crate::effects::Cx;
use crate::event::SessionState;
use crate::stanza;

impl Conversation {
    /// Asks for what certifies the key of the session, if that is what its verification lacks.
    pub(super) fn ask_certificate(&mut self, cx: &mut Cx<'_>) {
        let lacks = self.active.as_ref().is_some_and(|active| active.is_signed() && !active.is_verified());
        if lacks && !cx.settings.authorities.is_empty() {
            let asked = cx.fresh_id();
            let question = stanza::items_of(&self.peer.to_bare().into(), ATTESTATION, &asked);
            self.certificate = Some(asked);
            cx.send(question);
        }
    }

    /// The answer. `false` if it was about something else. What certifies another key than the one that has signed says
    /// nothing here, and nothing is remembered: the next session asks again, so that it ends with the certificate.
    pub(crate) fn handle_certificates(&mut self, iq: &Element, cx: &mut Cx<'_>) -> bool {
        if iq.attr("id").is_none() || self.certificate.as_deref() != iq.attr("id") {
            return false;
        }
        self.certificate = None;
        let bare = self.peer.to_bare();
        let Some(active) = self.active.as_mut().filter(|active| !active.is_verified()) else { return true };
        let found = stanza::payloads(iq).filter_map(|element| Attestation::from_element(element).ok());
        let certified = found.filter_map(|it| cx.settings.authorities.certify(&it, bare.as_str(), cx.now.unix).ok());
        if let Some(certified) =
            certified.into_iter().find(|certified| active.key().is_some_and(|key| certified.is_of(key)))
        {
            active.certify(certified.by);
            let event = active.event(SessionState::Active);
            cx.tell(event);
        }
        true
    }
}
