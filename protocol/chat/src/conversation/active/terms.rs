//! Other terms while the session stands, and another resource of the peer (XEP-0155 sections 5 and 6).

use esession::{Management, Proposal, Terms};

use crate::conversation::{Conversation, breakage};
use crate::effects::Cx;
use crate::event::{Event, SessionState};

impl Conversation {
    /// The user would have other terms.
    pub(crate) fn propose(&mut self, terms: Terms, cx: &mut Cx<'_>) {
        let Some(active) = self.active.as_mut().filter(|active| active.is_open()) else {
            return cx.tell(Event::own_error(None, "state", "there is no session whose terms could change"));
        };
        let sealed = active.session.propose(Proposal::of(terms));
        self.send_sealed(sealed, cx);
    }

    /// What the peer says about the session itself.
    pub(super) fn handle_management(&mut self, said: Management, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        match said {
            Management::Proposed(proposal) => match active.session.answer(&proposal, &cx.settings.policy) {
                Ok((terms, c)) => {
                    self.send_sealed(Ok(c), cx);
                    self.adopt(terms.unwrap_or_default(), cx);
                }
                Err(error) => self.fail(&breakage(&error), cx),
            },
            Management::Agreed(terms) => self.adopt(terms, cx),
            Management::Refused => {
                let text = format!("{} keeps to what was agreed at the beginning.", active.with.to_bare());
                cx.tell(Event::Notice { text });
            }
            Management::Continues(resource) => {
                let Ok(with) = active.with.to_bare().with_resource_str(&resource) else { return };
                let sealed = active.session.let_continue(&resource);
                self.send_sealed(sealed, cx);
                if let Some(active) = &mut self.active {
                    active.with = with.into();
                    let event = active.event(SessionState::Active);
                    cx.tell(event);
                }
            }
            // We have one resource, and never ask for this.
            Management::Continued(_) => {}
        }
    }

    fn adopt(&mut self, terms: Terms, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        let before = (active.agreed.disclosure, active.agreed.logging);
        active.agreed.adopt(terms);
        if before == (active.agreed.disclosure, active.agreed.logging) {
            return;
        }
        let event = active.event(SessionState::Active);
        cx.tell(event);
        if before.0 != active.agreed.disclosure {
            active.warn_disclosed(cx);
        }
    }
}
